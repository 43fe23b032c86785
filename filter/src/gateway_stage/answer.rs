//! The reply of a request that was translated, on its way back.

use ditto_llm::meter::Metered;
use ditto_policy::routing::Backend;
use ditto_translate::prepare::Sending;
use ditto_translate::translator::{Mode, ReplyPlan, Translator};

use super::shim::says_missing;
use crate::head::pairs;
use crate::host::{Flow, Host, HostError};
use crate::worker::Worker;

/// Says which backend's dialect a reply was translated from.
const TRANSLATION_HEADER: &str = "x-ditto-translation";
/// Says that a backend was asked for something else than the client asked for, and for what.
pub(super) const SHIM_HEADER: &str = "x-ditto-shim";
/// For a response: a chat completion.
pub(super) const SHIM_NAME: &str = "responses_via_chat_completions";
/// Names the fields of the request that the backend did not get.
const DROPPED_HEADER: &str = "x-ditto-dropped";
/// Envoy's word for where a reply comes from, and what it says of a backend's.
/// <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/response_code_details>
const DETAILS_PROPERTY: [&str; 2] = ["response", "code_details"];
const FROM_BACKEND: &[u8] = b"via_upstream";
const JSON: &[u8] = b"application/json";
/// What is dropped of a stream that was ended here, before it is closed.
const DROPPED_BYTES_MAX: usize = 1 << 20;

/// What was sent in a request's place, and how its reply comes back.
#[derive(Debug)]
pub(crate) struct Expected {
    /// The operator's name for the backend.
    backend: String,
    /// Envoy's.
    cluster: String,
    plan: ReplyPlan,
    dropped: Option<String>,
    /// The backend has no Responses, so that it is asked for a chat completion.
    shim: bool,
}

/// What else is known of a reply that was not read on its way.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) metered: Option<Metered>,
}

/// What a backend says of its rate limits, in the client's words.
fn rate_limits(translator: &Translator, head: &[u8]) -> Vec<(String, String)> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let is_about = |name: &[u8]| name.starts_with(b"x-ratelimit-") || name.starts_with(b"anthropic-ratelimit-");
    let about_limits = pairs(head).filter(|(name, _)| is_about(name));
    about_limits.filter_map(|(name, value)| translator.rate_limit(text(name)?, text(value)?)).collect()
}

/// The status of a reply, by its headers; 0 when there is none.
pub(crate) fn status_of(head: &[u8]) -> u16 {
    let status = pairs(head).find(|(name, _)| *name == b":status");
    status.and_then(|(_, status)| std::str::from_utf8(status).ok()?.parse().ok()).unwrap_or(0)
}

/// Whether a reply is a backend's, and not one of the gateway's or Envoy's own.
pub(super) fn is_backends(host: &impl Host) -> bool {
    host.property(&DETAILS_PROPERTY).is_none_or(|details| details == FROM_BACKEND)
}

impl Expected {
    pub(crate) fn of(backend: &Backend, sending: Sending, shim: bool) -> Self {
        let (name, cluster) = (backend.name.clone(), backend.cluster.clone());
        Self { backend: name, cluster, plan: sending.reply, dropped: sending.dropped, shim }
    }
}

/// A reply that is being translated.
#[derive(Debug)]
pub(crate) struct Answer {
    translator: Translator,
    mode: Mode,
    /// It is an error of the gateway's own, which keeps its status.
    own: bool,
    /// The status and type that it came with.
    status: u16,
    is_json: bool,
    dropped: usize,
}

impl Answer {
    /// The head of a reply has come. `None` if it is one of the gateway's or Envoy's own, which needs no translation.
    pub(crate) fn begin(
        expected: Expected,
        worker: &Worker,
        host: &impl Host,
    ) -> Result<Option<(Self, Flow)>, HostError> {
        if !is_backends(host) {
            return Self::of_own_error(&expected, host);
        }
        let head = host.response_headers()?;
        let content_type = pairs(&head).find(|(known, _)| *known == b"content-type").map(|(_, value)| value);
        let status = status_of(&head);
        let mut translator = Translator::new(expected.plan);
        let mode = translator.begin(status, content_type);
        if expected.shim {
            host.set_response_header(SHIM_HEADER, SHIM_NAME.as_bytes())?;
            if says_missing(status) {
                // Perhaps it has Responses after all, and only not this model.
                worker.forget_responses(&expected.cluster);
            }
        } else {
            host.set_response_header(TRANSLATION_HEADER, expected.backend.as_bytes())?;
        }
        for (name, value) in rate_limits(&translator, &head) {
            host.set_response_header(&name, value.as_bytes())?;
        }
        if let Some(dropped) = &expected.dropped {
            host.set_response_header(DROPPED_HEADER, dropped.as_bytes())?;
        }
        if let Mode::Stream(written) = mode {
            host.remove_response_header("content-length")?;
            if content_type != Some(written.as_bytes()) {
                host.set_response_header("content-type", written.as_bytes())?;
            }
        }
        let flow = if mode == Mode::Whole { Flow::Pause } else { Flow::Continue };
        let is_json = content_type == Some(JSON);
        Ok(Some((Self { translator, mode, own: false, status, is_json, dropped: 0 }, flow)))
    }

    /// An error of Envoy's or the gateway's own, which speaks OpenAI's dialect by now.
    fn of_own_error(expected: &Expected, host: &impl Host) -> Result<Option<(Self, Flow)>, HostError> {
        let Some(mut translator) = Translator::of_own_error(&expected.plan) else { return Ok(None) };
        let status = status_of(&host.response_headers()?);
        let mode = translator.begin(status, None);
        Ok(Some((Self { translator, mode, own: true, status, is_json: false, dropped: 0 }, Flow::Pause)))
    }

    /// A piece of `size` bytes has come.
    pub(crate) fn piece(&mut self, host: &impl Host, size: usize, end: bool) -> Result<Flow, HostError> {
        if self.translator.ended() {
            self.dropped = self.dropped.saturating_add(size);
            host.replace_response_body(size, b"")?;
            if self.dropped > DROPPED_BYTES_MAX && !end {
                host.close_stream()?;
            }
            return Ok(Flow::Continue);
        }
        let piece = if size == 0 { Vec::new() } else { host.response_body(size)? };
        let written = self.translator.feed(&piece, end);
        match self.mode {
            Mode::Pass => Ok(Flow::Continue),
            Mode::Stream(_) => {
                host.replace_response_body(size, &written)?;
                Ok(Flow::Continue)
            }
            Mode::Whole if end => self.finish(host, size),
            Mode::Whole => {
                // Envoy holds nothing of it, so that its own bound does not count.
                host.replace_response_body(size, b"")?;
                Ok(Flow::Pause)
            }
        }
    }

    /// Writes the whole reply, and lets its head go on.
    fn finish(&mut self, host: &impl Host, size: usize) -> Result<Flow, HostError> {
        let reply = self.translator.finish();
        if !self.own && reply.status != self.status {
            host.set_response_header(":status", reply.status.to_string().as_bytes())?;
        }
        if !(self.is_json && reply.content_type.as_bytes() == JSON) {
            host.set_response_header("content-type", reply.content_type.as_bytes())?;
        }
        host.set_response_header("content-length", reply.body.len().to_string().as_bytes())?;
        host.replace_response_body(size, &reply.body)?;
        Ok(Flow::Continue)
    }

    /// Whether the head is still held.
    pub(crate) fn holds_head(&self) -> bool {
        self.mode == Mode::Whole
    }

    /// What was used.
    pub(crate) fn metered(&self) -> Metered {
        self.translator.metered()
    }
}
