//! One key's purse, and the requests that wait for it in their order.

use std::collections::VecDeque;

use ditto_ledger::{Admission, Amounts, LeaseState, Purse, Refusal, Reply, Waiting};

use super::Answer;
use crate::knowledge::KnownKey;

/// How long a request waits for the ledger, in milliseconds.
pub(super) const WAIT_MS: u64 = 2_000;
/// Leases that are closed one after the other under waiting requests before these are given up.
pub(super) const CLOSED_MAX: u8 = 3;

/// One key's purse and queue.
#[derive(Debug)]
pub(super) struct Slot<R> {
    pub(super) serial: u64,
    pub(super) purse: Purse,
    /// Fingerprint of the terms that the purse goes by.
    terms: u64,
    queue: VecDeque<Waiter<R>>,
    /// The new session must hear of its leases.
    pub(super) announce: bool,
    /// The next message looks at it.
    pub(super) on_agenda: bool,
    /// How often in a row the ledger closed the lease that requests waited for.
    closed: u8,
}

#[derive(Debug)]
struct Waiter<R> {
    request: R,
    need: Amounts,
    since_ms: u64,
}

impl<R> Slot<R> {
    /// A key's slot with an empty purse. `worker` names the worker, and `serial` the slot in it: no other slot of that
    /// worker ever had the same.
    pub(super) fn new(key: &KnownKey, worker: &str, serial: u64, exact: bool) -> Self {
        let mut purse = Purse::new(&*key.id, format!("{worker}/{serial}"), exact);
        purse.set_limited(key.limited);
        Self { serial, purse, terms: key.terms, queue: VecDeque::new(), announce: false, on_agenda: false, closed: 0 }
    }

    /// The key may have other terms now.
    pub(super) fn go_by(&mut self, key: &KnownKey) {
        if self.terms != key.terms {
            self.terms = key.terms;
            self.purse.set_limited(key.limited);
        }
    }

    /// Whether requests wait.
    pub(super) fn has_waiters(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether neither a lease nor a request is left.
    pub(super) fn is_unused(&self) -> bool {
        self.purse.is_empty() && self.queue.is_empty()
    }

    /// Puts a request behind those that wait already.
    pub(super) fn push(&mut self, request: R, need: Amounts, now_ms: u64) {
        self.queue.push_back(Waiter { request, need, since_ms: now_ms });
    }

    /// What the waiting requests need.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let first = self.queue.front()?.need;
        let all = self.queue.iter().fold(Amounts::default(), |all, waiter| all.plus(&waiter.need));
        Some(Waiting { first, all })
    }

    /// Takes the ledger's reply to a claim that was sent at `sent_ms`, and answers those for whom it is enough.
    pub(super) fn heard(&mut self, reply: Reply, sent_ms: u64, now_ms: u64, answers: &mut Vec<(R, Answer)>) {
        // What the ledger says of former leases is no answer to those who wait.
        let current = self.is_current(&reply.lease);
        self.purse.heard(&reply, sent_ms);
        if current {
            self.closed = if reply.state == LeaseState::Open { 0 } else { self.closed.saturating_add(1) };
            self.answer(reply.refusal, now_ms, answers);
        }
    }

    /// The ledger could not book what was said of this lease, which will be repeated. If it is the one to spend from,
    /// nobody waits any longer: a former one's last word may fail while others are granted what the ledger's absence
    /// allows.
    pub(super) fn not_booked(&mut self, lease: &str, answers: &mut Vec<(R, Answer)>) {
        let current = self.is_current(lease);
        self.purse.not_booked(lease);
        if current {
            answers.extend(self.queue.drain(..).map(|waiter| (waiter.request, Answer::Unavailable)));
        }
    }

    /// Gives up on those who have waited too long.
    pub(super) fn give_up(&mut self, now_ms: u64, answers: &mut Vec<(R, Answer)>) {
        let too_long = |waiter: &mut Waiter<R>| now_ms.saturating_sub(waiter.since_ms) >= WAIT_MS;
        while let Some(waiter) = self.queue.pop_front_if(too_long) {
            answers.push((waiter.request, Answer::Unavailable));
        }
    }

    /// Whether this lease, by its id, is the one that waiting requests are granted from.
    fn is_current(&self, lease: &str) -> bool {
        let number = lease.rsplit_once('/').and_then(|(_, number)| number.parse::<u64>().ok());
        number.is_some() && number == self.purse.holdings().last().map(|holding| holding.lease)
    }

    /// Lets those through that fit now, in their order. The ledger's refusal is for the first that does not, and for
    /// those behind it that need at least as much of what is short: one look-up for all.
    fn answer(&mut self, refusal: Option<Refusal>, now_ms: u64, answers: &mut Vec<(R, Answer)>) {
        let mut refusal = refusal.map(Box::new);
        let mut refused_need = None;
        while let Some(waiter) = self.queue.pop_front() {
            match (self.purse.admit(now_ms, &waiter.need), refusal.take()) {
                (Admission::Granted(reservation), kept) => {
                    refusal = kept;
                    answers.push((waiter.request, Answer::Granted(reservation)));
                }
                (Admission::Short, Some(refused)) => {
                    let unit = refused.unit;
                    let needed = *refused_need.get_or_insert(waiter.need.get(unit));
                    answers.push((waiter.request, Answer::Refused(refused.clone())));
                    if self.queue.front().is_some_and(|next| next.need.get(unit) >= needed) {
                        refusal = Some(refused);
                    }
                }
                // The key has moved: another lease will do. A key that is gone gets none at all.
                (Admission::Short, None) if self.closed >= CLOSED_MAX => {
                    answers.push((waiter.request, Answer::Unavailable));
                }
                (Admission::Short, None) => {
                    self.queue.push_front(waiter);
                    break;
                }
            }
        }
    }
}
