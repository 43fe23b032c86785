//! The queues of keys, and the session with the ledger.

use ditto_ledger::{Limits, MINUTE_MS, Unit};
use ditto_proto::ledger::{LedgerMessage, WorkerMessage};

use super::session::{CLAIMS_MAX, MESSAGES_MAX, RECALLS_MAX};
use super::slot::{CLOSED_MAX, WAIT_MS};
use super::*;
use crate::fake_host::ledger::Ledger;

mod queue;
mod session;

const START: u64 = 1_000 * MINUTE_MS;

/// Purses of one worker, whose requests are numbers, and their ledger.
struct Desk {
    purses: Purses<u32>,
    ledger: Ledger,
    now_ms: u64,
}

/// What a request was told, for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Granted,
    Refused,
    Unavailable,
}

/// A key with a limit of tokens.
fn key(id: &str) -> KnownKey {
    KnownKey { id: id.into(), limited: [true, false, false, false], strict: None, terms: 1, enabled: true, pin: None }
}

fn tokens(tokens: u64) -> Amounts {
    Amounts { tokens, ..Amounts::default() }
}

fn limit(tokens: u64) -> Limits {
    Limits { tokens: Some(tokens), ..Limits::default() }
}

impl Desk {
    /// With an open session, and the key `a` that may spend so much.
    fn new(tokens: u64) -> Self {
        let mut desk = Self { purses: Purses::new("w".into()), ledger: Ledger::default(), now_ms: START };
        desk.ledger.limit("a", limit(tokens));
        desk.purses.opened();
        desk
    }

    /// A request of `a`: admitted, or it waits.
    fn request(&mut self, request: u32, need: u64) -> Option<Reservation> {
        self.request_of(&key("a"), request, need)
    }

    fn request_of(&mut self, key: &KnownKey, request: u32, need: u64) -> Option<Reservation> {
        let granted = self.purses.admit(key, &tokens(need), false, self.now_ms);
        if granted.is_none() {
            assert!(self.purses.wait(key, false, request, tokens(need), self.now_ms));
        }
        granted
    }

    fn message(&mut self) -> Option<WorkerMessage> {
        self.purses.message("node", self.now_ms)
    }

    /// The ledger answers this message.
    fn answer(&mut self, message: WorkerMessage) -> Vec<(u32, Answer)> {
        let reply = self.ledger.answer(message, self.now_ms);
        self.purses.heard(reply, self.now_ms)
    }

    /// Messages go to and fro until there is nothing to say.
    fn talk(&mut self) -> Vec<(u32, Answer)> {
        let mut answers = Vec::new();
        while let Some(message) = self.message() {
            answers.extend(self.answer(message));
        }
        answers
    }

    /// A request ended and used this.
    fn settle(&mut self, reservation: &Reservation, used: u64) {
        let now_ms = self.now_ms;
        let counts = ditto_ledger::Counts { requests: 1, ..Default::default() };
        self.purses.settle("a", |purse| purse.settle(reservation, &tokens(used), &counts, now_ms));
    }

    fn tick(&mut self) -> Vec<(u32, Answer)> {
        self.purses.tick(self.now_ms)
    }

    /// What `a` has spent, and what is held for it.
    fn books(&self) -> (u64, u64) {
        let account = self.ledger.account("a");
        (account.spent.tokens, account.held.tokens)
    }
}

fn told(answers: &[(u32, Answer)]) -> Vec<(u32, Told)> {
    let word = |answer: &Answer| match answer {
        Answer::Granted(_) => Told::Granted,
        Answer::Refused(_) => Told::Refused,
        Answer::Unavailable => Told::Unavailable,
    };
    answers.iter().map(|(request, answer)| (*request, word(answer))).collect()
}

/// The reservations of those that were granted.
fn granted(answers: Vec<(u32, Answer)>) -> Vec<Reservation> {
    let reservation = |(_, answer)| if let Answer::Granted(reservation) = answer { Some(reservation) } else { None };
    answers.into_iter().filter_map(reservation).collect()
}
