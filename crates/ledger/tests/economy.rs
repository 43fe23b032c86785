//! What leases cost in calls to the ledger, and what they keep from others.

use std::collections::VecDeque;

use ditto_ledger::{
    AHEAD_MAX, Admission, Amounts, Claim, Counts, Limits, MINUTE_MS, Policy, Purse, Reservation, Rows, Terms, Waiting,
    exchange,
};

/// The ledger's clock at the beginning.
const START_MS: u64 = 1_000 * MINUTE_MS;
/// Tokens that a request reserves, and those that it uses.
const RESERVED: u64 = 1_000;
const USED: u64 = 400;
/// Pico-dollars for each token.
const PRICE: u64 = 2_000_000;
/// How long a request lasts, and a call to the ledger, in milliseconds.
const REQUEST_MS: u64 = 80;
const CALL_MS: u64 = 4;
/// How often a worker looks what is due, in milliseconds.
const TICK_MS: u64 = 50;

/// One worker with one key, and the ledger.
struct Traffic {
    purse: Purse,
    rows: Rows,
    terms: Terms,
    /// Requests in flight, and when each ends.
    flights: VecDeque<(u64, Reservation)>,
    /// The answer to a call is heard then.
    call: Option<(u64, u64, Vec<Claim>)>,
    waiting: u64,
    /// Claims sent.
    claims: u64,
    granted: u64,
    refused: u64,
    waited: u64,
}

fn need(tokens: u64) -> Amounts {
    Amounts { tokens, pico_usd: tokens * PRICE, window_requests: 1, window_tokens: tokens }
}

impl Traffic {
    fn new(limits: Limits) -> Self {
        let mut purse = Purse::new("a", "w/1", false);
        purse.set_limited([
            limits.tokens.is_some(),
            limits.pico_usd.is_some(),
            limits.requests_per_minute.is_some(),
            limits.tokens_per_minute.is_some(),
        ]);
        Self {
            purse,
            rows: Rows::default(),
            terms: Terms { accounts: vec![("key:a".into(), limits), ("tenant:t".into(), limits)] },
            flights: VecDeque::new(),
            call: None,
            waiting: 0,
            claims: 0,
            granted: 0,
            refused: 0,
            waited: 0,
        }
    }

    /// `per_second` requests, evenly, for so many milliseconds.
    fn run(&mut self, from_ms: u64, for_ms: u64, per_second: u64) {
        let mut due = 0;
        for now in from_ms..from_ms + for_ms {
            while self.flights.front().is_some_and(|(end, _)| *end <= now) {
                let (_, reservation) = self.flights.pop_front().unwrap();
                self.purse.settle(&reservation, &need(USED), &Counts { requests: 1, ..Counts::default() }, now);
            }
            due += per_second;
            while due >= 1_000 {
                due -= 1_000;
                if self.waiting == 0 && self.admit(now) {
                    continue;
                }
                if self.purse.refusal(now, &need(RESERVED)).is_some() {
                    self.refused += 1;
                } else {
                    self.waiting += 1;
                    self.waited += 1;
                }
            }
            self.hear(now);
            if self.waiting > 0 || (now % TICK_MS == 0 && self.purse.due(now)) {
                self.send(now);
            }
        }
    }

    fn admit(&mut self, now: u64) -> bool {
        let Admission::Granted(reservation) = self.purse.admit(now, &need(RESERVED)) else { return false };
        self.flights.push_back((now + REQUEST_MS, reservation));
        self.granted += 1;
        true
    }

    fn send(&mut self, now: u64) {
        if self.call.is_some() {
            return;
        }
        let all = Amounts { window_requests: self.waiting, ..need(RESERVED * self.waiting) };
        let waiting = Waiting { first: need(RESERVED), all };
        let claims = self.purse.claims(now, (self.waiting > 0).then_some(&waiting));
        self.claims += claims.len() as u64;
        if !claims.is_empty() {
            self.call = Some((now + CALL_MS, now, claims));
        }
    }

    fn hear(&mut self, now: u64) {
        let Some((_, sent, claims)) = self.call.take_if(|(at, ..)| *at <= now) else { return };
        let mut refused = false;
        for claim in claims {
            let reply = exchange(&mut self.rows, Some(&self.terms), &claim, START_MS + now, &Policy::default());
            self.purse.heard(&reply, sent);
            refused |= reply.refusal.is_some();
        }
        while self.waiting > 0 && self.admit(now) {
            self.waiting -= 1;
        }
        // All that wait need the same, so all that do not fit share one refusal.
        if refused {
            self.refused += std::mem::take(&mut self.waiting);
        }
    }

    fn held(&self) -> Amounts {
        self.rows.accounts["key:a"].held
    }

    fn report(&self, what: &str) -> u64 {
        let thousand = self.claims * 1_000 / self.granted.max(1);
        println!(
            "{what}: {} claims for {} requests ({thousand} for 1,000), {} waited, {} refused",
            self.claims, self.granted, self.waited, self.refused
        );
        thousand
    }
}

fn far_away() -> Limits {
    Limits {
        tokens: Some(1 << 50),
        pico_usd: Some(u64::MAX >> 1),
        requests_per_minute: Some(1 << 40),
        tokens_per_minute: Some(1 << 50),
    }
}

#[test]
fn steady_traffic_far_from_all_limits_costs_few_claims() {
    for (per_second, minutes, most) in [(10_000, 2, 10), (1_000, 3, 10), (100, 5, 10), (20, 10, 12)] {
        let mut traffic = Traffic::new(far_away());
        traffic.run(1_000_000, minutes * MINUTE_MS, per_second);
        let cost = traffic.report(&format!("{per_second} requests a second"));
        assert!(cost <= most, "{cost} claims for 1,000 requests at {per_second} a second");
        assert_eq!(traffic.refused, 0);
        // Requests wait in the first moments, and when a minute begins.
        assert!(traffic.waited <= traffic.granted / 50, "{} of {} waited", traffic.waited, traffic.granted);
    }
}

/// A budget of 200,000 requests is used up: claims follow the logarithm of the budget while it lasts.
#[test]
fn a_budget_is_used_up_with_few_claims_and_nothing_is_left_of_it() {
    for per_second in [100, 10_000] {
        let budget = 30_000 * USED;
        let mut traffic = Traffic::new(Limits { tokens: Some(budget), ..Limits::default() });
        traffic.run(1_000_000, 30_000 * 1_000 / per_second + 5_000, per_second);
        traffic.report(&format!("{per_second} requests a second to the end of a budget"));
        let spent = traffic.rows.accounts["key:a"].spent.tokens;
        assert!(spent + traffic.held().tokens <= budget);
        assert!(budget - traffic.granted * USED < RESERVED, "{} of {budget} left", budget - traffic.granted * USED);
        // What could not be had cost one claim for all that waited at the time.
        let calls_of_refused = traffic.refused.min(5_000 / CALL_MS);
        assert!(traffic.claims <= traffic.granted * 10 / 1_000 + 300 + calls_of_refused, "{} claims", traffic.claims);
    }
}

#[test]
fn a_minute_that_is_used_up_costs_few_claims_and_lets_as_many_through_as_it_may() {
    let mut traffic = Traffic::new(Limits { requests_per_minute: Some(6_000), ..Limits::default() });
    traffic.run(1_000_000, 10 * MINUTE_MS, 200);
    traffic.report("200 requests a second of which 100 are allowed");
    // The first minute is whole; from then on each minute slides.
    assert!((54_000..=66_000).contains(&traffic.granted), "{}", traffic.granted);
}

/// What one worker keeps from others without using it: never more than [`AHEAD_MAX`] requests need, nor half of what is
/// left, and nothing once the key has been idle for a while.
#[test]
fn what_is_held_idle_is_bounded_and_goes_back() {
    for budget in [200_000, 1_000_000, 10_000_000, 1_000_000_000] {
        for per_second in [5, 100, 1_000, 10_000] {
            let mut traffic = Traffic::new(Limits { tokens: Some(budget), ..Limits::default() });
            let (step, from) = ((1_000 / per_second).max(1), 1_000_000);
            let end = from + (budget / USED * 1_000 / per_second).min(10_000);
            for now in (from..end).step_by(step as usize) {
                traffic.run(now, step, per_second);
                let (idle, spent) = (traffic.purse.available().tokens, traffic.granted * USED);
                let left = budget.saturating_sub(spent);
                assert!(idle <= RESERVED.max(left / 2), "{idle} of {left}, {per_second} a second, {budget} in all");
                assert!(idle <= AHEAD_MAX * RESERVED, "{idle}, {per_second} a second, {budget} in all");
            }
            traffic.run(end, 6_000, 0);
            assert!(traffic.granted > 40, "{}", traffic.granted);
            assert!(traffic.held().is_zero(), "{:?} is still held", traffic.held());
        }
    }
}
