//! Where keys survive a restart.
//!
//! A store is blocking and knows nothing of HTTP or of the document: it keeps records by id, and every call returns
//! only once its effect is durable. The directory calls it from a blocking thread, one writer at a time.
//!
//! Tokens are not part of a record, only their SHA-256.

use std::fmt;

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;

use crate::sqlite::SqliteError;

#[cfg(test)]
pub(crate) mod contract;
mod memory;
mod sqlite;

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

/// Durable records of keys, by id.
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// The name that readiness checks show, as in `store.sqlite`.
    fn name(&self) -> &'static str;

    /// Hands every record to `each`, in no particular order.
    ///
    /// # Errors
    /// The store cannot be read, or a record makes no sense.
    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError>;

    /// Whether there has ever been a key: one that was [`put`](Self::put), or what
    /// [`mark_keyed`](Self::mark_keyed) said. Never taken back.
    ///
    /// # Errors
    /// The store cannot be read.
    fn keyed(&self) -> Result<bool, StoreError>;

    /// Notes that there has been a key, for keys that are kept elsewhere.
    ///
    /// # Errors
    /// The change is not durable.
    fn mark_keyed(&self) -> Result<(), StoreError>;

    /// Keeps `key` under its id, in place of the key or tombstone that was there, and notes in the same step that
    /// there has been a key.
    ///
    /// # Errors
    /// The change is not durable. Another id having the same token is one of the causes.
    fn put(&self, key: &StoredKey) -> Result<(), StoreError>;

    /// Forgets what is kept under `id`, if anything.
    ///
    /// # Errors
    /// The change is not durable.
    fn remove(&self, id: &str) -> Result<(), StoreError>;

    /// Keeps a tombstone under `id`, in place of the key that was there.
    ///
    /// # Errors
    /// The change is not durable.
    fn bury(&self, id: &str, at_ms: i64) -> Result<(), StoreError>;

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
    /// A record cannot be read or written as it is.
    #[error("key `{id}`: {reason}")]
    Record {
        /// Id of the record.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is not one that this version can use.
    #[error("{0}")]
    Unusable(String),
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
