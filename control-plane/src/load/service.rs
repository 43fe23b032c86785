//! The gRPC method by which Envoys report: one stream for each, open as long as it runs.
//! <https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/service/load_stats/v3/lrs.proto>

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::load_stats::v3::load_reporting_service_server::{
    LoadReportingService, LoadReportingServiceServer,
};
use envoy_types::pb::envoy::service::load_stats::v3::{LoadStatsRequest, LoadStatsResponse};
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Loads;

/// How often each Envoy reports.
const INTERVAL: Duration = Duration::from_secs(1);
/// Streams open at a time; each Envoy has one.
const STREAMS_MAX: usize = 1_024;
/// A report names each cluster of an Envoy; this is enough for some ten thousand.
const REPORT_BYTES_MAX: usize = 8 << 20;
/// Characters of a node's id that are kept.
const NODE_CHARS: usize = 128;

/// The load reporting service.
#[derive(Debug)]
pub struct LoadService {
    loads: Arc<Loads>,
    streams: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

impl LoadService {
    /// Adds to `loads` what Envoys report, until `closing` turns true.
    pub fn new(loads: Arc<Loads>, closing: watch::Receiver<bool>) -> Self {
        Self { loads, streams: Arc::new(Semaphore::new(STREAMS_MAX)), closing }
    }

    /// The service as tonic mounts it.
    pub fn into_server(self) -> LoadReportingServiceServer<Self> {
        LoadReportingServiceServer::new(self).max_decoding_message_size(REPORT_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl LoadReportingService for LoadService {
    type StreamLoadStatsStream = Pin<Box<dyn Stream<Item = Result<LoadStatsResponse, Status>> + Send + 'static>>;

    async fn stream_load_stats(
        &self,
        request: Request<Streaming<LoadStatsRequest>>,
    ) -> Result<Response<Self::StreamLoadStatsStream>, Status> {
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        let permit = permit.map_err(|_| Status::resource_exhausted("too many streams of load reports"))?;
        let (wishes, queue) = mpsc::channel(1);
        let (loads, closing) = (Arc::clone(&self.loads), self.closing.clone());
        tokio::spawn(listen(loads, request.into_inner(), wishes, closing, permit));
        Ok(Response::new(Box::pin(ReceiverStream::new(queue))))
    }
}

/// Hears one Envoy to its end.
async fn listen(
    loads: Arc<Loads>,
    mut reports: Streaming<LoadStatsRequest>,
    wishes: mpsc::Sender<Result<LoadStatsResponse, Status>>,
    mut closing: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    let mut reporter = None;
    loop {
        let report = tokio::select! {
            report = reports.message() => report,
            _ = closing.wait_for(|is_closing| *is_closing) => return,
        };
        let Ok(Some(report)) = report else { return };
        let reporter = reporter.get_or_insert_with(|| {
            let node: String = report.node.iter().flat_map(|node| node.id.chars()).take(NODE_CHARS).collect();
            // The first message asks what to report. Nothing else is ever sent, so there is room.
            let _ = wishes.try_send(Ok(wish()));
            loads.connect(&node)
        });
        reporter.report(&report.cluster_stats);
    }
}

/// What is asked of an Envoy.
fn wish() -> LoadStatsResponse {
    let interval = prost_duration(INTERVAL);
    LoadStatsResponse { send_all_clusters: true, load_reporting_interval: Some(interval), ..Default::default() }
}

fn prost_duration(duration: Duration) -> envoy_types::pb::google::protobuf::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    envoy_types::pb::google::protobuf::Duration { seconds, nanos: 0 }
}
