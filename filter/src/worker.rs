//! What one worker shares between its stages: what it knows, what its keys may spend, and the requests that the backend
//! stage must prepare. Both stages run in one VM per worker.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use ditto_policy::key::TokenHash;
use ditto_policy::routing::Backend;
use ditto_proto::sync::Update;

use crate::backend_stage::Attempt;
use crate::gateway_stage::Waiting;
use crate::in_flight::InFlight;
use crate::knowledge::Knowledge;
use crate::outcomes::Outcomes;
use crate::purses::Purses;
use crate::request_id::RequestIds;

/// Backends of which it is remembered whether they have Responses. Those of one document, and what former ones left.
const RESPONSES_MAX: usize = 4_096;
/// For how long: backends learn.
const RESPONSES_KNOWN_MS: u64 = 600_000;

/// Everything one worker shares between its stages.
#[derive(Debug)]
pub struct Worker {
    /// Virtual keys and credentials.
    pub knowledge: RefCell<Knowledge>,
    /// Makes request ids.
    pub request_ids: RequestIds,
    /// What keys may spend, and the requests that wait for the ledger.
    pub(crate) purses: RefCell<Purses<Waiting>>,
    /// Its part of the requests in flight, where their number is limited.
    pub(crate) in_flight: InFlight,
    /// What became of requests.
    pub(crate) outcomes: RefCell<Outcomes>,
    /// Whether passthrough backends have OpenAI's Responses, by cluster, and until when that is taken for granted.
    responses: RefCell<HashMap<String, (bool, u64)>>,
    attempts: RefCell<HashMap<u64, Rc<Attempt>>>,
    next_attempt: Cell<u64>,
}

impl Worker {
    /// `random` tells this worker from all others, its former incarnations included.
    pub fn new(random: u128) -> Self {
        let name = format!("{random:032x}");
        Self {
            outcomes: RefCell::new(Outcomes::new(name.clone())),
            purses: RefCell::new(Purses::new(name)),
            in_flight: InFlight::new(random as u64),
            knowledge: RefCell::new(Knowledge::new(random as u64)),
            request_ids: RequestIds::new(random as u32),
            responses: RefCell::default(),
            attempts: RefCell::default(),
            next_attempt: Cell::new(1),
        }
    }

    /// Keeps a request's originals for the backend stage, until the ticket is dropped.
    pub fn keep_attempt(self: &Rc<Self>, attempt: Attempt) -> Ticket {
        let id = self.next_attempt.get();
        self.next_attempt.set(id.wrapping_add(1));
        self.attempts.borrow_mut().insert(id, Rc::new(attempt));
        Ticket { worker: Rc::clone(self), id }
    }

    /// Whether a passthrough backend has OpenAI's Responses; `None`: nobody knows.
    pub(crate) fn has_responses(&self, cluster: &str, now_ms: u64) -> Option<bool> {
        let known = self.responses.borrow();
        known.get(cluster).filter(|(_, until_ms)| now_ms < *until_ms).map(|(has, _)| *has)
    }

    /// A passthrough backend has, or lacks, OpenAI's Responses.
    pub(crate) fn learn_responses(&self, cluster: &str, has: bool, now_ms: u64) {
        let mut known = self.responses.borrow_mut();
        if known.len() >= RESPONSES_MAX {
            known.retain(|_, (_, until_ms)| now_ms < *until_ms);
        }
        if known.len() < RESPONSES_MAX {
            known.insert(cluster.to_owned(), (has, now_ms.saturating_add(RESPONSES_KNOWN_MS)));
        }
    }

    /// What was known of a backend's Responses is in doubt.
    pub(crate) fn forget_responses(&self, cluster: &str) {
        self.responses.borrow_mut().remove(cluster);
    }

    /// The query that a backend's requests get; `None`: it is not known yet.
    pub(crate) fn query_of(&self, backend: &Backend) -> Option<String> {
        if !backend.has_query_params {
            return Some(String::new());
        }
        self.knowledge.borrow().credentials(&backend.cluster).map(|credentials| credentials.query.clone())
    }

    /// Takes one message of the key stream.
    pub fn apply(&self, update: Update) {
        let changed: Vec<TokenHash> =
            update.upserts.iter().filter_map(|key| TokenHash::from_bytes(&key.token_sha256)).collect();
        let mut knowledge = self.knowledge.borrow_mut();
        knowledge.apply(update);
        let mut purses = self.purses.borrow_mut();
        if purses.len() > 0 {
            changed.iter().filter_map(|hash| knowledge.key(hash)).for_each(|key| purses.refresh(key));
        }
    }

    /// The originals behind a ticket.
    pub fn attempt(&self, id: u64) -> Option<Rc<Attempt>> {
        self.attempts.borrow().get(&id).cloned()
    }

    /// How many requests are kept; for tests.
    pub fn attempts_kept(&self) -> usize {
        self.attempts.borrow().len()
    }
}

/// Holds a request's originals; they go when it goes, which is when the client's stream ends.
#[derive(Debug)]
pub struct Ticket {
    worker: Rc<Worker>,
    id: u64,
}

impl Ticket {
    /// The name under which the backend stage finds the originals.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The originals.
    pub fn attempt(&self) -> Option<Rc<Attempt>> {
        self.worker.attempt(self.id)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.worker.attempts.borrow_mut().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn originals_go_with_their_ticket() {
        let worker = Rc::new(Worker::new(1));
        let ticket = worker.keep_attempt(Attempt::default());
        assert!(worker.attempt(ticket.id()).is_some());
        drop(ticket);
        assert_eq!(worker.attempts_kept(), 0);
    }
}
