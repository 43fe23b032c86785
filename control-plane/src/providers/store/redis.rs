//! Providers in a Redis or Valkey server that several gateways share.
//!
//! | Key | Type | What |
//! | --- | --- | --- |
//! | `{prefix}:providers` | hash | `revision`, and `content`: all providers, their keys sealed |
//! | `{prefix}:providers:changes` | channel | the revision, with each change |

use std::fmt;

use ::redis::Script;
use tokio::runtime::Handle;

use super::ProviderStore;
use crate::keys::store::StoreError;
use crate::redis::RedisClient;

/// A store in Redis. Its methods block on the runtime that it was made on, from other threads.
pub struct RedisProviders {
    client: RedisClient,
    runtime: Handle,
    key: String,
    channel: String,
    write: Script,
}

impl RedisProviders {
    /// The providers under `prefix`. Must be called on a Tokio runtime.
    pub fn new(client: RedisClient, prefix: &str) -> Self {
        Self {
            client,
            runtime: Handle::current(),
            key: format!("{{{prefix}}}:providers"),
            channel: Self::channel(prefix),
            write: Script::new(include_str!("write.lua")),
        }
    }

    /// The channel on which the revision is published with each change.
    pub fn channel(prefix: &str) -> String {
        format!("{{{prefix}}}:providers:changes")
    }
}

impl fmt::Debug for RedisProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisProviders").field("client", &self.client).finish_non_exhaustive()
    }
}

impl ProviderStore for RedisProviders {
    fn read_after(&self, revision: u64) -> Result<Option<(u64, String)>, StoreError> {
        let read = |fields: &[&str]| {
            let mut command = ::redis::cmd("HMGET");
            command.arg(&self.key).arg(fields);
            let mut connection = self.client.connection();
            let values = self.runtime.block_on(command.query_async::<Vec<Option<String>>>(&mut connection));
            values.map_err(StoreError::redis("read the providers"))
        };
        let number = |text: Option<&Option<String>>| text.cloned().flatten().and_then(|text| text.parse().ok());
        let newest: u64 = number(read(&["revision"])?.first()).unwrap_or_default();
        if newest == revision {
            return Ok(None);
        }
        if newest < revision {
            let lost = format!("the latest revision of the providers is {newest}, and was {revision}");
            return Err(StoreError::Lost(lost));
        }
        let values = read(&["revision", "content"])?;
        let content = values.get(1).cloned().flatten();
        Ok(number(values.first()).zip(content))
    }

    fn write_after(&self, revision: u64, text: &str) -> Result<u64, StoreError> {
        let next = revision.saturating_add(1);
        let mut script = self.write.key(&self.key);
        script.arg(revision).arg(next).arg(text).arg(&self.channel);
        let send = || {
            let mut connection = self.client.connection();
            self.runtime.block_on(script.invoke_async::<bool>(&mut connection))
        };
        // A change whose answer was lost is sent once more: the script knows its own text when it sees it.
        let kept = send().or_else(|error| if error.is_io_error() { send() } else { Err(error) });
        if kept.map_err(StoreError::redis("keep the providers"))? { Ok(next) } else { Err(StoreError::Moved) }
    }
}
