//! `/v1/responses` at a backend that has no such path: the same backend is asked for a chat completion instead.
//!
//! A passthrough backend is asked as it is, until it answers that there is no such path. Then the filter itself asks it
//! again, for a chat completion, and gives the client that answer, whole. The worker remembers it, so that the requests
//! to come are translated at once, and streamed.

use ditto_llm::endpoint::Endpoint;
use ditto_llm::fault::Fault;
use ditto_policy::routing::Backend;
use ditto_translate::prepare::Prepared;
use ditto_translate::translator::{Mode, Translator};
use std::rc::Rc;

use super::answer::{SHIM_HEADER, SHIM_NAME, Sources, status_of};
use crate::head::pairs;
use crate::host::{Flow, Host, HostError};
use crate::key_ring::Held;
use crate::translation::{self, Original};
use crate::worker::Worker;

/// How long a backend may take for the second call.
const TIMEOUT_MS: u32 = 300_000;

/// A request that may have to be asked again.
#[derive(Debug)]
pub(super) struct Shim {
    original: Rc<Original>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Nothing has come back yet.
    Watching,
    /// The backend is asked again.
    Asking(Box<Asking>),
    /// The matter is settled.
    Done,
}

#[derive(Debug)]
struct Asking {
    backend: String,
    cluster: String,
    /// The key that it is asked with, where it has several.
    key: Option<Held>,
    translator: Translator,
}

/// Statuses by which a server says that it has no such path.
pub(super) fn says_missing(status: u16) -> bool {
    matches!(status, 404 | 405 | 501)
}

impl Shim {
    /// Watches over a request that goes to a passthrough backend as it is.
    pub(super) fn watch(original: &Rc<Original>) -> Option<Box<Self>> {
        let watched = original.endpoint == Endpoint::Responses && !original.body.is_empty();
        watched.then(|| Box::new(Self { original: Rc::clone(original), phase: Phase::Watching }))
    }

    /// The reply's head has come from this backend. Asks it again if it has no such path.
    pub(super) fn on_head(&mut self, host: &impl Host, worker: &Worker, backend: &Backend) -> Result<Flow, HostError> {
        self.phase = Phase::Done;
        let head = host.response_headers()?;
        let status = status_of(&head);
        if !says_missing(status) {
            if (200..300).contains(&status) {
                worker.learn_responses(&backend.cluster, true, host.now_ms());
            }
            return Ok(Flow::Continue);
        }
        let Ok(Prepared::Send(sending)) = self.original.prepare(backend, true) else { return Ok(Flow::Continue) };
        let Some(credentials) = worker.query_of(backend) else { return Ok(Flow::Continue) };
        let path = ditto_policy::upstream_path::build(backend, &sending.outgoing.path, &credentials, true).into_owned();
        let mut headers = vec![
            (":method", "POST".to_owned()),
            (":path", path),
            (":authority", backend.authority.clone()),
            ("content-type", "application/json".to_owned()),
            ("x-request-id", self.original.request_id.clone()),
        ];
        // The call passes no backend stage: entering the VM again while it makes a call would end it.
        let known = worker.knowledge.borrow().credentials(&backend.cluster);
        let keys = known.as_ref().and_then(|credentials| credentials.keys.as_ref());
        let key = keys.and_then(|keys| keys.choose(host.now_ms()));
        if key.is_none() {
            headers.extend(self.original.authorization.clone().map(|value| ("authorization", value)));
        }
        headers.extend(translation::headers(&sending.outgoing));
        headers.push((translation::PLAIN_REPLY.0, translation::PLAIN_REPLY.1.to_owned()));
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let (Some(keys), Some(key)) = (keys, &key) {
            headers.push((keys.header(), key.value()));
        }
        host.call(&backend.cluster, &headers, &sending.outgoing.body, TIMEOUT_MS)?;
        let translator = Translator::new(sending.reply);
        let (backend, cluster) = (backend.name.clone(), backend.cluster.clone());
        self.phase = Phase::Asking(Box::new(Asking { backend, cluster, key, translator }));
        Ok(Flow::Pause)
    }

    /// Whether the backend is being asked again, so that its first answer goes nowhere.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking(_))
    }

    /// The second answer has come; `size` is that of its body.
    pub(super) fn on_answer(&mut self, host: &impl Host, worker: &Worker, size: usize) -> Result<Sources, HostError> {
        let Phase::Asking(mut asking) = std::mem::replace(&mut self.phase, Phase::Done) else {
            return Ok(Sources::default());
        };
        let head = host.call_headers()?;
        let status = status_of(&head);
        if let Some(key) = &asking.key {
            let retry_after = pairs(&head).find(|(name, _)| *name == b"retry-after").map(|(_, value)| value);
            key.answered(status, retry_after, host.now_ms());
        }
        if status == 0 {
            // The call itself failed.
            let fault = Fault::BackendUnreachable;
            crate::reply::fault(host, ditto_llm::dialect::Dialect::OpenAi, &self.original.request_id, &fault);
            return Ok(Sources::default());
        }
        if (200..300).contains(&status) {
            worker.learn_responses(&asking.cluster, false, host.now_ms());
        }
        let content_type = pairs(&head).find(|(name, _)| *name == b"content-type").map(|(_, value)| value);
        let body = host.call_body(size)?;
        let mode = asking.translator.begin(status, content_type);
        let bytes = asking.translator.feed(&body, true);
        let (status, content_type, bytes) = match mode {
            Mode::Stream(content_type) => (status, content_type, bytes),
            Mode::Pass => (status, "application/json", body),
            Mode::Whole => {
                let whole = asking.translator.finish();
                (whole.status, whole.content_type, whole.body)
            }
        };
        let id = self.original.request_id.as_str();
        let headers = [
            ("content-type", content_type),
            (SHIM_HEADER, SHIM_NAME),
            ("x-ditto-backend", asking.backend.as_str()),
            ("x-ditto-request-id", id),
            ("x-request-id", id),
        ];
        host.reply(status, &headers, &bytes)?;
        Ok(Sources { metered: Some(asking.translator.metered()) })
    }
}
