//! The gRPC method by which workers tell.

use std::sync::Arc;

use ditto_proto::outcome::outcome_reports_server::{OutcomeReports, OutcomeReportsServer};
use ditto_proto::outcome::{OutcomeReceipt, OutcomeReport};
use tonic::{Request, Response, Status};

use super::{Judge, Outcomes};

/// A report names each backend of a few configurations; this is enough for some ten thousand.
const REPORT_BYTES_MAX: usize = 4 << 20;
/// Bytes of a worker's name.
const WORKER_BYTES_MAX: usize = 128;

/// The service behind `ditto.outcome.v1.OutcomeReports`.
#[derive(Debug)]
pub struct OutcomeService {
    outcomes: Arc<Outcomes>,
    judge: Judge,
}

impl OutcomeService {
    /// Adds to `outcomes` what workers tell, and has `judge` hear it.
    pub fn new(outcomes: Arc<Outcomes>, judge: Judge) -> Self {
        Self { outcomes, judge }
    }

    /// The service as tonic mounts it.
    pub fn into_server(self) -> OutcomeReportsServer<Self> {
        OutcomeReportsServer::new(self).max_decoding_message_size(REPORT_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl OutcomeReports for OutcomeService {
    async fn report(&self, request: Request<OutcomeReport>) -> Result<Response<OutcomeReceipt>, Status> {
        let report = request.into_inner();
        if report.worker.is_empty() || report.worker.len() > WORKER_BYTES_MAX {
            return Err(Status::invalid_argument("a worker needs a name of at most 128 bytes"));
        }
        if self.outcomes.hear(&report) {
            self.judge.hear(&report);
        }
        Ok(Response::new(OutcomeReceipt {}))
    }
}
