//! The purses of one worker, the requests that wait for them, and the messages to and from the ledger.
//!
//! A key has a purse here only while it is in use. All keys share one session with the control plane; what is due is
//! put together into one message, so that many keys in light use cost few calls.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use ditto_ledger::{Admission, Amounts, Claim, LeaseState, Purse, Refusal, Reservation, Waiting, wire};
use ditto_proto::ledger::{LedgerMessage, WorkerMessage};

use crate::worker::KnownKey;

/// Requests that wait for the ledger in one worker, at most.
const WAITERS_MAX: usize = 10_000;
/// How long a request waits for the ledger, in milliseconds.
const WAIT_MS: u64 = 2_000;
/// Claims of one message, at most.
const CLAIMS_MAX: usize = 512;
/// Leases that are closed one after the other under waiting requests before these are given up.
const CLOSED_MAX: u8 = 3;
/// Messages without an answer, at most.
const MESSAGES_MAX: usize = 32;
/// The first pause after the ledger could not book; it doubles up to the longest.
const PAUSE_MS_MIN: u64 = 100;
/// See [`PAUSE_MS_MIN`].
const PAUSE_MS_MAX: u64 = 2_000;

/// What a request that waits is told; `R` says whose request it is.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It may go on.
    Granted(Reservation),
    /// It does not fit.
    Refused(Box<Refusal>),
    /// The ledger cannot be asked.
    Unavailable,
}

/// Purses by key. `R` names the requests that wait.
#[derive(Debug)]
pub(crate) struct Purses<R> {
    /// Random for each incarnation of a worker.
    worker: String,
    next_serial: u64,
    by_key: HashMap<Rc<str>, Rc<RefCell<Slot<R>>>>,
    by_serial: HashMap<u64, Rc<RefCell<Slot<R>>>>,
    waiting: usize,
    /// Keys whose first request has begun to wait since the last message.
    urgent: bool,
    session: Session,
    /// Requests admitted and messages with claims, for the metric.
    counters: Counters,
}

/// One key's purse and queue.
#[derive(Debug)]
struct Slot<R> {
    serial: u64,
    purse: Purse,
    /// Fingerprint of the terms that the purse goes by.
    terms: u64,
    queue: VecDeque<Waiter<R>>,
    /// The new session must hear of its leases.
    announce: bool,
    /// How often in a row the ledger closed the lease that requests waited for.
    closed: u8,
}

#[derive(Debug)]
struct Waiter<R> {
    request: R,
    need: Amounts,
    since_ms: u64,
}

/// What is on its way to the control plane.
#[derive(Debug, Default)]
struct Session {
    open: bool,
    introduced: bool,
    sequence: u64,
    /// Messages without an answer: when they were sent, and the purses that they speak for.
    sent: HashMap<u64, (u64, Vec<u64>)>,
    pause_ms: u64,
    paused_until_ms: u64,
    /// Recalls that are not done yet, oldest first, each with the serials of the purses that it is for.
    recalls: VecDeque<(u64, Vec<u64>)>,
    /// The latest recall that was said to be done.
    recalled: u64,
}

/// What the worker did, since it was asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Requests with a key that were let through.
    pub(crate) admitted: u64,
    /// Messages to the ledger that carried claims.
    pub(crate) calls: u64,
    /// Requests that had to wait for the ledger.
    pub(crate) waited: u64,
}

impl<R: Clone> Purses<R> {
    pub(crate) fn new(worker: String) -> Self {
        Self {
            worker,
            next_serial: 1,
            by_key: HashMap::new(),
            by_serial: HashMap::new(),
            waiting: 0,
            urgent: false,
            session: Session::default(),
            counters: Counters::default(),
        }
    }

    /// Lets a request of the key through, if its purse covers it and nobody waits before it.
    pub(crate) fn admit(&mut self, key: &KnownKey, need: &Amounts, exact: bool, now_ms: u64) -> Option<Reservation> {
        let slot = self.slot(key, exact);
        let mut slot = slot.borrow_mut();
        if exact && slot.purse.is_limited() || !slot.queue.is_empty() {
            return None;
        }
        match slot.purse.admit(now_ms, need) {
            Admission::Granted(reservation) => {
                self.counters.admitted = self.counters.admitted.saturating_add(1);
                Some(reservation)
            }
            Admission::Short => None,
        }
    }

    /// Puts a request into its key's queue; false when too many wait already.
    pub(crate) fn wait(&mut self, key: &KnownKey, exact: bool, request: R, need: Amounts, now_ms: u64) -> bool {
        if self.waiting >= WAITERS_MAX {
            return false;
        }
        let slot = self.slot(key, exact);
        slot.borrow_mut().queue.push_back(Waiter { request, need, since_ms: now_ms });
        self.waiting = self.waiting.saturating_add(1);
        self.counters.waited = self.counters.waited.saturating_add(1);
        self.urgent = true;
        true
    }

    /// Whether a request has begun to wait since the last message.
    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Books what a request used.
    pub(crate) fn settle(&mut self, key: &str, settle: impl FnOnce(&mut Purse)) {
        if let Some(slot) = self.by_key.get(key) {
            settle(&mut slot.borrow_mut().purse);
        }
    }

    /// The keys of the worker have changed: purses go by the new terms.
    pub(crate) fn refresh(&mut self, key: &KnownKey) {
        if let Some(slot) = self.by_key.get(&key.id) {
            slot.borrow_mut().go_by(key);
        }
    }

    fn slot(&mut self, key: &KnownKey, exact: bool) -> Rc<RefCell<Slot<R>>> {
        if let Some(slot) = self.by_key.get(&key.id) {
            let slot = Rc::clone(slot);
            slot.borrow_mut().go_by(key);
            return slot;
        }
        let serial = self.next_serial;
        self.next_serial = serial.saturating_add(1);
        let mut purse = Purse::new(&*key.id, format!("{}/{serial}", self.worker), exact);
        purse.set_limited(key.limited);
        let slot = Rc::new(RefCell::new(Slot {
            serial,
            purse,
            terms: key.terms,
            queue: VecDeque::new(),
            announce: false,
            closed: 0,
        }));
        self.by_key.insert(Rc::clone(&key.id), Rc::clone(&slot));
        self.by_serial.insert(serial, Rc::clone(&slot));
        slot
    }

    /// The session with the control plane is open, and nothing has been said in it.
    pub(crate) fn opened(&mut self) {
        self.closed();
        self.session = Session { open: true, ..Session::default() };
        for slot in self.by_key.values() {
            slot.borrow_mut().announce = true;
        }
        self.urgent = self.waiting > 0;
    }

    /// The session is gone; what had no answer will be said again.
    pub(crate) fn closed(&mut self) {
        self.session.open = false;
        for (_, serials) in std::mem::take(&mut self.session.sent).into_values() {
            for slot in serials.iter().filter_map(|serial| self.by_serial.get(serial)) {
                slot.borrow_mut().purse.lost();
            }
        }
    }

    /// The next message, if there is anything to say and somebody to say it to.
    pub(crate) fn message(&mut self, node: &str, now_ms: u64) -> Option<WorkerMessage> {
        self.urgent = false;
        if !self.session.open || self.session.sent.len() >= MESSAGES_MAX {
            return None;
        }
        let paused = now_ms < self.session.paused_until_ms;
        let mut claims: Vec<Claim> = Vec::new();
        let mut serials = Vec::new();
        for slot in self.by_key.values() {
            let mut slot = slot.borrow_mut();
            let waits = !slot.queue.is_empty() && slot.purse.asking_since().is_none();
            let free = slot.purse.asking_since().is_none();
            if !(waits || (free && slot.announce) || (!paused && slot.purse.due(now_ms))) {
                continue;
            }
            slot.announce = false;
            let waiting = slot.waiting();
            claims.extend(slot.purse.claims(now_ms, waiting.as_ref()));
            serials.push(slot.serial);
            if claims.len() >= CLAIMS_MAX {
                break;
            }
        }
        let recalled = self.recalls_done();
        if claims.is_empty() && recalled == self.session.recalled {
            return None;
        }
        self.session.recalled = recalled;
        self.session.sequence = self.session.sequence.saturating_add(1);
        self.session.sent.insert(self.session.sequence, (now_ms, serials));
        self.counters.calls = self.counters.calls.saturating_add(u64::from(!claims.is_empty()));
        let introduced = std::mem::replace(&mut self.session.introduced, true);
        Some(WorkerMessage {
            node: if introduced { String::new() } else { node.to_owned() },
            worker: if introduced { String::new() } else { self.worker.clone() },
            sequence: self.session.sequence,
            claims: claims.into_iter().map(wire::claim_to_wire).collect(),
            recalled,
        })
    }

    /// The latest recall that all its purses have followed.
    fn recalls_done(&mut self) -> u64 {
        let mut done = self.session.recalled;
        while let Some((number, serials)) = self.session.recalls.front() {
            let mut slots = serials.iter().filter_map(|serial| self.by_serial.get(serial));
            if slots.any(|slot| slot.borrow().purse.is_recalled()) {
                break;
            }
            done = *number;
            self.session.recalls.pop_front();
        }
        done
    }

    /// Takes a message of the ledger. Returns the requests that need not wait any longer.
    pub(crate) fn heard(&mut self, message: LedgerMessage, now_ms: u64) -> Vec<(R, Answer)> {
        let mut answers = Vec::new();
        if message.recall != 0 {
            let slots: Vec<_> = message.recalls.iter().filter_map(|key| self.by_key.get(key.as_str())).collect();
            slots.iter().for_each(|slot| slot.borrow_mut().purse.recall());
            let serials = slots.iter().map(|slot| slot.borrow().serial).collect();
            self.session.recalls.push_back((message.recall, serials));
            self.urgent = true;
        }
        let Some((sent_ms, serials)) = self.session.sent.remove(&message.sequence) else { return answers };
        for reply in message.replies {
            let serial = reply.lease.split('/').nth(1).and_then(|serial| serial.parse::<u64>().ok());
            let Some(slot) = serial.and_then(|serial| self.by_serial.get(&serial)) else { continue };
            let mut slot = slot.borrow_mut();
            match wire::reply_from_wire(reply) {
                Ok(reply) => {
                    self.session.pause_ms = 0;
                    // What the ledger says of former leases is no answer to those who wait.
                    let current = slot.is_current(&reply.lease);
                    slot.purse.heard(&reply, sent_ms);
                    if current {
                        slot.closed = if reply.state == LeaseState::Open { 0 } else { slot.closed.saturating_add(1) };
                        slot.answer(reply.refusal, now_ms, &mut answers);
                    }
                }
                Err(_) => {
                    slot.purse.lost();
                    let waiters = slot.queue.drain(..);
                    answers.extend(waiters.map(|waiter| (waiter.request, Answer::Unavailable)));
                    let pause = self.session.pause_ms.saturating_mul(2).clamp(PAUSE_MS_MIN, PAUSE_MS_MAX);
                    self.session.pause_ms = pause;
                    self.session.paused_until_ms = now_ms.saturating_add(pause);
                }
            }
        }
        // What the message spoke for and the answer does not mention will be said again.
        for slot in serials.iter().filter_map(|serial| self.by_serial.get(serial)) {
            let mut slot = slot.borrow_mut();
            if slot.purse.asking_since() == Some(sent_ms) {
                slot.purse.lost();
            }
            self.urgent |= !slot.queue.is_empty();
        }
        self.count_answers(&answers);
        answers
    }

    /// Gives up on requests that have waited too long, and on purses that nobody uses.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Vec<(R, Answer)> {
        let mut answers = Vec::new();
        for slot in self.by_key.values() {
            let mut slot = slot.borrow_mut();
            while let Some(waiter) = slot.queue.front() {
                if now_ms.saturating_sub(waiter.since_ms) < WAIT_MS {
                    break;
                }
                if let Some(waiter) = slot.queue.pop_front() {
                    answers.push((waiter.request, Answer::Unavailable));
                }
            }
        }
        let by_serial = &mut self.by_serial;
        self.by_key.retain(|_, slot| {
            let slot = slot.borrow();
            let keep = !slot.purse.is_empty() || !slot.queue.is_empty();
            if !keep {
                by_serial.remove(&slot.serial);
            }
            keep
        });
        self.count_answers(&answers);
        answers
    }

    fn count_answers(&mut self, answers: &[(R, Answer)]) {
        self.waiting = self.waiting.saturating_sub(answers.len());
        let granted = answers.iter().filter(|(_, answer)| matches!(answer, Answer::Granted(_))).count();
        self.counters.admitted = self.counters.admitted.saturating_add(granted as u64);
    }

    /// What was counted since the last call.
    pub(crate) fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// How many keys have a purse; for tests.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}

impl<R> Slot<R> {
    fn go_by(&mut self, key: &KnownKey) {
        if self.terms != key.terms {
            self.terms = key.terms;
            self.purse.set_limited(key.limited);
        }
    }

    fn waiting(&self) -> Option<Waiting> {
        let first = self.queue.front()?.need;
        let all = self.queue.iter().fold(Amounts::default(), |all, waiter| all.plus(&waiter.need));
        Some(Waiting { first, all })
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

#[cfg(test)]
mod tests;
