//! One scope's book.

use serde::{Deserialize, Serialize};

use crate::amounts::{Amounts, Counts, Unit};

/// The length of a window, in milliseconds.
pub const MINUTE_MS: u64 = 60_000;

/// What one scope (a key, a tenant, a project, a user) has spent, and what leases hold of the rest.
///
/// Limits are not kept here: they come with each exchange from the key, so that a changed limit needs no change of
/// the books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// What was spent; the window's numbers in [`Account::minute`] only.
    #[serde(rename = "s")]
    pub spent: Amounts,
    /// What open leases hold; the window's numbers in [`Account::minute`] only.
    #[serde(rename = "h")]
    pub held: Amounts,
    /// The minute (since the Unix epoch) of the window's numbers.
    #[serde(rename = "m")]
    pub minute: u64,
    /// What was spent or held in the minute before.
    #[serde(rename = "b")]
    pub previous: Amounts,
    /// What was counted.
    #[serde(rename = "c")]
    pub counts: Counts,
    /// When it last changed, in milliseconds since the Unix epoch.
    #[serde(rename = "u")]
    pub updated_at_ms: u64,
}

impl Account {
    /// Moves the window on to `minute`, if that is later.
    pub fn roll(&mut self, minute: u64) {
        if minute <= self.minute {
            return;
        }
        let is_next = minute == self.minute.saturating_add(1);
        let before = self.spent.plus(&self.held);
        self.previous = if is_next { Amounts::default().with_window_of(&before) } else { Amounts::default() };
        self.spent = self.spent.without_window();
        self.held = self.held.without_window();
        self.minute = minute;
    }

    /// What counts against the limit of `unit`: spent and held, and of the minute before the part that a sliding
    /// minute still covers, rounded up.
    pub fn used(&self, unit: Unit, now_ms: u64) -> u64 {
        let now = self.spent.get(unit).saturating_add(self.held.get(unit));
        if !unit.is_window() {
            return now;
        }
        let left = u128::from(MINUTE_MS.saturating_sub(self.elapsed_ms(now_ms)));
        let before = (u128::from(self.previous.get(unit)) * left).div_ceil(u128::from(MINUTE_MS));
        now.saturating_add(u64::try_from(before).unwrap_or(u64::MAX))
    }

    /// Milliseconds since the window's minute began, as far as it goes.
    fn elapsed_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.minute.saturating_mul(MINUTE_MS)).min(MINUTE_MS)
    }

    /// Milliseconds until `needed` fits under `limit` if nothing else happens; 0 if it never does.
    pub fn fits_after_ms(&self, unit: Unit, limit: u64, needed: u64, now_ms: u64) -> u64 {
        if !unit.is_window() || needed > limit {
            return 0;
        }
        let room = limit.saturating_sub(needed);
        let now = self.spent.get(unit).saturating_add(self.held.get(unit));
        let into = self.elapsed_ms(now_ms);
        if now <= room {
            let fits_at = decays_to(self.previous.get(unit), room.saturating_sub(now));
            return fits_at.saturating_sub(into).max(1);
        }
        // Not in this minute; in the next, what is in this one decays.
        MINUTE_MS.saturating_sub(into).saturating_add(decays_to(now, room)).max(1)
    }
}

/// How far into a minute `before` weighs no more than `room`.
fn decays_to(before: u64, room: u64) -> u64 {
    if before <= room {
        return 0;
    }
    let kept = u128::from(room) * u128::from(MINUTE_MS) / u128::from(before);
    MINUTE_MS.saturating_sub(u64::try_from(kept).unwrap_or(MINUTE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(number: u64) -> Amounts {
        Amounts { window_requests: number, ..Amounts::default() }
    }

    #[test]
    fn a_window_weighs_the_minute_before() {
        let mut account = Account { minute: 10, spent: requests(10), ..Account::default() };
        let start = 11 * MINUTE_MS;
        account.roll(11);
        assert_eq!(account.used(Unit::WindowRequests, start), 10);
        assert_eq!(account.used(Unit::WindowRequests, start + 30_000), 5);
        assert_eq!(account.used(Unit::WindowRequests, start + 59_999), 1);
        account.roll(13);
        assert_eq!(account.used(Unit::WindowRequests, 13 * MINUTE_MS), 0);
    }

    #[test]
    fn waiting_as_long_as_told_is_enough() {
        for (previous, spent, limit, needed, into) in
            [(10, 0, 10, 1, 0), (10, 3, 10, 2, 20_000), (0, 10, 10, 1, 59_000), (7, 10, 10, 10, 5)]
        {
            let mut account =
                Account { minute: 10, previous: requests(previous), spent: requests(spent), ..Account::default() };
            let now = 10 * MINUTE_MS + into;
            assert!(account.used(Unit::WindowRequests, now) + needed > limit);
            let then = now + account.fits_after_ms(Unit::WindowRequests, limit, needed, now);
            account.roll(then / MINUTE_MS);
            assert!(account.used(Unit::WindowRequests, then) + needed <= limit, "{previous} {spent} {limit} {needed}");
        }
    }

    #[test]
    fn what_can_never_fit_has_no_time() {
        let account = Account::default();
        assert_eq!(account.fits_after_ms(Unit::WindowRequests, 3, 4, 0), 0);
        assert_eq!(account.fits_after_ms(Unit::Tokens, 3, 1, 0), 0);
    }
}
