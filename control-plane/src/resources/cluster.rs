//! Clusters: one for each backend, one for each chain of candidates.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use ditto_policy::compile::{ClusterPlan, RoutePlan};
use ditto_policy::filter_config::Prepare;
use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CommonLbConfig, CustomClusterType, DiscoveryType, LbPolicy,
};
use envoy_types::pb::envoy::config::cluster::v3::{CircuitBreakers, Cluster};
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType as SocketConfig;
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, HealthStatus, Http1ProtocolOptions, Http2ProtocolOptions, Metadata, TransportSocket,
};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints};
use envoy_types::pb::envoy::extensions::clusters::aggregate::v3::ClusterConfig;
use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;
use envoy_types::pb::envoy::extensions::clusters::dns::v3::DnsCluster;
use envoy_types::pb::envoy::extensions::clusters::dns::v3::dns_cluster::RefreshRate;
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::ValidationContextType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::subject_alt_name_matcher::SanType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, SubjectAltNameMatcher, UpstreamTlsContext,
};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::explicit_http_config::ProtocolConfig;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions,
};
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Any, Duration, Struct, Value};

use super::proto::{extension, pack, seconds, socket, u32_value};
use super::resilience::Breaker;
use super::{Marks, ResourcesError, Settings, filter, secret};

/// Requests, connections and waiting requests that Envoy allows where no limit is configured. Its own default of
/// 1,024 would be a limit that nobody asked for.
const UNLIMITED: u32 = 1 << 20;
/// A name is resolved no more often than this, however short its records live.
const DNS_REFRESH_SECONDS: u32 = 5;
/// After the first failure to resolve it, and after many.
const DNS_FAILED_SECONDS: (u32, u32) = (1, 30);
/// Added at random to the time until a name is resolved again, at most.
const DNS_JITTER_SECONDS: u32 = 1;
/// The extension point of HTTP options.
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The cluster of one backend.
///
/// # Errors
/// The backend's certificate is to be checked, and there is nothing to check it against.
pub(super) fn backend(plan: &ClusterPlan, settings: &Settings, marks: &Marks) -> Result<Any, ResourcesError> {
    let filters = secret::injectors(&plan.name, plan);
    let mut cluster = Cluster {
        typed_extension_protocol_options: http_options(filters, plan.base_url.tls, settings),
        outlier_detection: settings.resilience.breaker.as_ref().map(Breaker::detection),
        ..destination(plan, plan.name.clone(), settings)?
    };
    if marks.degraded.contains(&plan.backend) {
        degrade(&mut cluster);
    }
    cluster.metadata = marks.resets.get(&plan.backend).map(|resets| note("resets", &resets.to_string()));
    Ok(pack(&cluster))
}

/// Has Envoy take others first. In a cluster alone it is used nevertheless, and so is a chain of such.
/// <https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/load_balancing/degraded>
fn degrade(cluster: &mut Cluster) {
    let localities = cluster.load_assignment.iter_mut().flat_map(|assignment| &mut assignment.endpoints);
    for endpoint in localities.flat_map(|locality| &mut locality.lb_endpoints) {
        endpoint.health_status = HealthStatus::Degraded.into();
    }
}

/// The name of the cluster in which a chain tries a backend as a last resort.
pub(super) fn last_resort_name(plan: &ClusterPlan) -> String {
    format!("{}/last-resort", plan.name)
}

/// The same backend for chains all of whose members are ejected: never ejected itself. Left to itself, Envoy would take
/// members at random then, some more than once.
///
/// # Errors
/// As [`backend`].
pub(super) fn last_resort(plan: &ClusterPlan, settings: &Settings) -> Result<Any, ResourcesError> {
    let cluster = Cluster {
        typed_extension_protocol_options: http_options(Vec::new(), plan.base_url.tls, settings),
        ..destination(plan, last_resort_name(plan), settings)?
    };
    Ok(pack(&cluster))
}

/// Where a backend is, and how many requests it may have. Envoy would tell its workers of a second ejection only a second
/// after the first, to save them work with large clusters; until then they would go on asking who has failed.
fn destination(plan: &ClusterPlan, name: String, settings: &Settings) -> Result<Cluster, ResourcesError> {
    let url = &plan.base_url;
    let is_address = url.host.parse::<IpAddr>().is_ok();
    let transport_socket = url.tls.then(|| tls(plan, settings.ca_certificates.as_deref())).transpose()?;
    let discovery = if is_address { ClusterDiscoveryType::Type(DiscoveryType::Static.into()) } else { dns() };
    let endpoint = Endpoint {
        address: Some(socket(&url.host, url.port)),
        // What `auto_host_rewrite` puts into the Host header.
        hostname: url.authority(),
        ..Default::default()
    };
    let endpoint = LbEndpoint {
        metadata: Some(endpoint_metadata(plan)),
        host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
        ..Default::default()
    };
    let locality = LocalityLbEndpoints { lb_endpoints: vec![endpoint], ..Default::default() };
    Ok(Cluster {
        load_assignment: Some(ClusterLoadAssignment {
            cluster_name: name.clone(),
            endpoints: vec![locality],
            ..Default::default()
        }),
        name,
        // Statistics go by the backend's name, over all generations.
        alt_stat_name: plan.backend.clone(),
        connect_timeout: seconds(5),
        cluster_discovery_type: Some(discovery),
        circuit_breakers: Some(circuit_breakers(plan.max_in_flight)),
        transport_socket,
        common_lb_config: Some(CommonLbConfig { update_merge_window: Some(Duration::default()), ..Default::default() }),
        ..Default::default()
    })
}

/// The name of a chain's cluster.
pub(super) fn chain_name(plan: &RoutePlan) -> String {
    format!("chain/{}", plan.name)
}

/// The name of the cluster that keeps an uploaded module in every worker.
pub(super) fn module_name(module: &str) -> String {
    format!("ditto-module/{}", module.get(..16).unwrap_or(module))
}

/// The cluster that keeps an uploaded module in every worker, when Envoy has fetched it.
pub(super) fn module(module: &str, settings: &Settings) -> Any {
    workless(module_name(module), filter::warming(module, settings, true), settings)
}

/// The cluster that has Envoy fetch an uploaded module, and its name. It is there only until that is done.
pub(super) fn module_ahead(module: &str, settings: &Settings) -> (String, Any) {
    let name = format!("{}/fetch", module_name(module));
    (name.clone(), workless(name, filter::warming(module, settings, false), settings))
}

/// A cluster without an endpoint, to which no request goes.
fn workless(name: String, filter: HttpFilter, settings: &Settings) -> Any {
    pack(&Cluster {
        name,
        connect_timeout: seconds(5),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Static.into())),
        typed_extension_protocol_options: http_options(vec![filter], false, settings),
        ..Default::default()
    })
}

/// The aggregate cluster of a chain: the candidates in order of priority, then the same as a last resort. Its upstream
/// filters run for each attempt, those of its members don't (seen on Envoy 1.40).
pub(super) fn chain(plan: &RoutePlan, members: &[&ClusterPlan], settings: &Settings) -> Any {
    let last = members.iter().filter(|_| settings.resilience.has_last_resort()).map(|member| last_resort_name(member));
    let clusters = members.iter().map(|member| member.name.clone()).chain(last).collect();
    let filters = match (plan.prepare, members.first()) {
        (Prepare::Once, Some(first)) => secret::injectors(&chain_name(plan), first),
        _ => vec![filter::backend(settings)],
    };
    let kind = CustomClusterType {
        name: "envoy.clusters.aggregate".into(),
        typed_config: Some(pack(&ClusterConfig { clusters })),
    };
    pack(&Cluster {
        name: chain_name(plan),
        connect_timeout: seconds(5),
        lb_policy: LbPolicy::ClusterProvided.into(),
        cluster_discovery_type: Some(ClusterDiscoveryType::ClusterType(kind)),
        // Its own default is three retries at a time, over all requests: less than a backend that fails makes.
        circuit_breakers: Some(circuit_breakers(None)),
        typed_extension_protocol_options: http_options(filters, false, settings),
        ..Default::default()
    })
}

fn circuit_breakers(max_in_flight: Option<u32>) -> CircuitBreakers {
    let requests = max_in_flight.unwrap_or(UNLIMITED);
    let thresholds = Thresholds {
        max_connections: u32_value(UNLIMITED),
        max_pending_requests: u32_value(requests),
        max_requests: u32_value(requests),
        max_retries: u32_value(UNLIMITED),
        ..Default::default()
    };
    CircuitBreakers { thresholds: vec![thresholds], ..Default::default() }
}

/// A name, resolved again whenever its records expire; what is known stays in use while that fails. Its addresses are one endpoint, so that a connection tries one
/// after the other: as endpoints of their own, those of a family that the network does not carry (or on which a
/// backend at `localhost` does not listen) would get their share of the requests, and fail them.
fn dns() -> ClusterDiscoveryType {
    let config = DnsCluster {
        // For names whose records say no time, as those of the hosts file.
        dns_refresh_rate: seconds(DNS_REFRESH_SECONDS),
        respect_dns_ttl: true,
        dns_min_refresh_rate: seconds(DNS_REFRESH_SECONDS),
        dns_failure_refresh_rate: Some(RefreshRate {
            base_interval: seconds(DNS_FAILED_SECONDS.0),
            max_interval: seconds(DNS_FAILED_SECONDS.1),
        }),
        // A thousand backends must not ask in one moment.
        dns_jitter: seconds(DNS_JITTER_SECONDS),
        dns_lookup_family: DnsLookupFamily::All.into(),
        all_addresses_in_single_endpoint: true,
        ..Default::default()
    };
    let typed_config = Some(pack(&config));
    ClusterDiscoveryType::ClusterType(CustomClusterType { name: "envoy.clusters.dns".into(), typed_config })
}

/// Tells the backend stage where an attempt goes, and the client which backend answered.
fn endpoint_metadata(plan: &ClusterPlan) -> Metadata {
    note("backend", &plan.backend)
}

/// A note of the gateway's own. One field only: the generated maps have no order, and the same configuration must give
/// the same bytes.
fn note(name: &str, value: &str) -> Metadata {
    let value = Value { kind: Some(Kind::StringValue(value.to_owned())) };
    let note = Struct { fields: [(name.to_owned(), value)].into_iter().collect() };
    Metadata { filter_metadata: [("ditto".to_owned(), note)].into_iter().collect(), ..Default::default() }
}

fn http_options(mut filters: Vec<HttpFilter>, tls: bool, settings: &Settings) -> HashMap<String, Any> {
    filters.push(HttpFilter {
        name: "envoy.filters.http.upstream_codec".into(),
        config_type: Some(ConfigType::TypedConfig(pack(&UpstreamCodec {}))),
        ..Default::default()
    });
    let protocol = if tls {
        // HTTP/2 where ALPN finds it.
        UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
            http_protocol_options: Some(Http1ProtocolOptions::default()),
            http2_protocol_options: Some(Http2ProtocolOptions::default()),
            ..Default::default()
        })
    } else {
        UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions::default())),
        })
    };
    let options = HttpProtocolOptions {
        http_filters: filters,
        upstream_protocol_options: Some(protocol),
        outlier_detection: settings.resilience.breaker.as_ref().and_then(Breaker::errors),
        ..Default::default()
    };
    [(HTTP_OPTIONS.to_owned(), pack(&options))].into_iter().collect()
}

/// The secret of what the gateway proves itself with to the backend, by its name.
///
/// Its name says no more than the cluster's: another certificate takes the place of the former one, and no connection
/// moves.
pub(super) fn client_certificate(plan: &ClusterPlan) -> Option<(String, Any)> {
    let client = plan.tls.as_ref()?.client.as_ref()?;
    let name = secret::name(&plan.name, "client-certificate");
    let any = secret::certificate(&name, client.chain.expose(), &client.key);
    Some((name, any))
}

/// TLS: the certificate must be for the host, or the name that is given in its place, and signed by one of the
/// backend's authorities, or else of `bundle`. Envoy (seen on 1.40) does not know the system's roots under that name,
/// so they are named as a file.
fn tls(plan: &ClusterPlan, bundle: Option<&Path>) -> Result<TransportSocket, ResourcesError> {
    let own = plan.tls.as_ref();
    let trusted_ca = match (own.and_then(|tls| tls.ca.as_deref()), bundle) {
        (Some(ca), _) => secret::inline(ca),
        (None, Some(bundle)) => DataSource {
            specifier: Some(Specifier::Filename(bundle.to_string_lossy().into_owned())),
            ..Default::default()
        },
        (None, None) => return Err(ResourcesError::NoCaCertificates { backend: plan.backend.clone() }),
    };
    let name = own.and_then(|tls| tls.server_name.as_deref()).unwrap_or(&plan.base_url.host);
    let is_address = name.parse::<IpAddr>().is_ok();
    let validation = CertificateValidationContext {
        trusted_ca: Some(trusted_ca),
        match_typed_subject_alt_names: vec![must_be_for(name, is_address)],
        ..Default::default()
    };
    let secrets = client_certificate(plan).into_iter().map(|(name, _)| secret::by_name(&name));
    let context = UpstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            validation_context_type: Some(ValidationContextType::ValidationContext(validation)),
            tls_certificate_sds_secret_configs: secrets.collect(),
            ..Default::default()
        }),
        // A server name is a name: RFC 6066 knows no addresses there.
        sni: if is_address { String::new() } else { name.to_owned() },
        ..Default::default()
    };
    let extension = extension("envoy.transport_sockets.tls", pack(&context));
    Ok(TransportSocket { name: extension.name, config_type: extension.typed_config.map(SocketConfig::TypedConfig) })
}

fn must_be_for(name: &str, is_address: bool) -> SubjectAltNameMatcher {
    let san_type = if is_address { SanType::IpAddress } else { SanType::Dns };
    let exact = MatchPattern::Exact(name.to_owned());
    SubjectAltNameMatcher {
        san_type: san_type.into(),
        matcher: Some(StringMatcher { match_pattern: Some(exact), ..Default::default() }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use ditto_policy::compile::{Options, compile};
    use ditto_policy::document::{Format, load};
    use ditto_policy::filter_config::Metering;
    use prost::Message as _;

    use super::*;
    use crate::environment::ProcessEnvironment;

    fn cluster(base_url: &str, bundle: Option<&str>) -> Result<Cluster, ResourcesError> {
        cluster_with(base_url, "{}", bundle)
    }

    fn cluster_with(base_url: &str, tls: &str, bundle: Option<&str>) -> Result<Cluster, ResourcesError> {
        let tls = if tls == "{}" { String::new() } else { format!(r#", "tls": {tls}"#) };
        let text = format!(r#"{{"backends": [{{"name": "one", "base_url": "{base_url}"{tls}}}]}}"#);
        let loaded = load(&text, Some(Format::Json), &ProcessEnvironment::load(None).unwrap()).unwrap();
        let options = Options { max_body_bytes: 1, open_relay: true, metering: Metering::default(), module: None };
        let compiled = compile(&loaded.document, options).unwrap();
        let settings = Settings {
            listen: ([127, 0, 0, 1], 1).into(),
            listen_tls: None,
            filter_path: "filter.wasm".into(),
            ca_certificates: bundle.map(Into::into),
            max_body_bytes: 1,
            metering: Metering::default(),
            resilience: Default::default(),
            patience: Default::default(),
            json_logs: false,
            module: None,
        };
        backend(&compiled.clusters[0], &settings, &Marks::default())
            .map(|any| Cluster::decode(any.value.as_slice()).unwrap())
    }

    fn tls_of(cluster: Cluster) -> (UpstreamTlsContext, CertificateValidationContext) {
        let socket = cluster.transport_socket.unwrap();
        let Some(SocketConfig::TypedConfig(any)) = socket.config_type else { panic!("no configuration") };
        let context = UpstreamTlsContext::decode(any.value.as_slice()).unwrap();
        let common = context.common_tls_context.clone().unwrap();
        let Some(ValidationContextType::ValidationContext(validation)) = common.validation_context_type else {
            panic!("nothing is validated")
        };
        (context, validation)
    }

    fn san(validation: &CertificateValidationContext) -> (SanType, &str) {
        let [san] = validation.match_typed_subject_alt_names.as_slice() else { panic!("{validation:?}") };
        let Some(MatchPattern::Exact(name)) = san.matcher.as_ref().and_then(|name| name.match_pattern.as_ref()) else {
            panic!("{san:?}")
        };
        (san.san_type(), name)
    }

    #[test]
    fn a_certificate_must_be_for_the_host_and_signed_by_the_bundle() {
        let (context, validation) = tls_of(cluster("https://one.example/v1", Some("/some/bundle.pem")).unwrap());
        let bundle = validation.trusted_ca.as_ref().and_then(|source| source.specifier.clone());
        assert_eq!(bundle, Some(Specifier::Filename("/some/bundle.pem".into())));
        assert!(validation.system_root_certs.is_none(), "Envoy has not implemented it");
        assert_eq!(san(&validation), (SanType::Dns, "one.example"));
        assert_eq!(context.sni, "one.example");
    }

    #[test]
    fn a_backend_may_have_a_name_authorities_and_a_client_certificate_of_its_own() {
        let tls = r#"{"server_name": "inner.example", "ca": "-----BEGIN CERTIFICATE-----\nA", "client_key":
            "-----BEGIN PRIVATE KEY-----\nhunter2", "client_cert": "-----BEGIN CERTIFICATE-----\nB"}"#;
        let plain = cluster("https://192.0.2.1/v1", Some("bundle.pem")).unwrap();
        let cluster = cluster_with("https://192.0.2.1/v1", tls, None).unwrap();
        assert_ne!(cluster.name, plain.name);
        assert!(!format!("{cluster:?}").contains("hunter2"));
        let secret = format!("{}/client-certificate", cluster.name);
        let (context, validation) = tls_of(cluster);
        let ca = validation.trusted_ca.as_ref().and_then(|source| source.specifier.clone());
        assert_eq!(ca, Some(Specifier::InlineString("-----BEGIN CERTIFICATE-----\nA".into())));
        assert_eq!((san(&validation), context.sni.as_str()), ((SanType::Dns, "inner.example"), "inner.example"));
        let secrets = context.common_tls_context.unwrap().tls_certificate_sds_secret_configs;
        assert_eq!(secrets, [secret::by_name(&secret)]);
    }

    #[test]
    fn an_address_is_matched_as_one_and_is_no_server_name() {
        let (context, validation) = tls_of(cluster("https://192.0.2.1/v1", Some("/some/bundle.pem")).unwrap());
        assert_eq!(san(&validation), (SanType::IpAddress, "192.0.2.1"));
        assert_eq!(context.sni, "");
    }

    fn dns_of(base_url: &str) -> DnsCluster {
        let cluster = cluster(base_url, None).unwrap();
        let Some(ClusterDiscoveryType::ClusterType(kind)) = cluster.cluster_discovery_type else {
            panic!("a name is resolved")
        };
        DnsCluster::decode(kind.typed_config.unwrap().value.as_slice()).unwrap()
    }

    #[test]
    fn the_addresses_of_a_name_are_one_endpoint() {
        let dns = dns_of("http://one.example/v1");
        assert!(dns.all_addresses_in_single_endpoint);
        assert_eq!(dns.dns_lookup_family(), DnsLookupFamily::All);
    }

    #[test]
    fn a_name_is_resolved_when_its_records_expire_but_not_all_the_time() {
        let dns = dns_of("http://one.example/v1");
        assert!(dns.respect_dns_ttl);
        assert_eq!((dns.dns_min_refresh_rate, dns.dns_refresh_rate), (seconds(5), seconds(5)));
        let failed = dns.dns_failure_refresh_rate.unwrap();
        assert_eq!((failed.base_interval, failed.max_interval), (seconds(1), seconds(30)));
        assert_eq!(dns.dns_jitter, seconds(1));
    }

    #[test]
    fn an_address_is_never_resolved_whatever_its_family() {
        for (base_url, host) in [("http://192.0.2.1:8/v1", "192.0.2.1"), ("http://[2001:db8::1]:8/v1", "2001:db8::1")] {
            let cluster = cluster(base_url, None).unwrap();
            let fixed = ClusterDiscoveryType::Type(DiscoveryType::Static.into());
            assert_eq!(cluster.cluster_discovery_type, Some(fixed), "{base_url}");
            let endpoint = &cluster.load_assignment.unwrap().endpoints[0].lb_endpoints[0];
            let Some(HostIdentifier::Endpoint(endpoint)) = &endpoint.host_identifier else { panic!("{endpoint:?}") };
            assert_eq!(endpoint.address, Some(socket(host, 8)));
            assert!(base_url.contains(&format!("//{}/", endpoint.hostname)), "{}", endpoint.hostname);
        }
    }

    #[test]
    fn without_a_bundle_only_clear_text_is_possible() {
        assert!(cluster("http://one.example/v1", None).unwrap().transport_socket.is_none());
        let error = cluster("https://one.example/v1", None).unwrap_err().to_string();
        assert!(error.contains("`one`") && error.contains("--ca-certificates"), "{error}");
    }
}
