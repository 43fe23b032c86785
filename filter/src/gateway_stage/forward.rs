//! Sending an admitted request on: its route, what it needs, and what is changed in it.

use std::borrow::Cow;
use std::rc::Rc;

use ditto_llm::edit::{self, Edit};
use ditto_llm::endpoint::{Endpoint, model_of_path};
use ditto_llm::fault::Fault;
use ditto_llm::scan::{ModelField, Scanned};
use ditto_policy::filter_config::Prepare;
use ditto_policy::routing::{Backend, Route};
use ditto_policy::upstream_path;
use ditto_translate::prepare::{Prepared, Sending};

use super::answer::Expected;
use super::forwarded::Bound;
use super::shim::Shim;
use super::{Admitted, GatewayStage, REQUEST_ID_HEADER, ROUTE_HEADER, Stop, TICKET_PROPERTY, TIMEOUT_HEADER};
use crate::backend_stage::Attempt;
use crate::charge::{self, Asked, Kind, Need};
use crate::host::{Host, HostError};
use crate::knowledge::KnownKey;
use crate::metering::{self, Destination, Meter};
use crate::signing;
use crate::translation::{self, Original, VERSION_HEADER};
use crate::worker::Ticket;

/// A request that is ready to go on.
pub(super) struct Forward {
    pub(super) ticket: Option<Ticket>,
    /// Absent for an open relay's.
    pub(super) meter: Option<Box<Meter>>,
    /// How its reply is translated, where that is the same for all attempts.
    pub(super) expected: Option<Box<Expected>>,
    /// Watches over a request that may have to be asked again.
    pub(super) shim: Option<Box<Shim>>,
    /// The first candidate's name, where somebody has to know it.
    pub(super) backend: Option<String>,
    /// Where it goes, for those who count.
    pub(super) bound: Option<Bound>,
}

/// How a request is counted.
struct Counting {
    meter: Box<Meter>,
    /// What must be changed in its body for that.
    edits: Vec<Edit>,
    /// Output tokens at most, in strict mode.
    cap: Option<u64>,
}

impl GatewayStage {
    /// Routes and prepares a request whose body, if any, is complete. `piece` is the whole body, or nothing.
    pub(super) fn forward(
        &self,
        host: &impl Host,
        admitted: &mut Admitted,
        scanned: Option<Scanned>,
        piece: &[u8],
    ) -> Result<Forward, Stop> {
        let in_body = scanned.as_ref().and_then(|scanned| scanned.model.clone());
        let written = model_name(admitted, in_body.as_ref())?;
        let pin = admitted.key.as_ref().and_then(|key| key.pin.clone());
        let chosen = self.router.choose(self.router.redirect(&written), pin.as_deref(), &admitted.request_id);
        let chosen = chosen.ok_or_else(|| Fault::BackendNotFound(pin.as_deref().unwrap_or("default").to_owned()))?;
        let route = chosen.route;
        let (name, written) = match chosen.model == written {
            true => (written, None),
            false => (chosen.model.to_owned(), Some(written)),
        };
        if let Some(written) = &written {
            admitted.rename(written, &name);
        }
        let backend = self.router.first_backend(route).ok_or(Fault::Internal)?;
        let (mut meter, edits, cap) = match &admitted.key {
            None => (None, Vec::new(), None),
            Some(key) => {
                let destination = Destination { router: &self.router, backend, model: &name };
                let counting = self.meter(admitted, key, route, &destination, scanned.as_ref())?;
                (Some(counting.meter), counting.edits, counting.cap)
            }
        };
        let mut original = Original {
            endpoint: admitted.endpoint,
            path: admitted.path.clone(),
            body: Rc::from([]),
            edits,
            beta: admitted.beta.take(),
            names_version: admitted.names_version,
            authorization: admitted.authorization.take(),
            model: name,
            written,
            request_id: admitted.request_id.clone(),
            now_ms: host.now_ms(),
            input_estimate: scanned.as_ref().map_or(0, |scanned| scanned.text.input_tokens(scanned.body_bytes)),
            cap,
        };
        if self.reads_body(route, &original, scanned.is_some())? {
            original.body = whole_body(host, admitted, piece)?.into();
        }
        let original = Rc::new(original);
        let shim = Shim::watch(&original);
        let name = shim.as_ref().map(|_| backend.name.clone());
        let mut forward = Forward {
            ticket: None,
            meter: None,
            expected: None,
            shim,
            backend: name,
            bound: Bound::of(&self.router, route),
        };
        match route.prepare {
            Prepare::Once => {
                forward.expected = self.prepare_once(host, admitted, backend, in_body.as_ref(), &original, piece)?;
            }
            Prepare::PerAttempt => {
                edit_body(host, admitted, &original.edits, piece)?;
                let model = in_body.map(|mut model| {
                    edit::shift(&mut model, &original.edits);
                    model
                });
                forward.ticket = Some(self.prepare_later(host, admitted, model, original)?);
            }
        }
        if let (Some(meter), Some(ticket)) = (&mut meter, &forward.ticket) {
            meter.follow(self.worker.attempt(ticket.id()));
        }
        set_route(host, admitted, route)?;
        forward.meter = meter;
        Ok(forward)
    }

    /// Whether the body is needed to prepare the request for one of its candidates.
    fn reads_body(&self, route: &Route, original: &Original, is_json: bool) -> Result<bool, Fault> {
        let responses = |candidate: &Backend| self.worker.has_responses(&candidate.cluster, original.now_ms);
        if is_json {
            let mut candidates = self.router.candidates(route);
            return Ok(candidates.any(|candidate| {
                let responses = responses(candidate);
                original.may_be_asked_again(candidate, responses) || original.is_needed_by(candidate, responses)
            }));
        }
        if self.router.candidates(route).any(|candidate| original.is_needed_by(candidate, responses(candidate))) {
            let message = "The request needs a JSON body, sent with the content type application/json.";
            return Err(Fault::InvalidRequest(message.into()));
        }
        Ok(false)
    }

    /// Says what the request needs of its key, and what must be changed in it to count it.
    fn meter(
        &self,
        admitted: &Admitted,
        key: &Rc<KnownKey>,
        route: &Route,
        to: &Destination<'_>,
        scanned: Option<&Scanned>,
    ) -> Result<Counting, Fault> {
        let kind = Kind::of(admitted.is_post, &admitted.path);
        let asked = Asked {
            // What a websocket will carry cannot be told, nor read.
            kind: if admitted.upgrade { Kind::Other } else { kind },
            path: &admitted.path,
            model: to.model,
            anthropic: self.router.candidates(route).any(translation::may_be_anthropics),
            body: scanned,
            body_bytes: scanned.map_or(admitted.content_length.unwrap_or(0), |scanned| scanned.body_bytes as u64),
            prices: self.router.candidates(route).map(|one| metering::price(&self.router, one, to.model)).collect(),
        };
        let settings = self.router.metering();
        let need = charge::need(&asked, &key.limited, key.strict.unwrap_or(settings.strict), settings)?;
        let (edits, drops_usage) = edits(kind, to, scanned, &need);
        let cap = Some(need.output).filter(|_| need.strict && admitted.endpoint.generates());
        let is_stream = scanned.is_some_and(|scanned| scanned.stream);
        let mut meter = Box::new(Meter::new(&self.worker, key, to, kind, need));
        if is_stream || admitted.endpoint == Endpoint::StreamGenerateContent {
            meter.edit_stream(drops_usage);
        }
        Ok(Counting { meter, edits, cap })
    }

    /// Prepares the request here: path, query and body. Envoy does the rest. Returns how the reply is translated, if it
    /// is.
    fn prepare_once(
        &self,
        host: &impl Host,
        admitted: &Admitted,
        backend: &Backend,
        model: Option<&ModelField>,
        original: &Original,
        piece: &[u8],
    ) -> Result<Option<Box<Expected>>, Stop> {
        if let Some(version) = original.missing_version(backend) {
            host.set_request_header(VERSION_HEADER, version.as_bytes())?;
        }
        let lacks =
            backend.provider.is_none() && self.worker.has_responses(&backend.cluster, original.now_ms) == Some(false);
        match original.prepare(backend, lacks)? {
            Prepared::Pass { path } => {
                self.pass(host, admitted, backend, model, path.as_deref(), original, piece)?;
                Ok(None)
            }
            Prepared::Send(sending) => {
                self.send(host, admitted, backend, &sending)?;
                Ok(Some(Box::new(Expected::of(backend, *sending, lacks && original.endpoint == Endpoint::Responses))))
            }
            Prepared::Answer(body) => Err(Stop::Answer(body)),
        }
    }

    /// Has the client's own body go on.
    #[expect(clippy::too_many_arguments, reason = "all of them are parts of one request")]
    fn pass(
        &self,
        host: &impl Host,
        admitted: &Admitted,
        backend: &Backend,
        model: Option<&ModelField>,
        path: Option<&str>,
        original: &Original,
        piece: &[u8],
    ) -> Result<(), Stop> {
        let mut edits = original.edits.clone();
        let path = self.upstream_path(backend, path.unwrap_or(&admitted.path), !admitted.open())?;
        if admitted.aliased || path != admitted.path {
            host.set_request_header(":path", path.as_bytes())?;
        }
        let renamed = model.and_then(|model| Some((model, original.rename(backend, &model.name)?)));
        if let Some((model, renamed)) = renamed {
            edits.push(Edit { start: model.start, end: model.end, with: renamed.json.clone().into_bytes() });
            edit::sort(&mut edits);
        }
        if signing::signs(backend) {
            self.sign(host, backend, &path, &original.edited(&edits)?)?;
        }
        if let Some(length) = edit_prefix(host, admitted.content_length, &edits, piece)? {
            host.set_request_header("content-length", length.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// Signs a request as it leaves.
    fn sign(&self, host: &impl Host, backend: &Backend, path: &str, body: &[u8]) -> Result<(), Stop> {
        let credentials = self.worker.knowledge.borrow().credentials(&backend.cluster);
        // Not one of the client's own, which would stay without a signature.
        host.remove_request_header(signing::TOKEN_HEADER)?;
        for (name, value) in signing::headers(backend, credentials.as_deref(), path, body, host.now_ms())? {
            host.set_request_header(name, value.as_bytes())?;
        }
        Ok(())
    }

    /// Has another request go on in the client's place.
    fn send(&self, host: &impl Host, admitted: &Admitted, backend: &Backend, sending: &Sending) -> Result<(), Stop> {
        let path = self.upstream_path(backend, &sending.outgoing.path, true)?;
        host.set_request_header(":path", path.as_bytes())?;
        for (name, value) in translation::headers(&sending.outgoing) {
            host.set_request_header(name, value.as_bytes())?;
        }
        if admitted.open() {
            let (name, value) = translation::PLAIN_REPLY;
            host.set_request_header(name, value.as_bytes())?;
        }
        if let Some(key) = &admitted.open_key {
            host.set_request_header("authorization", format!("Bearer {key}").as_bytes())?;
        }
        if signing::signs(backend) {
            self.sign(host, backend, &path, &sending.outgoing.body)?;
        }
        host.replace_request_body_prefix(admitted.scanned, &sending.outgoing.body)?;
        Ok(())
    }

    /// The path and query at a backend.
    fn upstream_path(&self, backend: &Backend, path: &str, strip_key: bool) -> Result<String, Fault> {
        if !backend.has_query_params {
            return Ok(upstream_path::build(backend, path, "", strip_key).into_owned());
        }
        let credentials = self.worker.knowledge.borrow().credentials(&backend.cluster).ok_or(Fault::NotReady)?;
        Ok(upstream_path::build(backend, path, &credentials.query, strip_key).into_owned())
    }

    /// Keeps the originals for the backend stage, which prepares each attempt from them.
    fn prepare_later(
        &self,
        host: &impl Host,
        admitted: &Admitted,
        model: Option<ModelField>,
        original: Rc<Original>,
    ) -> Result<Ticket, Stop> {
        let attempt = Attempt::new(Rc::clone(&self.router), original, admitted, model);
        let ticket = self.worker.keep_attempt(attempt);
        host.keep(TICKET_PROPERTY, &ticket.id().to_le_bytes())?;
        Ok(ticket)
    }
}

/// The model that a request names: in its body, in its path (Gemini), or in its query (realtime); empty: none.
fn model_name(admitted: &Admitted, in_body: Option<&ModelField>) -> Result<String, Fault> {
    // Also beside a body that names one: a backend might read it.
    let in_query = upstream_path::model_of_query(&admitted.path)
        .map_err(|error| Fault::InvalidRequest(format!("The query is not acceptable: {error}.")))?;
    if admitted.endpoint.is_gemini() && !admitted.path.starts_with("/v1internal:") {
        let in_path = model_of_path(&admitted.path);
        return in_path.map(Cow::into_owned).ok_or_else(|| {
            Fault::InvalidRequest("The path names no model, or one that cannot stand in a path.".into())
        });
    }
    Ok(in_body.map(|model| model.name.clone()).or(in_query).unwrap_or_default())
}

/// The whole body, which Envoy holds.
fn whole_body(host: &impl Host, admitted: &Admitted, piece: &[u8]) -> Result<Vec<u8>, Stop> {
    if piece.len() == admitted.scanned {
        return Ok(piece.to_vec());
    }
    let body = host.request_body(0, admitted.scanned)?;
    if body.len() == admitted.scanned { Ok(body) } else { Err(Fault::Internal.into()) }
}

/// What must be changed in the body to count the reply, and whether the reply then says more than its client asked.
fn edits(kind: Kind, to: &Destination<'_>, scanned: Option<&Scanned>, need: &Need) -> (Vec<Edit>, bool) {
    let (Kind::Tokens(endpoint), Some(scanned)) = (kind, scanned) else { return (Vec::new(), false) };
    let mut edits = Vec::new();
    let usage = if scanned.stream { edit::include_usage(scanned, endpoint) } else { None };
    let drops_usage = usage.is_some();
    edits.extend(usage);
    if need.strict {
        let model = to.backend.map_model(to.model).map_or(to.model, |mapped| mapped.name.as_str());
        let cap = need.cap.or(scanned.max_output).unwrap_or(need.output);
        edits.extend(edit::cap_output(scanned, endpoint, model, cap));
        edit::sort(&mut edits);
    }
    (edits, drops_usage)
}

/// Changes the body for all attempts, and remembers its new length.
fn edit_body(host: &impl Host, admitted: &mut Admitted, edits: &[Edit], piece: &[u8]) -> Result<(), Stop> {
    if let Some(length) = edit_prefix(host, admitted.content_length, edits, piece)? {
        admitted.content_length = Some(length);
        host.set_request_header("content-length", length.to_string().as_bytes())?;
    }
    Ok(())
}

/// Makes the edits in the body that Envoy holds. Returns its new length, if one was declared and is another now.
fn edit_prefix(host: &impl Host, length: Option<u64>, edits: &[Edit], piece: &[u8]) -> Result<Option<u64>, Stop> {
    if edits.is_empty() {
        return Ok(None);
    }
    let reach = edit::reach(edits);
    let fetched;
    let prefix = match piece.get(..reach) {
        Some(prefix) => prefix,
        None => {
            fetched = host.request_body(0, reach)?;
            &fetched
        }
    };
    let edited = edit::apply(prefix, edits).ok_or(Fault::Internal)?;
    host.replace_request_body_prefix(reach, &edited)?;
    let growth = i64::try_from(edit::growth(edits)).unwrap_or(0);
    Ok(length.filter(|_| growth != 0).map(|length| length.saturating_add_signed(growth)))
}

/// Tells Envoy the route, the request id and what else its own replies need.
fn set_route(host: &impl Host, admitted: &Admitted, route: &Route) -> Result<(), HostError> {
    let name = if admitted.open() { &route.open_name } else { &route.name };
    host.set_request_header(ROUTE_HEADER, name.as_bytes())?;
    if !admitted.id_is_clients {
        host.set_request_header(REQUEST_ID_HEADER, admitted.request_id.as_bytes())?;
    }
    if admitted.upgrade {
        host.set_request_header(TIMEOUT_HEADER, b"0")?;
    }
    Ok(())
}
