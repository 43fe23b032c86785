//! The metrics of all Envoys of this control plane, in Prometheus' text format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! They are made when they are asked for, from what load reports and outcomes say. Nothing is counted twice, and
//! nothing of them is on the path of a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Error, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::admin::BackendNames;
use crate::load::Loads;
use crate::outcomes::{Outcomes, Told};

/// Stands for all backends that have no series of their own.
const OVERFLOW: &str = "__overflow__";

/// A counter by backend: its name, what it counts, and its value.
type BackendCounter = (&'static str, &'static str, fn(&Row) -> u64);

const COUNTERS: [BackendCounter; 6] = [
    ("backend_attempts_total", "Attempts that reached a backend.", |row| row.attempts),
    ("backend_success_total", "Attempts that ended well: any answer but 5xx.", |row| row.successes),
    ("backend_failures_total", "Attempts that failed: 5xx, broken off, not connected.", |row| row.failures),
    ("backend_requests_total", "Requests by the backend of their final attempt.", |row| row.requests),
    ("backend_errors_total", "Of them, those that got a 5xx other than 501.", |row| row.errors),
    ("backend_fallbacks_total", "Of them, those that had another first candidate.", |row| row.fallbacks),
];

/// What metrics are made from.
#[derive(Debug)]
pub struct Metrics {
    configured: BackendNames,
    loads: Arc<Loads>,
    outcomes: Arc<Outcomes>,
    backend_series_max: usize,
    /// The backends that have series of their own. Who has one keeps it.
    named: Mutex<BTreeSet<String>>,
}

/// One backend's numbers, or those of all without series of their own.
#[derive(Debug, Default)]
struct Row {
    attempts: u64,
    successes: u64,
    failures: u64,
    in_flight: u64,
    requests: u64,
    errors: u64,
    fallbacks: u64,
}

impl Metrics {
    /// At most `backend_series_max` backends have series of their own; the rest share one.
    pub fn new(
        configured: BackendNames,
        loads: Arc<Loads>,
        outcomes: Arc<Outcomes>,
        backend_series_max: usize,
    ) -> Arc<Self> {
        Arc::new(Self { configured, loads, outcomes, backend_series_max, named: Mutex::default() })
    }

    /// All metrics as they are now.
    ///
    /// # Errors
    /// A metric is named wrongly, which no input can cause.
    pub fn text(&self) -> Result<String, Error> {
        let told = self.outcomes.told();
        let all = told.backends.values().fold(told.own, |sum, one| sum.and(*one));
        let registry = Registry::new();
        for (name, help, value) in [
            ("requests_total", "Clients' requests that have ended.", all.requests),
            ("errors_total", "Of them, those that got a 5xx other than 501.", all.errors),
        ] {
            let counter = IntCounter::new(full(name), help)?;
            counter.inc_by(value);
            registry.register(Box::new(counter))?;
        }
        add_backends(&registry, &self.rows(&told))?;
        TextEncoder::new().encode_to_string(&registry.gather())
    }

    /// The numbers by label. Each configured backend has some, and each that was lately.
    fn rows(&self, told: &Told) -> BTreeMap<String, Row> {
        let loads = self.loads.all();
        let reported = loads.keys().chain(told.backends.keys()).cloned();
        let backends: BTreeSet<String> = self.configured.all().into_iter().chain(reported).collect();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|name| backends.contains(name));
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for backend in backends {
            if named.len() < self.backend_series_max {
                named.insert(backend.clone());
            }
            let load = loads.get(&backend).map(|load| load.total).unwrap_or_default();
            let told = told.backends.get(&backend).copied().unwrap_or_default();
            let label = if named.contains(&backend) { backend } else { OVERFLOW.to_owned() };
            let row = rows.entry(label).or_default();
            row.attempts += load.counts.attempts;
            row.successes += load.counts.successes;
            row.failures += load.counts.failures;
            row.in_flight += load.in_flight;
            row.requests += told.requests;
            row.errors += told.errors;
            row.fallbacks += told.fallbacks;
        }
        rows
    }
}

/// Adds the metrics that each backend has.
fn add_backends(registry: &Registry, rows: &BTreeMap<String, Row>) -> Result<(), Error> {
    for (name, help, value) in COUNTERS {
        let counter = IntCounterVec::new(Opts::new(full(name), help), &["backend"])?;
        for (backend, row) in rows {
            counter.get_metric_with_label_values(&[backend])?.inc_by(value(row));
        }
        registry.register(Box::new(counter))?;
    }
    let in_flight = Opts::new(full("backend_in_flight"), "Attempts that have not ended.");
    let in_flight = IntGaugeVec::new(in_flight, &["backend"])?;
    for (backend, row) in rows {
        let value = i64::try_from(row.in_flight).unwrap_or(i64::MAX);
        in_flight.get_metric_with_label_values(&[backend])?.set(value);
    }
    registry.register(Box::new(in_flight))
}

fn full(name: &str) -> String {
    format!("ditto_gateway_proxy_{name}")
}

#[cfg(test)]
mod tests;
