//! What may be granted while the store is away: a bounded allowance of this process.
//!
//! A lease that gets something here is remembered with its worker's totals. When the store is back, those claims are
//! booked before any other: `exchange` believes what a claim says was granted, so what the worker spends of it is in
//! the books even if the worker dies.

use std::collections::HashMap;

use ditto_ledger::{Amounts, Claim, LeaseState, MINUTE_MS, Reply};

use super::options::FailOpen;

/// How long such a grant lasts, in milliseconds: soon the store may be back.
const GRANT_MS: u64 = 5_000;
/// Leases that can be remembered.
const LEASES_MAX: usize = 65_536;

/// The allowance and what became of it.
#[derive(Debug)]
pub(super) struct Allowance {
    full: FailOpen,
    left: FailOpen,
    /// Claims as if the ledger had granted what was granted here, by lease.
    book: HashMap<String, Claim>,
}

impl Allowance {
    pub(super) fn new(full: FailOpen) -> Self {
        Self { full, left: full, book: HashMap::new() }
    }

    pub(super) fn left(&self) -> FailOpen {
        self.left
    }

    /// The store has been back for a while, and what was granted is booked.
    pub(super) fn refill(&mut self) {
        self.left = self.full;
    }

    /// The claims to book now that the store is back.
    pub(super) fn take_book(&mut self) -> Vec<Claim> {
        std::mem::take(&mut self.book).into_values().collect()
    }

    /// Grants what the claim needs at least, if the allowance covers all of it. A claim that needs nothing more waits
    /// for the store.
    pub(super) fn grant(&mut self, claim: &Claim, now_ms: u64) -> Option<Reply> {
        if claim.last || claim.least.is_zero() {
            return None;
        }
        let minute = (now_ms / MINUTE_MS).max(claim.minute);
        let of_minute = |claim: &Claim, amounts: Amounts| {
            if claim.minute == minute { amounts } else { amounts.without_window() }
        };
        let base = of_minute(claim, claim.spent.plus(&claim.returned));
        let known = self.book.get(&claim.lease);
        if known.is_none() && self.book.len() >= LEASES_MAX {
            return None;
        }
        let before = known.map_or_else(Amounts::default, |known| of_minute(known, known.granted));
        let before = before.or_more(&of_minute(claim, claim.granted));
        // What no limit asks for is spent without a grant, and costs no allowance.
        let needed = base.plus(&claim.least).minus(&before);
        let give = Amounts::by_unit(|unit| if claim.least.get(unit) == 0 { 0 } else { needed.get(unit) });
        self.left = take(self.left, &give)?;
        let granted = before.plus(&give);
        let booked = Claim {
            granted,
            spent: of_minute(claim, claim.spent),
            returned: of_minute(claim, claim.returned),
            minute,
            want: Amounts::default(),
            least: Amounts::default(),
            ..claim.clone()
        };
        self.book.insert(claim.lease.clone(), booked);
        Some(Reply {
            lease: claim.lease.clone(),
            state: LeaseState::Open,
            granted,
            minute,
            expires_in_ms: GRANT_MS,
            minute_ends_in_ms: minute.saturating_add(1).saturating_mul(MINUTE_MS).saturating_sub(now_ms),
            refusal: None,
        })
    }
}

/// What is left after `give`; `None` if it is more than there is.
fn take(left: FailOpen, give: &Amounts) -> Option<FailOpen> {
    Some(FailOpen {
        // The same tokens, counted against a budget and a minute.
        tokens: left.tokens.checked_sub(give.tokens.max(give.window_tokens))?,
        pico_usd: left.pico_usd.checked_sub(give.pico_usd)?,
        requests: left.requests.checked_sub(give.window_requests)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(tokens: u64) -> Amounts {
        Amounts { tokens, ..Amounts::default() }
    }

    fn claim(granted: u64, spent: u64, least: u64) -> Claim {
        let (granted, spent, least) = (tokens(granted), tokens(spent), tokens(least));
        Claim {
            lease: "w/1".into(),
            key_id: "k".into(),
            granted,
            spent,
            least,
            want: tokens(9_999),
            ..Claim::default()
        }
    }

    fn allowance(tokens: u64) -> Allowance {
        Allowance::new(FailOpen { tokens, pico_usd: 0, requests: 0 })
    }

    #[test]
    fn only_what_is_needed_is_granted_and_a_repeat_gets_nothing_twice() {
        let mut allowance = allowance(100);
        for _ in 0..3 {
            let reply = allowance.grant(&claim(50, 50, 60), 0).unwrap();
            assert_eq!(reply.granted.tokens, 110);
            assert_eq!(allowance.left().tokens, 40);
        }
        assert_eq!(allowance.grant(&claim(110, 80, 80), 0), None, "50 more than 40");
        assert_eq!(allowance.grant(&claim(110, 80, 70), 0).unwrap().granted.tokens, 150);
        assert_eq!(allowance.left().tokens, 0);
        let book = allowance.take_book();
        assert_eq!((book.len(), book[0].granted.tokens, book[0].spent.tokens), (1, 150, 80));
        assert!(book[0].least.is_zero() && book[0].want.is_zero() && !book[0].last);
    }

    #[test]
    fn a_unit_without_an_allowance_is_not_granted() {
        let mut allowance = allowance(100);
        let claim = Claim { least: Amounts { pico_usd: 1, ..tokens(1) }, ..claim(0, 0, 0) };
        assert_eq!(allowance.grant(&claim, 0), None);
        assert_eq!(allowance.left().tokens, 100, "all units or none");
    }

    #[test]
    fn what_was_spent_in_a_unit_that_nothing_limits_costs_no_allowance() {
        let mut allowance = allowance(100);
        let spent = Amounts { tokens: 40, pico_usd: 7_000, window_requests: 3, window_tokens: 40 };
        let claim = Claim { spent, ..claim(40, 40, 30) };
        assert_eq!(allowance.grant(&claim, 0).unwrap().granted, tokens(70));
        assert_eq!(allowance.left().tokens, 70);
    }

    #[test]
    fn a_new_minute_needs_the_allowance_anew() {
        let mut allowance = Allowance::new(FailOpen { tokens: 0, pico_usd: 0, requests: 3 });
        let requests = |n| Amounts { window_requests: n, ..Amounts::default() };
        let claim = |minute, spent| Claim {
            minute,
            granted: requests(spent),
            spent: requests(spent),
            least: requests(1),
            ..claim(0, 0, 0)
        };
        assert_eq!(allowance.grant(&claim(7, 5), 7 * MINUTE_MS).unwrap().granted, requests(6));
        let reply = allowance.grant(&claim(7, 6), 8 * MINUTE_MS).unwrap();
        assert_eq!((reply.minute, reply.granted), (8, requests(1)));
        assert_eq!(allowance.left().requests, 1);
    }

    proptest! {
        #[test]
        fn never_more_than_the_allowance(steps in proptest::collection::vec((0..4u8, 0..400u64, 0..400u64), 1..60)) {
            let mut allowance = allowance(500);
            let mut granted = [0u64; 4];
            for (lease, spent, least) in steps {
                let known = &mut granted[usize::from(lease)];
                let claim = Claim { lease: format!("w/{lease}"), ..claim(*known, spent.min(*known), least) };
                if let Some(reply) = allowance.grant(&claim, 0) {
                    *known = reply.granted.tokens;
                }
            }
            prop_assert_eq!(granted.iter().sum::<u64>(), 500 - allowance.left().tokens);
        }
    }
}
