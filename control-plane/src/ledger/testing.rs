//! A ledger for tests of what stands around it.

use std::sync::Arc;
use std::time::Duration;

use ditto_ledger::{Account, Lease};

use super::books::Books;
use super::desk::LedgerDesk;
use super::options::{LedgerOptions, SystemClock};
use super::store::{Keys, LedgerStore, MemoryStore};
use super::terms::KeyTerms;
use crate::admin::LedgerAccess;
use crate::keys::directory::KeyDirectory;

/// A ledger in memory and its store.
pub(crate) struct Ledger {
    pub(crate) access: LedgerAccess,
    pub(crate) store: Arc<MemoryStore>,
}

impl Ledger {
    /// With costs, and the default life of a lease.
    pub(crate) async fn over(directory: &Arc<KeyDirectory>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let options = LedgerOptions::default();
        let terms = Arc::new(KeyTerms::new(directory.clone()));
        let desk = LedgerDesk::start(store.clone(), terms, options, Arc::new(SystemClock), None).await;
        let lease = Duration::from_millis(options.policy.lease_ms);
        Self { access: LedgerAccess { desk, books: Books::new(store.clone()), costs: true, lease }, store }
    }

    /// Puts rows into the books as they are.
    pub(crate) async fn write(&self, accounts: &[(&str, Account)], leases: &[(&str, Lease)]) {
        let epoch = self.store.identity().await.unwrap().epoch;
        let mut put = |table: &mut super::store::Table| {
            for (name, account) in accounts {
                table.accounts.insert((*name).to_owned(), Some(account.clone()));
            }
            for (id, lease) in leases {
                table.leases.insert((*id).to_owned(), Some(lease.clone()));
            }
            Ok(())
        };
        let keys = Keys {
            leases: leases.iter().map(|(id, _)| (*id).to_owned()).collect(),
            accounts: accounts.iter().map(|(name, _)| (*name).to_owned()).collect(),
        };
        self.store.transact(&epoch, keys, &mut put).await.unwrap();
    }
}
