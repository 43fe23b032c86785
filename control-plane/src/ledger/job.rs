//! A claim on its way through the desk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ditto_ledger::{Claim, Reply};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::holders::SessionId;
use super::options::Away;

/// What is said about a claim.
pub(super) type Answer = Result<Reply, Away>;

/// A claim that waits for its answer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) claim: Claim,
    /// The session that it came by, if any.
    pub(super) session: Option<SessionId>,
    /// Who waits. `None`: nobody, it is booked all the same.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// Until it has been booked: the message that it came in.
    pub(super) told: Option<Arc<Told>>,
    /// It has been in a step that failed for something in it; now each claim of that step gets its own.
    pub(super) alone: bool,
    /// The recall that it has waited for from its beginning: its account and number.
    pub(super) recall: Option<(String, u64)>,
    /// When it was first refused.
    pub(super) since: Option<Instant>,
}

/// A message that answers recalls, once all its claims have been booked.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) session: SessionId,
    pub(super) recalled: u64,
    pub(super) left: AtomicUsize,
}

impl Told {
    /// One more claim has been booked; true with the last.
    pub(super) fn booked(&self) -> bool {
        self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

impl Job {
    pub(super) fn new(claim: Claim, answer: Option<oneshot::Sender<Answer>>) -> Self {
        Self { claim, session: None, answer, told: None, alone: false, recall: None, since: None }
    }

    /// Whether somebody waits for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    /// Answers. Nothing happens if nobody waits any more.
    pub(super) fn answer(self, answer: Answer) {
        if let Some(sender) = self.answer {
            let _ = sender.send(answer);
        }
    }
}
