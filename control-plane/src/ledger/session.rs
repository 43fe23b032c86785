//! The gRPC service through which workers get leases and report what they spent.
//!
//! A session is a stream that reads, books and answers when the transport asks for its next message. There is no task
//! for each connection and no queue but the answers under way: a worker that does not read its answers is not read
//! either, and HTTP/2 flow control holds it where it is.

use std::pin::Pin;
use std::sync::Arc;

use ditto_ledger::wire::{claim_from_wire, reply_to_wire, unavailable};
use ditto_proto::ledger::lease_ledger_server::{LeaseLedger, LeaseLedgerServer};
use ditto_proto::ledger::{LedgerMessage, WorkerMessage};
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Request, Response, Status, Streaming};

use super::desk::{LedgerDesk, Replaced, Seat, Waiting};
use super::outbox::Note;
use crate::envoy::until_true;

/// Sessions at a time; far above a large fleet's workers, so that only a runaway client meets it.
const SESSIONS_MAX: usize = 16_384;
/// Messages of one session that have no answer yet.
const IN_FLIGHT_MAX: usize = 64;
/// One message.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A worker's name, a lease's or a key's id.
const ID_BYTES_MAX: usize = 1024;
/// Characters of a node id that reach the log.
const NODE_CHARS: usize = 128;

/// The service behind `ditto.ledger.v1.LeaseLedger`.
#[derive(Debug)]
pub struct LeaseService {
    desk: Arc<LedgerDesk>,
    slots: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

impl LeaseService {
    /// Serves `desk` until `closing` turns true (or its sender is dropped): sessions have no end of their own, and a
    /// graceful shutdown waits for them.
    pub fn new(desk: Arc<LedgerDesk>, closing: watch::Receiver<bool>) -> Self {
        Self { desk, slots: Arc::new(Semaphore::new(SESSIONS_MAX)), closing }
    }

    /// The service in the form that a tonic router takes.
    pub fn into_server(self) -> LeaseLedgerServer<Self> {
        LeaseLedgerServer::new(self).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl LeaseLedger for LeaseService {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<LedgerMessage, Status>> + Send + 'static>>;

    async fn session(
        &self,
        request: Request<Streaming<WorkerMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let slot =
            self.slots.clone().try_acquire_owned().map_err(|_| Status::resource_exhausted("too many sessions"))?;
        let session = Session {
            desk: self.desk.clone(),
            incoming: Some(request.into_inner()),
            worker: None,
            answers: FuturesUnordered::new(),
            closing: self.closing.clone(),
            _slot: slot,
        };
        let messages = futures_util::stream::unfold(Some(session), |session| async move {
            let mut session = session?;
            match session.next().await {
                Ok(Some(message)) => Some((Ok(message), Some(session))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(messages)))
    }
}

/// One connection.
struct Session {
    desk: Arc<LedgerDesk>,
    /// `None` once the worker has said all it will.
    incoming: Option<Streaming<WorkerMessage>>,
    /// `None` before the first message.
    worker: Option<Worker>,
    answers: FuturesUnordered<BoxFuture<'static, LedgerMessage>>,
    closing: watch::Receiver<bool>,
    _slot: OwnedSemaphorePermit,
}

/// Who speaks.
struct Worker {
    /// What the ids of its leases begin with: its name and a slash.
    prefix: String,
    seat: Seat,
}

impl Session {
    /// Waits for the next message to send; `None` when the session is over.
    async fn next(&mut self) -> Result<Option<LedgerMessage>, Status> {
        loop {
            if self.incoming.is_none() && self.answers.is_empty() {
                return Ok(None);
            }
            let recalls = self.worker.as_ref().map(|worker| &worker.seat.outbox);
            tokio::select! {
                () = until_true(&mut self.closing) => return Ok(None),
                Some(answer) = self.answers.next() => return Ok(Some(answer)),
                note = async { recalls?.next().await.into() }, if recalls.is_some() => match note {
                    Some(Note::Recall { number, keys }) => {
                        return Ok(Some(LedgerMessage { recalls: keys, recall: number, ..LedgerMessage::default() }));
                    }
                    Some(Note::Replaced) | None => return Err(replaced(Replaced)),
                },
                message = receive(&mut self.incoming), if self.incoming.is_some() => match message? {
                    Some(message) => self.take(message)?,
                    None => self.incoming = None,
                },
            }
        }
    }

    /// Takes a message in.
    fn take(&mut self, message: WorkerMessage) -> Result<(), Status> {
        if self.answers.len() >= IN_FLIGHT_MAX {
            return Err(Status::resource_exhausted("too many messages without an answer"));
        }
        let worker = match &mut self.worker {
            Some(worker) => worker,
            none => none.insert(Worker::enter(&self.desk, &message)?),
        };
        if let Some(wrong) = message.claims.iter().find_map(|claim| worker.wrong(&claim.lease, &claim.key_id)) {
            return Err(Status::invalid_argument(wrong));
        }
        let claims = message.claims.into_iter().map(claim_from_wire).collect();
        let waiting = worker.seat.submit(claims, message.recalled).map_err(replaced)?;
        self.answers.push(answer(message.sequence, waiting).boxed());
        Ok(())
    }
}

impl Worker {
    fn enter(desk: &LedgerDesk, first: &WorkerMessage) -> Result<Self, Status> {
        if first.worker.is_empty() || first.worker.len() > ID_BYTES_MAX {
            return Err(Status::invalid_argument("the first message must name the worker"));
        }
        let node: String = first.node.chars().take(NODE_CHARS).collect();
        tracing::debug!(node, worker = first.worker, "a worker opens its session with the ledger");
        Ok(Self { prefix: format!("{}/", first.worker), seat: desk.enter(&first.worker) })
    }

    /// What is wrong with a claim, if anything.
    fn wrong(&self, lease: &str, key_id: &str) -> Option<&'static str> {
        if lease.len() > ID_BYTES_MAX || key_id.len() > ID_BYTES_MAX {
            return Some("an id is too long");
        }
        match lease.strip_prefix(&self.prefix) {
            Some(number) if !number.is_empty() => None,
            _ => Some("a lease is not the worker's"),
        }
    }
}

/// The worker's next message; `None` when there are no more.
async fn receive(incoming: &mut Option<Streaming<WorkerMessage>>) -> Result<Option<WorkerMessage>, Status> {
    match incoming {
        Some(incoming) => incoming.message().await,
        None => Ok(None),
    }
}

/// Waits for all claims of a message.
async fn answer(sequence: u64, waiting: Vec<Waiting>) -> LedgerMessage {
    let answers = join_all(waiting.into_iter().map(Waiting::answer)).await;
    let replies = answers.into_iter().map(|(lease, answer)| match answer {
        Ok(reply) => reply_to_wire(reply),
        Err(away) => unavailable(lease, away.0),
    });
    LedgerMessage { sequence, replies: replies.collect(), ..LedgerMessage::default() }
}

fn replaced(_: Replaced) -> Status {
    Status::aborted("the worker has opened another session")
}
