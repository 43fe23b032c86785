//! How a run ends: everything is delivered, reported and settled; then whatever is left can be spent.

use ditto_ledger::{MINUTE_MS, Unit};

use crate::check;
use crate::world::{KEYS, PRICE, TENANTS, World};

/// Seconds after which every purse must be empty: a purse that is not used hands back after five.
const SECONDS_MAX: u32 = 12;
/// Claims that one purse may need for that, at most: a report, the return of the rest, a last word, and one to spare for
/// each of its leases.
const CLAIMS_MAX: u32 = 4;
/// Calls that a request which fits may wait for, while others hand back what they hold.
const CALLS_MAX: u32 = 3;

impl World {
    fn desks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (workers, keys) = (self.workers.len(), self.keys.len());
        (0..workers).flat_map(move |worker| (0..keys).map(move |key| (worker, key)))
    }

    /// Ends everything, and looks at the books.
    pub(crate) fn quiesce(&mut self) {
        for (worker, key) in self.desks() {
            while self.book_next(worker, key, false) {}
            self.hear(worker, key);
            self.recalled(worker, key);
            self.notice(worker, key);
            self.desk(worker, key).queue.clear();
        }
        for worker in 0..self.workers.len() {
            while !self.workers[worker].flights.is_empty() {
                self.end(worker, 0);
            }
        }
        self.hand_everything_back();
        let last = self.leases.values().map(|lease| lease.expires_at_ms).max().unwrap_or(0);
        self.now_ms += last.saturating_sub(self.ledger_ms());
        self.expire_due();
        check::always(self);
        if let Some(wrong) = check::at_the_end(self) {
            self.complain(|| wrong);
        }
    }

    fn hand_everything_back(&mut self) {
        let before: Vec<_> = self.desks().map(|(worker, key)| self.desk(worker, key).claims).collect();
        let leases: Vec<_> =
            self.desks().map(|(worker, key)| self.desk(worker, key).purse.holdings().count() as u32).collect();
        for _ in 0..SECONDS_MAX {
            for (worker, key) in self.desks() {
                while self.call(worker, key) && self.broken.is_none() {
                    check::always(self);
                    let place = worker * self.keys.len() + key;
                    let claims = self.desk(worker, key).claims - before[place];
                    if claims > CLAIMS_MAX * leases[place].max(1) {
                        self.complain(|| format!("worker {worker} says {claims} times that it is done with key {key}"));
                    }
                }
            }
            self.now_ms += 1_000;
        }
        for (worker, key) in self.desks() {
            let purse = &self.desk(worker, key).purse;
            if !purse.is_empty() {
                let purse = format!("{purse:?}");
                self.complain(|| format!("never ends: {purse}"));
            }
        }
    }

    /// Sees that whatever is left of a key's budgets can be spent by one request, on any worker, although another
    /// holds a part of it ahead.
    pub(crate) fn everything_left_is_of_use(&mut self) {
        for (holder, key) in self.desks() {
            if self.keys[key].gone || holder + 1 == self.workers.len() {
                continue;
            }
            // No window weighs on it any more.
            self.now_ms += 3 * MINUTE_MS;
            let spender = holder + 1;
            for other in [holder, spender] {
                self.notice(other, key);
            }
            if self.fits(key) == 0 {
                continue;
            }
            // The holder is busy for a while, and uses nothing up.
            for _ in 0..8 {
                self.request(holder, key, 1);
                self.until_quiet(holder, key);
                while !self.workers[holder].flights.is_empty() {
                    self.end(holder, 0);
                }
                self.desk(holder, key).queue.clear();
            }
            let fits = self.fits(key);
            let before = self.desk(spender, key).claims;
            let granted = self.request(spender, key, fits) || self.spend(spender, key);
            let calls = self.desk(spender, key).claims - before;
            if !granted || calls > CALLS_MAX {
                self.complain(|| format!("{fits} of key {key}: granted {granted} after {calls} calls of {spender}"));
            }
            self.quiesce();
        }
    }

    /// Calls, with recalls in between, until the request in the queue has been let through or is refused.
    fn spend(&mut self, worker: usize, key: usize) -> bool {
        while !self.desk(worker, key).queue.is_empty() && self.broken.is_none() {
            self.call(worker, key);
            check::always(self);
            for (other, key) in self.desks().filter(|(other, _)| *other != worker) {
                self.recalled(other, key);
                self.call(other, key);
                check::always(self);
            }
        }
        !self.workers[worker].flights.is_empty()
    }

    fn until_quiet(&mut self, worker: usize, key: usize) {
        for _ in 0..4 {
            self.call(worker, key);
            check::always(self);
        }
    }

    /// Tokens of the largest request that all accounts of a key have room for, were nothing held.
    fn fits(&self, key: usize) -> u64 {
        let names = [format!("key:{}", KEYS[key]), format!("tenant:{}", TENANTS[self.keys[key].tenant])];
        let room = |name: &String, unit: Unit| {
            let account = self.accounts.get(name).cloned().unwrap_or_default();
            let limit = self.limits[name].get(unit).unwrap_or(u64::MAX);
            let used = account.spent.get(unit) + if unit.is_window() { account.previous.get(unit) } else { 0 };
            limit.saturating_sub(used)
        };
        let least = |unit| names.iter().map(|name| room(name, unit)).min().unwrap_or(0);
        let tokens = least(Unit::Tokens).min(least(Unit::PicoUsd) / PRICE).min(least(Unit::WindowTokens));
        if least(Unit::WindowRequests) == 0 { 0 } else { tokens.min(1_000) }
    }
}
