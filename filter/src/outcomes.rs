//! What became of clients' requests: counted by configuration and backend, and told to the control plane in reports.
//!
//! Counting is arithmetic in the worker's memory. The root context sends a report now and then, off the way of any
//! request, and repeats it as it is until it is acknowledged: see `proto/ditto/outcome/v1/outcome.proto`.

use std::collections::BTreeMap;
use std::rc::Rc;

use ditto_policy::routing::Router;
use ditto_proto::outcome::{Outcome, OutcomeReport};

/// Reports are at least so far apart.
const INTERVAL_MS: u64 = 1_000;
/// An answer that has not come by now will not come. Longer than the call's own patience.
const ANSWER_MS: u64 = 10_000;
/// Configurations that are told apart while no report is acknowledged; then the oldest is given up.
const CONFIGURATIONS_MAX: usize = 8;

/// What a worker counts.
#[derive(Debug)]
pub(crate) struct Outcomes {
    worker: String,
    /// The newest last.
    configurations: Vec<Configuration>,
    /// The report that is not acknowledged.
    unheard: Option<OutcomeReport>,
    sequence: u64,
    /// No report goes out before this.
    next_ms: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The place of the backend that the final attempt went to; `None`: the gateway answered by itself.
    pub(crate) backend: Option<usize>,
    /// What the client got; 0: nothing.
    pub(crate) status: u16,
    /// Whether the backend was not the request's first candidate.
    pub(crate) fell_back: bool,
}

/// What came of requests that were decided by one configuration.
#[derive(Debug)]
struct Configuration {
    router: Rc<Router>,
    by_backend: BTreeMap<Option<usize>, Counts>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    fallbacks: u64,
}

impl Ended {
    /// Whether the client was failed. What is not offered at all (501) is no failure.
    fn is_error(&self) -> bool {
        self.status >= 500 && self.status != 501
    }
}

impl Outcomes {
    /// Nothing is counted yet. `worker` is the name of this incarnation of the worker.
    pub(crate) fn new(worker: String) -> Self {
        Self { worker, configurations: Vec::new(), unheard: None, sequence: 0, next_ms: 0 }
    }

    /// A request has ended that was decided by `router`.
    pub(crate) fn count(&mut self, router: &Rc<Router>, ended: Ended) {
        let known = self.configurations.iter().rposition(|known| Rc::ptr_eq(&known.router, router));
        if known.is_none() {
            if self.configurations.len() >= CONFIGURATIONS_MAX {
                self.configurations.remove(0);
            }
            self.configurations.push(Configuration { router: Rc::clone(router), by_backend: BTreeMap::new() });
        }
        let configuration = match known {
            Some(place) => self.configurations.get_mut(place),
            None => self.configurations.last_mut(),
        };
        let Some(configuration) = configuration else { return };
        let counts = configuration.by_backend.entry(ended.backend).or_default();
        counts.requests = counts.requests.saturating_add(1);
        counts.errors = counts.errors.saturating_add(u64::from(ended.is_error()));
        counts.fallbacks = counts.fallbacks.saturating_add(u64::from(ended.fell_back));
    }

    /// The report that is due, if one is: of what has come, or once more the one that was not acknowledged.
    pub(crate) fn report(&mut self, node: &str, now_ms: u64) -> Option<&OutcomeReport> {
        if now_ms < self.next_ms || (self.unheard.is_none() && self.configurations.is_empty()) {
            return None;
        }
        if self.unheard.is_none() {
            self.sequence = self.sequence.saturating_add(1);
            let outcomes = std::mem::take(&mut self.configurations).iter().flat_map(Configuration::told).collect();
            let (node, worker) = (node.to_owned(), self.worker.clone());
            self.unheard = Some(OutcomeReport { node, worker, sequence: self.sequence, outcomes });
        }
        self.next_ms = now_ms.saturating_add(ANSWER_MS);
        self.unheard.as_ref()
    }

    /// The latest report is acknowledged, or it could not be delivered.
    pub(crate) fn answered(&mut self, heard: bool, now_ms: u64) {
        if heard {
            self.unheard = None;
        }
        self.next_ms = now_ms.saturating_add(INTERVAL_MS);
    }
}

impl Configuration {
    fn told(&self) -> Vec<Outcome> {
        let told = |(place, counts): (&Option<usize>, &Counts)| Outcome {
            version: self.router.version().to_owned(),
            backend: place
                .and_then(|place| self.router.backend_at(place))
                .map(|one| one.name.clone())
                .unwrap_or_default(),
            requests: counts.requests,
            errors: counts.errors,
            fallbacks: counts.fallbacks,
        };
        self.by_backend.iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests;
