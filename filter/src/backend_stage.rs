//! The backend stage: the upstream filter of routes whose attempts differ. Envoy runs it once for every attempt.
//!
//! Envoy keeps one header map for all attempts of a request, so what the first attempt changed is still there in the
//! second; the body it replays as it left the gateway stage. Each attempt therefore first puts back every header that
//! an earlier one touched, and then starts from the originals that the gateway stage kept.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ditto_llm::dialect::Dialect;
use ditto_llm::edit::{self, Edit};
use ditto_llm::endpoint::Endpoint;
use ditto_llm::fault::Fault;
use ditto_llm::scan::ModelField;
use ditto_policy::routing::{Backend, MappedModel, Router};
use ditto_policy::upstream_path;
use ditto_translate::prepare::Prepared;

use crate::gateway_stage::{Admitted, Expected, TICKET_PROPERTY, replace_model, status_of};
use crate::head::pairs;
use crate::host::{Flow, Host, HostError};
use crate::key_ring::Held;
use crate::reply;
use crate::signing;
use crate::translation::{self, Original, VERSION_HEADER};
use crate::worker::Worker;

/// Where the name of the backend that an attempt goes to stands: in the endpoint's metadata.
pub(crate) const BACKEND_PROPERTY: [&str; 5] = ["xds", "upstream_host_metadata", "filter_metadata", "ditto", "backend"];

/// A client's request as it was, and what its attempts have changed since.
#[derive(Debug, Default)]
pub struct Attempt {
    router: Option<Rc<Router>>,
    original: Rc<Original>,
    dialect: Dialect,
    strip_key: bool,
    content_length: Option<u64>,
    model: Option<ModelField>,
    open_key: Option<String>,
    /// How the reply to the latest attempt is translated.
    expected: RefCell<Option<Box<Expected>>>,
    /// The backend that the latest attempt went to.
    served: RefCell<Option<String>>,
    /// Headers that attempts have touched, with the values they had before.
    touched: RefCell<BTreeMap<String, Vec<Vec<u8>>>>,
}

impl Attempt {
    /// Keeps the originals. `model` is where the model stands in the body as Envoy holds it.
    pub(crate) fn new(
        router: Rc<Router>,
        original: Rc<Original>,
        admitted: &Admitted,
        model: Option<ModelField>,
    ) -> Self {
        Self {
            router: Some(router),
            original,
            dialect: admitted.dialect,
            strip_key: !admitted.open(),
            content_length: admitted.content_length,
            model,
            open_key: admitted.open_key.clone(),
            ..Self::default()
        }
    }

    /// How the reply to the latest attempt is translated, if it is.
    pub(crate) fn take_expected(&self) -> Option<Box<Expected>> {
        self.expected.borrow_mut().take()
    }

    /// The backend that the latest attempt went to.
    pub(crate) fn served(&self) -> Option<String> {
        self.served.borrow().clone()
    }

    /// The client's own body as it leaves for a backend.
    fn body_for(&self, backend: &Backend) -> Result<Vec<u8>, Fault> {
        let body = self.original.edited(&self.original.edits)?;
        match self.mapped(backend) {
            Some((model, mapped)) => {
                let edit = Edit { start: model.start, end: model.end, with: mapped.json.clone().into_bytes() };
                edit::apply(&body, &[edit]).ok_or(Fault::Internal)
            }
            None => Ok(body),
        }
    }

    /// Where the model stands in the body, and what it is replaced by where the backend has another name for it.
    fn mapped<'a>(&'a self, backend: &'a Backend) -> Option<(&'a ModelField, Cow<'a, MappedModel>)> {
        let model = self.model.as_ref()?;
        self.original.rename(backend, &model.name).map(|mapped| (model, mapped))
    }

    fn set(&self, host: &impl Host, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.touch(host, name)?;
        host.set_request_header(name, value)
    }

    fn remove(&self, host: &impl Host, name: &str) -> Result<(), HostError> {
        self.touch(host, name)?;
        host.remove_request_header(name)
    }

    /// Remembers what a header was before it is changed.
    fn touch(&self, host: &impl Host, name: &str) -> Result<(), HostError> {
        let mut touched = self.touched.borrow_mut();
        if !touched.contains_key(name) {
            // By the whole map: asked for one header, Envoy gives its first value only.
            let map = host.request_headers()?;
            let values = pairs(&map).filter(|(known, _)| *known == name.as_bytes());
            touched.insert(name.to_owned(), values.map(|(_, value)| value.to_vec()).collect());
        }
        Ok(())
    }

    fn restore(&self, host: &impl Host) -> Result<(), HostError> {
        for (name, original) in self.touched.borrow().iter() {
            match original.split_first() {
                Some((first, rest)) => {
                    host.set_request_header(name, first)?;
                    rest.iter().try_for_each(|value| host.add_request_header(name, value))?;
                }
                None => host.remove_request_header(name)?,
            }
        }
        Ok(())
    }
}

/// What remains to be done to an attempt's body.
#[derive(Debug, Default)]
enum Body {
    /// It goes on as it is.
    #[default]
    Pass,
    /// The model in it is replaced.
    Model(ModelField, MappedModel),
    /// Another one goes on in its place.
    Whole(Vec<u8>),
    /// Another one went on in its place; the rest of it goes nowhere.
    Sent,
}

/// What ends an attempt before it has left.
enum Ending {
    Fault(Fault),
    /// The answer is known here.
    Answer(Vec<u8>),
}

impl From<Fault> for Ending {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One attempt in the backend stage.
#[derive(Debug)]
pub struct BackendStage {
    worker: Rc<Worker>,
    body: Body,
    /// Its key, where the backend has several.
    key: Option<Held>,
    /// The attempt was answered here and must not go on, even if Envoy did not take the answer.
    answered: bool,
}

impl BackendStage {
    /// A stage for one attempt.
    pub fn new(worker: Rc<Worker>) -> Self {
        Self { worker, body: Body::Pass, key: None, answered: false }
    }

    /// The attempt's headers are about to leave.
    pub fn on_request_headers(&mut self, host: &impl Host) -> Flow {
        let ticket = host.property(&[TICKET_PROPERTY]);
        let ticket = ticket.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        // Without its originals (the VM was replaced meanwhile) an attempt cannot be prepared.
        let Some(attempt) = ticket.and_then(|id| self.worker.attempt(id)) else {
            return self.answer(host, Dialect::OpenAi, "", &Fault::NotReady);
        };
        let request_id = attempt.original.request_id.as_str();
        match self.prepare(host, &attempt) {
            Ok(()) => Flow::Continue,
            Err(Ending::Fault(fault)) => self.answer(host, attempt.dialect, request_id, &fault),
            Err(Ending::Answer(body)) => {
                self.answered = true;
                reply::json(host, request_id, &body)
            }
        }
    }

    /// The head of the attempt's reply is here: a key that was refused rests.
    pub fn on_response_headers(&self, host: &impl Host) {
        let Some(key) = &self.key else { return };
        let Ok(head) = host.response_headers() else { return };
        let status = status_of(&head);
        if matches!(status, 401 | 403 | 429) {
            let retry_after = pairs(&head).find(|(name, _)| *name == b"retry-after").map(|(_, value)| value);
            key.answered(status, retry_after, host.now_ms());
        }
    }

    /// The attempt's body is about to leave; `size` bytes are there.
    pub fn on_request_body(&mut self, host: &impl Host, size: usize, end_of_stream: bool) -> Flow {
        if self.answered {
            return Flow::Pause;
        }
        let replaced = match std::mem::take(&mut self.body) {
            Body::Pass => return Flow::Continue,
            Body::Sent => {
                self.body = Body::Sent;
                host.replace_request_body_prefix(size, b"").is_ok()
            }
            Body::Whole(body) => {
                self.body = Body::Sent;
                host.replace_request_body_prefix(size, &body).is_ok()
            }
            Body::Model(model, mapped) if size < model.end && !end_of_stream => {
                self.body = Body::Model(model, mapped);
                return Flow::Pause;
            }
            Body::Model(model, mapped) => replace_in_place(host, &model, &mapped),
        };
        if replaced {
            return Flow::Continue;
        }
        // The headers have left with another length: the attempt must not go on with the wrong body.
        host.warn("the body of an attempt could not be replaced");
        self.answer(host, Dialect::OpenAi, "", &Fault::Internal)
    }

    /// Trailers are about to leave: what is there of the body is all of it.
    pub fn on_request_trailers(&mut self, host: &impl Host) -> Flow {
        // A body whose model has not arrived by now ended before it; asking for more bytes than there are is harmless.
        match self.body {
            Body::Model(..) => self.on_request_body(host, 0, true),
            _ if self.answered => Flow::Pause,
            _ => Flow::Continue,
        }
    }

    fn answer(&mut self, host: &impl Host, dialect: Dialect, request_id: &str, fault: &Fault) -> Flow {
        self.answered = true;
        reply::fault(host, dialect, request_id, fault)
    }

    fn prepare(&mut self, host: &impl Host, attempt: &Attempt) -> Result<(), Ending> {
        let router = attempt.router.as_ref().ok_or(Fault::Internal)?;
        let name = host.property(&BACKEND_PROPERTY).ok_or(Fault::Internal)?;
        let backend = std::str::from_utf8(&name).ok().and_then(|name| router.backend(name)).ok_or(Fault::Internal)?;
        let credentials = self.worker.knowledge.borrow().credentials(&backend.cluster).ok_or(Fault::NotReady)?;

        *attempt.served.borrow_mut() = Some(backend.name.clone());
        *attempt.expected.borrow_mut() = None;
        attempt.restore(host).map_err(|error| refused(host, error))?;
        let set = |name: &str, value: &[u8]| attempt.set(host, name, value).map_err(|error| refused(host, error));
        let lacks = self.worker.has_responses(&backend.cluster, host.now_ms()) == Some(false);
        let no_responses = lacks && backend.provider.is_none();
        let (sending, path) = match attempt.original.prepare(backend, no_responses)? {
            Prepared::Pass { path } => (None, path),
            Prepared::Send(sending) => (Some(sending), None),
            Prepared::Answer(body) => return Err(Ending::Answer(body)),
        };
        let path = path.as_ref().or(sending.as_ref().map(|sending| &sending.outgoing.path));
        let path = path.unwrap_or(&attempt.original.path);
        let path = upstream_path::build(backend, path, &credentials.query, attempt.strip_key);
        set(":path", path.as_bytes())?;
        if let Some(key) = attempt.open_key.as_ref().filter(|_| sending.is_some()) {
            set("authorization", format!("Bearer {key}").as_bytes())?;
        }
        if let Some(version) = attempt.original.missing_version(backend) {
            set(VERSION_HEADER, version.as_bytes())?;
        }
        for (name, value) in &credentials.headers {
            set(name, value.as_bytes())?;
        }
        if let Some(keys) = &credentials.keys {
            let key = keys.choose(host.now_ms()).ok_or_else(|| Fault::NoApiKey(backend.name.clone()))?;
            set(keys.header(), key.value().as_bytes())?;
            self.key = Some(key);
        }
        if signing::signs(backend) {
            let own = sending.is_none().then(|| attempt.body_for(backend)).transpose()?;
            let body = sending.as_ref().map(|sending| &sending.outgoing.body).or(own.as_ref());
            attempt.remove(host, signing::TOKEN_HEADER).map_err(|error| refused(host, error))?;
            let body = body.map(Vec::as_slice).unwrap_or_default();
            for (name, value) in signing::headers(backend, Some(&credentials), &path, body, host.now_ms())? {
                set(name, value.as_bytes())?;
            }
        }
        match sending {
            Some(sending) => {
                for (name, value) in translation::headers(&sending.outgoing) {
                    set(name, value.as_bytes())?;
                }
                if !attempt.strip_key {
                    let (name, value) = translation::PLAIN_REPLY;
                    set(name, value.as_bytes())?;
                }
                let mut sending = *sending;
                let shim = no_responses && attempt.original.endpoint == Endpoint::Responses;
                self.body = Body::Whole(std::mem::take(&mut sending.outgoing.body));
                *attempt.expected.borrow_mut() = Some(Box::new(Expected::of(backend, sending, shim)));
            }
            None => self.map_model(attempt, backend, set)?,
        }
        Ok(())
    }

    /// Has the model's name replaced by the backend's, where it has another.
    fn map_model(
        &mut self,
        attempt: &Attempt,
        backend: &Backend,
        set: impl Fn(&str, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Ending> {
        let Some((model, mapped)) = attempt.mapped(backend) else { return Ok(()) };
        let written = mapped.json.len() as u64;
        let replaced = model.end.saturating_sub(model.start) as u64;
        if let Some(length) = attempt.content_length {
            let length = length.saturating_sub(replaced).saturating_add(written);
            set("content-length", length.to_string().as_bytes())?;
        }
        self.body = Body::Model(model.clone(), mapped.into_owned());
        Ok(())
    }
}

/// Writes the backend's name for the model over the client's. Returns whether that was possible: a body that ended
/// inside the model's value is not the one that was read, and Envoy gives less than was asked for.
fn replace_in_place(host: &impl Host, model: &ModelField, mapped: &MappedModel) -> bool {
    let head = host.request_body(0, model.end).ok().filter(|head| head.len() >= model.end);
    let replaced = head.and_then(|head| replace_model(&head, model, mapped));
    replaced.is_some_and(|replaced| host.replace_request_body_prefix(model.end, &replaced).is_ok())
}

fn refused(host: &impl Host, error: HostError) -> Fault {
    reply::warn(host, error);
    Fault::Internal
}

#[cfg(test)]
mod tests;
