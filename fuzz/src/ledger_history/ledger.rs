//! The ledger's side: terms, and rows that are changed in one step.

use std::collections::BTreeMap;

use ditto_ledger::{
    Account, Claim, Lease, Limits, Policy, Reply, Rows, Terms, Unit, accounts_needed, exchange, expire,
};

pub(super) const KEY: &str = "a";
const TENANTS: [&str; 2] = ["tenant:t", "tenant:u"];

pub(super) struct Ledger {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) leases: BTreeMap<String, Lease>,
    /// The limits of each account, now.
    pub(super) limits: BTreeMap<String, Limits>,
    /// What really happened on each lease.
    pub(super) truth: BTreeMap<String, Truth>,
    tenant: usize,
    /// The key is deleted.
    pub(super) gone: bool,
    policy: Policy,
}

/// What really happened on one lease.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// As the ledger named them when it opened the lease.
    pub(super) accounts: Vec<String>,
    /// Tokens and requests of what has ended.
    pub(super) tokens: u64,
    pub(super) requests: u64,
    /// Its worker does not know it any more.
    pub(super) dead: bool,
}

impl Ledger {
    pub(super) fn new(key: Limits, tenant: Limits, share: u64) -> Self {
        let limits = TENANTS.iter().map(|name| ((*name).to_owned(), tenant));
        Self {
            accounts: BTreeMap::new(),
            leases: BTreeMap::new(),
            limits: limits.chain([(format!("key:{KEY}"), key)]).collect(),
            truth: BTreeMap::new(),
            tenant: 0,
            gone: false,
            policy: Policy { share, ..Policy::default() },
        }
    }

    /// The key's terms now.
    pub(super) fn terms(&self) -> Option<Terms> {
        let names = [format!("key:{KEY}"), TENANTS[self.tenant].to_owned()];
        let accounts = names.into_iter().map(|name| (name.clone(), self.limits[&name])).collect();
        (!self.gone).then_some(Terms { accounts })
    }

    pub(super) fn move_key(&mut self) {
        self.tenant = 1 - self.tenant;
    }

    /// Sets one limit of one account, where that unit is limited.
    pub(super) fn limit(&mut self, which: usize, to: u64) {
        let number = which % self.limits.len();
        let Some(limits) = self.limits.values_mut().nth(number) else { return };
        let place = match which / 4 % 4 {
            0 => &mut limits.tokens,
            1 => &mut limits.pico_usd,
            2 => &mut limits.requests_per_minute,
            _ => &mut limits.tokens_per_minute,
        };
        if let Some(limit) = place {
            *limit = to;
        }
    }

    /// A request has ended.
    pub(super) fn delivered(&mut self, lease: &str, tokens: u64) {
        let truth = self.truth.entry(lease.to_owned()).or_default();
        truth.tokens += tokens;
        truth.requests += 1;
    }

    /// Books one claim, and sees that it took no more than there is.
    pub(super) fn book(&mut self, claim: &Claim, now: u64, strict: bool) -> Reply {
        let terms = self.terms();
        let lease = self.leases.remove(&claim.lease);
        let mut rows = Rows { lease, ..Rows::default() };
        for name in accounts_needed(rows.lease.as_ref(), terms.as_ref(), claim) {
            let account = self.accounts.get(&name).cloned().unwrap_or_default();
            rows.accounts.insert(name, account);
        }
        let before = rows.accounts.clone();
        let reply = exchange(&mut rows, terms.as_ref(), claim, now, &self.policy);
        if let Some(lease) = rows.lease.take() {
            self.truth.entry(claim.lease.clone()).or_default().accounts.clone_from(&lease.accounts);
            self.leases.insert(claim.lease.clone(), lease);
        }
        for (name, account) in rows.accounts {
            let mut was = before[&name].clone();
            was.roll(account.minute);
            for unit in Unit::ALL.into_iter().filter(|_| strict) {
                let Some(limit) = self.limits[&name].get(unit) else { continue };
                let (was, used) = (was.used(unit, now), account.used(unit, now));
                assert!(used <= was.max(limit), "{name}: {unit:?} went from {was} to {used} of {limit} by {claim:?}");
            }
            self.accounts.insert(name, account);
        }
        reply
    }

    /// Settles the leases whose time is over.
    pub(super) fn expire(&mut self, now: u64) {
        for (id, lease) in std::mem::take(&mut self.leases) {
            let named = |name: &String| Some((name.clone(), self.accounts.get(name)?.clone()));
            let accounts = lease.accounts.iter().filter_map(named).collect();
            let mut rows = Rows { lease: Some(lease), accounts };
            expire(&mut rows, now, &self.policy);
            self.leases.extend(rows.lease.map(|lease| (id, lease)));
            self.accounts.extend(rows.accounts);
        }
    }
}
