//! What the ledger does in the model: bookings, expiry, and what an operator changes.

use ditto_ledger::{Claim, Reply, Rows, Unit, accounts_needed, exchange, expire};

use crate::world::{KEYS, World};

impl World {
    /// Books one claim in one atomic step, and sees that it did not take more than there is.
    pub(crate) fn book(&mut self, claim: &Claim) -> Reply {
        let key = KEYS.iter().position(|id| *id == claim.key_id).unwrap();
        let terms = self.terms(key);
        let lease = self.leases.remove(&claim.lease);
        let mut rows = Rows { lease, ..Rows::default() };
        for name in accounts_needed(rows.lease.as_ref(), terms.as_ref(), claim) {
            let account = self.accounts.get(&name).cloned().unwrap_or_default();
            rows.accounts.insert(name, account);
        }
        let before = rows.clone();
        let now = self.ledger_ms();
        let reply = exchange(&mut rows, terms.as_ref(), claim, now, &self.setup.policy());
        if let Some(lease) = rows.lease.take() {
            self.truth.entry(claim.lease.clone()).or_default().accounts.clone_from(&lease.accounts);
            self.leases.insert(claim.lease.clone(), lease);
        }
        for (name, account) in rows.accounts {
            let mut was = before.accounts.get(&name).cloned().unwrap_or_default();
            was.roll(account.minute);
            for unit in Unit::ALL {
                let (used, was) = (account.used(unit, now), was.used(unit, now));
                let limit = self.limits[&name].get(unit).unwrap_or(u64::MAX);
                if self.setup.strict && used > was.max(limit) {
                    self.complain(|| format!("{name}: {unit:?} went from {was} to {used} of {limit} by {claim:?}"));
                }
            }
            self.accounts.insert(name, account);
        }
        reply
    }

    /// Settles the leases whose time is over.
    pub(crate) fn expire_due(&mut self) {
        let ids: Vec<_> = self.leases.keys().cloned().collect();
        let now = self.ledger_ms();
        for id in ids {
            let lease = self.leases.remove(&id);
            let names = lease.iter().flat_map(|lease| lease.accounts.clone());
            let accounts = names.map(|name| (name.clone(), self.accounts[&name].clone())).collect();
            let mut rows = Rows { lease, accounts };
            expire(&mut rows, now, &self.setup.policy());
            self.leases.insert(id, rows.lease.unwrap());
            self.accounts.extend(rows.accounts);
        }
    }

    /// Asks every worker that has a lease on an account for what is idle.
    pub(crate) fn recall(&mut self, account: &str) {
        for worker in &mut self.workers {
            for desk in &mut worker.desks {
                let has = |lease: u64| {
                    let id = format!("{}/{lease}", desk.name);
                    self.leases.get(&id).is_some_and(|lease| lease.accounts.iter().any(|name| name == account))
                };
                desk.recall |= desk.purse.holdings().any(|holding| has(holding.lease));
            }
        }
    }

    /// Sets one limit, if that unit is limited at all.
    pub(crate) fn limit(&mut self, account: &str, unit: Unit, to: u64) {
        let Some(limits) = self.limits.get_mut(account) else { return };
        let place = match unit {
            Unit::Tokens => &mut limits.tokens,
            Unit::PicoUsd => &mut limits.pico_usd,
            Unit::WindowRequests => &mut limits.requests_per_minute,
            Unit::WindowTokens => &mut limits.tokens_per_minute,
        };
        if let Some(limit) = place {
            *limit = to;
        }
    }
}
