//! Where keys survive a restart.
//!
//! A store is blocking and knows nothing of HTTP or of the document: it keeps records by id, and every call returns
//! only once its effect is durable. The directory calls it from a blocking thread, one writer at a time.
//!
//! Several gateways can share a store. Each change is based on what the directory knows, so it says by a [`Mark`] how
//! far that is, and a store that has come further refuses it: the directory catches up and decides anew. That keeps
//! one gateway from undoing what another has just done. A store of a single process stays where it is.
//!
//! Tokens are not part of a record, only their SHA-256.

use std::fmt;

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;

use crate::sqlite::SqliteError;

#[cfg(test)]
pub(crate) mod contract;
mod memory;
mod redis;
mod sqlite;

pub use self::redis::RedisStore;
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredKey {
    /// The key; its `token` is blank.
    pub key: VirtualKey,
    /// SHA-256 of its token, unique among the stored keys.
    pub token_hash: TokenHash,
    /// Milliseconds since the Unix epoch, at the first time the key was stored.
    pub created_at_ms: i64,
    /// Milliseconds since the Unix epoch, at the last change.
    pub updated_at_ms: i64,
}

/// What a store holds under an id.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A key, which takes precedence over the document's key of the same id.
    Key(Box<StoredKey>),
    /// The document's key of this id has been deleted and stays so.
    Tombstone(String),
}

impl Record {
    /// The id under which it is kept.
    pub fn id(&self) -> &str {
        match self {
            Self::Key(key) => &key.key.id,
            Self::Tombstone(id) => id,
        }
    }
}

/// How far a reader of the store has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// Counts the store's changes.
    pub revision: u64,
    /// Drawn at random for the latest change: tells whether two histories of this length are the same.
    pub stamp: String,
}

/// What has changed in the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This is now kept under its id.
    Record(Record),
    /// Nothing is kept under this id any more.
    Removed(String),
    /// It was noted that there has been a key.
    Keyed,
}

impl Change {
    /// The id that the change is about, if it is about one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Record(record) => Some(record.id()),
            Self::Removed(id) => Some(id),
            Self::Keyed => None,
        }
    }
}

/// Durable records of keys, by id.
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// The name that readiness checks show, as in `store.sqlite`.
    fn name(&self) -> &'static str;

    /// Hands every record to `each`, in no particular order, and says how far that is.
    ///
    /// # Errors
    /// The store cannot be read, or a record makes no sense.
    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<Mark, StoreError>;

    /// Hands what has changed after `since` to `each`, every id once and as it is now, and says how far that is;
    /// `None` if that is too long ago, and everything has to be loaded again.
    ///
    /// # Errors
    /// The store cannot be read, or has lost its past.
    fn changes(&self, since: &Mark, each: &mut dyn FnMut(Change)) -> Result<Option<Mark>, StoreError> {
        let _ = each;
        Ok(Some(since.clone()))
    }

    /// Whether there has ever been a key: one that was [`put`](Self::put), or what
    /// [`mark_keyed`](Self::mark_keyed) said. Never taken back.
    ///
    /// # Errors
    /// The store cannot be read.
    fn keyed(&self) -> Result<bool, StoreError>;

    /// Notes that there has been a key, for keys that are kept elsewhere. It counts as a change.
    ///
    /// # Errors
    /// The change is not durable.
    fn mark_keyed(&self) -> Result<(), StoreError>;

    /// Keeps `key` under its id, in place of the key or tombstone that was there, and notes in the same step that
    /// there has been a key. Says how far the store has come by that.
    ///
    /// # Errors
    /// The change is not durable. Another id having the same token is one of the causes, the store having come further
    /// than `at` another.
    fn put(&self, at: &Mark, key: &StoredKey) -> Result<Mark, StoreError>;

    /// Forgets what is kept under `id`, if anything. Says how far the store has come by that.
    ///
    /// # Errors
    /// The change is not durable, or the store has come further than `at`.
    fn remove(&self, at: &Mark, id: &str) -> Result<Mark, StoreError>;

    /// Keeps a tombstone under `id`, in place of the key that was there. Says how far the store has come by that.
    ///
    /// # Errors
    /// The change is not durable, or the store has come further than `at`.
    fn bury(&self, at: &Mark, id: &str, at_ms: i64) -> Result<Mark, StoreError>;

    /// Whether the store answers at all.
    ///
    /// # Errors
    /// It does not.
    fn check(&self) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked to. The texts are for logs; clients only learn that it failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("{doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The database's own words.
        source: rusqlite::Error,
    },
    /// The file or its directory is not usable.
    #[error("{doing}: {source}")]
    File {
        /// What was being done, and to which path.
        doing: String,
        /// The operating system's own words.
        source: std::io::Error,
    },
    /// Redis refused or did not answer. Whether a change was made is then not known.
    #[error("{doing}: {source}")]
    Redis {
        /// What was being done.
        doing: &'static str,
        /// Its own words, or the system's.
        source: ::redis::RedisError,
    },
    /// Somebody else has changed the store meanwhile. Nothing was done.
    #[error("the store has changed meanwhile")]
    Moved,
    /// The store is not in the state that it was once in, nor in one that followed from it. Nothing was done.
    #[error("the store has lost its past: {0}")]
    Lost(String),
    /// Another key has the token. Nothing was done.
    #[error("the token of key `{id}` belongs to key `{other}`")]
    Taken {
        /// The key that was to have it.
        id: String,
        /// The key that has it.
        other: String,
    },
    /// A record cannot be read or written as it is.
    #[error("key `{id}`: {reason}")]
    Record {
        /// Id of the record.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file, or what else there is, is not something that this version can use.
    #[error("{0}")]
    Unusable(String),
}

impl StoreError {
    /// Puts what was being done before SQLite's own words.
    pub(crate) fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source }
    }

    /// The same before Redis'.
    pub(crate) fn redis(doing: &'static str) -> impl Fn(::redis::RedisError) -> Self {
        move |source| Self::Redis { doing, source }
    }
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Sqlite { doing, source } => Self::Sqlite { doing, source },
            SqliteError::File { doing, source } => Self::File { doing, source },
            SqliteError::Unusable(reason) => Self::Unusable(reason),
        }
    }
}
