//! The backend stage: the upstream filter of routes whose attempts differ. Envoy runs it once for every attempt.
//!
//! Envoy keeps one header map for all attempts of a request, so what the first attempt changed is still there in the
//! second; the body it replays as it left the gateway stage. Each attempt therefore first puts back every header that
//! an earlier one touched, and then starts from the originals that the gateway stage kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;
use ditto_llm::scan::ModelField;
use ditto_policy::routing::{MappedModel, Router};
use ditto_policy::upstream_path;

use crate::gateway_stage::{TICKET_PROPERTY, replace_model};
use crate::head::pairs;
use crate::host::{Flow, Host, HostError};
use crate::reply;
use crate::worker::Worker;

/// Where the name of the backend that an attempt goes to stands: in the endpoint's metadata.
const BACKEND_PROPERTY: [&str; 5] = ["xds", "upstream_host_metadata", "filter_metadata", "ditto", "backend"];

/// A client's request as it was, and what its attempts have changed since.
#[derive(Debug, Default)]
pub struct Attempt {
    router: Option<Rc<Router>>,
    path: String,
    strip_key: bool,
    content_length: Option<u64>,
    model: Option<ModelField>,
    /// The backend that the latest attempt went to.
    served: RefCell<Option<String>>,
    /// Headers that attempts have touched, with the values they had before.
    touched: RefCell<BTreeMap<String, Vec<Vec<u8>>>>,
}

impl Attempt {
    /// Keeps the originals: the normalised path, whether a key in the query must go, the declared length of the body
    /// and where its model stands.
    pub fn new(
        router: Rc<Router>,
        path: String,
        strip_key: bool,
        content_length: Option<u64>,
        model: Option<ModelField>,
    ) -> Self {
        Self { router: Some(router), path, strip_key, content_length, model, ..Self::default() }
    }

    /// The backend that the latest attempt went to.
    pub(crate) fn served(&self) -> Option<String> {
        self.served.borrow().clone()
    }

    fn set(&self, host: &impl Host, name: &str, value: &[u8]) -> Result<(), HostError> {
        let mut touched = self.touched.borrow_mut();
        if !touched.contains_key(name) {
            // By the whole map: asked for one header, Envoy gives its first value only.
            let map = host.request_headers()?;
            let values = pairs(&map).filter(|(known, _)| *known == name.as_bytes());
            touched.insert(name.to_owned(), values.map(|(_, value)| value.to_vec()).collect());
        }
        host.set_request_header(name, value)
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

/// One attempt in the backend stage.
#[derive(Debug)]
pub struct BackendStage {
    worker: Rc<Worker>,
    /// What remains to be done to the body: replace up to here.
    body: Option<(ModelField, MappedModel)>,
    /// The attempt was answered here and must not go on, even if Envoy did not take the answer.
    answered: bool,
}

impl BackendStage {
    /// A stage for one attempt.
    pub fn new(worker: Rc<Worker>) -> Self {
        Self { worker, body: None, answered: false }
    }

    /// The attempt's headers are about to leave.
    pub fn on_request_headers(&mut self, host: &impl Host) -> Flow {
        match self.prepare(host) {
            Ok(()) => Flow::Continue,
            Err(fault) => self.answer(host, &fault),
        }
    }

    /// The attempt's body is about to leave; `size` bytes are there.
    pub fn on_request_body(&mut self, host: &impl Host, size: usize, end_of_stream: bool) -> Flow {
        if self.answered {
            return Flow::Pause;
        }
        let Some((model, mapped)) = self.body.take() else {
            return Flow::Continue;
        };
        if size < model.end && !end_of_stream {
            self.body = Some((model, mapped));
            return Flow::Pause;
        }
        // A body that ended inside the model's value is not the one that was read: Envoy gives less than was asked for.
        let replaced = host.request_body(0, model.end).ok().filter(|head| head.len() >= model.end);
        let replaced = replaced.and_then(|head| replace_model(&head, &model, &mapped));
        if let Some(replaced) = replaced
            && host.replace_request_body_prefix(model.end, &replaced).is_ok()
        {
            return Flow::Continue;
        }
        // The headers have left with another length: the attempt must not go on with the wrong body.
        host.warn("the model could not be replaced in the body of an attempt");
        self.answer(host, &Fault::Internal)
    }

    /// Trailers are about to leave: what is there of the body is all of it.
    pub fn on_request_trailers(&mut self, host: &impl Host) -> Flow {
        // A body whose model has not arrived by now ended before it; asking for more bytes than there are is harmless.
        self.on_request_body(host, 0, true)
    }

    fn answer(&mut self, host: &impl Host, fault: &Fault) -> Flow {
        self.answered = true;
        reply::fault(host, Dialect::OpenAi, "", fault)
    }

    fn prepare(&mut self, host: &impl Host) -> Result<(), Fault> {
        let ticket = host.property(&[TICKET_PROPERTY]);
        let ticket = ticket.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        // Without its originals (the VM was replaced meanwhile) an attempt cannot be prepared.
        let attempt = ticket.and_then(|id| self.worker.attempt(id)).ok_or(Fault::NotReady)?;
        let router = attempt.router.as_ref().ok_or(Fault::Internal)?;
        let name = host.property(&BACKEND_PROPERTY).ok_or(Fault::Internal)?;
        let backend = std::str::from_utf8(&name).ok().and_then(|name| router.backend(name)).ok_or(Fault::Internal)?;
        let credentials = self.worker.knowledge.borrow().credentials(&backend.cluster).ok_or(Fault::NotReady)?;

        *attempt.served.borrow_mut() = Some(backend.name.clone());
        attempt.restore(host).map_err(|error| refused(host, error))?;
        let path = upstream_path::build(backend, &attempt.path, &credentials.query, attempt.strip_key);
        let set = |name: &str, value: &[u8]| attempt.set(host, name, value).map_err(|error| refused(host, error));
        set(":path", path.as_bytes())?;
        for (name, value) in &credentials.headers {
            set(name, value.as_bytes())?;
        }
        let mapped = attempt.model.as_ref().and_then(|model| Some((model, backend.map_model(&model.name)?)));
        if let Some((model, mapped)) = mapped.filter(|(model, mapped)| model.name != mapped.name) {
            let written = mapped.json.len() as u64;
            let replaced = model.end.saturating_sub(model.start) as u64;
            if let Some(length) = attempt.content_length {
                let length = length.saturating_sub(replaced).saturating_add(written);
                set("content-length", length.to_string().as_bytes())?;
            }
            self.body = Some((model.clone(), mapped.clone()));
        }
        Ok(())
    }
}

fn refused(host: &impl Host, error: HostError) -> Fault {
    reply::warn(host, error);
    Fault::Internal
}

#[cfg(test)]
mod tests;
