//! The session with the ledger: what is said in it, and what is heard.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use ditto_ledger::{Claim, wire};
use ditto_proto::ledger::{LedgerMessage, Reply, WorkerMessage};

use super::slot::Slot;
use super::{Answer, Purses};

/// Claims of one message, at most.
pub(super) const CLAIMS_MAX: usize = 512;
/// Messages without an answer, at most.
pub(super) const MESSAGES_MAX: usize = 32;
/// Recalls that are told apart while they are not done. The latest stands for those that come on top.
pub(super) const RECALLS_MAX: usize = 64;
/// The first pause after the ledger could not book; it doubles up to the longest.
const PAUSE_MS_MIN: u64 = 100;
/// See [`PAUSE_MS_MIN`].
const PAUSE_MS_MAX: u64 = 2_000;

/// What is on its way to the control plane.
#[derive(Debug, Default)]
pub(super) struct Session {
    open: bool,
    introduced: bool,
    sequence: u64,
    /// Messages without an answer: when they were sent, and the purses that they speak for.
    sent: HashMap<u64, (u64, Vec<u64>)>,
    pause_ms: u64,
    paused_until_ms: u64,
    /// Recalls that are not done yet, oldest first, each with the serials of the purses that it is for.
    pub(super) recalls: VecDeque<(u64, Vec<u64>)>,
    /// The latest recall that was said to be done.
    recalled: u64,
}

impl Session {
    /// The ledger could not book: reports pause, longer each time.
    fn pause(&mut self, now_ms: u64) {
        self.pause_ms = self.pause_ms.saturating_mul(2).clamp(PAUSE_MS_MIN, PAUSE_MS_MAX);
        self.paused_until_ms = now_ms.saturating_add(self.pause_ms);
    }
}

impl<R: Clone> Purses<R> {
    /// The session with the control plane is open, and nothing has been said in it.
    pub(crate) fn opened(&mut self) {
        self.closed();
        self.session = Session { open: true, ..Session::default() };
        for slot in self.by_key.values() {
            slot.borrow_mut().announce = true;
            self.agenda.add(slot);
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
        if !self.session.open || self.session.sent.len() >= MESSAGES_MAX {
            return None;
        }
        self.urgent = false;
        let (claims, serials) = self.claims_due(now_ms);
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

    /// The claims of one message, and the serials of the purses that they speak for.
    fn claims_due(&mut self, now_ms: u64) -> (Vec<Claim>, Vec<u64>) {
        let paused = now_ms < self.session.paused_until_ms;
        let mut claims: Vec<Claim> = Vec::new();
        let mut serials = Vec::new();
        let mut later = Vec::new();
        while let Some(slot) = self.agenda.next() {
            let mut open = slot.borrow_mut();
            let free = open.purse.asking_since().is_none();
            let urgent = free && (open.has_waiters() || open.announce);
            if !urgent && !open.purse.due(now_ms) {
                continue;
            }
            if !urgent && paused {
                drop(open);
                later.push(slot);
                continue;
            }
            open.announce = false;
            let waiting = open.waiting();
            claims.extend(open.purse.claims(now_ms, waiting.as_ref()));
            serials.push(open.serial);
            if claims.len() >= CLAIMS_MAX {
                // Others may wait that are not in it.
                self.urgent = self.waiting > 0;
                break;
            }
        }
        later.iter().for_each(|slot| self.agenda.add(slot));
        (claims, serials)
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
            self.recall(message.recall, &message.recalls);
        }
        let Some((sent_ms, serials)) = self.session.sent.remove(&message.sequence) else { return answers };
        for reply in message.replies {
            self.reply(reply, sent_ms, now_ms, &mut answers);
        }
        // What the message spoke for and the answer does not mention will be said again.
        for slot in serials.iter().filter_map(|serial| self.by_serial.get(serial)) {
            self.agenda.add(slot);
            let mut slot = slot.borrow_mut();
            if slot.purse.asking_since() == Some(sent_ms) {
                slot.purse.lost();
            }
            self.urgent |= slot.has_waiters();
        }
        self.count_answers(&answers);
        answers
    }

    /// Somebody else needs what is idle in the purses of these keys.
    fn recall(&mut self, number: u64, keys: &[String]) {
        let slots: Vec<_> = keys.iter().filter_map(|key| self.by_key.get(key.as_str())).collect();
        for slot in &slots {
            slot.borrow_mut().purse.recall();
            self.agenda.add(slot);
        }
        let mut serials: Vec<u64> = slots.iter().map(|slot| slot.borrow().serial).collect();
        if self.session.recalls.len() >= RECALLS_MAX
            && let Some((_, earlier)) = self.session.recalls.pop_back()
        {
            serials.extend(earlier);
            serials.sort_unstable();
            serials.dedup();
        }
        self.session.recalls.push_back((number, serials));
        self.urgent = true;
    }

    /// Takes the reply to one claim.
    fn reply(&mut self, reply: Reply, sent_ms: u64, now_ms: u64, answers: &mut Vec<(R, Answer)>) {
        let Some(slot) = self.slot_of(&reply.lease) else { return };
        let lease = reply.lease.clone();
        match wire::reply_from_wire(reply) {
            Ok(reply) => {
                self.session.pause_ms = 0;
                slot.borrow_mut().heard(reply, sent_ms, now_ms, answers);
            }
            Err(_) => {
                slot.borrow_mut().not_booked(&lease, answers);
                self.session.pause(now_ms);
            }
        }
    }

    /// The slot of a lease, whose id is `<worker>/<serial>/<number>`.
    fn slot_of(&self, lease: &str) -> Option<Rc<RefCell<Slot<R>>>> {
        let serial = lease.split('/').nth(1)?.parse::<u64>().ok()?;
        self.by_serial.get(&serial).map(Rc::clone)
    }
}
