//! Books for as long as the process lives: the store of a gateway that was given none.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ditto_ledger::{Account, Lease, LeaseState};

use super::step::{Changes, Step, new_epoch};
use super::{Apply, Identity, Keys, LedgerStore, StoreError, Table};

/// A store that forgets everything when the process ends.
#[derive(Debug, Default)]
pub struct MemoryStore {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    epoch: Option<String>,
    revision: u64,
    accounts: BTreeMap<String, Account>,
    leases: BTreeMap<String, Lease>,
    /// Leases that are not settled as expired, by expiry.
    due: BTreeSet<(u64, String)>,
    /// All leases, by renewal.
    renewed: BTreeSet<(u64, String)>,
}

impl MemoryStore {
    fn books(&self) -> MutexGuard<'_, Books> {
        // Rows are saved after `apply` has returned, so a panic in it leaves the books as they were.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn load(&self, keys: &Keys) -> Table {
        Table {
            leases: keys.leases.iter().map(|id| (id.clone(), self.leases.get(id).cloned())).collect(),
            accounts: keys.accounts.iter().map(|name| (name.clone(), self.accounts.get(name).cloned())).collect(),
        }
    }

    fn save(&mut self, changes: Changes) {
        for (name, account) in changes.accounts {
            match account {
                Some(account) => self.accounts.insert(name, account),
                None => self.accounts.remove(&name),
            };
        }
        for (id, lease) in changes.leases {
            if let Some(former) = self.leases.remove(&id) {
                self.due.remove(&(former.expires_at_ms, id.clone()));
                self.renewed.remove(&(former.renewed_at_ms, id.clone()));
            }
            let Some(lease) = lease else { continue };
            if lease.state != LeaseState::Expired {
                self.due.insert((lease.expires_at_ms, id.clone()));
            }
            self.renewed.insert((lease.renewed_at_ms, id.clone()));
            self.leases.insert(id, lease);
        }
        self.revision = self.revision.saturating_add(1);
    }
}

#[async_trait]
impl LedgerStore for MemoryStore {
    fn name(&self) -> &'static str {
        "store.memory"
    }

    fn is_durable(&self) -> bool {
        false
    }

    async fn identity(&self) -> Result<Identity, StoreError> {
        let mut books = self.books();
        let created = books.epoch.is_none();
        let epoch = match &books.epoch {
            Some(epoch) => epoch.clone(),
            None => books.epoch.insert(new_epoch()?).clone(),
        };
        Ok(Identity { epoch, revision: books.revision, created })
    }

    fn accept_loss(&self) {}

    async fn transact(&self, epoch: &str, keys: Keys, apply: &mut Apply<'_>) -> Result<u64, StoreError> {
        let mut books = self.books();
        if books.epoch.as_deref() != Some(epoch) {
            return Err(StoreError::EpochChanged { expected: epoch.to_owned(), found: books.epoch.clone() });
        }
        let mut step = Step::new(keys);
        loop {
            let Some(changes) = step.run(&books.load(&step.keys), apply)? else { continue };
            if !changes.is_empty() {
                books.save(changes);
            }
            return Ok(books.revision);
        }
    }

    async fn read_accounts(&self, names: &[String]) -> Result<Vec<Option<Account>>, StoreError> {
        let books = self.books();
        Ok(names.iter().map(|name| books.accounts.get(name).cloned()).collect())
    }

    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Account)>, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let books = self.books();
        let found = books.accounts.range::<str, _>((from, Bound::Unbounded)).take_while(|(n, _)| n.starts_with(prefix));
        Ok(found.take(limit).map(|(name, account)| (name.clone(), account.clone())).collect())
    }

    async fn due_leases(&self, until_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        let books = self.books();
        let due = books.due.iter().take_while(|(at, _)| *at <= until_ms);
        Ok(due.take(limit).map(|(_, id)| id.clone()).collect())
    }

    async fn old_leases(&self, renewed_before_ms: u64, limit: usize) -> Result<Vec<(String, Lease)>, StoreError> {
        let books = self.books();
        let old = books.renewed.iter().take_while(|(at, _)| *at < renewed_before_ms).take(limit);
        Ok(old.filter_map(|(_, id)| Some((id.clone(), books.leases.get(id)?.clone()))).collect())
    }

    async fn count_leases(&self) -> Result<usize, StoreError> {
        Ok(self.books().leases.len())
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
