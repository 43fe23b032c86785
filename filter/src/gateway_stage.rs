//! The gateway stage: the listener's filter. It checks the key, reads the body, chooses the route, and, where all
//! attempts of the route need the same, prepares the request for its backend.
//!
//! The head is judged before the body is read, so that a client without a key cannot make the gateway hold anything.
//! A JSON body is held by Envoy and scanned as it arrives; other bodies stream through. What must not go upstream is
//! removed by the route's header operations in Envoy, which cost less than calls from here.

use std::borrow::Cow;
use std::rc::Rc;

use ditto_llm::dialect::Dialect;
use ditto_llm::endpoint::Endpoint;
use ditto_llm::fault::Fault;
use ditto_llm::scan::{ModelField, ScanErrorKind, Scanned, Scanner};
use ditto_policy::routing::{MappedModel, Router};
use ditto_policy::surface::{Place, locate};

use crate::charge;
use crate::head::Head;
use crate::host::{Flow, Host, HostError};
use crate::in_flight::Permit;
use crate::knowledge::{KnownKey, Verdict};
use crate::outcomes::Ended;
use crate::reply;
use crate::request_id::of_client;
use crate::worker::Worker;

mod admitted;
mod answer;
mod forward;
mod forwarded;
mod shim;
mod spend;

pub(crate) use admitted::Admitted;
pub(crate) use answer::{Expected, status_of};
use forward::Forward;
use forwarded::Forwarded;
use spend::Pending;
pub(crate) use spend::{Waiting, give_up};

/// Names the route to Envoy. Set on every request that may go on, whatever the client sent under this name.
pub const ROUTE_HEADER: &str = "x-ditto-route";
/// Carries the request id upstream, and back to the client by the route's header operations.
const REQUEST_ID_HEADER: &str = "x-request-id";
/// The route of the control plane's paths.
pub const CONTROL_ROUTE: &str = "control-plane";
/// The name under which a request's ticket is kept with the stream.
pub const TICKET_PROPERTY: &str = "ditto_ticket";

/// Overrides the route's timeout for one request; Envoy's router reads and removes it.
/// <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/router_filter#x-envoy-upstream-rq-timeout-ms>
const TIMEOUT_HEADER: &str = "x-envoy-upstream-rq-timeout-ms";
/// Bytes of the body copied into the VM at a time.
const PIECE_BYTES: usize = 64 << 10;

/// One client request in the gateway stage.
#[derive(Debug)]
pub struct GatewayStage {
    worker: Rc<Worker>,
    /// The configuration that this request began with.
    router: Rc<Router>,
    /// How an answer of the ledger finds this stage.
    handle: Waiting,
    /// Its place among the requests in flight, where their number is limited.
    permit: Option<Permit>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Before the headers.
    Fresh,
    /// Held until the body is complete.
    Holding(Box<Admitted>),
    /// Prepared, and waiting for the ledger.
    Waiting(Box<Pending>),
    /// On its way; the ticket, if any, lives as long as the stream.
    Forwarded(Box<Forwarded>),
    /// Answered here.
    Replied,
}

/// Why a request is not forwarded.
enum Stop {
    /// The gateway answers.
    Fault(Fault),
    /// The gateway knows the answer, which is this JSON.
    Answer(Vec<u8>),
    /// Envoy refused a call.
    Host(HostError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<HostError> for Stop {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl GatewayStage {
    /// A stage for one request, deciding by `router`; without one nothing can be decided yet.
    pub fn new(worker: Rc<Worker>, router: Rc<Router>) -> Self {
        Self { worker, router, handle: Waiting::default(), permit: None, phase: Phase::Fresh }
    }

    /// The same, to be found under `handle` when the ledger answers.
    pub(crate) fn with_handle(self, handle: Waiting) -> Self {
        Self { handle, ..self }
    }

    /// The request headers have arrived.
    pub fn on_request_headers(&mut self, host: &impl Host, end_of_stream: bool) -> Flow {
        let map = match host.request_headers() {
            Ok(map) => map,
            Err(error) => return self.fail(host, error),
        };
        let head = Head::parse(&map);
        #[cfg(feature = "fault-injection")]
        inject(head.fault);
        let Ok(path) = std::str::from_utf8(head.path) else {
            return self.reply(host, Dialect::OpenAi, "", &Fault::InvalidRequest("The path is not valid text.".into()));
        };
        let (path, dialect) = match locate(path) {
            Place::Proxy { path, dialect } => (path, dialect),
            Place::ControlPlane => return self.forward_to_control_plane(host),
            Place::Unsupported { dialect } => {
                let path = path.split('?').next().unwrap_or_default().to_owned();
                let fault = self.key_fault(&head, dialect).unwrap_or(Fault::UnsupportedEndpoint(path));
                return self.reply(host, dialect, &self.request_id(host, &head), &fault);
            }
            Place::Nowhere => {
                self.phase = Phase::Replied;
                return reply::nothing_here(host);
            }
        };
        let request_id = self.request_id(host, &head);
        let key = match self.admit(&head, dialect) {
            Ok(key) => key,
            Err(fault) => return self.reply(host, dialect, &request_id, &fault),
        };
        let limit = self.router.max_body_bytes();
        let holds = head.is_json() && !end_of_stream && !head.upgrade;
        if holds && head.content_length.is_some_and(|length| length > limit) {
            return self.reply(host, dialect, &request_id, &Fault::TooLarge(limit));
        }
        if let Some(limit) = self.router.metering().max_in_flight {
            self.permit = match Permit::acquire(&self.worker, limit, host) {
                Ok(Some(permit)) => Some(permit),
                Ok(None) => return self.reply(host, dialect, &request_id, &Fault::InflightLimit),
                Err(error) => return self.fail(host, error),
            };
        }
        let is_post = head.method == b"POST";
        let endpoint = if is_post { Endpoint::of_path(&path) } else { Endpoint::Other };
        let scanner = self.scanner(key.as_deref(), endpoint);
        let text = |value: &[u8]| std::str::from_utf8(value).ok().filter(|text| !text.is_empty()).map(str::to_owned);
        let converts_key = key.is_none() && dialect != Dialect::OpenAi;
        let mut admitted = Admitted {
            endpoint,
            beta: text(head.beta),
            names_version: !head.anthropic_version.is_empty(),
            authorization: if key.is_none() { text(head.authorization) } else { None },
            open_key: head.token(dialect).filter(|_| converts_key).and_then(text),
            aliased: matches!(path, Cow::Owned(_)),
            path: path.into_owned(),
            dialect,
            key,
            is_post,
            content_length: head.content_length,
            upgrade: head.upgrade,
            id_is_clients: of_client(head.request_id).is_some(),
            scanner,
            scanned: 0,
            request_id,
        };
        if holds {
            self.phase = Phase::Holding(Box::new(admitted));
            return Flow::Pause;
        }
        self.finish(host, &mut admitted, None, &[])
    }

    /// More of the body has arrived; `size` bytes are held in all.
    pub fn on_request_body(&mut self, host: &impl Host, size: usize, end_of_stream: bool) -> Flow {
        let mut admitted = match std::mem::replace(&mut self.phase, Phase::Replied) {
            Phase::Holding(admitted) => admitted,
            // Nothing more of an answered request may pass, even if Envoy did not take the answer.
            Phase::Replied => return Flow::Pause,
            Phase::Waiting(pending) => {
                self.phase = Phase::Waiting(pending);
                return Flow::Pause;
            }
            // Streamed bodies pass, and keep their ticket.
            other => {
                self.phase = other;
                return Flow::Continue;
            }
        };
        let limit = self.router.max_body_bytes();
        if size as u64 > limit {
            return self.reply(host, admitted.dialect, &admitted.request_id, &Fault::TooLarge(limit));
        }
        let piece = match admitted.scan(host, size) {
            Ok(piece) => piece,
            Err(stop) => return self.stop(host, &admitted, stop),
        };
        if !end_of_stream {
            self.phase = Phase::Holding(admitted);
            return Flow::Pause;
        }
        // A body of nothing but its end is no JSON, but no fault either.
        if size == 0 {
            return self.finish(host, &mut admitted, None, &[]);
        }
        match std::mem::take(&mut admitted.scanner).finish() {
            Ok(scanned) => self.finish(host, &mut admitted, Some(scanned), &piece),
            Err(error) => self.stop(host, &admitted, Stop::Fault(scan_fault(error))),
        }
    }

    /// Trailers have arrived, so the body is complete: of a body with trailers no piece is marked as its end.
    pub fn on_request_trailers(&mut self, host: &impl Host) -> Flow {
        match &self.phase {
            Phase::Holding(admitted) => {
                let size = admitted.scanned;
                self.on_request_body(host, size, true)
            }
            Phase::Replied | Phase::Waiting(_) => Flow::Pause,
            Phase::Fresh | Phase::Forwarded(_) => Flow::Continue,
        }
    }

    /// The reply's headers have arrived.
    pub fn on_response_headers(&mut self, host: &impl Host) -> Flow {
        let Phase::Forwarded(forwarded) = &mut self.phase else { return Flow::Continue };
        let begun = forwarded.on_response_headers(host, &self.worker, &self.router);
        begun.unwrap_or_else(|error| {
            reply::warn(host, error);
            Flow::Continue
        })
    }

    /// More of the reply's body is there: `size` bytes, which go on when this returns `Continue`.
    pub fn on_response_body(&mut self, host: &impl Host, size: usize, end_of_stream: bool) -> Flow {
        let Phase::Forwarded(forwarded) = &mut self.phase else { return Flow::Continue };
        let read = forwarded.on_response_body(host, size, end_of_stream);
        read.unwrap_or_else(|error| {
            reply::warn(host, error);
            Flow::Continue
        })
    }

    /// An answer to a call of the filter's own has come; `size` is that of its body.
    pub fn on_call_answer(&mut self, host: &impl Host, size: usize) {
        let Phase::Forwarded(forwarded) = &mut self.phase else { return };
        if let Err(error) = forwarded.on_call_answer(host, &self.worker, size) {
            reply::warn(host, error);
            let _ = host.close_stream();
        }
    }

    /// The reply ends with trailers.
    pub fn on_response_trailers(&mut self, host: &impl Host) {
        let Phase::Forwarded(forwarded) = &self.phase else { return };
        // Behind trailers nothing can be put into the body any more. Backends of the dialects send none.
        if forwarded.answer.as_ref().is_some_and(|answer| answer.holds_head()) {
            host.warn("a reply with trailers cannot be translated");
            let _ = host.close_stream();
        }
    }

    /// The stream is over, however it ended.
    pub fn on_end(&mut self, host: &impl Host) {
        if let Phase::Forwarded(forwarded) = &mut self.phase
            && let Some(ended) = forwarded.settle(host, &self.router)
        {
            self.count(ended);
        }
        if let Some(permit) = self.permit.take() {
            permit.release(host);
        }
    }

    /// Whether a request may pass, and by which key; by none in an open relay.
    fn admit(&self, head: &Head<'_>, dialect: Dialect) -> Result<Option<Rc<KnownKey>>, Fault> {
        let knowledge = self.worker.knowledge.borrow();
        match knowledge.is_open() {
            None => return Err(Fault::NotReady),
            Some(true) if self.router.open_relay() => return Ok(None),
            // The key stream is ahead of the configuration, or behind it: refuse until they agree.
            Some(true) => return Err(Fault::NotReady),
            Some(false) => {}
        }
        let token = head.token(dialect).ok_or(Fault::MissingKey)?;
        match knowledge.judge(token) {
            Verdict::Allowed(key) => Ok(Some(key)),
            Verdict::Disabled => Err(Fault::DisabledKey),
            Verdict::Refused => Err(Fault::UnknownKey),
            Verdict::Unknown => Err(Fault::NotReady),
        }
    }

    /// Gathering the text is most of the work for a long prompt, so it is done only where something depends on it.
    fn scanner(&self, key: Option<&KnownKey>, endpoint: Endpoint) -> Scanner {
        let strict = self.router.metering().strict;
        let estimates = key.is_some_and(|key| charge::estimates_input(&key.limited, key.strict.unwrap_or(strict)));
        let scanner = Scanner::for_endpoint(endpoint);
        if estimates || endpoint.only_counts() { scanner } else { scanner.skipping_text() }
    }

    fn key_fault(&self, head: &Head<'_>, dialect: Dialect) -> Option<Fault> {
        self.admit(head, dialect).err()
    }

    fn request_id(&self, host: &impl Host, head: &Head<'_>) -> String {
        of_client(head.request_id).map_or_else(|| self.worker.request_ids.make(host.now_ms()), str::to_owned)
    }

    /// Routes and prepares a request whose body, if any, is complete. `piece` is the whole body, or nothing.
    fn finish(&mut self, host: &impl Host, admitted: &mut Admitted, scanned: Option<Scanned>, piece: &[u8]) -> Flow {
        match self.forward(host, admitted, scanned, piece) {
            Ok(forward) => self.spend(host, admitted, forward),
            Err(stop) => self.stop(host, admitted, stop),
        }
    }

    fn forward_to_control_plane(&mut self, host: &impl Host) -> Flow {
        self.phase = Phase::Forwarded(Box::default());
        match host.set_request_header(ROUTE_HEADER, CONTROL_ROUTE.as_bytes()) {
            Ok(()) => Flow::Continue,
            Err(error) => self.fail(host, error),
        }
    }

    fn stop(&mut self, host: &impl Host, admitted: &Admitted, stop: Stop) -> Flow {
        match stop {
            Stop::Fault(fault) => self.reply(host, admitted.dialect, &admitted.request_id, &fault),
            Stop::Answer(body) => {
                self.phase = Phase::Replied;
                self.count(Ended { backend: None, status: 200, fell_back: false });
                reply::json(host, &admitted.request_id, &body)
            }
            Stop::Host(error) => self.fail(host, error),
        }
    }

    /// Answers in the client's dialect.
    fn reply(&mut self, host: &impl Host, dialect: Dialect, request_id: &str, fault: &Fault) -> Flow {
        self.phase = Phase::Replied;
        self.count(Ended { backend: None, status: fault.status(), fell_back: false });
        reply::fault(host, dialect, request_id, fault)
    }

    fn count(&self, ended: Ended) {
        self.worker.outcomes.borrow_mut().count(&self.router, ended);
    }

    fn fail(&mut self, host: &impl Host, error: HostError) -> Flow {
        self.phase = Phase::Replied;
        self.count(Ended { backend: None, status: Fault::Internal.status(), fell_back: false });
        reply::host_error(host, error)
    }
}

/// The bytes up to the end of the model's value, with another name in it.
pub(crate) fn replace_model(head: &[u8], model: &ModelField, mapped: &MappedModel) -> Option<Vec<u8>> {
    let before = head.get(..model.start)?;
    let mut replaced = Vec::with_capacity(before.len().saturating_add(mapped.json.len()));
    replaced.extend_from_slice(before);
    replaced.extend_from_slice(mapped.json.as_bytes());
    Some(replaced)
}

fn scan_fault(error: ditto_llm::scan::ScanError) -> Fault {
    match error.kind {
        ScanErrorKind::Unexpected | ScanErrorKind::Truncated | ScanErrorKind::TooDeep => {
            Fault::InvalidJson(error.to_string())
        }
        _ => Fault::InvalidRequest(format!("The request body is not acceptable: {error}.")),
    }
}

/// Ends the VM the way a bug would, so that a test can watch it come back.
#[cfg(feature = "fault-injection")]
fn inject(fault: &[u8]) {
    if fault == b"trap" {
        #[allow(clippy::panic)]
        {
            panic!("injected fault");
        }
    }
}

#[cfg(test)]
mod tests;
