//! Versions in a Redis or Valkey server that several gateways share.
//!
//! | Key | Type | What |
//! | --- | --- | --- |
//! | `{prefix}:config:newest` | string | the latest id |
//! | `{prefix}:config:versions` | hash | id → what is known of the version |
//! | `{prefix}:config:documents` | hash | id → the document |
//! | `{prefix}:config:modules` | hash | SHA-256 → what is known of the filter module |
//! | `{prefix}:config:code` | hash | SHA-256 → the filter module |
//! | `{prefix}:config:changes` | channel | the latest id, with each change |

use std::collections::HashMap;
use std::fmt;

use ::redis::{FromRedisValue, Script};
use tokio::runtime::Handle;

use super::{Entry, Version, VersionId, VersionStore, decode, encode};
use crate::keys::store::StoreError;
use crate::modules::ModuleInfo;
use crate::redis::RedisClient;

/// A store in Redis. Its methods block on the runtime that it was made on, from other threads.
pub struct RedisVersions {
    client: RedisClient,
    runtime: Handle,
    newest: String,
    versions: String,
    documents: String,
    modules: String,
    code: String,
    channel: String,
    append: Script,
}

const READ: &str = "read the configuration's versions";
const KEEP: &str = "keep a version of the configuration";
const KEEP_MODULE: &str = "keep a filter module";

impl RedisVersions {
    /// The versions under `prefix`. Must be called on a Tokio runtime.
    pub fn new(client: RedisClient, prefix: &str) -> Self {
        let name = |what| format!("{{{prefix}}}:config:{what}");
        Self {
            client,
            runtime: Handle::current(),
            newest: name("newest"),
            versions: name("versions"),
            documents: name("documents"),
            modules: name("modules"),
            code: name("code"),
            channel: Self::channel(prefix),
            append: Script::new(include_str!("append.lua")),
        }
    }

    /// The channel on which the latest id is published with each change.
    pub fn channel(prefix: &str) -> String {
        format!("{{{prefix}}}:config:changes")
    }

    fn command<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, StoreError> {
        let mut connection = self.client.connection();
        self.runtime.block_on(command.query_async(&mut connection)).map_err(StoreError::redis(READ))
    }
}

impl fmt::Debug for RedisVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisVersions").field("client", &self.client).finish_non_exhaustive()
    }
}

impl VersionStore for RedisVersions {
    fn newest(&self) -> Result<VersionId, StoreError> {
        let newest: Option<u64> = self.command(::redis::cmd("GET").arg(&self.newest))?;
        Ok(VersionId(newest.unwrap_or_default()))
    }

    fn list(&self) -> Result<Vec<Version>, StoreError> {
        let all: HashMap<u64, String> = self.command(::redis::cmd("HGETALL").arg(&self.versions))?;
        let mut versions = all.values().map(|text| decode::<Version>(text)).collect::<Result<Vec<_>, _>>()?;
        versions.sort_by_key(|version| std::cmp::Reverse(version.id));
        Ok(versions)
    }

    fn get(&self, id: VersionId) -> Result<Option<Entry>, StoreError> {
        let version: Option<String> = self.command(::redis::cmd("HGET").arg(&self.versions).arg(id.0))?;
        let document: Option<String> = self.command(::redis::cmd("HGET").arg(&self.documents).arg(id.0))?;
        let (Some(version), Some(document)) = (version, document) else { return Ok(None) };
        Ok(Some(Entry { version: decode(&version)?, document }))
    }

    fn append(&self, entry: &Entry) -> Result<(), StoreError> {
        let id = entry.version.id;
        let mut script = self.append.key(&self.newest);
        script.key(&self.versions).key(&self.documents);
        script.arg(id.0).arg(encode(&entry.version)?).arg(&entry.document).arg(id.evicts()).arg(&self.channel);
        let send = || {
            let mut connection = self.client.connection();
            self.runtime.block_on(script.invoke_async::<bool>(&mut connection))
        };
        // A change whose answer was lost is sent once more: the script knows its own version when it sees it.
        let kept = send().or_else(|error| if error.is_io_error() { send() } else { Err(error) });
        if kept.map_err(StoreError::redis(KEEP))? { Ok(()) } else { Err(StoreError::Moved) }
    }

    fn modules(&self) -> Result<Vec<ModuleInfo>, StoreError> {
        let all: Vec<String> = self.command(::redis::cmd("HVALS").arg(&self.modules))?;
        all.iter().map(|text| decode(text)).collect()
    }

    fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.command(::redis::cmd("HGET").arg(&self.code).arg(sha256))
    }

    fn keep_module(&self, info: &ModuleInfo, module: &[u8], leaving: &[String]) -> Result<(), StoreError> {
        let mut step = ::redis::pipe();
        step.atomic();
        for sha256 in leaving {
            step.hdel(&self.modules, sha256).ignore().hdel(&self.code, sha256).ignore();
        }
        step.hset(&self.code, &info.sha256, module).ignore();
        step.hset(&self.modules, &info.sha256, encode(info)?).ignore();
        let mut connection = self.client.connection();
        let kept: ::redis::RedisResult<()> = self.runtime.block_on(step.query_async(&mut connection));
        kept.map_err(StoreError::redis(KEEP_MODULE))
    }
}
