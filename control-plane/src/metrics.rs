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
use crate::outcomes::Outcomes;

/// Stands for all backends that have no series of their own.
const OVERFLOW: &str = "__overflow__";

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
        let registry = Registry::new();
        let told = self.outcomes.told();
        let of_backends = told.backends.values().fold((0, 0), |sum, one| (sum.0 + one.requests, sum.1 + one.errors));
        let total = |name: &str, help: &str, value: u64| {
            let counter = IntCounter::new(full(name), help)?;
            counter.inc_by(value);
            registry.register(Box::new(counter))
        };
        total("requests_total", "Clients' requests that have ended.", told.own.requests + of_backends.0)?;
        total("errors_total", "Of them, those that got a 5xx other than 501.", told.own.errors + of_backends.1)?;
        let rows = self.rows();
        let counters: [(&str, &str, fn(&Row) -> u64); 6] = [
            ("backend_attempts_total", "Attempts that reached a backend.", |row| row.attempts),
            ("backend_success_total", "Attempts that ended well: any answer but 5xx.", |row| row.successes),
            ("backend_failures_total", "Attempts that failed: 5xx, broken off, not connected.", |row| row.failures),
            ("backend_requests_total", "Requests by the backend of their final attempt.", |row| row.requests),
            ("backend_errors_total", "Of them, those that got a 5xx other than 501.", |row| row.errors),
            ("backend_fallbacks_total", "Of them, those that had another first candidate.", |row| row.fallbacks),
        ];
        for (name, help, value) in counters {
            let counter = IntCounterVec::new(Opts::new(full(name), help), &["backend"])?;
            for (backend, row) in &rows {
                counter.get_metric_with_label_values(&[backend])?.inc_by(value(row));
            }
            registry.register(Box::new(counter))?;
        }
        let in_flight = Opts::new(full("backend_in_flight"), "Attempts that have not ended.");
        let in_flight = IntGaugeVec::new(in_flight, &["backend"])?;
        for (backend, row) in &rows {
            let value = i64::try_from(row.in_flight).unwrap_or(i64::MAX);
            in_flight.get_metric_with_label_values(&[backend])?.set(value);
        }
        registry.register(Box::new(in_flight))?;
        TextEncoder::new().encode_to_string(&registry.gather())
    }

    /// The numbers by label. Each configured backend has some, and each that was lately.
    fn rows(&self) -> BTreeMap<String, Row> {
        let (loads, told) = (self.loads.all(), self.outcomes.told());
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

fn full(name: &str) -> String {
    format!("ditto_gateway_proxy_{name}")
}

#[cfg(test)]
mod tests;
