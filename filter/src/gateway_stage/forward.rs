//! Sending an admitted request on: its route, what it needs, and what is changed in it.

use std::rc::Rc;

use ditto_llm::edit::{self, Edit};
use ditto_llm::fault::Fault;
use ditto_llm::scan::{ModelField, Scanned};
use ditto_policy::filter_config::Prepare;
use ditto_policy::routing::{Backend, Route};
use ditto_policy::upstream_path;

use super::{Admitted, GatewayStage, REQUEST_ID_HEADER, ROUTE_HEADER, Stop, TICKET_PROPERTY, TIMEOUT_HEADER};
use crate::backend_stage::Attempt;
use crate::charge::{self, Asked, Kind, Need};
use crate::host::{Host, HostError};
use crate::metering::{self, Destination, Meter};
use crate::worker::{KnownKey, Ticket};

/// A request that is ready to go on.
pub(super) struct Forward {
    pub(super) ticket: Option<Ticket>,
    /// Absent for an open relay's.
    pub(super) meter: Option<Box<Meter>>,
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
        // Also beside a body that names one: a backend might read it.
        let in_query = upstream_path::model_of_query(&admitted.path)
            .map_err(|error| Fault::InvalidRequest(format!("The query is not acceptable: {error}.")))?;
        let name = in_body.as_ref().map(|model| model.name.as_str()).or(in_query.as_deref()).unwrap_or_default();
        let pin = admitted.key.as_ref().and_then(|key| key.pin.as_deref());
        let route = self.router.route(name, pin, &admitted.request_id);
        let route = route.ok_or_else(|| Fault::BackendNotFound(pin.unwrap_or("default").to_owned()))?;
        let backend = self.router.first_backend(route).ok_or(Fault::Internal)?;
        let (mut meter, edits) = match &admitted.key {
            None => (None, Vec::new()),
            Some(key) => {
                let destination = Destination { router: &self.router, backend, model: name };
                let (meter, edits) = self.meter(admitted, key, route, &destination, scanned.as_ref())?;
                (Some(meter), edits)
            }
        };
        let ticket = match route.prepare {
            Prepare::Once => {
                self.prepare_once(host, admitted, backend, in_body.as_ref(), edits, piece)?;
                None
            }
            Prepare::PerAttempt => {
                edit_body(host, admitted, &edits, piece)?;
                let model = in_body.map(|mut model| {
                    edit::shift(&mut model, &edits);
                    model
                });
                Some(self.prepare_later(host, admitted, model)?)
            }
        };
        if let (Some(meter), Some(ticket)) = (&mut meter, &ticket) {
            meter.follow(self.worker.attempt(ticket.id()));
        }
        set_route(host, admitted, route)?;
        Ok(Forward { ticket, meter })
    }

    /// Says what the request needs of its key, and what must be changed in it to count it.
    fn meter(
        &self,
        admitted: &Admitted,
        key: &Rc<KnownKey>,
        route: &Route,
        to: &Destination<'_>,
        scanned: Option<&Scanned>,
    ) -> Result<(Box<Meter>, Vec<Edit>), Fault> {
        let kind = Kind::of(admitted.is_post, &admitted.path);
        let asked = Asked {
            // What a websocket will carry cannot be told, nor read.
            kind: if admitted.upgrade { Kind::Other } else { kind },
            path: &admitted.path,
            model: to.model,
            body: scanned,
            body_bytes: scanned.map_or(admitted.content_length.unwrap_or(0), |scanned| scanned.body_bytes as u64),
            prices: self.router.candidates(route).map(|one| metering::price(&self.router, one, to.model)).collect(),
        };
        let settings = self.router.metering();
        let need = charge::need(&asked, &key.limited, key.strict.unwrap_or(settings.strict), settings)?;
        let (edits, drops_usage) = edits(kind, to, scanned, &need);
        let is_stream = scanned.is_some_and(|scanned| scanned.stream);
        let mut meter = Box::new(Meter::new(&self.worker, key, to, kind, need));
        if is_stream {
            meter.edit_stream(drops_usage);
        }
        Ok((meter, edits))
    }

    /// Prepares the request here: path, query and body. Envoy does the rest.
    fn prepare_once(
        &self,
        host: &impl Host,
        admitted: &Admitted,
        backend: &Backend,
        model: Option<&ModelField>,
        mut edits: Vec<Edit>,
        piece: &[u8],
    ) -> Result<(), Stop> {
        let path = if backend.has_query_params {
            let credentials = self.worker.knowledge.borrow().credentials(&backend.cluster).ok_or(Fault::NotReady)?;
            upstream_path::build(backend, &admitted.path, &credentials.query, !admitted.open())
        } else {
            upstream_path::build(backend, &admitted.path, "", !admitted.open())
        };
        if admitted.aliased || path != admitted.path {
            host.set_request_header(":path", path.as_bytes())?;
        }
        let mapped = model.and_then(|model| Some((model, backend.map_model(&model.name)?)));
        if let Some((model, mapped)) = mapped.filter(|(model, mapped)| model.name != mapped.name) {
            edits.push(Edit { start: model.start, end: model.end, with: mapped.json.clone().into_bytes() });
            edit::sort(&mut edits);
        }
        if let Some(length) = edit_prefix(host, admitted.content_length, &edits, piece)? {
            host.set_request_header("content-length", length.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// Keeps the originals for the backend stage, which prepares each attempt from them.
    fn prepare_later(&self, host: &impl Host, admitted: &Admitted, model: Option<ModelField>) -> Result<Ticket, Stop> {
        let ticket = self.worker.keep_attempt(Attempt::new(
            Rc::clone(&self.router),
            admitted.path.clone(),
            !admitted.open(),
            admitted.content_length,
            model,
        ));
        host.keep(TICKET_PROPERTY, &ticket.id().to_le_bytes())?;
        Ok(ticket)
    }
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
