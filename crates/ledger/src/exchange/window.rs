//! The minutes of accounts and leases.

use super::Rows;
use crate::account::MINUTE_MS;
use crate::amounts::Amounts;
use crate::claim::Claim;
use crate::lease::{Lease, LeaseState};
use crate::terms::Terms;

/// A minute that is further ahead of the clock than this was booked by a clock that was wrong, and is taken back. What is
/// nearer is a clock's jitter, or that of another gateway: the later minute counts until the clock is there.
const AHEAD_MINUTES_MAX: u64 = 10;

impl Rows {
    /// The minute to book in: the clock's, or a later one that has been booked in already. All rows are then in it.
    pub(super) fn minute(&mut self, lease: &mut Lease, terms: Option<&Terms>, now_ms: u64) -> u64 {
        for name in lease.accounts.iter().chain(terms.iter().flat_map(|terms| terms.accounts.iter().map(|(n, _)| n))) {
            self.accounts.entry(name.clone()).or_default();
        }
        let now = now_ms / MINUTE_MS;
        let latest = now.saturating_add(AHEAD_MINUTES_MAX);
        let booked = self.accounts.values().map(|account| account.minute).chain([lease.minute]);
        let minute = booked.filter(|minute| *minute <= latest).fold(now, u64::max);
        for account in self.accounts.values_mut() {
            // What was booked in a minute that never was weighs on this one instead.
            account.minute = if account.minute > latest { minute } else { account.minute };
            account.roll(minute);
        }
        if lease.minute > latest {
            // What the lease holds of it stays in its accounts until this minute is over.
            lease.end_window(minute);
        }
        minute
    }

    /// Ends the lease's window if its minute is over: what its requests did not use of it does not weigh on the next,
    /// and what they used beyond it does.
    pub(super) fn close_window(&mut self, lease: &mut Lease, claim: &Claim, minute: u64) {
        if lease.minute >= minute {
            return;
        }
        if claim.minute == lease.minute {
            let weighed = lease.spent.plus(&lease.unused());
            let mut end = lease.clone();
            end.granted = lease.granted.or_more(&claim.granted);
            end.spent = lease.spent.or_more(&claim.spent);
            end.returned = lease.returned.or_more(&claim.returned);
            end.forfeited =
                lease.forfeited.minus(&end.spent.minus(&lease.spent)).minus(&end.returned.minus(&lease.returned));
            let weighs = end.spent.plus(&end.unused());
            let next = lease.minute.saturating_add(1);
            for account in self.of(lease).filter(|account| account.minute == next) {
                account.previous = account.previous.plus(&weighs).minus(&weighed).without_lifetime();
            }
        }
        lease.end_window(minute);
    }
}

impl Lease {
    /// What weighs on its accounts beside what it spent: what it holds, or what its expiry charged.
    fn unused(&self) -> Amounts {
        if self.state == LeaseState::Expired { self.forfeited } else { self.hold() }
    }

    /// Begins a window with nothing in it.
    fn end_window(&mut self, minute: u64) {
        self.granted = self.granted.without_window();
        self.spent = self.spent.without_window();
        self.returned = self.returned.without_window();
        self.forfeited = self.forfeited.without_window();
        self.minute = minute;
    }
}
