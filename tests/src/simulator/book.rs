//! What a simulator delivered: the truth that a gateway's books are compared with.

use std::collections::{BTreeMap, VecDeque};
use std::ops::AddAssign;

use serde::Serialize;

use super::record::Outcome;
use super::reply::{Bill, Meter};

/// Deliveries kept one by one after they ended; beyond it the oldest are only in the totals.
const ENDED_MAX: usize = 100_000;
/// Tags that have totals of their own; requests of others count for the whole only.
const TAGS_MAX: usize = 10_000;

/// What was sent for one request. Tokens count when the piece of the reply that has them is handed to the connection: a
/// client that went away may have got a little less, and never more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The request's position in order of arrival; see [`RecordedRequest::order`](super::RecordedRequest::order).
    pub order: u64,
    /// The path without its query.
    pub path: String,
    /// The `x-request-id` it came with.
    pub request_id: Option<String>,
    /// What the `x-simulator-tag` header said: whose request it is, for tests that have several clients.
    pub tag: Option<String>,
    /// The model that was asked for; empty when there was no metered reply.
    pub model: String,
    /// The tier it was served in, where the endpoint has tiers.
    pub service_tier: Option<String>,
    /// Whether the reply is a stream of events.
    pub stream: bool,
    /// The status of the reply; 0 until it begins.
    pub status: u16,
    /// Tokens of the prompt, once a metered reply has begun.
    pub prompt_tokens: u64,
    /// Those of them that were cached.
    pub cached_tokens: u64,
    /// Output tokens made so far, reasoning included: what a provider bills. A plain reply is made before it begins.
    pub generated_tokens: u64,
    /// Output tokens sent so far that a client can read, each when its event (or the plain reply) was sent whole.
    pub delivered_tokens: u64,
    /// The output tokens in the last usage that was sent; `None` while none was.
    pub usage_tokens: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// The sum over deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests that arrived.
    pub requests: u64,
    /// Those that got a metered reply, or its beginning.
    pub metered: u64,
    /// Those to which a usage was sent.
    pub with_usage: u64,
    /// Still being received or answered.
    pub in_progress: u64,
    /// Handed to the connection whole.
    pub answered: u64,
    /// Broken off by the simulator.
    pub broken: u64,
    /// Left by the other side.
    pub abandoned: u64,
    /// See [`Delivery::prompt_tokens`].
    pub prompt_tokens: u64,
    /// See [`Delivery::cached_tokens`].
    pub cached_tokens: u64,
    /// See [`Delivery::generated_tokens`].
    pub generated_tokens: u64,
    /// See [`Delivery::delivered_tokens`].
    pub delivered_tokens: u64,
}

impl Totals {
    fn of(delivery: &Delivery) -> Self {
        let is = |outcome| u64::from(delivery.outcome == outcome);
        Self {
            requests: 1,
            metered: u64::from(!delivery.model.is_empty()),
            with_usage: u64::from(delivery.usage_tokens.is_some()),
            in_progress: is(Outcome::InProgress),
            answered: is(Outcome::Answered),
            broken: is(Outcome::Broken),
            abandoned: is(Outcome::Abandoned),
            prompt_tokens: delivery.prompt_tokens,
            cached_tokens: delivery.cached_tokens,
            generated_tokens: delivery.generated_tokens,
            delivered_tokens: delivery.delivered_tokens,
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.metered += other.metered;
        self.with_usage += other.with_usage;
        self.in_progress += other.in_progress;
        self.answered += other.answered;
        self.broken += other.broken;
        self.abandoned += other.abandoned;
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.generated_tokens += other.generated_tokens;
        self.delivered_tokens += other.delivered_tokens;
    }
}

/// All deliveries since the start, or since they were forgotten. Totals are exact however many there were.
#[derive(Debug, Default)]
pub(super) struct Book {
    running: BTreeMap<u64, Delivery>,
    ended: VecDeque<Delivery>,
    totals: Totals,
    by_tag: BTreeMap<String, Totals>,
}

impl Book {
    /// Opens the entry of a request.
    pub(super) fn open(&mut self, order: u64, path: &str, request_id: Option<String>, tag: Option<String>) {
        let delivery = Delivery {
            order,
            path: path.to_owned(),
            request_id,
            tag,
            model: String::new(),
            service_tier: None,
            stream: false,
            status: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            generated_tokens: 0,
            delivered_tokens: 0,
            usage_tokens: None,
            outcome: Outcome::InProgress,
        };
        self.running.insert(order, delivery);
    }

    /// The reply begins.
    pub(super) fn begin(&mut self, order: u64, status: u16, bill: Option<Bill>) {
        let Some(delivery) = self.running.get_mut(&order) else { return };
        delivery.status = status;
        if let Some(bill) = bill {
            delivery.model = bill.model;
            delivery.service_tier = bill.service_tier;
            delivery.stream = bill.stream;
            delivery.prompt_tokens = bill.prompt_tokens;
            delivery.cached_tokens = bill.cached_tokens;
        }
    }

    /// More of the reply was handed over.
    pub(super) fn add(&mut self, order: u64, meter: Meter) {
        let Some(delivery) = self.running.get_mut(&order) else { return };
        delivery.generated_tokens += meter.generated;
        delivery.delivered_tokens += meter.delivered;
        delivery.usage_tokens = meter.usage.or(delivery.usage_tokens);
    }

    /// Closes the entry.
    pub(super) fn close(&mut self, order: u64, outcome: Outcome) {
        let Some(mut delivery) = self.running.remove(&order) else { return };
        delivery.outcome = outcome;
        let totals = Totals::of(&delivery);
        self.totals += totals;
        let has_room = |tag: &&String| self.by_tag.len() < TAGS_MAX || self.by_tag.contains_key(*tag);
        if let Some(tag) = delivery.tag.as_ref().filter(has_room) {
            *self.by_tag.entry(tag.clone()).or_default() += totals;
        }
        self.ended.push_back(delivery);
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
    }

    /// What is kept, in order of arrival.
    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        let mut all: Vec<Delivery> = self.ended.iter().chain(self.running.values()).cloned().collect();
        all.sort_by_key(|delivery| delivery.order);
        all
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.totals;
        self.running.values().for_each(|delivery| totals += Totals::of(delivery));
        totals
    }

    pub(super) fn totals_by_tag(&self) -> BTreeMap<String, Totals> {
        let mut all = self.by_tag.clone();
        for delivery in self.running.values() {
            if let Some(tag) = &delivery.tag {
                *all.entry(tag.clone()).or_default() += Totals::of(delivery);
            }
        }
        all
    }

    /// Forgets what ended. What is still running will be counted when it ends.
    pub(super) fn clear(&mut self) {
        self.ended.clear();
        self.totals = Totals::default();
        self.by_tag.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill() -> Bill {
        Bill { model: "m".to_owned(), prompt_tokens: 7, ..Bill::default() }
    }

    #[test]
    fn totals_outlive_what_is_forgotten() {
        let mut book = Book::default();
        let count = ENDED_MAX as u64 + 5;
        for order in 1..=count {
            book.open(order, "/v1/x", None, Some("a".to_owned()));
            book.begin(order, 200, Some(bill()));
            book.add(order, Meter { generated: 2, delivered: 1, usage: None });
            book.close(order, Outcome::Answered);
        }
        assert_eq!(book.deliveries().len(), ENDED_MAX);
        let totals = book.totals();
        assert_eq!((totals.requests, totals.prompt_tokens, totals.generated_tokens), (count, 7 * count, 2 * count));
        assert_eq!(book.totals_by_tag()["a"], totals);
    }

    #[test]
    fn what_runs_is_counted_once() {
        let mut book = Book::default();
        book.open(1, "/v1/x", None, None);
        book.begin(1, 200, Some(bill()));
        book.add(1, Meter { generated: 3, delivered: 3, usage: Some(3) });
        let running = book.totals();
        assert_eq!((running.in_progress, running.delivered_tokens, running.with_usage), (1, 3, 1));
        book.close(1, Outcome::Abandoned);
        book.close(1, Outcome::Answered);
        assert_eq!(book.totals(), Totals { in_progress: 0, abandoned: 1, ..running });
    }
}
