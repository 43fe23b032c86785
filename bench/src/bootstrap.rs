//! Envoy's bootstrap: what the gateway prints, with the listeners to compare it with beside it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

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

/// A listener to compare with, and the cluster behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Static {
    /// Names the listener, its cluster and its statistics.
    pub(crate) name: &'static str,
    pub(crate) listen: SocketAddr,
    pub(crate) filters: Filters,
}

/// A bootstrap without a control plane.
pub(crate) fn plain() -> Value {
    json!({"node": {"id": "ditto-bench", "cluster": "ditto-bench"}})
}

/// Adds the listeners and clusters to a bootstrap, and puts the admin interface where the bench can find it.
pub(crate) fn extend(
    bootstrap: &mut Value,
    admin: SocketAddr,
    upstream: SocketAddr,
    empty_filter: &Path,
    statics: &[Static],
) -> Result<()> {
    bootstrap["admin"] = json!({"address": socket(admin)});
    for one in statics {
        append(bootstrap, "listeners", listener(one, empty_filter))?;
        append(bootstrap, "clusters", cluster(one, upstream, empty_filter))?;
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
    let mut filters = Vec::new();
    if one.filters != Filters::None {
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
        "stat_prefix": one.name,
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
            "name": one.name,
            "virtual_hosts": [{
                "name": one.name,
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": one.name, "timeout": "300s"}}],
            }],
        },
    });
    json!({
        "name": one.name,
        "address": socket(one.listen),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]}],
    })
}

fn cluster(one: &Static, upstream: SocketAddr, empty_filter: &Path) -> Value {
    let mut options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {}},
    });
    if one.filters == Filters::Both {
        options["http_filters"] = json!([wasm(empty_filter), {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"},
        }]);
    }
    json!({
        "name": one.name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": one.name,
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

    #[test]
    fn what_the_gateway_printed_stays() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut bootstrap = json!({
            "node": {"id": "a"},
            "admin": {"address": "other"},
            "static_resources": {"clusters": [{"name": "xds"}]},
        });
        let statics = [
            Static { name: "bare", listen: address(2), filters: Filters::None },
            Static { name: "empty", listen: address(3), filters: Filters::Both },
        ];
        extend(&mut bootstrap, address(1), address(9), Path::new("empty.wasm"), &statics).unwrap();
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
        let statics = [Static { name: "bare", listen: address, filters: Filters::None }];
        assert!(extend(&mut bootstrap, address, address, Path::new("x"), &statics).is_err());
    }
}
