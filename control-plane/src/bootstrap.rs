//! Envoy's bootstrap: who it is, where its admin endpoint is, and where the control plane is. Everything else is
//! pushed, save the bound on clients' connections, which Envoy takes from nowhere else.

use std::path::Path;

use serde_json::{Value, json};

use crate::control::ControlAddress;
use crate::resources::CONTROL_CLUSTER;
use crate::xds::Labels;

/// Clients' connections at a time, for one Envoy.
const DOWNSTREAM_CONNECTIONS_MAX: u32 = 100_000;

/// The part of the heap's limit from which Envoy gives memory back to the system, from which it ends the streams that
/// hold most, and from which it refuses requests.
/// <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/best_practices/edge>
const HEAP_SHRINK: f64 = 0.9;
/// See [`HEAP_SHRINK`]. Between the two values more and more streams are ended.
const HEAP_RESET: (f64, f64) = (0.92, 0.97);
/// See [`HEAP_SHRINK`].
const HEAP_REFUSE: f64 = 0.98;

/// What tells one bootstrap from another.
#[derive(Debug, Clone)]
pub struct Bootstrap<'a> {
    /// Envoy's node id.
    pub node_id: &'a str,
    /// What roll-outs may choose it by.
    pub labels: &'a Labels,
    /// The control plane, as this Envoy reaches it.
    pub control: &'a ControlAddress,
    /// Envoy's admin endpoint. It shows statistics and configuration: never expose it.
    pub admin: &'a ControlAddress,
    /// The file in which Envoy notes which backends it leaves alone.
    pub ejections: Option<&'a Path>,
    /// Envoy's memory, without that of the filter, in bytes; `None`: as much as there is.
    pub max_heap_bytes: Option<u64>,
}

impl Bootstrap<'_> {
    /// The document, for `envoy -c`.
    pub fn to_json(&self) -> Value {
        let ads = json!({"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "30s"});
        let mut bootstrap = json!({
            "node": self.node(),
            "admin": {"address": self.admin.to_envoy()},
            "dynamic_resources": {
                "ads_config": {
                    "api_type": "GRPC",
                    "transport_api_version": "V3",
                    "grpc_services": [{"envoy_grpc": {"cluster_name": CONTROL_CLUSTER}}],
                    "set_node_on_first_message_only": true,
                },
                "cds_config": ads,
                "lds_config": ads,
            },
            "static_resources": {"clusters": [self.control_cluster()]},
            "overload_manager": self.overload_manager(),
        });
        let mut manager = json!({"load_stats_config": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": CONTROL_CLUSTER}}],
        }});
        if let Some(path) = self.ejections {
            manager["outlier_detection"] = json!({"event_log_path": path});
        }
        bootstrap["cluster_manager"] = manager;
        bootstrap
    }

    fn node(&self) -> Value {
        let mut node = json!({"id": self.node_id, "cluster": "ditto-gateway"});
        if !self.labels.is_empty() {
            node["metadata"] = json!({"labels": self.labels});
        }
        node
    }

    fn overload_manager(&self) -> Value {
        let connections = json!({
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": DOWNSTREAM_CONNECTIONS_MAX,
            },
        });
        let Some(max_heap_bytes) = self.max_heap_bytes else { return json!({"resource_monitors": [connections]}) };
        let name = "envoy.resource_monitors.fixed_heap";
        let heap = json!({
            "name": name,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                "max_heap_size_bytes": max_heap_bytes,
            },
        });
        let from = |part: f64| json!([{"name": name, "threshold": {"value": part}}]);
        let between = json!([{
            "name": name,
            "scaled": {"scaling_threshold": HEAP_RESET.0, "saturation_threshold": HEAP_RESET.1},
        }]);
        json!({
            "refresh_interval": "0.25s",
            "resource_monitors": [connections, heap],
            // Streams that hold more than a mebibyte can be told apart, and those that hold most are ended first.
            "buffer_factory_config": {"minimum_account_to_track_power_of_two": 20},
            "actions": [
                {"name": "envoy.overload_actions.shrink_heap", "triggers": from(HEAP_SHRINK)},
                {"name": "envoy.overload_actions.reset_high_memory_stream", "triggers": between},
                {"name": "envoy.overload_actions.stop_accepting_requests", "triggers": from(HEAP_REFUSE)},
            ],
        })
    }

    fn control_cluster(&self) -> Value {
        let address = match self.control.to_envoy() {
            // A pipe's mode is the server's business.
            Value::Object(mut object) => {
                if let Some(Value::Object(pipe)) = object.get_mut("pipe") {
                    pipe.remove("mode");
                }
                Value::Object(object)
            }
            other => other,
        };
        let options = json!({
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {
                // A peer that is there but silent is noticed within fifteen seconds.
                "connection_keepalive": {"interval": "10s", "timeout": "5s"},
            }},
        });
        json!({
            "name": CONTROL_CLUSTER,
            "type": "STATIC",
            "connect_timeout": "2s",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
            },
            "load_assignment": {
                "cluster_name": CONTROL_CLUSTER,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
            },
        })
    }
}
