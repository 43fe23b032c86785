//! What all Envoys see of the backends: their load reports, added up.
//!
//! An Envoy reports every second, or less often where it has many clusters, what has come since its last report. That
//! costs its requests nothing. Totals are kept by node and backend. A node that goes leaves its totals behind, so that
//! what is counted never goes back; a backend that is no longer configured is forgotten after a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::config::endpoint::v3::ClusterStats;

mod service;

pub use service::LoadService;

use crate::admin::BackendNames;
use crate::envoy::clusters::backend_of;

/// Backends that one node's reports tell apart.
const BACKENDS_MAX: usize = 10_000;
/// A backend that is not configured is remembered for so long after it was last reported.
const KEPT: Duration = Duration::from_secs(600);

/// What is counted of a backend's attempts. These numbers only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts that were begun.
    pub attempts: u64,
    /// Of them, those that ended well: any answer but 5xx.
    pub successes: u64,
    /// Of them, those that failed: 5xx, broken off, not begun in time.
    pub failures: u64,
}

/// What one node, or all together, say of a backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// What is counted.
    pub counts: Counts,
    /// Attempts that have not ended.
    pub in_flight: u64,
}

/// A backend as all nodes see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackendLoad {
    /// All together, nodes that have gone included.
    pub total: Load,
    /// Each node that reports now, by its id.
    pub nodes: BTreeMap<String, Load>,
}

/// The load reports of all Envoys.
#[derive(Debug)]
pub struct Loads {
    configured: BackendNames,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By stream: two Envoys may have one id.
    streams: BTreeMap<u64, Reported>,
    next_stream: u64,
    /// What nodes counted that have gone.
    gone: BTreeMap<String, Heard>,
}

/// What one Envoy has reported.
#[derive(Debug, Default)]
struct Reported {
    node: String,
    backends: BTreeMap<String, Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    load: Load,
    at: Instant,
}

/// An Envoy's place among those that report. Dropped, the Envoy is gone.
#[derive(Debug)]
pub struct Reporter {
    loads: Arc<Loads>,
    stream: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.successes = self.successes.saturating_add(other.successes);
        self.failures = self.failures.saturating_add(other.failures);
    }
}

impl Load {
    fn add(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
    }
}

impl Loads {
    /// Nothing is reported yet. `configured` says which backends are never forgotten.
    pub fn new(configured: BackendNames) -> Arc<Self> {
        Arc::new(Self { configured, state: Mutex::default() })
    }

    /// An Envoy begins to report.
    pub fn connect(self: &Arc<Self>, node: &str) -> Reporter {
        let mut state = self.lock();
        let stream = state.next_stream;
        state.next_stream += 1;
        state.streams.insert(stream, Reported { node: node.to_owned(), ..Reported::default() });
        Reporter { loads: Arc::clone(self), stream }
    }

    /// Each backend of which anything was reported.
    pub fn all(&self) -> BTreeMap<String, BackendLoad> {
        let state = self.lock();
        let mut all: BTreeMap<String, BackendLoad> = BTreeMap::new();
        for (backend, heard) in &state.gone {
            all.entry(backend.clone()).or_default().total.add(heard.load);
        }
        for reported in state.streams.values() {
            for (backend, heard) in &reported.backends {
                let backend = all.entry(backend.clone()).or_default();
                backend.total.add(heard.load);
                backend.nodes.entry(reported.node.clone()).or_default().add(heard.load);
            }
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers for show: half a report after a panic is better than none at all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// Takes a report: what has come since the last one, and what is under way.
    pub fn report(&self, clusters: &[ClusterStats]) {
        self.report_at(clusters, Instant::now());
    }

    fn report_at(&self, clusters: &[ClusterStats], now: Instant) {
        let mut state = self.loads.lock();
        let State { streams, gone, .. } = &mut *state;
        let Some(reported) = streams.get_mut(&self.stream) else { return };
        for heard in reported.backends.values_mut() {
            heard.load.in_flight = 0;
        }
        for cluster in clusters {
            let Some(backend) = backend_of(&cluster.cluster_name) else { continue };
            reported.add(backend, load_of(cluster), now);
        }
        let is_kept = |backend: &str, heard: &Heard| {
            now.saturating_duration_since(heard.at) < KEPT || self.loads.configured.contains(backend)
        };
        reported.backends.retain(|backend, heard| is_kept(backend, heard));
        gone.retain(|backend, heard| is_kept(backend, heard));
    }
}

impl Reported {
    fn add(&mut self, backend: &str, load: Load, now: Instant) {
        if let Some(heard) = self.backends.get_mut(backend) {
            heard.load.add(load);
            heard.at = now;
        } else if load != Load::default() && self.backends.len() < BACKENDS_MAX {
            self.backends.insert(backend.to_owned(), Heard { load, at: now });
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let mut state = self.loads.lock();
        let Some(reported) = state.streams.remove(&self.stream) else { return };
        for (backend, heard) in reported.backends {
            let kept = state.gone.entry(backend).or_insert(Heard { load: Load::default(), at: heard.at });
            kept.load.counts.add(heard.load.counts);
            kept.at = kept.at.max(heard.at);
        }
    }
}

/// What a report says of a cluster.
fn load_of(cluster: &ClusterStats) -> Load {
    let mut load = Load::default();
    for part in &cluster.upstream_locality_stats {
        let counts = Counts {
            attempts: part.total_issued_requests,
            successes: part.total_successful_requests,
            failures: part.total_error_requests,
        };
        load.add(Load { counts, in_flight: part.total_requests_in_progress });
    }
    load
}

#[cfg(test)]
mod tests;
