//! The filter's two stages, as Envoy is told of them.
//!
//! The gateway stage's configuration comes by ECDS, so that it changes while the listener stays. The backend stage's
//! is part of its cluster: it never changes, and a cluster that waited for an extension configuration could not be
//! sent first.
//!
//! Envoy finds the module that the control plane came with as a file. One that was uploaded it fetches from the control
//! plane, and remembers by its SHA-256 for a day after it was last configured. Where a fetch has to come first, Envoy
//! makes a VM whose name knows nothing of the code, and a stage is without its module meanwhile (seen on Envoy 1.40). So
//! a cluster of its own has the module fetched, before everything else of the configuration comes; all other references
//! are refused unless the module is there. One of them keeps it in every worker, where it hears the keys, so that the
//! switch to its gateway stage finds a worker that knows all it needs.

use ditto_policy::compile::Compiled;
use ditto_policy::filter_config::WARMING;
use envoy_types::pb::envoy::config::core::v3::async_data_source::Specifier as AsyncSpecifier;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::http_uri::HttpUpstreamType;
use envoy_types::pb::envoy::config::core::v3::{
    AsyncDataSource, BackoffStrategy, DataSource, ExtensionConfigSource, HttpUri, RemoteDataSource, RetryPolicy,
};
use envoy_types::pb::envoy::extensions::filters::http::wasm::v3::Wasm;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use envoy_types::pb::envoy::extensions::wasm::v3::plugin_config::Vm;
use envoy_types::pb::envoy::extensions::wasm::v3::{FailurePolicy, PluginConfig, VmConfig};
use envoy_types::pb::google::protobuf::{Any, BoolValue, Duration, StringValue, UInt32Value};
use prost::Name;

use super::proto::{ads, extension, pack, seconds};
use super::{CONTROL_CLUSTER, Settings};
use crate::modules::PATH;

/// The listener's filter.
pub const GATEWAY_STAGE: &str = "ditto.gateway";
/// The upstream filter of chains whose attempts differ.
pub const BACKEND_STAGE: &str = "ditto.backend";
/// The upstream filter that brings a module into every worker.
const WARMING_STAGE: &str = "ditto.warming";

/// How long one fetch of a module may take, in seconds.
const FETCH_SECONDS: u32 = 30;
/// How often a fetch that failed is tried again, with pauses that double from a fifth of a second to five.
const FETCH_RETRIES: u32 = 20;

/// The listener's filter, whose configuration comes by ECDS.
pub(super) fn gateway_reference() -> HttpFilter {
    let source =
        ExtensionConfigSource { config_source: Some(ads()), type_urls: vec![Wasm::type_url()], ..Default::default() };
    HttpFilter {
        name: GATEWAY_STAGE.to_owned(),
        config_type: Some(ConfigType::ConfigDiscovery(source)),
        ..Default::default()
    }
}

/// The gateway stage's configuration.
pub(super) fn gateway(compiled: &Compiled, settings: &Settings) -> Any {
    // Serialising plain data of strings and numbers has no way to fail.
    let configuration = serde_json::to_string(&compiled.filter).unwrap_or_default();
    pack(&extension(
        GATEWAY_STAGE,
        plugin(GATEWAY_STAGE, Some(configuration), &vm(settings.module.as_deref(), settings, true)),
    ))
}

/// The backend stage. It needs no configuration: it decides by what the gateway stage began with.
pub(super) fn backend(settings: &Settings) -> HttpFilter {
    HttpFilter {
        name: BACKEND_STAGE.to_owned(),
        config_type: Some(ConfigType::TypedConfig(plugin(
            BACKEND_STAGE,
            None,
            &vm(settings.module.as_deref(), settings, true),
        ))),
        ..Default::default()
    }
}

/// Brings an uploaded module into every worker, and has it hear the keys there. One that may be fetched only is: Envoy's
/// VM for that is another one, and goes again.
pub(super) fn warming(module: &str, settings: &Settings, must_be_there: bool) -> HttpFilter {
    let vm = vm(Some(module), settings, must_be_there);
    let configuration = must_be_there.then(|| WARMING.to_owned());
    HttpFilter {
        name: WARMING_STAGE.to_owned(),
        config_type: Some(ConfigType::TypedConfig(plugin(WARMING_STAGE, configuration, &vm))),
        ..Default::default()
    }
}

/// The VM of an uploaded module, or of the one that the control plane came with. With `must_be_there`, a module that
/// would have to be fetched first refuses the configuration: a stage without its module would fail every request.
fn vm(module: Option<&str>, settings: &Settings, must_be_there: bool) -> VmConfig {
    let file = || DataSource {
        specifier: Some(Specifier::Filename(settings.filter_path.to_string_lossy().into_owned())),
        ..Default::default()
    };
    let code = module.map_or_else(|| AsyncSpecifier::Local(file()), |module| AsyncSpecifier::Remote(remote(module)));
    VmConfig {
        // The same for both stages, so that they share one VM for each worker.
        vm_id: "ditto".into(),
        runtime: "envoy.wasm.runtime.v8".into(),
        code: Some(AsyncDataSource { specifier: Some(code) }),
        // Part of the VM's name, that VMs of different modules are never taken for one.
        configuration: module.map(|module| pack(&StringValue { value: module.to_owned() })),
        nack_on_code_cache_miss: must_be_there && module.is_some(),
        ..Default::default()
    }
}

fn remote(module: &str) -> RemoteDataSource {
    let pauses =
        BackoffStrategy { base_interval: Some(Duration { seconds: 0, nanos: 200_000_000 }), max_interval: seconds(5) };
    RemoteDataSource {
        http_uri: Some(HttpUri {
            uri: format!("http://{CONTROL_CLUSTER}{PATH}{module}"),
            timeout: seconds(FETCH_SECONDS),
            http_upstream_type: Some(HttpUpstreamType::Cluster(CONTROL_CLUSTER.to_owned())),
        }),
        sha256: module.to_owned(),
        retry_policy: Some(RetryPolicy {
            retry_back_off: Some(pauses),
            num_retries: Some(UInt32Value { value: FETCH_RETRIES }),
            ..Default::default()
        }),
    }
}

fn plugin(name: &str, configuration: Option<String>, vm: &VmConfig) -> Any {
    let plugin = PluginConfig {
        name: name.to_owned(),
        root_id: name.to_owned(),
        configuration: configuration.map(|value| pack(&StringValue { value })),
        failure_policy: FailurePolicy::FailReload.into(),
        // Lets the body be read while the headers wait.
        allow_on_headers_stop_iteration: Some(BoolValue { value: true }),
        vm: Some(Vm::VmConfig(vm.clone())),
        ..Default::default()
    };
    pack(&Wasm { config: Some(plugin) })
}
