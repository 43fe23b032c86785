//! From the compiled document to Envoy's resources.
//!
//! One listener, one route table, one cluster for each backend, one aggregate cluster for each chain of candidates,
//! the filter's configuration for both stages, and one secret for each credential that Envoy itself applies. Clusters
//! and routes carry the compiler's content-hashed names, so that two generations can exist together; the names of
//! everything else are fixed.
//!
//! No credential stands anywhere but in secrets (which Envoy redacts in `/config_dump`) and in [`credentials`], which
//! go to the filter over its own stream.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ditto_policy::compile::{ClusterPlan, Compiled, RoutePlan};
use ditto_policy::filter_config::{Metering, Prepare};
use envoy_types::pb::google::protobuf::Any;
use sha2::{Digest, Sha256};

use crate::keys::hub::Credentials;
use crate::listener_tls::ListenerTls;
use crate::xds::{Reference, ResourceType, Snapshot, SnapshotError};

use listener::Patience;
use resilience::Resilience;

pub mod cluster;
pub mod filter;
pub mod listener;
pub mod local_reply;
pub mod proto;
pub mod resilience;
pub mod route;
pub mod secret;
pub mod table;

/// Envoy's name for the control plane, in the bootstrap.
pub const CONTROL_CLUSTER: &str = "ditto-control-plane";
/// The name of the listener.
pub const LISTENER: &str = "gateway";
/// The name of the route table.
pub const ROUTE_TABLE: &str = "gateway";

/// What the listener and the filter need to know besides the document.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients connect.
    pub listen: std::net::SocketAddr,
    /// What it proves itself with over TLS; `None`: it speaks in clear.
    pub listen_tls: Option<ListenerTls>,
    /// The filter module, as Envoy finds it.
    pub filter_path: PathBuf,
    /// The certificates that backends' must be signed by, as Envoy finds them; `None` when there are none.
    pub ca_certificates: Option<PathBuf>,
    /// Larger JSON bodies are refused, in bytes.
    pub max_body_bytes: u64,
    /// How requests are counted and charged.
    pub metering: Metering,
    /// What becomes of attempts that fail.
    pub resilience: Resilience,
    /// How long clients may take.
    pub patience: Patience,
    /// One JSON line for each request on Envoy's standard output.
    pub json_logs: bool,
    /// The uploaded filter module of both stages, by its SHA-256 in hex; `None`: the one that the control plane came with.
    pub module: Option<String>,
}

/// What Envoys are told of backends beyond the document, by the backends' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Those that are used only where no other is left.
    pub degraded: BTreeSet<String>,
    /// How often an operator had everything forgotten that was held against one: a cluster with another number is a
    /// new one to Envoy.
    pub resets: BTreeMap<String, u64>,
}

/// Why a compiled document does not become resources.
#[derive(Debug, thiserror::Error)]
pub enum ResourcesError {
    /// A backend over TLS, and nothing to check its certificate against.
    #[error(
        "backend `{backend}` has an https:// base URL, and no CA certificates were found to check it by (at \
         SSL_CERT_FILE, else where systems keep them): name a PEM file with --ca-certificates"
    )]
    NoCaCertificates {
        /// The first such backend.
        backend: String,
    },
    /// The resources do not fit together.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Builds the snapshot of a compiled document and of what is known of its backends.
///
/// # Errors
/// Something that the document needs is missing, or the resources do not fit together.
pub fn snapshot(compiled: &Compiled, settings: &Settings, marks: &Marks) -> Result<Snapshot, ResourcesError> {
    let mut resources: Vec<(ResourceType, String, Any)> = Vec::new();
    let mut references = Vec::new();
    for (index, plan) in compiled.clusters.iter().enumerate() {
        resources.push((ResourceType::Cluster, plan.name.clone(), cluster::backend(plan, settings, marks)?));
        add_secrets(&plan.name, plan, &mut resources, &mut references);
        let client_certificate = cluster::client_certificate(plan);
        if let Some((name, any)) = &client_certificate {
            references.push(reference((ResourceType::Cluster, &plan.name), (ResourceType::Secret, name)));
            resources.push((ResourceType::Secret, name.clone(), any.clone()));
        }
        if needs_last_resort(compiled, index, settings) {
            let name = cluster::last_resort_name(plan);
            if let Some((secret, _)) = &client_certificate {
                references.push(reference((ResourceType::Cluster, &name), (ResourceType::Secret, secret)));
            }
            resources.push((ResourceType::Cluster, name, cluster::last_resort(plan, settings)?));
        }
    }
    if let Some(module) = &settings.module {
        let name = cluster::module_name(module);
        let from = (ResourceType::ExtensionConfig, filter::GATEWAY_STAGE);
        references.push(reference(from, (ResourceType::Cluster, &name)));
        resources.push((ResourceType::Cluster, name, cluster::module(module, settings)));
    }
    for plan in &compiled.routes {
        if let Some(chain) = chain(compiled, plan) {
            let name = cluster::chain_name(plan);
            resources.push((ResourceType::Cluster, name.clone(), cluster::chain(plan, &chain, settings)));
            if let (Prepare::Once, Some(first)) = (plan.prepare, chain.first()) {
                add_secrets(&name, first, &mut resources, &mut references);
            }
            for member in chain {
                references.push(reference((ResourceType::Cluster, &name), (ResourceType::Cluster, &member.name)));
                if settings.resilience.has_last_resort() {
                    let last = cluster::last_resort_name(member);
                    references.push(reference((ResourceType::Cluster, &name), (ResourceType::Cluster, &last)));
                }
            }
        }
        let target = route::target(compiled, plan);
        references.push(reference((ResourceType::Route, ROUTE_TABLE), (ResourceType::Cluster, &target)));
    }
    resources.push((ResourceType::Route, ROUTE_TABLE.into(), route::table(compiled, settings)));
    resources.push((ResourceType::Listener, LISTENER.into(), listener::gateway(settings)));
    resources.push((ResourceType::ExtensionConfig, filter::GATEWAY_STAGE.into(), filter::gateway(compiled, settings)));
    references.push(reference((ResourceType::Listener, LISTENER), (ResourceType::Route, ROUTE_TABLE)));
    if let Some(tls) = &settings.listen_tls {
        for (name, any) in listener::secrets(&tls.current()) {
            references.push(reference((ResourceType::Listener, LISTENER), (ResourceType::Secret, name)));
            resources.push((ResourceType::Secret, name.to_owned(), any));
        }
    }
    let snapshot = Snapshot::new(version(&compiled.filter.version, &resources), resources, references)?;
    Ok(snapshot.with_ahead(settings.module.iter().map(|module| cluster::module_ahead(module, settings))))
}

/// Whether a chain may come to the backend at `index` as a last resort.
fn needs_last_resort(compiled: &Compiled, index: usize, settings: &Settings) -> bool {
    let in_chain = |route: &RoutePlan| is_chain(route) && route.clusters.contains(&index);
    settings.resilience.has_last_resort() && compiled.routes.iter().any(in_chain)
}

/// The secrets of `cluster`: the credential headers of `plan`.
fn add_secrets(
    cluster: &str,
    plan: &ClusterPlan,
    resources: &mut Vec<(ResourceType, String, Any)>,
    references: &mut Vec<Reference>,
) {
    for (header, value) in &plan.headers {
        let name = secret::name(cluster, header);
        references.push(reference((ResourceType::Cluster, cluster), (ResourceType::Secret, &name)));
        resources.push((ResourceType::Secret, name.clone(), secret::generic(&name, value)));
    }
}

/// Names the configuration. The filter's version alone would not do: a changed credential leaves it as it is.
fn version(filter: &str, resources: &[(ResourceType, String, Any)]) -> String {
    let mut hash = Sha256::new();
    for (ty, name, any) in resources {
        for part in [ty.as_str().as_bytes(), name.as_bytes(), &any.value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let digest = hex::encode(hash.finalize());
    format!("{filter}-{}", digest.get(..8).unwrap_or_default())
}

/// What the filter must know to prepare requests: everything for clusters of the backend stage, query parameters and
/// signing keys for the others (Envoy applies only headers itself).
pub fn credentials(compiled: &Compiled) -> BTreeMap<String, Credentials> {
    let mut all = BTreeMap::new();
    for (index, plan) in compiled.clusters.iter().enumerate() {
        let in_chain = |route: &RoutePlan| route.prepare == Prepare::PerAttempt && route.clusters.contains(&index);
        let by_filter = compiled.routes.iter().any(in_chain);
        if by_filter || !plan.query_params.is_empty() || plan.sigv4.is_some() || plan.api_keys.is_some() {
            let pairs = |map: &BTreeMap<String, _>| map.clone().into_iter().collect();
            let headers = if by_filter { pairs(&plan.headers) } else { Vec::new() };
            let query_params = pairs(&plan.query_params);
            let (sigv4, api_keys) = (plan.sigv4.clone(), plan.api_keys.clone());
            all.insert(plan.name.clone(), Credentials { headers, query_params, sigv4, api_keys });
        }
    }
    all
}

/// Whether a route leads to a cluster of its own: it has several candidates, or one whose attempts the backend stage
/// prepares. The stage is never on a backend's own cluster, which the filter itself may call: a call that enters the VM
/// again would end it.
fn is_chain(plan: &RoutePlan) -> bool {
    plan.clusters.len() > 1 || plan.prepare == Prepare::PerAttempt
}

/// The clusters of such a route.
fn chain<'c>(compiled: &'c Compiled, plan: &RoutePlan) -> Option<Vec<&'c ClusterPlan>> {
    let members: Vec<_> = plan.clusters.iter().filter_map(|&index| compiled.clusters.get(index)).collect();
    is_chain(plan).then_some(members)
}

fn reference(from: (ResourceType, &str), to: (ResourceType, &str)) -> Reference {
    Reference { from: (from.0, from.1.to_owned()), to: (to.0, to.1.to_owned()) }
}

#[cfg(test)]
mod tests {
    use ditto_policy::compile::{Options, compile};
    use ditto_policy::document::{Backend, Document, Router, WeightedBackend};
    use ditto_policy::secret::Secret;

    use super::*;

    fn snapshot_with(credential: &str) -> Snapshot {
        let backend = Backend {
            name: "one".into(),
            base_url: "https://one.example/v1".into(),
            headers: [("authorization".to_owned(), Secret::new(credential))].into(),
            tls: None,
            sigv4: None,
            refreshed: None,
            api_keys: None,
            query_params: BTreeMap::new(),
            max_in_flight: None,
            timeout_seconds: 300,
            model_map: BTreeMap::new(),
            provider: None,
        };
        let default_backends = vec![WeightedBackend { backend: "one".into(), weight: 1.0 }];
        let router = Router { default_backends, rules: Vec::new() };
        let document = Document { backends: vec![backend], router, ..Document::default() };
        let options =
            Options { max_body_bytes: 1 << 20, open_relay: false, metering: Metering::default(), module: None };
        let compiled = compile(&document, options).unwrap();
        let settings = Settings {
            listen: ([127, 0, 0, 1], 1).into(),
            listen_tls: None,
            filter_path: "filter.wasm".into(),
            ca_certificates: Some("bundle.pem".into()),
            max_body_bytes: 1 << 20,
            metering: Metering::default(),
            resilience: Resilience::default(),
            patience: Patience::default(),
            json_logs: false,
            module: None,
        };
        snapshot(&compiled, &settings, &Marks::default()).unwrap()
    }

    #[test]
    fn a_changed_credential_is_a_new_version_and_the_same_document_is_not() {
        assert_eq!(snapshot_with("a").version(), snapshot_with("a").version());
        assert_ne!(snapshot_with("a").version(), snapshot_with("b").version());
    }
}
