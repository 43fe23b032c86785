//! A ledger in memory, which answers workers as a control plane does.

use std::collections::BTreeMap;

use ditto_ledger::{Account, Claim, Lease, Limits, Policy, Rows, Scope, ScopeKind, Terms, exchange, wire};
use ditto_proto::ledger::{LedgerMessage, Reply, WorkerMessage};

/// The accounts and leases of keys that have one account each.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: BTreeMap<String, Account>,
    leases: BTreeMap<String, Lease>,
    terms: BTreeMap<String, Terms>,
    /// Its store is away: nothing can be booked.
    pub(crate) away: bool,
    /// How many claims were booked.
    pub(crate) claims: usize,
}

impl Ledger {
    /// Sets what a key may spend.
    pub(crate) fn limit(&mut self, key: &str, limits: Limits) {
        self.terms.insert(key.to_owned(), Terms { accounts: vec![(account(key), limits)] });
    }

    /// The key's requests touch another account from now on.
    pub(crate) fn move_key(&mut self, key: &str, account: &str, limits: Limits) {
        self.terms.insert(key.to_owned(), Terms { accounts: vec![(account.to_owned(), limits)] });
    }

    /// The key is gone.
    pub(crate) fn remove(&mut self, key: &str) {
        self.terms.remove(key);
    }

    /// What is booked for a key.
    pub(crate) fn account(&self, key: &str) -> Account {
        self.accounts.get(&account(key)).cloned().unwrap_or_default()
    }

    /// How many leases there are.
    pub(crate) fn leases(&self) -> usize {
        self.leases.len()
    }

    /// Answers a worker.
    pub(crate) fn answer(&mut self, message: WorkerMessage, now_ms: u64) -> LedgerMessage {
        let claims = message.claims.into_iter().map(wire::claim_from_wire);
        let replies = claims.map(|claim| self.book(&claim, now_ms)).collect();
        LedgerMessage { sequence: message.sequence, replies, ..LedgerMessage::default() }
    }

    fn book(&mut self, claim: &Claim, now_ms: u64) -> Reply {
        if self.away {
            return wire::unavailable(claim.lease.clone(), "the store is away");
        }
        self.claims += 1;
        let lease = self.leases.remove(&claim.lease);
        let mut rows = Rows { lease, accounts: std::mem::take(&mut self.accounts) };
        let reply = exchange(&mut rows, self.terms.get(&claim.key_id), claim, now_ms, &Policy::default());
        self.accounts = rows.accounts;
        self.leases.extend(rows.lease.map(|lease| (claim.lease.clone(), lease)));
        wire::reply_to_wire(reply)
    }
}

fn account(key: &str) -> String {
    Scope { kind: ScopeKind::Key, tenant: None, id: key.to_owned() }.account()
}
