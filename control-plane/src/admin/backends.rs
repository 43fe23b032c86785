//! The backends: which there are, and how they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;

use super::query::{Parameters, each};
use super::{AdminState, ApiError};
use crate::envoy::OwnEnvoy;
use crate::envoy::clusters::{Clusters, Seen};
use crate::envoy::ejections::Ejection;
use crate::health::{Checked, Health};
use crate::load::{BackendLoad, Load, Loads};

/// The names of the backends in force, shared with whoever loads the configuration.
#[derive(Debug, Clone, Default)]
pub struct BackendNames(Arc<RwLock<BTreeSet<String>>>);

impl BackendNames {
    /// Starts with these names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(RwLock::new(names.into_iter().collect())))
    }

    /// Takes the names of a changed configuration; every clone sees them.
    pub fn replace(&self, names: impl IntoIterator<Item = String>) {
        let names = names.into_iter().collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// All names, sorted.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether a backend of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

/// How one backend is: what all Envoys count of it, and how healthy the one that this gateway started finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct BackendRow {
    backend: String,
    #[serde(flatten)]
    seen: Seen,
    #[serde(flatten)]
    counted: Counted,
    /// The node whose view `health`, `connect_failures`, and what is said of failures in a row are.
    #[serde(skip_serializing_if = "Option::is_none")]
    health_seen_by: Option<&'static str>,
    /// Those that led to the latest ejection, while it lasts: Envoy tells no shorter series.
    consecutive_failures: u32,
    unhealthy_until_epoch_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure_ts_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_healthy: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_last_ts_ms: Option<u64>,
    /// Each Envoy that reports, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    envoys: Option<Vec<EnvoyRow>>,
}

/// What one Envoy, or all of them, count of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counted {
    in_flight: u64,
    attempts: u64,
    failures: u64,
}

/// What one Envoy counts of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct EnvoyRow {
    node: String,
    #[serde(flatten)]
    counted: Counted,
}

/// What is known of one backend.
struct Known<'k> {
    seen: Seen,
    seen_by: Option<&'static str>,
    ejection: Option<&'k Ejection>,
    checked: Option<Checked>,
    load: BackendLoad,
}

impl From<Load> for Counted {
    fn from(load: Load) -> Self {
        Self { in_flight: load.in_flight, attempts: load.counts.attempts, failures: load.counts.failures }
    }
}

impl BackendRow {
    fn new(backend: &str, known: Known<'_>, by_node: bool) -> Self {
        let Known { seen, seen_by, ejection, checked, load } = known;
        let lasting = ejection.filter(|_| seen.health == crate::envoy::clusters::State::Ejected);
        let envoys = load.nodes.into_iter().map(|(node, load)| EnvoyRow { node, counted: load.into() });
        Self {
            backend: backend.to_owned(),
            seen,
            counted: load.total.into(),
            health_seen_by: seen_by,
            consecutive_failures: lasting.map_or(0, |ejection| ejection.failures),
            unhealthy_until_epoch_seconds: lasting.map(|ejection| ejection.until_seconds),
            last_error: ejection.map(|ejection| ejection.why.clone()),
            last_failure_ts_ms: ejection.map(|ejection| ejection.at_seconds.saturating_mul(1_000)),
            health_check_healthy: checked.as_ref().map(|checked| checked.error.is_none()),
            health_check_last_ts_ms: checked.as_ref().map(|checked| checked.at_ms),
            health_check_last_error: checked.and_then(|checked| checked.error),
            envoys: by_node.then(|| envoys.collect()),
        }
    }
}

/// What the rows are made from.
#[derive(Debug, Clone)]
struct Sources {
    names: BackendNames,
    health: Arc<Health>,
    loads: Arc<Loads>,
    envoy: Option<OwnEnvoy>,
}

pub(super) fn router(state: &AdminState) -> Router {
    let sources = Sources {
        names: state.backends.clone(),
        health: Arc::clone(&state.health),
        loads: Arc::clone(&state.loads),
        envoy: state.envoy.clone(),
    };
    // A name may hold slashes, and the last of its path is no part of it.
    Router::new().route("/admin/backends", get(list)).route("/admin/backends/{*path}", post(reset)).with_state(sources)
}

async fn list(State(sources): State<Sources>, parameters: Parameters) -> Result<Json<Vec<BackendRow>>, ApiError> {
    let mut by_node = false;
    each(parameters, "by", |name, value| match (name, value) {
        ("by", "node") => {
            by_node = true;
            Ok(true)
        }
        ("by", _) => Err(ApiError::invalid_request("query parameter `by`: it is `node`")),
        _ => Ok(false),
    })?;
    Ok(Json(sources.rows(sources.names.all(), by_node).await?))
}

/// Forgets what is held against a backend: an ejection, and what its latest health check said.
async fn reset(State(sources): State<Sources>, Path(path): Path<String>) -> Result<Json<BackendRow>, ApiError> {
    let unknown = || ApiError::not_found("no such backend: POST /admin/backends/{name}/reset, with a name of the list");
    let name = path.strip_suffix("/reset").filter(|name| sources.names.contains(name)).ok_or_else(unknown)?;
    sources.health.reset(name);
    let rows = sources.rows(vec![name.to_owned()], false).await?;
    rows.into_iter().next().map(Json).ok_or_else(unknown)
}

impl Sources {
    async fn rows(&self, names: Vec<String>, by_node: bool) -> Result<Vec<BackendRow>, ApiError> {
        let (clusters, ejections) = match &self.envoy {
            None => (Clusters::default(), BTreeMap::new()),
            Some(envoy) => ask(envoy, &names).await.map_err(|error| {
                tracing::warn!(error, "Envoy does not say how the backends are");
                let message = "Envoy does not answer; the gateway's log has the details";
                ApiError::new(StatusCode::BAD_GATEWAY, "backend_error", message)
            })?,
        };
        let mut loads = self.loads.all();
        let row = |name: &String| {
            let known = Known {
                seen: clusters.seen(name),
                seen_by: self.envoy.as_ref().map(|envoy| envoy.node_id),
                ejection: ejections.get(name),
                checked: self.health.of(name),
                load: loads.remove(name).unwrap_or_default(),
            };
            BackendRow::new(name, known, by_node)
        };
        Ok(names.iter().map(row).collect())
    }
}

async fn ask(envoy: &OwnEnvoy, names: &[String]) -> Result<(Clusters, BTreeMap<String, Ejection>), String> {
    let clusters = Clusters::of(&envoy.admin).await?;
    let (ejections, names) = (envoy.ejections.clone(), names.to_vec());
    let read =
        tokio::task::spawn_blocking(move || ejections.latest(&names)).await.map_err(|error| error.to_string())?;
    Ok((clusters, read.map_err(|error| error.to_string())?))
}
