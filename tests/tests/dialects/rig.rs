//! A gateway with one backend for each dialect, all served by one simulator.

use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

/// The backends by name; each has a model of the name `on-<backend>`.
pub(super) const BACKENDS: [&str; 4] = ["compatible", "openai", "anthropic", "google"];

/// A simulator that takes the harness's provider key in every dialect.
pub(super) fn simulator() -> Simulator {
    Simulator::start_with(SimulatorConfig {
        api_key: Some(config::PROVIDER_KEY.to_owned()),
        ..SimulatorConfig::default()
    })
    .unwrap()
}

/// One backend of this name.
pub(super) fn backend(name: &str, simulator: &Simulator) -> Value {
    let key = config::PROVIDER_KEY;
    let bearer = json!({"authorization": format!("Bearer {key}")});
    let (provider, base_url, headers) = match name {
        "compatible" => ("openai-compatible", simulator.base_url(), bearer),
        "openai" => ("openai", simulator.base_url(), bearer),
        "anthropic" => ("anthropic", simulator.url(), json!({"x-api-key": key})),
        "google" => ("google", simulator.url(), json!({"x-goog-api-key": key})),
        other => panic!("no backend {other}"),
    };
    json!({"name": name, "provider": provider, "base_url": base_url, "headers": headers,
        "model_map": {format!("on-{name}"): model(name)}})
}

/// The provider's own name for the model of a backend.
pub(super) fn model(backend: &str) -> &'static str {
    match backend {
        "anthropic" => "claude-sonnet-4-5",
        "google" => "gemini-2.5-flash",
        _ => "gpt-4o",
    }
}

/// A document with these backends, each behind a rule for its model.
pub(super) fn document(simulator: &Simulator, names: &[&str]) -> Value {
    let rule = |name: &&str| json!({"model_prefix": format!("on-{name}"), "exact": true, "backend": name});
    json!({
        "backends": names.iter().map(|name| backend(name, simulator)).collect::<Vec<_>>(),
        "virtual_keys": [config::key(config::KEY_ID, config::TOKEN)],
        "router": {"default_backends": [], "rules": names.iter().map(rule).collect::<Vec<_>>()},
    })
}

/// A gateway with all backends.
pub(super) async fn start(simulator: &Simulator) -> Gateway {
    Gateway::start(document(simulator, &BACKENDS), &[]).await
}
