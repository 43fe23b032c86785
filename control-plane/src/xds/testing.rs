//! Configurations for tests: backends, each a cluster and a route to it, and a filter that decides between the routes.

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteAction, RouteConfiguration, VirtualHost, route, route_action,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use envoy_types::pb::google::protobuf::Any;

use super::snapshot::{Reference, ResourceType, Snapshot, pack};

/// The one route table and the one filter that all test configurations have.
pub(crate) const TABLE: &str = "table";
pub(crate) const FILTER: &str = "filter";

/// A snapshot whose name says it all: `version` and the backends. `bad` puts something in one of the types.
pub(crate) fn snapshot(version: &str, backends: &[&str], bad: Option<ResourceType>) -> Snapshot {
    let mark = |ty| if bad == Some(ty) { "bad" } else { "" };
    let mut resources: Vec<_> = backends.iter().map(|name| cluster(name)).collect();
    resources.extend(backends.iter().map(|name| secret(name)));
    if bad == Some(ResourceType::Cluster) {
        resources.push(cluster("bad"));
    }
    let mut routes = backends.to_vec();
    if bad == Some(ResourceType::Route) {
        routes.push("bad");
    }
    resources.push(table(&routes));
    resources.push(listener(version, mark(ResourceType::Listener)));
    resources.push(filter(version, mark(ResourceType::ExtensionConfig), backends));
    let to_cluster = |name: &&str| Reference {
        from: (ResourceType::Route, TABLE.into()),
        to: (ResourceType::Cluster, (*name).to_owned()),
    };
    Snapshot::new(version, resources, backends.iter().map(to_cluster)).unwrap()
}

/// The same, with a cluster that comes before everything else.
pub(crate) fn behind(snapshot: Snapshot, ahead: &str) -> Snapshot {
    let (_, name, any) = cluster(ahead);
    snapshot.with_ahead([(name, any)])
}

/// The clusters that a packed route table routes to.
pub(crate) fn clusters_of(table: &Any) -> Vec<String> {
    let table: RouteConfiguration = unpack(table);
    let routes = table.virtual_hosts.into_iter().flat_map(|host| host.routes);
    routes.map(|route| route.name).collect()
}

/// The routes that a packed filter configuration decides between.
pub(crate) fn routes_of(filter: &Any) -> Vec<String> {
    let filter: TypedExtensionConfig = unpack(filter);
    let routes = filter.typed_config.unwrap();
    String::from_utf8(routes.value).unwrap().split_whitespace().map(str::to_owned).collect()
}

/// Whether a model of Envoy should refuse the resource.
pub(crate) fn is_bad(any: &Any) -> bool {
    any.value.windows(3).any(|window| window == b"bad")
}

/// The name that a resource carries inside.
pub(crate) fn name_of(any: &Any) -> String {
    match ResourceType::from_type_url(&any.type_url).unwrap() {
        ResourceType::Cluster => unpack::<Cluster>(any).name,
        ResourceType::Listener => unpack::<Listener>(any).name,
        ResourceType::Route => unpack::<RouteConfiguration>(any).name,
        ResourceType::ExtensionConfig => unpack::<TypedExtensionConfig>(any).name,
        ResourceType::Secret => unpack::<Secret>(any).name,
        ResourceType::Endpoint => unreachable!("no test configuration has endpoints"),
    }
}

fn unpack<M: prost::Message + Default>(any: &Any) -> M {
    M::decode(&*any.value).unwrap()
}

fn cluster(name: &str) -> (ResourceType, String, Any) {
    (ResourceType::Cluster, name.into(), pack(&Cluster { name: name.into(), ..Default::default() }))
}

fn secret(name: &str) -> (ResourceType, String, Any) {
    (ResourceType::Secret, name.into(), pack(&Secret { name: name.into(), ..Default::default() }))
}

fn listener(version: &str, mark: &str) -> (ResourceType, String, Any) {
    let listener = Listener { name: "main".into(), stat_prefix: format!("{version}{mark}"), ..Default::default() };
    (ResourceType::Listener, "main".into(), pack(&listener))
}

fn table(backends: &[&str]) -> (ResourceType, String, Any) {
    let route = |name: &&str| {
        let cluster = route_action::ClusterSpecifier::Cluster((*name).into());
        let action = RouteAction { cluster_specifier: Some(cluster), ..Default::default() };
        Route { name: (*name).into(), action: Some(route::Action::Route(action)), ..Default::default() }
    };
    let routes = backends.iter().map(route).collect();
    let host = VirtualHost { name: "all".into(), routes, ..Default::default() };
    let table = RouteConfiguration { name: TABLE.into(), virtual_hosts: vec![host], ..Default::default() };
    (ResourceType::Route, TABLE.into(), pack(&table))
}

fn filter(version: &str, mark: &str, backends: &[&str]) -> (ResourceType, String, Any) {
    let type_url = format!("{version}{mark}");
    let routes = Any { type_url, value: backends.join(" ").into_bytes() };
    let filter = TypedExtensionConfig { name: FILTER.into(), typed_config: Some(routes) };
    (ResourceType::ExtensionConfig, FILTER.into(), pack(&filter))
}
