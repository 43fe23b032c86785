//! Envoy's bootstrap: what the gateway prints, with the listeners to compare it with beside it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::upstream::Addresses;

/// Where an empty filter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filters {
    /// Nowhere: bare Envoy.
    None,
    /// Among the listener's HTTP filters.
    Listener,
    /// There and among the cluster's.
    Both,
}

/// What a listener to compare with does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Names the listener, its cluster and its statistics.
    pub(crate) name: &'static str,
    pub(crate) filters: Filters,
    /// Requests go to the address that refuses them first, and then to the one that serves.
    pub(crate) falls_back: bool,
}

/// A listener to compare with, and the clusters behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Static {
    pub(crate) comparison: Comparison,
    pub(crate) listen: SocketAddr,
}

/// A bootstrap without a control plane.
pub(crate) fn plain() -> Value {
    json!({"node": {"id": "ditto-bench", "cluster": "ditto-bench"}})
}

/// Adds the listeners and clusters to a bootstrap, and puts the admin interface where the bench can find it.
pub(crate) fn extend(
    bootstrap: &mut Value,
    admin: SocketAddr,
    upstream: Addresses,
    empty_filter: &Path,
    statics: &[Static],
) -> Result<()> {
    bootstrap["admin"] = json!({"address": socket(admin)});
    for one in statics {
        append(bootstrap, "listeners", listener(one, empty_filter))?;
        for cluster in clusters(one.comparison, upstream, empty_filter) {
            append(bootstrap, "clusters", cluster)?;
        }
    }
    Ok(())
}

fn append(bootstrap: &mut Value, list: &str, item: Value) -> Result<()> {
    let list = &mut bootstrap["static_resources"][list];
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().context("the bootstrap's static resources are not lists")?.push(item);
    Ok(())
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn listener(one: &Static, empty_filter: &Path) -> Value {
    let Comparison { name, .. } = one.comparison;
    let mut filters = Vec::new();
    if one.comparison.filters != Filters::None {
        filters.push(wasm(empty_filter));
    }
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    // The options of the gateway's own listener, so that filter and route are all that differs.
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "use_remote_address": true,
        "skip_xff_append": true,
        "internal_address_config": {},
        "generate_request_id": false,
        "preserve_external_request_id": true,
        "normalize_path": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "server_header_transformation": "PASS_THROUGH",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "common_http_protocol_options": {"idle_timeout": "3600s"},
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "300s",
        "http_filters": filters,
        "route_config": {
            "name": name,
            "virtual_hosts": [{
                "name": name,
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "route": route(one.comparison)}],
            }],
        },
    });
    json!({
        "name": name,
        "address": socket(one.listen),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]}],
    })
}

/// Where requests go, and what becomes of those that are refused: as the gateway's own routes have it.
fn route(one: Comparison) -> Value {
    let mut route = json!({"cluster": one.name, "timeout": "300s"});
    if one.falls_back {
        route["retry_policy"] = json!({
            "retry_on": "connect-failure,refused-stream,reset,retriable-status-codes",
            "retriable_status_codes": [429, 500, 502, 503, 504],
            "num_retries": 1,
            "per_try_timeout": "300s",
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        });
    }
    route
}

/// The cluster of a listener; of one that falls back, an aggregate of two.
fn clusters(one: Comparison, upstream: Addresses, empty_filter: &Path) -> Vec<Value> {
    if !one.falls_back {
        return vec![cluster(one.name, upstream.serving, one.filters, empty_filter)];
    }
    let members = [("refusing", upstream.failing), ("serving", upstream.serving)];
    let members = members.map(|(name, address)| (format!("{}-{name}", one.name), address));
    let names = members.each_ref().map(|(name, _)| name);
    let aggregate = json!({
        "name": one.name,
        "connect_timeout": "5s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": names,
            },
        },
        // Its own default is three retries at a time.
        "circuit_breakers": {"thresholds": [{"max_retries": 1 << 20}]},
    });
    let members = members.iter().map(|(name, address)| cluster(name, *address, one.filters, empty_filter));
    members.chain([aggregate]).collect()
}

fn cluster(name: &str, upstream: SocketAddr, filters: Filters, empty_filter: &Path) -> Value {
    let mut options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {}},
    });
    if filters == Filters::Both {
        options["http_filters"] = json!([wasm(empty_filter), {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"},
        }]);
    }
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(upstream)}}]}],
        },
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
    })
}

/// The empty filter, set up as the gateway sets up its own; the same everywhere, so that all stages share one VM.
fn wasm(module: &Path) -> Value {
    json!({
        "name": "empty",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "empty",
                "root_id": "empty",
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": true,
                "vm_config": {
                    "vm_id": "empty",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(name: &'static str, filters: Filters) -> Comparison {
        Comparison { name, filters, falls_back: false }
    }

    fn upstream() -> Addresses {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Addresses { serving: address(9), failing: address(8) }
    }

    #[test]
    fn what_the_gateway_printed_stays() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut bootstrap = json!({
            "node": {"id": "a"},
            "admin": {"address": "other"},
            "static_resources": {"clusters": [{"name": "xds"}]},
        });
        let statics = [
            Static { comparison: comparison("bare", Filters::None), listen: address(2) },
            Static { comparison: comparison("empty", Filters::Both), listen: address(3) },
        ];
        extend(&mut bootstrap, address(1), upstream(), Path::new("empty.wasm"), &statics).unwrap();
        assert_eq!(bootstrap["node"]["id"], "a");
        assert_eq!(bootstrap["admin"]["address"]["socket_address"]["port_value"], 1);
        let clusters = &bootstrap["static_resources"]["clusters"];
        let options = |i: usize| &clusters[i]["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
        assert_eq!(clusters[0]["name"], "xds");
        assert!(options(1)["http_filters"].is_null());
        assert_eq!(options(2)["http_filters"][0]["name"], "empty");
        assert_eq!(bootstrap["static_resources"]["listeners"][1]["name"], "empty");
    }

    #[test]
    fn a_bootstrap_of_another_shape_is_refused() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut bootstrap = json!({"static_resources": {"listeners": {}}});
        let statics = [Static { comparison: comparison("bare", Filters::None), listen: address }];
        assert!(extend(&mut bootstrap, address, upstream(), Path::new("x"), &statics).is_err());
    }

    #[test]
    fn who_falls_back_has_the_refusing_address_first() {
        let one = Comparison { falls_back: true, ..comparison("bare-fallback", Filters::None) };
        let clusters = clusters(one, upstream(), Path::new("empty.wasm"));
        let port = |i: usize| {
            &clusters[i]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
                ["port_value"]
        };
        assert_eq!((port(0), port(1)), (&json!(8), &json!(9)));
        let members = &clusters[2]["cluster_type"]["typed_config"]["clusters"];
        assert_eq!(members, &json!([clusters[0]["name"], clusters[1]["name"]]));
        assert_eq!(route(one)["retry_policy"]["num_retries"], 1);
    }
}
