use super::*;
use crate::account::MINUTE_MS;
use crate::exchange::{Policy, Rows, exchange};
use crate::terms::{Limits, Terms};

const START: u64 = 1_000 * MINUTE_MS;

/// A purse with its own ledger behind it.
struct Desk {
    purse: Purse,
    rows: Rows,
    terms: Terms,
    calls: u32,
}

fn desk(limits: Limits) -> Desk {
    let mut purse = Purse::new("a", "w", false);
    purse.set_limited([
        limits.tokens.is_some(),
        limits.pico_usd.is_some(),
        limits.requests_per_minute.is_some(),
        limits.tokens_per_minute.is_some(),
    ]);
    Desk { purse, rows: Rows::default(), terms: Terms { accounts: vec![("key:a".into(), limits)] }, calls: 0 }
}

impl Desk {
    fn call(&mut self, now: u64, waiting: Option<&Waiting>) {
        let claims = self.purse.claims(now, waiting);
        assert!(claims.len() <= 1, "one lease at a time here");
        for claim in claims {
            let reply = exchange(&mut self.rows, Some(&self.terms), &claim, now, &Policy::default());
            self.purse.heard(&reply, now);
            self.calls += 1;
        }
    }

    /// One request of 10 tokens that uses 7; false if it is refused.
    fn request(&mut self, now: u64) -> bool {
        let need = Amounts { tokens: 10, window_requests: 1, ..Amounts::default() };
        let mut admission = self.purse.admit(now, &need);
        if admission == Admission::Short {
            self.call(now, Some(&Waiting { first: need, all: need }));
            admission = self.purse.admit(now, &need);
        }
        let Admission::Granted(reservation) = admission else { return false };
        let used = Amounts { tokens: 7, ..need };
        self.purse.settle(&reservation, &used, &Counts { requests: 1, ..Counts::default() }, now);
        if self.purse.due(now) {
            self.call(now, None);
        }
        true
    }

    fn spent(&self) -> u64 {
        self.rows.accounts["key:a"].spent.tokens
    }
}

#[test]
fn steady_traffic_needs_few_calls() {
    let limits = Limits { tokens: Some(10_000_000), requests_per_minute: Some(1_000_000), ..Limits::default() };
    let mut desk = desk(limits);
    for request in 0..20_000 {
        assert!(desk.request(START + request));
    }
    assert!(desk.calls <= 200, "{} calls", desk.calls);
}

#[test]
fn a_budget_is_used_to_the_last_token_and_no_further() {
    let mut desk = desk(Limits { tokens: Some(1_003), ..Limits::default() });
    let served = (0..2_000).filter(|request| desk.request(START + request * 20)).count();
    // Each uses 7 and needs 10 to begin: 142 × 7 = 994, and the 143rd would need 10 of the 9 that are left.
    assert_eq!(served, 142);
    desk.call(START + 100_000, None);
    assert_eq!(desk.spent(), 994);
}

#[test]
fn a_window_is_exact_and_opens_again() {
    let mut desk = desk(Limits { requests_per_minute: Some(5), ..Limits::default() });
    let served = (0..20).filter(|request| desk.request(START + request)).count();
    assert_eq!(served, 5);
    let next = START + 2 * MINUTE_MS;
    assert_eq!((0..20).filter(|request| desk.request(next + request)).count(), 5);
}

#[test]
fn an_idle_purse_hands_everything_back_and_closes() {
    let mut desk = desk(Limits { tokens: Some(100_000), ..Limits::default() });
    for request in 0..50 {
        assert!(desk.request(START + request));
    }
    let later = START + 60 + IDLE_MS;
    for round in 0..5 {
        if desk.purse.due(later + round) {
            desk.call(later + round, None);
        }
    }
    assert!(desk.purse.is_empty());
    assert_eq!(desk.rows.lease, None);
    assert_eq!((desk.spent(), desk.rows.accounts["key:a"].held.tokens), (350, 0));
}

#[test]
fn a_key_without_limits_never_waits_and_is_still_counted() {
    let mut desk = desk(Limits::default());
    for request in 0..500 {
        assert!(desk.request(START + request));
    }
    desk.call(START + 1_000, None);
    assert_eq!(desk.spent(), 3_500);
    assert_eq!(desk.rows.accounts["key:a"].counts.requests, 500);
    assert!(desk.calls <= 7, "{} calls", desk.calls);
}

#[test]
fn a_lease_is_not_spent_from_after_its_time() {
    let mut desk = desk(Limits { tokens: Some(100_000), ..Limits::default() });
    for request in 0..50 {
        assert!(desk.request(START + request));
    }
    let need = Amounts { tokens: 10, ..Amounts::default() };
    assert!(matches!(desk.purse.admit(START + 100, &need), Admission::Granted(_)));
    assert_eq!(desk.purse.admit(START + Policy::default().lease_ms, &need), Admission::Short);
}

#[test]
fn a_request_that_needs_nothing_limited_never_waits() {
    let mut desk = desk(Limits { tokens: Some(0), ..Limits::default() });
    let admission = desk.purse.admit(START, &Amounts { window_requests: 1, ..Amounts::default() });
    let Admission::Granted(reservation) = admission else { panic!("it had to wait") };
    let counts = Counts { requests: 1, ..Counts::default() };
    desk.purse.settle(&reservation, &Amounts::default(), &counts, START);
    desk.call(START + 1_000, None);
    assert_eq!(desk.rows.accounts["key:a"].counts.requests, 1);
    assert!(!desk.request(START + 1_001));
}
