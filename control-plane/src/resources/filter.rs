//! The filter's two stages, as Envoy is told of them.
//!
//! The gateway stage's configuration comes by ECDS, so that it changes while the listener stays. The backend stage's
//! is part of its cluster: it never changes, and a cluster that waited for an extension configuration could not be
//! sent first.

use ditto_policy::compile::Compiled;
use envoy_types::pb::envoy::config::core::v3::async_data_source::Specifier as AsyncSpecifier;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::{AsyncDataSource, DataSource, ExtensionConfigSource};
use envoy_types::pb::envoy::extensions::filters::http::wasm::v3::Wasm;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use envoy_types::pb::envoy::extensions::wasm::v3::plugin_config::Vm;
use envoy_types::pb::envoy::extensions::wasm::v3::{FailurePolicy, PluginConfig, VmConfig};
use envoy_types::pb::google::protobuf::{Any, BoolValue, StringValue};
use prost::Name;

use super::Settings;
use super::proto::{ads, extension, pack};

/// The listener's filter.
pub const GATEWAY_STAGE: &str = "ditto.gateway";
/// The upstream filter of chains whose attempts differ.
pub const BACKEND_STAGE: &str = "ditto.backend";

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
    pack(&extension(GATEWAY_STAGE, plugin(GATEWAY_STAGE, Some(configuration), settings)))
}

/// The backend stage. It needs no configuration: it decides by what the gateway stage began with.
pub(super) fn backend(settings: &Settings) -> HttpFilter {
    HttpFilter {
        name: BACKEND_STAGE.to_owned(),
        config_type: Some(ConfigType::TypedConfig(plugin(BACKEND_STAGE, None, settings))),
        ..Default::default()
    }
}

fn plugin(name: &str, configuration: Option<String>, settings: &Settings) -> Any {
    let code = DataSource {
        specifier: Some(Specifier::Filename(settings.filter_path.to_string_lossy().into_owned())),
        ..Default::default()
    };
    let vm = VmConfig {
        // The same for both stages, so that they share one VM for each worker.
        vm_id: "ditto".into(),
        runtime: "envoy.wasm.runtime.v8".into(),
        code: Some(AsyncDataSource { specifier: Some(AsyncSpecifier::Local(code)) }),
        ..Default::default()
    };
    let plugin = PluginConfig {
        name: name.to_owned(),
        root_id: name.to_owned(),
        configuration: configuration.map(|value| pack(&StringValue { value })),
        failure_policy: FailurePolicy::FailReload.into(),
        // Lets the body be read while the headers wait.
        allow_on_headers_stop_iteration: Some(BoolValue { value: true }),
        vm: Some(Vm::VmConfig(vm)),
        ..Default::default()
    };
    pack(&Wasm { config: Some(plugin) })
}
