//! Envoy's view of the backends: <https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/admin#get--clusters>, as far
//! as it is read.

use serde::{Deserialize, Serialize};

use super::admin::EnvoyAdmin;

/// Whether a backend is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is used.
    Healthy,
    /// It does not pass its health checks, and is used only where no other is left.
    Degraded,
    /// It has failed several times in a row and is left alone for a while.
    Ejected,
    /// Its name has no address.
    Unresolved,
    /// There is no Envoy of this gateway's own to ask, or it does not have the backend yet.
    Unknown,
}

/// What Envoy says of a backend, and no load report does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Whether it is used.
    pub health: State,
    /// Connections that could not be made.
    pub connect_failures: u64,
}

/// All clusters.
#[derive(Debug, Default, Deserialize)]
pub struct Clusters {
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
    eds_health_status: String,
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

impl Clusters {
    /// Asks Envoy.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn of(envoy: &EnvoyAdmin) -> Result<Self, String> {
        let answer = envoy.get("/clusters?format=json").await?;
        serde_json::from_slice(&answer).map_err(|error| error.to_string())
    }

    /// Adds up the clusters of a backend: a former configuration's may still be there, and a last resort.
    pub fn seen(&self, backend: &str) -> Seen {
        let own: Vec<_> = self.cluster_statuses.iter().filter(|cluster| is_of(&cluster.name, backend)).collect();
        let hosts = || own.iter().flat_map(|cluster| &cluster.host_statuses);
        let sum = |name: &str| hosts().map(|host| host.stat(name)).fold(0, u64::saturating_add);
        // A last resort is never ejected, and says nothing.
        let judged = own.iter().filter(|cluster| !cluster.name.ends_with("/last-resort"));
        let judged = || judged.clone().flat_map(|cluster| &cluster.host_statuses);
        let health = match () {
            () if own.is_empty() => State::Unknown,
            () if judged().next().is_none() => State::Unresolved,
            () if judged().all(|host| host.health_status.failed_outlier_check) => State::Ejected,
            () if judged().all(|host| host.health_status.eds_health_status == "DEGRADED") => State::Degraded,
            () => State::Healthy,
        };
        Seen { health, connect_failures: sum("cx_connect_fail") }
    }
}

/// Whether a cluster is one of a backend's: see [`backend_of`].
pub(super) fn is_of(cluster: &str, backend: &str) -> bool {
    backend_of(cluster) == Some(backend)
}

/// The backend whose cluster this is: `<backend>/<hash>`, or that and `/last-resort`.
pub fn backend_of(cluster: &str) -> Option<&str> {
    let (backend, hash) = cluster.strip_suffix("/last-resort").unwrap_or(cluster).rsplit_once('/')?;
    (!hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(backend)
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

    fn status(name: &str, ejected: bool, failures: &str) -> ClusterStatus {
        let host = json!({
            "stats": [{"name": "cx_connect_fail", "value": failures}, {"name": "rq_active", "type": "GAUGE"}],
            "health_status": {"eds_health_status": "HEALTHY", "failed_outlier_check": ejected},
        });
        serde_json::from_value(json!({"name": name, "host_statuses": [host]})).unwrap()
    }

    fn clusters(cluster_statuses: impl Into<Vec<ClusterStatus>>) -> Clusters {
        Clusters { cluster_statuses: cluster_statuses.into() }
    }

    #[test]
    fn a_backends_clusters_are_added_up_and_others_are_not() {
        let all = clusters([
            status("one/0a1b2c3d4e5f", true, "1"),
            status("one/ffffffffffff", true, "2"),
            status("one/ffffffffffff/last-resort", false, "4"),
            status("one/more/ffffffffffff", false, "8"),
            status("chain/ffffffffffff", false, "16"),
        ]);
        let found = all.seen("one");
        assert_eq!((found.health, found.connect_failures), (State::Ejected, 7));
        assert_eq!((all.seen("one/more").health, all.seen("one/more").connect_failures), (State::Healthy, 8));
        assert_eq!(all.seen("other").health, State::Unknown);
    }

    #[test]
    fn of_two_configurations_one_in_which_it_is_used_is_enough() {
        assert_eq!(
            clusters([status("one/aa", true, "1"), status("one/bb", false, "1")]).seen("one").health,
            State::Healthy
        );
        let mut degraded = status("one/aa", false, "1");
        degraded.host_statuses[0].health_status.eds_health_status = "DEGRADED".to_owned();
        assert_eq!(clusters([degraded]).seen("one").health, State::Degraded);
    }
}
