//! The purses of one worker, the requests that wait for them, and the messages to and from the ledger.
//!
//! A key has a purse here only while it is in use. All keys share one session with the control plane; what is due is
//! put together into one message, so that many keys in light use cost few calls.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use ditto_ledger::{Admission, Amounts, Purse, Refusal, Reservation};

use crate::knowledge::KnownKey;

mod agenda;
mod session;
mod slot;

use agenda::Agenda;
use session::Session;
use slot::Slot;

/// Requests that wait for the ledger in one worker, at most.
const WAITERS_MAX: usize = 10_000;

/// Purses that one tick looks at for what time alone decides, unless there are more than four times as many: then it
/// looks at a quarter of them, so that each has its turn within four ticks.
const TURN_MIN: usize = 256;
/// See [`TURN_MIN`].
const TURN_SHARE: usize = 4;

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
    /// All slots, in the order in which ticks look at them.
    turns: VecDeque<Rc<RefCell<Slot<R>>>>,
    /// Slots that the next message looks at.
    agenda: Agenda<R>,
    waiting: usize,
    /// Keys whose first request has begun to wait since the last message.
    urgent: bool,
    session: Session,
    /// Requests admitted and messages with claims, for the metric.
    counters: Counters,
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
            turns: VecDeque::new(),
            agenda: Agenda::default(),
            waiting: 0,
            urgent: false,
            session: Session::default(),
            counters: Counters::default(),
        }
    }

    /// Lets a request of the key through, if its purse covers it and nobody waits before it.
    pub(crate) fn admit(&mut self, key: &KnownKey, need: &Amounts, exact: bool, now_ms: u64) -> Option<Reservation> {
        let slot = self.slot(key, exact);
        self.agenda.add(&slot);
        let mut slot = slot.borrow_mut();
        if exact && slot.purse.is_limited() || slot.has_waiters() {
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

    /// Why a request that was not let through need not ask the ledger: it has just refused one that needed no more.
    pub(crate) fn refusal(&self, key: &KnownKey, need: &Amounts, now_ms: u64) -> Option<Refusal> {
        let slot = self.by_key.get(&key.id)?.borrow();
        if slot.has_waiters() { None } else { slot.purse.refusal(now_ms, need).cloned() }
    }

    /// Puts a request into its key's queue; false when too many wait already.
    pub(crate) fn wait(&mut self, key: &KnownKey, exact: bool, request: R, need: Amounts, now_ms: u64) -> bool {
        if self.waiting >= WAITERS_MAX {
            return false;
        }
        let slot = self.slot(key, exact);
        slot.borrow_mut().push(request, need, now_ms);
        self.agenda.add(&slot);
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
            self.agenda.add(slot);
        }
    }

    /// The keys of the worker have changed: purses go by the new terms.
    pub(crate) fn refresh(&mut self, key: &KnownKey) {
        if let Some(slot) = self.by_key.get(&key.id) {
            slot.borrow_mut().go_by(key);
            self.agenda.add(slot);
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
        let slot = Rc::new(RefCell::new(Slot::new(key, &self.worker, serial, exact)));
        self.by_key.insert(Rc::clone(&key.id), Rc::clone(&slot));
        self.by_serial.insert(serial, Rc::clone(&slot));
        self.turns.push_back(Rc::clone(&slot));
        slot
    }

    /// Looks at some purses for what time alone decides: gives up on requests that have waited too long and on purses
    /// that nobody uses, and has the next message look at those that have something to say.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Vec<(R, Answer)> {
        let mut answers = Vec::new();
        let turns = self.turns.len().min(TURN_MIN.max(self.turns.len() / TURN_SHARE));
        for _ in 0..turns {
            let Some(slot) = self.turns.pop_front() else { break };
            let mut open = slot.borrow_mut();
            open.give_up(now_ms, &mut answers);
            if open.is_unused() {
                self.by_serial.remove(&open.serial);
                self.by_key.remove(open.purse.key_id());
                continue;
            }
            let due = open.purse.due(now_ms);
            drop(open);
            if due {
                self.agenda.add(&slot);
            }
            self.turns.push_back(slot);
        }
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

#[cfg(test)]
mod tests;
