//! Requests that come in the first moments of a worker's VM wait for what it is about to hear.
//!
//! A VM is new when Envoy starts, after a trap, and when another module takes over. It knows no key before the first
//! snapshot of its stream, and can tell nobody whether he may pass.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use proxy_wasm::hostcalls;

use super::WORKER;
use crate::abi::Envoy;
use crate::gateway_stage::GatewayStage;
use crate::host::{Flow, Host};

/// How long after the VM's first configuration requests may wait. After that they are told that it is not ready.
const HOLD_MS: u64 = 2_000;
/// Requests that wait at a time.
const HELD_MAX: usize = 1_024;

thread_local! {
    /// When requests no longer wait; none before the VM's first configuration.
    static UNTIL_MS: Cell<Option<u64>> = const { Cell::new(None) };
    static HELD: RefCell<BTreeMap<u32, Held>> = const { RefCell::new(BTreeMap::new()) };
}

/// A request, and what has arrived of it.
struct Held {
    stage: Rc<RefCell<GatewayStage>>,
    is_head_all: bool,
    /// Bytes of the body so far, and whether there are no more.
    body: Option<(usize, bool)>,
    has_trailers: bool,
}

/// The VM has a configuration.
pub(super) fn configured() {
    if UNTIL_MS.get().is_none() {
        UNTIL_MS.set(Some(Envoy.now_ms().saturating_add(HOLD_MS)));
    }
}

fn is_ready() -> bool {
    WORKER.with(|worker| worker.knowledge.borrow().is_ready())
}

/// Whether this request has to wait. Its head has just arrived.
pub(super) fn begin(context: u32, stage: &Rc<RefCell<GatewayStage>>, is_head_all: bool) -> bool {
    if is_ready() || UNTIL_MS.get().is_none_or(|until_ms| Envoy.now_ms() >= until_ms) {
        return false;
    }
    HELD.with_borrow_mut(|held| {
        let has_room = held.len() < HELD_MAX;
        if has_room {
            held.insert(context, Held { stage: Rc::clone(stage), is_head_all, body: None, has_trailers: false });
        }
        has_room
    })
}

fn note(context: u32, note: impl FnOnce(&mut Held)) -> bool {
    HELD.with_borrow_mut(|held| held.get_mut(&context).map(note).is_some())
}

/// Whether this request waits; `size` bytes of its body have arrived so far.
pub(super) fn body(context: u32, size: usize, is_all: bool) -> bool {
    note(context, |held| held.body = Some((size, is_all)))
}

/// Whether this request waits. Its trailers have arrived.
pub(super) fn trailers(context: u32) -> bool {
    note(context, |held| held.has_trailers = true)
}

/// The request has ended.
pub(super) fn forget(context: u32) {
    HELD.with_borrow_mut(|held| held.remove(&context));
}

/// Lets requests go on, if it is time. `root` is the context in which this is called.
pub(super) fn release(root: u32) {
    let is_empty = HELD.with_borrow(BTreeMap::is_empty);
    if is_empty || !(is_ready() || UNTIL_MS.get().is_none_or(|until_ms| Envoy.now_ms() >= until_ms)) {
        return;
    }
    for (context, held) in HELD.take() {
        if hostcalls::set_effective_context(context).is_err() {
            continue;
        }
        if held.go_on() == Flow::Continue && hostcalls::resume_http_request().is_err() {
            Envoy.warn("a request that waited for the keys could not go on");
        }
    }
    let _ = hostcalls::set_effective_context(root);
}

impl Held {
    /// What would have been done as it arrived.
    fn go_on(&self) -> Flow {
        let mut stage = self.stage.borrow_mut();
        let mut flow = stage.on_request_headers(&Envoy, self.is_head_all);
        if let (Flow::Pause, Some((size, is_all))) = (flow, self.body) {
            flow = stage.on_request_body(&Envoy, size, is_all);
        }
        if let (Flow::Pause, true) = (flow, self.has_trailers) {
            flow = stage.on_request_trailers(&Envoy);
        }
        flow
    }
}
