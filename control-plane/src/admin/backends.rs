//! The backends: which there are, and how they are.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::{AdminState, ApiError};
use crate::envoy::admin::EnvoyAdmin;

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
    fn all(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether a backend of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

/// How one backend is, as the Envoy that this gateway started sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct BackendRow {
    backend: String,
    health: Health,
    /// Attempts that have not ended.
    in_flight: u64,
    /// Attempts so far.
    attempts: u64,
    /// Of them, those that failed: 5xx, broken off, not begun in time.
    failures: u64,
    /// Connections that could not be made.
    connect_failures: u64,
}

/// Whether a backend is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    /// It is used.
    Healthy,
    /// It has failed several times in a row and is left alone for a while.
    Ejected,
    /// Its name has no address.
    Unresolved,
    /// There is no Envoy of this gateway's own to ask, or it does not have the backend yet.
    Unknown,
}

pub(super) fn router(state: &AdminState) -> Router {
    Router::new().route("/admin/backends", get(list)).with_state((state.backends.clone(), state.envoy.clone()))
}

async fn list(
    State((names, envoy)): State<(BackendNames, Option<EnvoyAdmin>)>,
) -> Result<Json<Vec<BackendRow>>, ApiError> {
    let names = names.all();
    let clusters = match envoy {
        None => Vec::new(),
        Some(envoy) => match ask(&envoy).await {
            Ok(clusters) => clusters,
            Err(error) => {
                tracing::warn!(error, "Envoy does not say how the backends are");
                let message = "Envoy does not answer; the gateway's log has the details";
                return Err(ApiError::new(StatusCode::BAD_GATEWAY, "backend_error", message));
            }
        },
    };
    Ok(Json(names.iter().map(|name| row(name, &clusters)).collect()))
}

async fn ask(envoy: &EnvoyAdmin) -> Result<Vec<ClusterStatus>, String> {
    let answer = envoy.get("/clusters?format=json").await?;
    let clusters: Clusters = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    Ok(clusters.cluster_statuses)
}

/// Adds up the clusters of a backend: a former configuration's may still be there, and a last resort.
fn row(backend: &str, clusters: &[ClusterStatus]) -> BackendRow {
    let own: Vec<_> = clusters.iter().filter(|cluster| is_of(&cluster.name, backend)).collect();
    let hosts = || own.iter().flat_map(|cluster| &cluster.host_statuses);
    let sum = |name: &str| hosts().map(|host| host.stat(name)).fold(0, u64::saturating_add);
    // A last resort is never ejected, and says nothing.
    let judged = own.iter().filter(|cluster| !cluster.name.ends_with("/last-resort"));
    let judged = || judged.clone().flat_map(|cluster| &cluster.host_statuses);
    let health = match () {
        () if own.is_empty() => Health::Unknown,
        () if judged().next().is_none() => Health::Unresolved,
        () if judged().all(|host| host.health_status.failed_outlier_check) => Health::Ejected,
        () => Health::Healthy,
    };
    BackendRow {
        backend: backend.to_owned(),
        health,
        in_flight: sum("rq_active"),
        attempts: sum("rq_total"),
        failures: sum("rq_error"),
        connect_failures: sum("cx_connect_fail"),
    }
}

/// Whether a cluster is one of a backend's: `<backend>/<hash>`, or that and more.
fn is_of(cluster: &str, backend: &str) -> bool {
    let rest = cluster.strip_prefix(backend).and_then(|rest| rest.strip_prefix('/'));
    let hash = rest.map(|rest| rest.strip_suffix("/last-resort").unwrap_or(rest));
    hash.is_some_and(|hash| !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Envoy's answer: <https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/admin#get--clusters>, as far as it is read.
#[derive(Debug, Deserialize)]
struct Clusters {
    #[serde(default)]
    cluster_statuses: Vec<ClusterStatus>,
}

#[derive(Debug, Deserialize)]
struct ClusterStatus {
    name: String,
    #[serde(default)]
    host_statuses: Vec<HostStatus>,
}

#[derive(Debug, Deserialize)]
struct HostStatus {
    #[serde(default)]
    stats: Vec<Stat>,
    #[serde(default)]
    health_status: HealthStatus,
}

#[derive(Debug, Default, Deserialize)]
struct HealthStatus {
    #[serde(default)]
    failed_outlier_check: bool,
}

#[derive(Debug, Deserialize)]
struct Stat {
    #[serde(default)]
    name: String,
    /// A number as text; absent for 0.
    #[serde(default)]
    value: String,
}

impl HostStatus {
    fn stat(&self, name: &str) -> u64 {
        let stat = self.stats.iter().find(|stat| stat.name == name);
        stat.and_then(|stat| stat.value.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(name: &str, ejected: bool, attempts: &str) -> ClusterStatus {
        let host = json!({
            "stats": [{"name": "rq_total", "value": attempts}, {"name": "rq_active", "type": "GAUGE"}],
            "health_status": {"eds_health_status": "HEALTHY", "failed_outlier_check": ejected},
        });
        serde_json::from_value(json!({"name": name, "host_statuses": [host]})).unwrap()
    }

    #[test]
    fn a_backends_clusters_are_added_up_and_others_are_not() {
        let clusters = [
            status("one/0a1b2c3d4e5f", true, "1"),
            status("one/ffffffffffff", true, "2"),
            status("one/ffffffffffff/last-resort", false, "4"),
            status("one/more/ffffffffffff", false, "8"),
            status("chain/ffffffffffff", false, "16"),
        ];
        let found = row("one", &clusters);
        assert_eq!((found.health, found.attempts, found.in_flight), (Health::Ejected, 7, 0));
        assert_eq!((row("one/more", &clusters).health, row("one/more", &clusters).attempts), (Health::Healthy, 8));
        assert_eq!(row("other", &clusters).health, Health::Unknown);
        // Of two configurations, one in which it is used is enough.
        let clusters = [status("one/aa", true, "1"), status("one/bb", false, "1")];
        assert_eq!(row("one", &clusters).health, Health::Healthy);
    }
}
