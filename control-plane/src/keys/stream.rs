//! The gRPC service through which workers learn of keys and credentials.
//!
//! The reply is a stream that builds each Update when the transport asks for it. There is no task and no queue per
//! connection: a worker that does not read costs a cursor, and HTTP/2 flow control holds it where it is.

use std::pin::Pin;
use std::sync::Arc;

use ditto_proto::sync::policy_sync_server::{PolicySync, PolicySyncServer};
use ditto_proto::sync::{Update, WatchRequest};
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::{Request, Response, Status};

use super::cursor::Cursor;
use super::hub::Hub;

#[cfg(test)]
mod tests;

/// Workers served at once; far above a large fleet's, so that only a runaway client meets it.
const WATCHES_MAX: usize = 16_384;

/// Characters of a node id that reach the log.
const NODE_CHARS: usize = 128;

/// The service behind `ditto.sync.v1.PolicySync`.
#[derive(Debug)]
pub struct SyncService {
    hub: Arc<Hub>,
    slots: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

impl SyncService {
    /// Serves `hub` until `closing` turns true (or its sender is dropped): streams have no end of their own, and a
    /// graceful shutdown waits for them.
    pub fn new(hub: Arc<Hub>, closing: watch::Receiver<bool>) -> Self {
        Self { hub, slots: Arc::new(Semaphore::new(WATCHES_MAX)), closing }
    }

    /// The service in the form that a tonic router takes.
    pub fn into_server(self) -> PolicySyncServer<Self> {
        PolicySyncServer::new(self)
    }
}

#[tonic::async_trait]
impl PolicySync for SyncService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Update, Status>> + Send + 'static>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let slot =
            self.slots.clone().try_acquire_owned().map_err(|_| Status::resource_exhausted("too many watches"))?;
        let WatchRequest { node, epoch, revision } = request.into_inner();
        let node: String = node.chars().take(NODE_CHARS).collect();
        let cursor = Cursor::new(&self.hub, &epoch, revision);
        tracing::debug!(node, revision, "a worker watches the keys");
        let watch = Watch {
            bell: self.hub.subscribe(),
            hub: self.hub.clone(),
            cursor,
            closing: self.closing.clone(),
            _slot: slot,
        };
        let updates = futures_util::stream::unfold(watch, |mut watch| async move {
            let update = watch.next().await?;
            Some((Ok(update), watch))
        });
        Ok(Response::new(Box::pin(updates)))
    }
}

/// One connection.
struct Watch {
    hub: Arc<Hub>,
    cursor: Cursor,
    bell: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    _slot: OwnedSemaphorePermit,
}

impl Watch {
    /// Waits for the next Update; `None` when the control plane stops.
    async fn next(&mut self) -> Option<Update> {
        loop {
            if *self.closing.borrow() {
                return None;
            }
            // Before looking: a change that comes after the look rings again.
            self.bell.mark_unchanged();
            if let Some(update) = self.cursor.next(&self.hub) {
                return Some(update);
            }
            tokio::select! {
                rung = self.bell.changed() => rung.ok()?,
                changed = self.closing.changed() => changed.ok()?,
            }
        }
    }
}
