//! What became of clients' requests, as the workers of all Envoys tell it.
//!
//! Load reports know attempts; only the filter knows what the client got in the end, which backend gave it, and by which
//! configuration the request was decided. Counts are kept by backend, and what nodes on a staged configuration say goes
//! to the [`judge`] as well.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ditto_proto::outcome::{Outcome, OutcomeReport};

mod judge;
mod service;

pub use judge::Judge;
pub use service::OutcomeService;

use crate::admin::BackendNames;

/// Workers whose last report is remembered. More are believed, though a report of theirs that is repeated counts twice.
const WORKERS_MAX: usize = 65_536;
/// A worker that has said nothing for so long is forgotten: nothing of its is repeated any more.
const WORKER_KEPT: Duration = Duration::from_secs(60);
/// Backends that are told apart.
const BACKENDS_MAX: usize = 10_000;
/// A backend that is not configured is remembered for so long after it was last told of.
const BACKEND_KEPT: Duration = Duration::from_secs(600);

/// What is counted of requests. These numbers only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that have ended.
    pub requests: u64,
    /// Of them, those whose client got a 5xx other than 501.
    pub errors: u64,
    /// Of them, those that the backend had in place of their first candidate.
    pub fallbacks: u64,
}

/// What all workers have told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Requests that the gateway answered by itself: refusals, and what needs no backend.
    pub own: Counts,
    /// The others, by the backend of their final attempt.
    pub backends: BTreeMap<String, Counts>,
}

/// The outcomes of all workers' requests.
#[derive(Debug)]
pub struct Outcomes {
    configured: BackendNames,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    own: Counts,
    backends: BTreeMap<String, (Counts, Option<Instant>)>,
    /// The latest report of each worker.
    workers: HashMap<String, (u64, Instant)>,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
            fallbacks: self.fallbacks.saturating_add(other.fallbacks),
        }
    }
}

impl From<&Outcome> for Counts {
    fn from(outcome: &Outcome) -> Self {
        let Outcome { requests, errors, fallbacks, .. } = *outcome;
        Self { requests, errors, fallbacks }
    }
}

impl Outcomes {
    /// Nothing is told yet. `configured` says which backends are never forgotten.
    pub fn new(configured: BackendNames) -> Arc<Self> {
        Arc::new(Self { configured, state: Mutex::default() })
    }

    /// Adds a report, unless it is known already. Whether it was not.
    pub fn hear(&self, report: &OutcomeReport) -> bool {
        self.hear_at(report, Instant::now())
    }

    fn hear_at(&self, report: &OutcomeReport, now: Instant) -> bool {
        let mut state = self.lock();
        let known = state.workers.get(&report.worker).map_or(0, |(sequence, _)| *sequence);
        if report.sequence <= known {
            return false;
        }
        if state.workers.len() >= WORKERS_MAX {
            state.workers.retain(|_, (_, at)| now.saturating_duration_since(*at) < WORKER_KEPT);
        }
        if state.workers.len() < WORKERS_MAX || known > 0 {
            state.workers.insert(report.worker.clone(), (report.sequence, now));
        }
        for outcome in &report.outcomes {
            state.add(outcome, now);
        }
        state.backends.retain(|backend, (_, at)| {
            let is_fresh = at.is_some_and(|at| now.saturating_duration_since(at) < BACKEND_KEPT);
            is_fresh || self.configured.contains(backend)
        });
        true
    }

    /// What has been told so far.
    pub fn told(&self) -> Told {
        let state = self.lock();
        let backends = state.backends.iter().map(|(backend, (counts, _))| (backend.clone(), *counts)).collect();
        Told { own: state.own, backends }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers for show: half a report after a panic is better than none at all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, outcome: &Outcome, now: Instant) {
        let counts = Counts::from(outcome);
        if outcome.backend.is_empty() {
            self.own = self.own.and(counts);
            return;
        }
        if self.backends.len() >= BACKENDS_MAX && !self.backends.contains_key(&outcome.backend) {
            return;
        }
        let (known, at) = self.backends.entry(outcome.backend.clone()).or_default();
        *known = known.and(counts);
        *at = Some(now);
    }
}

#[cfg(test)]
mod tests;
