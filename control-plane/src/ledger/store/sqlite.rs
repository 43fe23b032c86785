//! Books in a SQLite file, which may be the one of the keys.
//!
//! A step is one transaction that begins as a writer, so no other step, of this process or of another, comes between
//! its reading and its writing. It runs on a blocking thread of its own and hands the rows to the caller's `apply`
//! through a channel. A caller that goes away before it has answered leaves a transaction that is rolled back; one
//! that goes away afterwards cannot stop it.
//!
//! Rows are JSON text. The columns beside it repeat what lists are sorted by; all arithmetic is done on the text's
//! numbers, which may use all 64 bits.

use std::path::Path;
use std::sync::{Arc, mpsc as orders};
use std::time::Duration;

use async_trait::async_trait;
use ditto_ledger::{Account, Lease};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::step::{Changes, Step, new_epoch};
use super::witness::{Before, Witness};
use super::{Apply, Identity, Keys, LedgerStore, StoreError, Table};
use crate::sqlite::SqliteError;

mod rows;
#[cfg(test)]
mod tests;

/// How long a transaction waits for its `apply`. It holds the file's only write lock.
const APPLY_MAX: Duration = Duration::from_secs(5);

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    witness: Arc<Witness>,
}

/// What the caller of a step answers to rows.
enum Order {
    /// These rows instead.
    Load(Keys),
    /// It is done.
    Save(Changes),
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its tables up to date. Blocks.
    ///
    /// # Errors
    /// The file cannot be created or opened, is not a database, lies on a file system without a write-ahead log, or
    /// was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = crate::sqlite::open(path, &rows::SCHEMA)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), witness: Arc::default() })
    }

    /// Does `work` on a blocking thread, in one transaction of the given kind. It is done in full even if the caller
    /// goes away.
    async fn run<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.begin(behavior, work).await.await.unwrap_or_else(|_| Err(gone("work on the ledger")))
    }

    /// As `run`, and returns as soon as the work has been begun.
    async fn begin<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, StoreError>> {
        // Waiting here, in order, rather than each on a thread.
        let mut connection: OwnedMutexGuard<Connection> = Arc::clone(&self.connection).lock_owned().await;
        let (sender, receiver) = oneshot::channel();
        spawn_blocking(move || {
            let begun = connection.transaction_with_behavior(behavior).map_err(failed("begin a transaction"));
            // Nobody may be left to tell.
            let _ = sender.send(begun.and_then(work));
        });
        receiver
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(TransactionBehavior::Deferred, move |transaction| work(&transaction)).await
    }
}

/// The blocking side of a step: sends the rows of `keys` and does what it is told, until something is to be saved.
fn serve(
    transaction: Transaction<'_>,
    mut keys: Keys,
    expected: &str,
    witness: &Witness,
    tables: &mpsc::Sender<Table>,
    orders: &orders::Receiver<Order>,
) -> Result<u64, StoreError> {
    let meta = rows::meta(&transaction)?;
    if meta.epoch.as_deref() != Some(expected) {
        return Err(StoreError::EpochChanged { expected: expected.to_owned(), found: meta.epoch });
    }
    witness.see(witness.before(), meta.epoch.as_deref(), meta.revision)?;
    loop {
        let table = rows::load(&transaction, &keys)?;
        let sent = tables.blocking_send(table).is_ok();
        match orders.recv_timeout(APPLY_MAX) {
            Ok(Order::Load(more)) if sent => keys = more,
            Ok(Order::Save(changes)) if sent && changes.is_empty() => return Ok(meta.revision),
            Ok(Order::Save(changes)) if sent => {
                let revision = meta.revision.saturating_add(1);
                rows::save(&transaction, changes, revision)?;
                transaction.commit().map_err(failed("commit a step"))?;
                witness.see(Before::at_least(revision), Some(expected), revision)?;
                return Ok(revision);
            }
            _ => return Err(gone("wait for a step's changes")),
        }
    }
}

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Unavailable { doing, source: source.into() }
}

/// The other side of a step has ended.
fn gone(doing: &'static str) -> StoreError {
    StoreError::Unavailable { doing, source: "it was given up".into() }
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Sqlite { doing, source } => Self::Unavailable { doing, source: source.into() },
            SqliteError::File { .. } | SqliteError::Unusable(_) => Self::Unusable(error.to_string()),
        }
    }
}

#[async_trait]
impl LedgerStore for SqliteStore {
    fn name(&self) -> &'static str {
        "store.sqlite"
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn identity(&self) -> Result<Identity, StoreError> {
        let witness = Arc::clone(&self.witness);
        self.run(TransactionBehavior::Immediate, move |transaction| {
            let meta = rows::meta(&transaction)?;
            witness.see(witness.before(), meta.epoch.as_deref(), meta.revision)?;
            if let Some(epoch) = meta.epoch {
                return Ok(Identity { epoch, revision: meta.revision, created: false });
            }
            let epoch = new_epoch()?;
            rows::create(&transaction, &epoch)?;
            transaction.commit().map_err(failed("begin the ledger"))?;
            witness.see(Before::at_least(0), Some(&epoch), 0)?;
            Ok(Identity { epoch, revision: 0, created: true })
        })
        .await
    }

    fn accept_loss(&self) {
        self.witness.forget();
    }

    async fn transact(&self, epoch: &str, keys: Keys, apply: &mut Apply<'_>) -> Result<u64, StoreError> {
        let mut step = Step::new(keys.clone());
        let (expected, witness) = (epoch.to_owned(), Arc::clone(&self.witness));
        let (tables, mut loaded) = mpsc::channel(1);
        let (orders, received) = orders::channel();
        let work =
            move |transaction: Transaction<'_>| serve(transaction, keys, &expected, &witness, &tables, &received);
        let outcome = self.begin(TransactionBehavior::Immediate, work).await;
        while let Some(table) = loaded.recv().await {
            let order = match step.run(&table, apply)? {
                Some(changes) => Order::Save(changes),
                None => Order::Load(step.keys.clone()),
            };
            // If it has ended meanwhile, its outcome says why.
            let _ = orders.send(order);
        }
        outcome.await.unwrap_or_else(|_| Err(gone("work on the ledger")))
    }

    async fn read_accounts(&self, names: &[String]) -> Result<Vec<Option<Account>>, StoreError> {
        let names = names.to_vec();
        self.read(move |transaction| names.iter().map(|name| rows::account(transaction, name)).collect()).await
    }

    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Account)>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.read(move |transaction| rows::list_accounts(transaction, &prefix, after.as_deref(), limit)).await
    }

    async fn due_leases(&self, until_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        self.read(move |transaction| rows::due_leases(transaction, until_ms, limit)).await
    }

    async fn old_leases(&self, renewed_before_ms: u64, limit: usize) -> Result<Vec<(String, Lease)>, StoreError> {
        self.read(move |transaction| rows::old_leases(transaction, renewed_before_ms, limit)).await
    }

    async fn count_leases(&self) -> Result<usize, StoreError> {
        self.read(|transaction| rows::count_leases(transaction)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let witness = Arc::clone(&self.witness);
        self.read(move |transaction| {
            let (before, meta) = (witness.before(), rows::meta(transaction)?);
            match before.is_known() {
                true => witness.see(before, meta.epoch.as_deref(), meta.revision),
                false => Ok(()),
            }
        })
        .await
    }
}
