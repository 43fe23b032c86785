//! The gRPC method by which Envoys report: one stream for each, open as long as it runs.
//! <https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/service/load_stats/v3/lrs.proto>

use std::pin::Pin;
use std::sync::Arc;

use envoy_types::pb::envoy::service::load_stats::v3::load_reporting_service_server::{
    LoadReportingService, LoadReportingServiceServer,
};
use envoy_types::pb::envoy::service::load_stats::v3::{LoadStatsRequest, LoadStatsResponse};
use envoy_types::pb::google::protobuf::Duration;
use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Loads;
use crate::envoy::until_true;
use crate::xds::SnapshotCache;

/// How often an Envoy reports, in seconds: for each so many of its clusters once, because its reports name all of them.
const CLUSTERS_A_SECOND: usize = 1_000;
/// The longest time between reports, in seconds.
const INTERVAL_SECONDS_MAX: usize = 10;
/// Streams open at a time; each Envoy has one.
const STREAMS_MAX: usize = 1_024;
/// A report names each cluster of an Envoy; this is enough for some ten thousand.
const REPORT_BYTES_MAX: usize = 8 << 20;
/// Wishes that an Envoy has not read yet.
const WISHES_QUEUED_MAX: usize = 2;
/// Characters of a node's id that are kept.
const NODE_CHARS: usize = 128;

/// The load reporting service.
#[derive(Debug)]
pub struct LoadService {
    loads: Arc<Loads>,
    cache: Arc<SnapshotCache>,
    streams: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

impl LoadService {
    /// Adds to `loads` what Envoys report, until `closing` turns true. `cache` says when they have other clusters.
    pub fn new(loads: Arc<Loads>, cache: Arc<SnapshotCache>, closing: watch::Receiver<bool>) -> Self {
        Self { loads, cache, streams: Arc::new(Semaphore::new(STREAMS_MAX)), closing }
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
        let (wishes, queue) = mpsc::channel(WISHES_QUEUED_MAX);
        let listener = Listener {
            loads: Arc::clone(&self.loads),
            wishes,
            clusters: self.cache.watch_clusters(),
            interval_seconds: 1,
            closing: self.closing.clone(),
            _permit: permit,
        };
        tokio::spawn(listener.listen(request.into_inner()));
        Ok(Response::new(Box::pin(ReceiverStream::new(queue))))
    }
}

/// Who hears one Envoy.
struct Listener {
    loads: Arc<Loads>,
    wishes: mpsc::Sender<Result<LoadStatsResponse, Status>>,
    clusters: watch::Receiver<()>,
    interval_seconds: i64,
    closing: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    /// Hears the Envoy to its end.
    ///
    /// Envoy begins to count at a cluster when it is told what to report, or when the report after that is due: what
    /// passed there before is lost. So it is told again when it has new clusters, which is before it uses them.
    async fn listen(mut self, mut reports: Streaming<LoadStatsRequest>) {
        let mut reporter = None;
        loop {
            let report = tokio::select! {
                report = reports.message() => report,
                Ok(()) = self.clusters.changed(), if reporter.is_some() => {
                    self.wish();
                    continue;
                }
                () = until_true(&mut self.closing) => return,
            };
            let Ok(Some(report)) = report else { return };
            if reporter.is_none() {
                self.clusters.mark_unchanged();
                self.wish();
            }
            let reporter = reporter.get_or_insert_with(|| {
                let node: String = report.node.iter().flat_map(|node| node.id.chars()).take(NODE_CHARS).collect();
                self.loads.connect(&node)
            });
            reporter.report(&report.cluster_stats);
            let interval_seconds = interval_seconds(report.cluster_stats.len());
            if interval_seconds != std::mem::replace(&mut self.interval_seconds, interval_seconds) {
                self.wish();
            }
        }
    }

    fn wish(&self) {
        // Where some are waiting to be read, one more says nothing new.
        let _ = self.wishes.try_send(Ok(wish(self.interval_seconds)));
    }
}

/// How long an Envoy with so many clusters waits between two reports.
fn interval_seconds(clusters: usize) -> i64 {
    let seconds = clusters.div_ceil(CLUSTERS_A_SECOND).clamp(1, INTERVAL_SECONDS_MAX);
    i64::try_from(seconds).unwrap_or(1)
}

/// What is asked of an Envoy.
fn wish(interval_seconds: i64) -> LoadStatsResponse {
    let interval = Duration { seconds: interval_seconds, nanos: 0 };
    LoadStatsResponse { send_all_clusters: true, load_reporting_interval: Some(interval), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_many_clusters_reports_less_often() {
        let seconds = [0, 1_000, 1_001, 3_000, 1_000_000].map(interval_seconds);
        assert_eq!(seconds, [1, 1, 2, 3, 10]);
    }
}
