//! The gRPC method: socket, clock and queue of one stream, around the state machine that decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::cache::{Registration, SnapshotCache};
use super::node::Node;
use super::snapshot::ResourceType;
use super::stream::Stream;

/// How long old routes and clusters outlive the switch to new ones, unless told otherwise.
pub const RETIRE_GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// Streams open at a time; each Envoy has one.
const STREAMS_MAX: usize = 1024;

/// A request is a list of names and perhaps a reason for refusing. This bounds what a stream can make us remember.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// There is at most one unanswered response of each type, so a queue of this length is never full.
const RESPONSES_QUEUED_MAX: usize = ResourceType::ALL.len();

/// The aggregated discovery service.
#[derive(Clone, Debug)]
pub struct XdsService {
    cache: Arc<SnapshotCache>,
    retire_grace: Duration,
    streams: Arc<Semaphore>,
}

type Responses = mpsc::Sender<Result<DiscoveryResponse, Status>>;

// === impl XdsService ===

impl XdsService {
    /// A service that hands out what `cache` holds.
    ///
    /// `retire_grace` is how long routes and clusters of the old configuration outlive the switch to the new one. It
    /// should be about as long as a request may take before it has been given a cluster, plus retries.
    pub fn new(cache: Arc<SnapshotCache>, retire_grace: Duration) -> Self {
        Self { cache, retire_grace, streams: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }

    /// The service as tonic mounts it.
    pub fn into_server(self) -> AggregatedDiscoveryServiceServer<Self> {
        AggregatedDiscoveryServiceServer::new(self).max_decoding_message_size(REQUEST_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl AggregatedDiscoveryService for XdsService {
    type StreamAggregatedResourcesStream = ReceiverStream<Result<DiscoveryResponse, Status>>;
    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        let permit = permit.map_err(|_| Status::resource_exhausted("too many xDS streams"))?;
        let (responses, queue) = mpsc::channel(RESPONSES_QUEUED_MAX);
        tokio::spawn(self.clone().serve(request.into_inner(), responses, permit));
        Ok(Response::new(ReceiverStream::new(queue)))
    }

    async fn delta_aggregated_resources(
        &self,
        _request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("this server speaks state-of-the-world xDS only"))
    }
}

impl XdsService {
    /// Runs one stream to its end. A node that goes away is no error: it will be back.
    async fn serve(self, requests: Streaming<DiscoveryRequest>, responses: Responses, _permit: OwnedSemaphorePermit) {
        if let Err(status) = self.converse(requests, &responses).await {
            tracing::warn!(reason = status.message(), "xDS stream ended by the server");
            // Nobody may be listening any more, and then nobody needs to know.
            let _ = responses.try_send(Err(status));
        }
    }

    async fn converse(&self, mut requests: Streaming<DiscoveryRequest>, responses: &Responses) -> Result<(), Status> {
        let mut goals = self.cache.watch_goals();
        let mut closed = self.cache.watch_closed();
        // Where a node is to go depends on who it is, which its first request says.
        let mut request = tokio::select! {
            request = requests.message() => match request {
                Ok(Some(request)) => Some(request),
                Ok(None) | Err(_) => return Ok(()),
            },
            _ = closed.wait_for(|is_closed| *is_closed) => return Err(Status::unavailable("shutting down")),
        };
        let node = request.as_ref().and_then(|request| request.node.as_ref()).map(Node::of).unwrap_or_default();
        let goal = goals.borrow_and_update().of(&node);
        let mut stream = self.cache.new_stream(&goal, self.retire_grace);
        let mut registration = None;
        loop {
            if let Some(request) = request.take() {
                let answers = stream.on_request(&request, now());
                let answers = answers.map_err(|error| Status::invalid_argument(error.to_string()))?;
                self.report(&stream, &node, &mut registration);
                if !send(responses, answers) {
                    return Ok(());
                }
            }
            let answers = tokio::select! {
                heard = requests.message() => match heard {
                    Ok(Some(heard)) => {
                        request = Some(heard);
                        continue;
                    }
                    Ok(None) | Err(_) => return Ok(()),
                },
                Ok(()) = goals.changed() => {
                    let goal = goals.borrow_and_update().of(&node);
                    stream.on_snapshot(goal, now())
                }
                () = sleep_until(stream.next_deadline()) => stream.on_tick(now()),
                _ = closed.wait_for(|is_closed| *is_closed) => return Err(Status::unavailable("shutting down")),
            };
            self.report(&stream, &node, &mut registration);
            if !send(responses, answers) {
                return Ok(());
            }
        }
    }

    fn report(&self, stream: &Stream, node: &Node, registration: &mut Option<Registration>) {
        match (registration, stream.node_id()) {
            (Some(registration), _) => registration.update(stream.progress()),
            (registration @ None, Some(_)) => *registration = Some(self.cache.register(node, stream.progress())),
            (None, None) => {}
        }
    }
}

/// False if the node has gone.
fn send(responses: &Responses, answers: Vec<DiscoveryResponse>) -> bool {
    // Full cannot be, see the length; closed means that the node has gone.
    answers.into_iter().all(|answer| responses.try_send(Ok(answer)).is_ok())
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
