//! Telling the control plane what became of requests.
//!
//! A call belongs to the root context that made it, and so does its answer; what is counted is the worker's.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use prost::Message as _;
use proxy_wasm::hostcalls;

use super::{CONTROL_CLUSTER, WORKER};
use crate::abi::Envoy;
use crate::host::Host as _;
use crate::worker::Worker;

/// How long a report may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// gRPC's status of a call that went well.
const OK: u32 = 0;

thread_local! {
    /// The report under way: its token, and the root context that the token is of.
    static CALL: Cell<Option<(u32, u32)>> = const { Cell::new(None) };
}

/// Sends the report that is due, if one is; `root` is the context at hand.
pub(super) fn tick(node: &str, root: u32) {
    let now_ms = Envoy.now_ms();
    let report = |worker: &Rc<Worker>| Some(worker.outcomes.borrow_mut().report(node, now_ms)?.encode_to_vec());
    let Some(message) = WORKER.with(report) else { return };
    let (service, method) = ("ditto.outcome.v1.OutcomeReports", "Report");
    let call = hostcalls::dispatch_grpc_call(CONTROL_CLUSTER, service, method, Vec::new(), Some(&message), TIMEOUT);
    CALL.set(call.ok().map(|token| (token, root)));
    if call.is_err() {
        WORKER.with(|worker| worker.outcomes.borrow_mut().answered(false, now_ms));
    }
}

/// A call of the root context `root` has ended.
pub(super) fn answered(token: u32, root: u32, status: u32) {
    if CALL.get() != Some((token, root)) {
        return;
    }
    CALL.set(None);
    WORKER.with(|worker| worker.outcomes.borrow_mut().answered(status == OK, Envoy.now_ms()));
}

/// The root context `root` goes. Of a report that it sent, nothing will be heard any more.
pub(super) fn gone(root: u32) {
    if CALL.get().is_some_and(|(_, caller)| caller == root) {
        CALL.set(None);
        WORKER.with(|worker| worker.outcomes.borrow_mut().answered(false, Envoy.now_ms()));
    }
}
