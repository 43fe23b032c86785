//! Reading the books, for operators and for holders of keys. Nothing is decided by what is read here.

use std::sync::Arc;
use std::time::Duration;

use ditto_ledger::Account;

use super::store::{LedgerStore, StoreError};

/// Accounts that are read at once.
pub const PAGE: usize = 1_000;
/// A page that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The accounts of a store, to look at.
#[derive(Debug, Clone)]
pub struct Books(Arc<dyn LedgerStore>);

impl Books {
    /// The books in this store.
    pub fn new(store: Arc<dyn LedgerStore>) -> Self {
        Self(store)
    }

    /// Accounts by name, in the order of `names`; one that nothing was ever booked on is empty.
    ///
    /// # Errors
    /// The store cannot be read, or is too slow.
    pub async fn read(&self, names: &[String]) -> Result<Vec<Account>, StoreError> {
        let mut accounts = Vec::with_capacity(names.len());
        for names in names.chunks(PAGE) {
            let found = within(self.0.read_accounts(names)).await?;
            accounts.extend(found.into_iter().map(Option::unwrap_or_default));
        }
        Ok(accounts)
    }

    /// The next accounts whose names begin with `prefix`, sorted; those that follow `after` if it is given. Fewer than
    /// [`PAGE`] are the last.
    ///
    /// # Errors
    /// The store cannot be read, or is too slow.
    pub async fn page(&self, prefix: &str, after: Option<&str>) -> Result<Vec<(String, Account)>, StoreError> {
        within(self.0.list_accounts(prefix, after, PAGE)).await
    }
}

async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let outcome = tokio::time::timeout(TIMEOUT, work).await;
    outcome.unwrap_or_else(|_| {
        let source = format!("no answer within {} s", TIMEOUT.as_secs()).into();
        Err(StoreError::Unavailable { doing: "reading accounts", source })
    })
}
