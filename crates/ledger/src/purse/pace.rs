//! How much is held ahead of requests.
//!
//! It follows use: from exact single requests for a key that is used now and then, to [`AHEAD_MAX`] requests for a busy
//! one. Near a limit it follows what the ledger still gives, so that nothing is asked for that will not come.

use super::AHEAD_MAX;
use crate::amounts::{Amounts, Unit};

/// Requests that a key in use holds ahead, at least, while nothing is scarce.
const AHEAD_MIN: u64 = 4;
/// Running low again faster than this makes the next claim larger.
const BUSY_MS: u64 = 2_500;
/// So often, what is held ahead is compared with what was used.
const CALM_MS: u64 = 10_000;

/// How much is held ahead of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Pace {
    /// Requests to hold ahead.
    ahead: u64,
    /// What one request needs, on average.
    mean: Amounts,
    /// When the claim was sent that was answered last.
    answered_ms: u64,
    /// The last answer has not been followed by growth yet: claims that are lost must not make the next ones larger.
    answered: bool,
    /// Requests since `since_ms`.
    used: u64,
    since_ms: u64,
}

impl Pace {
    /// A request was let through.
    pub(super) fn used(&mut self, need: &Amounts) {
        self.mean = Amounts::by_unit(|unit| average(self.mean.get(unit), need.get(unit)));
        self.used = self.used.saturating_add(1);
    }

    /// What to hold ahead.
    pub(super) fn target(&self) -> Amounts {
        Amounts::by_unit(|unit| self.mean.get(unit).saturating_mul(self.ahead))
    }

    /// A claim is about to be made, because little or nothing is left (`low`) or for another reason.
    pub(super) fn before_claim(&mut self, now_ms: u64, low: bool, idle: bool) {
        let since = now_ms.saturating_sub(self.answered_ms);
        if idle || since > CALM_MS {
            self.ahead = AHEAD_MIN;
        } else if low && since < BUSY_MS && self.answered {
            self.ahead = self.ahead.saturating_mul(4).clamp(AHEAD_MIN, AHEAD_MAX);
            self.answered = false;
        }
        if now_ms.saturating_sub(self.since_ms) >= CALM_MS {
            if self.used < self.ahead / 4 {
                self.ahead = self.used.max(AHEAD_MIN);
            }
            (self.used, self.since_ms) = (0, now_ms);
        }
    }

    /// The claim that was sent then has its answer.
    pub(super) fn after_claim(&mut self, sent_ms: u64) {
        self.answered_ms = self.answered_ms.max(sent_ms);
        self.answered = true;
    }

    /// Less came than was asked for, and `left` is what there is now: near a limit, asking again at once would only
    /// make calls, and keep from others what they need.
    pub(super) fn cut(&mut self, left: &Amounts) {
        for unit in Unit::ALL {
            if let Some(requests) = left.get(unit).checked_div(self.mean.get(unit)) {
                self.ahead = self.ahead.min(requests);
            }
        }
    }

    /// Others need it: hold nothing ahead until requests come that wait.
    pub(super) fn stop(&mut self) {
        self.ahead = 0;
    }

    /// Forgets units that are not limited any more.
    pub(super) fn keep(&mut self, limited: impl Fn(Unit) -> bool) {
        self.mean = Amounts::by_unit(|unit| if limited(unit) { self.mean.get(unit) } else { 0 });
    }
}

/// Follows what requests need, in steps of an eighth; never zero for a unit that is in use.
fn average(mean: u64, next: u64) -> u64 {
    if mean == 0 {
        return next;
    }
    let step = mean.abs_diff(next).div_ceil(8);
    if next > mean { mean.saturating_add(step) } else { mean.saturating_sub(step) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(tokens: u64) -> Amounts {
        Amounts { tokens, ..Amounts::default() }
    }

    fn busy(pace: &mut Pace, now_ms: u64) -> u64 {
        pace.before_claim(now_ms, true, false);
        pace.after_claim(now_ms);
        pace.target().tokens
    }

    #[test]
    fn it_grows_while_claims_follow_each_other_and_stops_at_the_most() {
        let mut pace = Pace::default();
        pace.used(&tokens(10));
        pace.before_claim(100_000, true, true);
        pace.after_claim(100_000);
        let targets: Vec<_> = (1..=6).map(|claim| busy(&mut pace, 100_000 + claim * 100)).collect();
        assert_eq!(targets, [160, 640, 2_560, 10_240, 10_240, 10_240]);
    }

    #[test]
    fn claims_without_an_answer_do_not_make_it_grow() {
        let mut pace = Pace::default();
        pace.used(&tokens(10));
        busy(&mut pace, 100_000);
        for claim in 1..50 {
            pace.before_claim(100_000 + claim, true, false);
        }
        assert_eq!(pace.target().tokens, 160);
    }

    #[test]
    fn it_shrinks_to_what_is_used() {
        let mut pace = Pace { ahead: AHEAD_MAX, answered_ms: 100_000, since_ms: 100_000, ..Pace::default() };
        for request in 1..=20 {
            pace.used(&tokens(10));
            pace.before_claim(100_000 + request * 1_000, false, false);
            pace.after_claim(100_000 + request * 1_000);
        }
        assert_eq!(pace.target().tokens, 100);
    }

    #[test]
    fn it_follows_what_still_comes_and_what_others_need() {
        let mut pace = Pace { ahead: AHEAD_MAX, mean: tokens(10), ..Pace::default() };
        pace.cut(&tokens(55));
        assert_eq!(pace.target().tokens, 50);
        pace.stop();
        assert_eq!(pace.target().tokens, 0);
    }

    #[test]
    fn the_mean_follows_and_is_never_zero_while_a_unit_is_in_use() {
        assert_eq!(average(0, 800), 800);
        assert_eq!(average(800, 0), 700);
        assert_eq!(average(1, 1), 1);
        assert_eq!(average(1, 0), 0);
        assert_eq!(average(u64::MAX, u64::MAX - 1), u64::MAX - 1);
    }
}
