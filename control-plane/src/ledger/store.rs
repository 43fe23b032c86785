//! Where the books are kept.
//!
//! A store decides nothing: [`ditto_ledger::exchange()`] does, on rows that the store loads and saves in one atomic
//! step. What a step has not asked for it neither sees nor changes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use ditto_ledger::{Account, Lease};

#[cfg(test)]
pub(crate) mod contract;
mod memory;
mod redis;
mod sqlite;
mod step;
mod witness;

pub use memory::MemoryStore;
pub use redis::{RedisOptions, RedisStore, changes_channel, freed_accounts};
pub use sqlite::SqliteStore;

/// Rows that one step works on, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Ids of leases.
    pub leases: BTreeSet<String>,
    /// Names of accounts.
    pub accounts: BTreeSet<String>,
}

/// The rows of one step. Everything that was asked for is there; `None` stands for a row that does not exist.
///
/// A row set to `None` is deleted. A row taken out of the map is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Leases by id.
    pub leases: BTreeMap<String, Option<Lease>>,
    /// Accounts by name.
    pub accounts: BTreeMap<String, Option<Account>>,
}

/// More rows that a step needs, by their names: it is called again with them, from fresh values.
pub type Missing = Keys;

/// What a step does to its rows, or which rows it needs besides.
pub type Apply<'a> = dyn FnMut(&mut Table) -> Result<(), Missing> + Send + 'a;

/// Which books these are, and how far they have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Written once into an empty store, at random. Another epoch means other books.
    pub epoch: String,
    /// How many steps have changed something since.
    pub revision: u64,
    /// Whether this call has made the epoch, because the store was empty.
    pub created: bool,
}

/// Accounts and leases, changed in atomic steps.
///
/// Leases are listed by time, and at the same time by id; accounts by name; names in the order of their bytes.
#[async_trait]
pub trait LedgerStore: fmt::Debug + Send + Sync {
    /// The name that readiness checks show, as in `store.sqlite`.
    fn name(&self) -> &'static str;

    /// Whether the books survive this process.
    fn is_durable(&self) -> bool;

    /// Which books these are. Begins them in an empty store, once however many ask at the same time, and remembers
    /// them: from then on other books are an error, and so are the same ones in an earlier state.
    ///
    /// # Errors
    /// The store cannot be read, or holds other books than this object knows, or none although it knows some.
    async fn identity(&self) -> Result<Identity, StoreError>;

    /// Forgets which books were there, by an operator's word: whatever [`identity`](Self::identity) finds next is
    /// right. Until that is called, steps go on to fail.
    fn accept_loss(&self);

    /// Changes rows in one atomic and durable step, and returns the revision at its end. The revision grows by one
    /// with each step that changed something.
    ///
    /// `apply` gets the rows and changes them. It may be called several times, each time with fresh rows; only what
    /// the last call did counts. Rows that it writes without having asked for them are loaded, and it is called again.
    /// It must not block. If the returned future is dropped, the step is done as a whole or not at all.
    ///
    /// # Errors
    /// The books are of another epoch than `epoch` or in an earlier state, the step lost against others too often, or
    /// the store failed. After [`StoreError::Unavailable`] the step may have been done or not; after every other error
    /// it has not been done.
    async fn transact(&self, epoch: &str, keys: Keys, apply: &mut Apply<'_>) -> Result<u64, StoreError>;

    /// Accounts by name as they are at one moment, in the order of `names`; `None` where there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn read_accounts(&self, names: &[String]) -> Result<Vec<Option<Account>>, StoreError>;

    /// Up to `limit` accounts whose names begin with `prefix`, those that follow `after` if it is given. Fewer than
    /// `limit` are the last.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Account)>, StoreError>;

    /// Up to `limit` ids of leases that expire at `until_ms` or before and are not settled as expired, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn due_leases(&self, until_ms: u64, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Up to `limit` leases, in whatever state, that were last renewed before `renewed_before_ms`, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn old_leases(&self, renewed_before_ms: u64, limit: usize) -> Result<Vec<(String, Lease)>, StoreError>;

    /// How many leases there are, in whatever state.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn count_leases(&self) -> Result<usize, StoreError>;

    /// Whether the store answers, and with the books that this object knows.
    ///
    /// # Errors
    /// It does not.
    async fn check(&self) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked to. The texts are for logs; they name rows, and never a secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer, or says that it cannot now.
    #[error("{doing}: {source}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The reason, in the words of who knows it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Others changed the same rows each time.
    #[error("a step lost against others {tries} times")]
    Conflict {
        /// How often it was tried.
        tries: u32,
    },
    /// These are other books than before, or the store is empty: it has lost its past.
    #[error("the ledger is of epoch {}, not {expected}", found.as_deref().unwrap_or("none"))]
    EpochChanged {
        /// The epoch that was there before.
        expected: String,
        /// The epoch that is there; `None` in an empty store.
        found: Option<String>,
    },
    /// The books are in an earlier state than they have been: the store has lost its latest steps.
    #[error("the ledger went back from revision {seen} to {found}")]
    WentBack {
        /// The latest revision that was there before.
        seen: u64,
        /// The revision that was found.
        found: u64,
    },
    /// What is stored is not something that this version can use, or a step asks for what cannot be.
    #[error("{0}")]
    Unusable(String),
}
