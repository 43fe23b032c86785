//! Configurations in the shape of the product's, and what Envoy should have when it has one.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ditto_gateway::xds::snapshot::pack;
use ditto_gateway::xds::{Reference, ResourceType, Snapshot};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, DataSource, ExtensionConfigSource, SocketAddress,
    TypedExtensionConfig, address, data_source,
};
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter};
use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost, header_matcher, route,
    route_action, route_match,
};
use envoy_types::pb::envoy::extensions::filters::http::lua::v3::Lua;
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds, http_filter,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{StringMatcher, string_matcher};
use envoy_types::pb::google::protobuf::{Any, Duration};

use super::envoy::Holdings;
use super::upstream::Upstream;

const TABLE: &str = "table";
const FILTER: &str = "chooser";

/// Clusters for some upstreams, and a filter that chooses the first of them.
pub(crate) struct Configuration<'a> {
    version: String,
    upstreams: &'a [Upstream],
    bad: Option<ResourceType>,
}

impl<'a> Configuration<'a> {
    pub(crate) fn new(version: &str, upstreams: &'a [Upstream]) -> Self {
        Self { version: version.to_owned(), upstreams, bad: None }
    }

    /// With something in it that Envoy refuses.
    pub(crate) fn with_bad(mut self, bad: ResourceType) -> Self {
        self.bad = Some(bad);
        self
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let clusters = self.upstreams.iter().map(|upstream| self.cluster(upstream.name, Some(upstream.address)));
        let clusters = clusters.chain(self.is_bad(ResourceType::Cluster).then(|| self.cluster("bad", None)));
        let mut resources: Vec<(ResourceType, String, Any)> =
            clusters.map(|cluster| (ResourceType::Cluster, cluster.name.clone(), pack(&cluster))).collect();
        resources.push((ResourceType::Listener, "main".into(), pack(&self.listener())));
        resources.push((ResourceType::Route, TABLE.into(), pack(&self.table())));
        resources.push((ResourceType::ExtensionConfig, FILTER.into(), pack(&self.filter())));
        let to_cluster = |upstream: &Upstream| Reference {
            from: (ResourceType::Route, TABLE.into()),
            to: (ResourceType::Cluster, upstream.name.into()),
        };
        Snapshot::new(&self.version, resources, self.upstreams.iter().map(to_cluster)).unwrap()
    }

    pub(crate) fn model(&self) -> Holdings {
        let names: BTreeSet<String> = self.upstreams.iter().map(|upstream| upstream.name.to_owned()).collect();
        let snapshot = self.snapshot();
        let version = |ty| snapshot.set(ty).version().to_owned();
        Holdings {
            clusters: names.clone(),
            routes: names,
            listener_version: version(ResourceType::Listener),
            route_version: version(ResourceType::Route),
            filter_code: self.filter_code(),
        }
    }

    fn is_bad(&self, ty: ResourceType) -> bool {
        self.bad == Some(ty)
    }

    fn cluster(&self, name: &str, address: Option<SocketAddr>) -> Cluster {
        let endpoint = |address| Endpoint { address: Some(address), ..Default::default() };
        let host = |address| LbEndpoint {
            host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(endpoint(address))),
            ..Default::default()
        };
        let locality = LocalityLbEndpoints {
            lb_endpoints: address.map(|address| host(socket_address(address))).into_iter().collect(),
            ..Default::default()
        };
        // Without an address the cluster is the bad one: it has a type that needs one, and a timeout of nothing.
        let connect_timeout = Duration { seconds: address.map_or(0, |_| 5), nanos: 0 };
        Cluster {
            name: name.into(),
            connect_timeout: Some(connect_timeout),
            cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Static.into())),
            load_assignment: Some(ClusterLoadAssignment {
                cluster_name: name.into(),
                endpoints: vec![locality],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn table(&self) -> RouteConfiguration {
        let host = VirtualHost {
            name: "all".into(),
            // An empty list of domains is refused.
            domains: if self.is_bad(ResourceType::Route) { vec![] } else { vec!["*".into()] },
            routes: self.upstreams.iter().map(|upstream| route_to(upstream.name)).collect(),
            ..Default::default()
        };
        RouteConfiguration { name: TABLE.into(), virtual_hosts: vec![host], ..Default::default() }
    }

    fn filter_code(&self) -> String {
        if self.is_bad(ResourceType::ExtensionConfig) {
            return "this is not Lua".into();
        }
        let chosen = self.upstreams.first().map_or("", |upstream| upstream.name);
        format!("function envoy_on_request(handle) handle:headers():replace('x-route', '{chosen}') end")
    }

    fn filter(&self) -> TypedExtensionConfig {
        let code = self.filter_code();
        let source = DataSource { specifier: Some(data_source::Specifier::InlineString(code)), ..Default::default() };
        let lua = Lua { default_source_code: Some(source), ..Default::default() };
        TypedExtensionConfig { name: FILTER.into(), typed_config: Some(pack(&lua)) }
    }

    fn listener(&self) -> Listener {
        let chooser = http_filter::ConfigType::ConfigDiscovery(ExtensionConfigSource {
            config_source: Some(ads()),
            type_urls: vec![<Lua as prost::Name>::type_url()],
            ..Default::default()
        });
        let router = http_filter::ConfigType::TypedConfig(pack(&Router::default()));
        let filters = [(FILTER, chooser), ("router", router)];
        let manager = HttpConnectionManager {
            // An empty prefix is refused.
            stat_prefix: if self.is_bad(ResourceType::Listener) { String::new() } else { "main".into() },
            route_specifier: Some(RouteSpecifier::Rds(Rds {
                config_source: Some(ads()),
                route_config_name: TABLE.into(),
            })),
            http_filters: filters
                .into_iter()
                .map(|(name, config)| HttpFilter { name: name.into(), config_type: Some(config), ..Default::default() })
                .collect(),
            ..Default::default()
        };
        let chain = FilterChain {
            filters: vec![Filter {
                name: "http".into(),
                config_type: Some(filter::ConfigType::TypedConfig(pack(&manager))),
            }],
            ..Default::default()
        };
        Listener {
            name: "main".into(),
            address: Some(socket_address(([127, 0, 0, 1], 0).into())),
            filter_chains: vec![chain],
            ..Default::default()
        }
    }
}

fn route_to(name: &str) -> Route {
    let exact =
        StringMatcher { match_pattern: Some(string_matcher::MatchPattern::Exact(name.into())), ..Default::default() };
    let header = HeaderMatcher {
        name: "x-route".into(),
        header_match_specifier: Some(header_matcher::HeaderMatchSpecifier::StringMatch(exact)),
        ..Default::default()
    };
    let cluster = route_action::ClusterSpecifier::Cluster(name.into());
    let action = RouteAction {
        cluster_specifier: Some(cluster),
        timeout: Some(Duration { seconds: 60, nanos: 0 }),
        ..Default::default()
    };
    Route {
        name: name.into(),
        r#match: Some(RouteMatch {
            path_specifier: Some(route_match::PathSpecifier::Prefix("/".into())),
            headers: vec![header],
            ..Default::default()
        }),
        action: Some(route::Action::Route(action)),
        ..Default::default()
    }
}

fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource::default())),
        resource_api_version: ApiVersion::V3.into(),
        ..Default::default()
    }
}

fn socket_address(address: SocketAddr) -> Address {
    let socket = SocketAddress {
        address: address.ip().to_string(),
        port_specifier: Some(PortSpecifier::PortValue(address.port().into())),
        ..Default::default()
    };
    Address { address: Some(address::Address::SocketAddress(socket)) }
}
