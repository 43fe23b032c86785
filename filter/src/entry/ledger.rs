//! The session with the ledger, and how its answers reach the requests that wait for them.
//!
//! The stream belongs to the root context, and Envoy finds a stream only in the context that opened it. A request's
//! callback therefore changes over to the root context to send, and the root's callback to each request to answer it.

use std::cell::Cell;
use std::rc::Rc;

use ditto_proto::ledger::LedgerMessage;
use prost::Message as _;
use proxy_wasm::hostcalls;

use super::WORKER;
use crate::abi::Envoy;
use crate::gateway_stage::{Waiting, give_up};
use crate::host::{Flow, Host};
use crate::purses::Answer;
use crate::worker::Worker;

thread_local! {
    /// The session's stream and the root context that it belongs to.
    static SESSION: Cell<Option<(u32, u32)>> = const { Cell::new(None) };
}

/// The stream of the session, if one is open.
pub(super) fn session() -> Option<u32> {
    SESSION.get().map(|(stream, _)| stream)
}

/// Takes a newly opened stream for the session; called by the root context that opened it.
pub(super) fn opened(stream: u32, root: u32) {
    SESSION.set(Some((stream, root)));
    WORKER.with(|worker| worker.purses.borrow_mut().opened());
}

/// The session is gone.
pub(super) fn closed() {
    SESSION.set(None);
    WORKER.with(|worker| worker.purses.borrow_mut().closed());
}

/// Sends what is due. `own` is the context at hand.
pub(super) fn send(node: &str, own: u32) {
    let Some((stream, root)) = SESSION.get() else { return };
    let message = WORKER.with(|worker| worker.purses.borrow_mut().message(node, Envoy.now_ms()));
    let Some(message) = message else { return };
    if own != root && hostcalls::set_effective_context(root).is_err() {
        return closed();
    }
    let sent = hostcalls::send_grpc_stream_message(stream, Some(&message.encode_to_vec()), false);
    if own != root {
        let _ = hostcalls::set_effective_context(own);
    }
    if sent.is_err() {
        closed();
    }
}

/// Sends at once if a request has begun to wait.
pub(super) fn send_if_urgent(node: &str, own: u32) {
    if WORKER.with(|worker| worker.purses.borrow().is_urgent()) {
        send(node, own);
    }
}

/// A message of the ledger has arrived in the root context `root`.
pub(super) fn heard(bytes: &[u8], node: &str, root: u32) {
    let Ok(message) = LedgerMessage::decode(bytes) else {
        Envoy.warn("a message of the ledger could not be read");
        return;
    };
    let worker = WORKER.with(Rc::clone);
    let answers = worker.purses.borrow_mut().heard(message, Envoy.now_ms());
    tell(&worker, answers, root);
    send_if_urgent(node, root);
}

/// What time alone decides: reports that are due, requests that have waited too long.
pub(super) fn tick(node: &str, root: u32) {
    let worker = WORKER.with(Rc::clone);
    let answers = worker.purses.borrow_mut().tick(Envoy.now_ms());
    tell(&worker, answers, root);
    send(node, root);
    count(&worker);
}

/// Lets requests know, each in its own context.
fn tell(worker: &Worker, answers: Vec<(Waiting, Answer)>, root: u32) {
    let told = !answers.is_empty();
    for (waiting, answer) in answers {
        let Some(stage) = waiting.stage.upgrade() else {
            give_up(worker, &waiting, answer, Envoy.now_ms());
            continue;
        };
        if hostcalls::set_effective_context(waiting.context).is_err() {
            give_up(worker, &waiting, answer, Envoy.now_ms());
            continue;
        }
        if stage.borrow_mut().resolve(&Envoy, &waiting, answer) == Flow::Continue
            && hostcalls::resume_http_request().is_err()
        {
            Envoy.warn("a request that was granted could not go on");
        }
    }
    if told {
        let _ = hostcalls::set_effective_context(root);
    }
}

/// Adds what was counted to Envoy's statistics.
fn count(worker: &Worker) {
    let counters = worker.purses.borrow_mut().take_counters();
    for (metric, offset) in [
        ("ditto_admitted", counters.admitted),
        ("ditto_ledger_calls", counters.calls),
        ("ditto_ledger_waits", counters.waited),
    ] {
        if offset > 0
            && let Ok(id) = hostcalls::define_metric(proxy_wasm::types::MetricType::Counter, metric)
        {
            let _ = hostcalls::increment_metric(id, i64::try_from(offset).unwrap_or(i64::MAX));
        }
    }
}
