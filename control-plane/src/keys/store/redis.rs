//! Keys in a Redis or Valkey server that several gateways share.
//!
//! All of a prefix's keys have one hash tag, so that each change is one atomic step on a Redis Cluster too:
//!
//! | Key | Type | What |
//! | --- | --- | --- |
//! | `{prefix}:keys:meta` | hash | `epoch`, `revision`, `stamp`, `keyed` |
//! | `{prefix}:keys:records` | hash | id → record, see `redis/record.rs` |
//! | `{prefix}:keys:tokens` | hash | SHA-256 of a token in hex → id |
//! | `{prefix}:keys:log` | sorted set | the latest changes: `<stamp>=<id>`, or `<stamp>!`, by revision |
//! | `{prefix}:keys:changes` | channel | the revision, with each change |
//!
//! A change is a script: it is made if the store stands where the gateway thinks it does, gets the next revision and a
//! stamp of its own, is noted in the log and published. A gateway that hears of it, or that looks by itself, reads the
//! changes after its own [`Mark`] by another script. Who is further behind than the log reaches loads everything.
//!
//! **What was lost is noticed.** The epoch is written once, into an empty store, when a gateway starts. A store without
//! it, with another one, with a lower revision, or whose log has another stamp at a gateway's revision, is not one that
//! followed from what the gateway knows: an emptied server, or a replica that became the primary without the latest
//! changes. The gateway goes on with the keys that it has, answers every change with an error, and is not ready, until
//! the store is back as it was or the gateway is started again, which takes the store as it then is.
//!
//! Redis answers before its replicas, and by default its disk, have a change. With an append-only file that is synced
//! with each change (`appendfsync always`) none is lost when the server crashes.

use std::collections::BTreeMap;
use std::fmt;

use ::redis::{FromRedisValue, Script, Value};
use tokio::runtime::Handle;

use super::{Change, KeyStore, Mark, Record, StoreError, StoredKey};
use crate::redis::RedisClient;

mod record;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

/// Changes that the log keeps.
const LOG_MAX: usize = 10_000;

/// Changes, or records, that one command reads.
const PAGE: usize = 500;

/// How often everything is read again because others changed more than [`LOG_MAX`] keys meanwhile.
const LOADS_MAX: usize = 5;

/// A store in Redis.
pub struct RedisStore {
    client: RedisClient,
    runtime: Handle,
    names: Names,
    scripts: Scripts,
    epoch: String,
}

/// The names of what is in Redis.
struct Names {
    meta: String,
    records: String,
    tokens: String,
    log: String,
    channel: String,
}

struct Scripts {
    change: Script,
    changes: Script,
}

impl Names {
    fn new(prefix: &str) -> Self {
        let name = |what| format!("{{{prefix}}}:keys:{what}");
        Self {
            meta: name("meta"),
            records: name("records"),
            tokens: name("tokens"),
            log: name("log"),
            channel: name("changes"),
        }
    }
}

/// What a change is to do.
enum Operation<'a> {
    Put { id: &'a str, token: String, record: String },
    Remove { id: &'a str },
    Bury { id: &'a str, record: String },
    Note,
}

impl RedisStore {
    /// Opens the keys under `prefix`, and makes an empty store theirs for good by an epoch. Must be called on a Tokio
    /// runtime, which has to live as long as the store: its methods block on it, from other threads.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn open(client: RedisClient, prefix: &str) -> Result<Self, StoreError> {
        let doing = StoreError::redis("open the keys in Redis");
        let names = Names::new(prefix);
        let mut connection = client.connection();
        let mut commands = ::redis::pipe();
        commands.cmd("HSETNX").arg(&names.meta).arg("epoch").arg(stamp()?);
        commands.cmd("HGET").arg(&names.meta).arg("epoch");
        let (created, epoch): (bool, String) = commands.query_async(&mut connection).await.map_err(doing)?;
        if created {
            tracing::info!(server = client.server(), prefix, epoch, "began to keep keys in an empty store");
        }
        let scripts = Scripts {
            change: Script::new(include_str!("redis/change.lua")),
            changes: Script::new(include_str!("redis/changes.lua")),
        };
        Ok(Self { client, runtime: Handle::current(), names, scripts, epoch })
    }

    /// The channel on which the revision is published with each change.
    pub fn channel(prefix: &str) -> String {
        Names::new(prefix).channel
    }

    fn command<T: FromRedisValue>(&self, doing: &'static str, command: &::redis::Cmd) -> Result<T, StoreError> {
        let mut connection = self.client.connection();
        self.runtime.block_on(command.query_async(&mut connection)).map_err(StoreError::redis(doing))
    }

    fn change(&self, doing: &'static str, at: &Mark, operation: &Operation<'_>) -> Result<Mark, StoreError> {
        let stamp = stamp()?;
        let (name, id, token, record) = match operation {
            Operation::Put { id, token, record } => ("put", *id, token.as_str(), record.as_str()),
            Operation::Remove { id } => ("remove", *id, "", ""),
            Operation::Bury { id, record } => ("bury", *id, "", record.as_str()),
            Operation::Note => ("note", "", "", ""),
        };
        let mut script = self.scripts.change.key(&self.names.meta);
        script.key(&self.names.records).key(&self.names.tokens).key(&self.names.log);
        script.arg(&self.epoch).arg(at.revision).arg(&at.stamp).arg(&stamp);
        script.arg(name).arg(id).arg(token).arg(record).arg(LOG_MAX).arg(&self.names.channel);
        let send = || {
            let mut connection = self.client.connection();
            self.runtime.block_on(script.invoke_async::<Vec<String>>(&mut connection))
        };
        // A change whose answer was lost is sent once more: by its stamp, the script knows whether it was made.
        let reply = send().or_else(|error| if error.is_io_error() { send() } else { Err(error) });
        let reply = reply.map_err(StoreError::redis(doing))?;
        match reply.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["ok", revision, stamp] => Ok(Mark { revision: number(revision)?, stamp: (*stamp).to_owned() }),
            ["moved"] => Err(StoreError::Moved),
            ["taken", other] => Err(StoreError::Taken { id: id.to_owned(), other: (*other).to_owned() }),
            ["lost", epoch, revision] => Err(self.lost(at, epoch, revision)),
            _ => Err(StoreError::Unusable("a script's reply makes no sense".into())),
        }
    }

    fn lost(&self, at: &Mark, epoch: &str, revision: &str) -> StoreError {
        let expected = format!("expected revision {} of epoch {} or one that followed", at.revision, self.epoch);
        StoreError::Lost(match epoch {
            "" => format!("it is empty; {expected}"),
            _ => format!("it is at revision {revision} of epoch {epoch}; {expected}"),
        })
    }

    /// Where the store stands.
    fn mark(&self) -> Result<Mark, StoreError> {
        let mut command = ::redis::cmd("HMGET");
        command.arg(&self.names.meta).arg("epoch").arg("revision").arg("stamp");
        let meta: (Option<String>, Option<u64>, Option<String>) =
            self.command("read the state of the keys in Redis", &command)?;
        let (epoch, revision, stamp) = (meta.0.unwrap_or_default(), meta.1.unwrap_or(0), meta.2.unwrap_or_default());
        let mark = Mark { revision, stamp };
        match epoch == self.epoch {
            true => Ok(mark),
            false => Err(self.lost(&mark, &epoch, &revision.to_string())),
        }
    }

    /// All records, each as it was at some time since this began.
    fn scan(&self) -> Result<BTreeMap<String, Record>, StoreError> {
        let (mut records, mut cursor) = (BTreeMap::new(), 0_u64);
        loop {
            let mut command = ::redis::cmd("HSCAN");
            command.arg(&self.names.records).arg(cursor).arg("COUNT").arg(PAGE);
            let (next, page): (u64, Vec<(String, String)>) = self.command("read the keys in Redis", &command)?;
            for (id, text) in page {
                let record = record::read(&id, &text)?;
                records.insert(id, record);
            }
            cursor = next;
            if cursor == 0 {
                return Ok(records);
            }
        }
    }

    /// One page of changes after `at`, and how far it reaches; `None` if the log does not reach back to `at`.
    fn page(&self, at: &Mark) -> Result<Option<(Vec<Change>, Mark)>, StoreError> {
        let mut script = self.scripts.changes.key(&self.names.meta);
        script.key(&self.names.records).key(&self.names.log);
        script.arg(&self.epoch).arg(at.revision).arg(&at.stamp).arg(PAGE);
        let mut connection = self.client.connection();
        let reply: Vec<Value> = self
            .runtime
            .block_on(script.invoke_async(&mut connection))
            .map_err(StoreError::redis("read the changes of keys in Redis"))?;
        let mut texts = Vec::with_capacity(reply.len());
        for value in reply {
            let text: Option<String> = ::redis::from_redis_value(value)
                .map_err(|_| StoreError::Unusable("the log of changes of keys makes no sense".into()))?;
            texts.push(text);
        }
        let mut texts = texts.into_iter();
        match texts.next().flatten().as_deref() {
            Some("ok") => {}
            Some("gap") => return Ok(None),
            Some("lost") => {
                let [epoch, revision] = [texts.next(), texts.next()].map(|text| text.flatten().unwrap_or_default());
                return Err(self.lost(at, &epoch, &revision));
            }
            _ => return Err(StoreError::Unusable("a script's reply makes no sense".into())),
        }
        let (mut changes, mut mark) = (Vec::new(), at.clone());
        while let (Some(Some(entry)), Some(Some(revision)), Some(text)) = (texts.next(), texts.next(), texts.next()) {
            let (stamp, change) = record::change(&entry, text.as_deref())?;
            mark = Mark { revision: number(&revision)?, stamp };
            changes.push(change);
        }
        Ok(Some((changes, mark)))
    }

    /// Everything that changed after `at`, each id once and as it is at the end.
    fn changes_after(&self, at: &Mark) -> Result<Option<(Vec<Change>, Mark)>, StoreError> {
        let (mut latest, mut at) = (BTreeMap::<Option<String>, Change>::new(), at.clone());
        loop {
            let Some((changes, mark)) = self.page(&at)? else { return Ok(None) };
            let last = changes.len() < PAGE;
            latest.extend(changes.into_iter().map(|change| (change.id().map(str::to_owned), change)));
            at = mark;
            if last {
                return Ok(Some((latest.into_values().collect(), at)));
            }
        }
    }
}

impl KeyStore for RedisStore {
    fn name(&self) -> &'static str {
        "store.redis"
    }

    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<Mark, StoreError> {
        for _ in 0..LOADS_MAX {
            let begun = self.mark()?;
            let mut records = self.scan()?;
            // What was read is of different moments. What changed since the first of them makes it of one.
            let Some((changes, mark)) = self.changes_after(&begun)? else { continue };
            for change in changes {
                match change {
                    Change::Record(record) => drop(records.insert(record.id().to_owned(), record)),
                    Change::Removed(id) => drop(records.remove(&id)),
                    Change::Keyed => {}
                }
            }
            records.into_values().for_each(each);
            return Ok(mark);
        }
        Err(StoreError::Unusable("the keys in Redis change faster than they can be read".into()))
    }

    fn changes(&self, since: &Mark, each: &mut dyn FnMut(Change)) -> Result<Option<Mark>, StoreError> {
        let Some((changes, mark)) = self.changes_after(since)? else { return Ok(None) };
        changes.into_iter().for_each(each);
        Ok(Some(mark))
    }

    fn keyed(&self) -> Result<bool, StoreError> {
        let mut command = ::redis::cmd("HEXISTS");
        command.arg(&self.names.meta).arg("keyed");
        self.command("read whether there has been a key", &command)
    }

    fn mark_keyed(&self) -> Result<(), StoreError> {
        self.change("note that there is a key", &Mark::default(), &Operation::Note).map(drop)
    }

    fn put(&self, at: &Mark, key: &StoredKey) -> Result<Mark, StoreError> {
        let (token, record) = record::write(key)?;
        self.change("store a key", at, &Operation::Put { id: &key.key.id, token, record })
    }

    fn remove(&self, at: &Mark, id: &str) -> Result<Mark, StoreError> {
        self.change("delete a key", at, &Operation::Remove { id })
    }

    fn bury(&self, at: &Mark, id: &str, at_ms: i64) -> Result<Mark, StoreError> {
        let record = record::tombstone(at_ms);
        self.change("mark a key as deleted", at, &Operation::Bury { id, record })
    }

    fn check(&self) -> Result<(), StoreError> {
        self.mark().map(drop)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("client", &self.client)
            .field("meta", &self.names.meta)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

fn number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| StoreError::Unusable("the revision of the keys in Redis is not a number".into()))
}

/// What tells this change, or these keys, from all others.
fn stamp() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unusable(format!("no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}
