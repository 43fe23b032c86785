//! A gateway before every backend dialect, all served by one simulator.

use ditto_tests::harness::config;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

/// The backends by name: provider, the model there, and the header for the key. Each serves a model `on-<name>`; other
/// names that begin so go there unchanged. The one place to add to.
const BACKENDS: [(&str, Option<&str>, &str, &str); 5] = [
    ("plain", None, "gpt-4o", "authorization"),
    ("compatible", Some("openai-compatible"), "gpt-4o", "authorization"),
    ("openai", Some("openai"), "gpt-4o", "authorization"),
    ("anthropic", Some("anthropic"), "claude-sonnet-4-6", "x-api-key"),
    ("google", Some("google"), "gemini-2.5-flash", "x-goog-api-key"),
];

/// A simulator that is as strict as the real providers are.
pub(crate) fn simulator(config: SimulatorConfig) -> std::io::Result<Simulator> {
    let mut models: Vec<String> = BACKENDS.iter().map(|(_, _, model, _)| (*model).to_owned()).collect();
    models.dedup();
    let api_key = Some(config::PROVIDER_KEY.to_owned());
    Simulator::start_with(SimulatorConfig { api_key, models, strict_models: true, ..config })
}

/// The models that clients ask for.
pub(crate) fn models() -> Vec<String> {
    BACKENDS.iter().map(|(name, ..)| format!("on-{name}")).collect()
}

/// A document with all backends, each behind a rule for the names that begin with its model's.
pub(crate) fn document(simulator: &Simulator) -> Value {
    let rule = |name: &str| json!({"model_prefix": format!("on-{name}"), "backend": name});
    json!({
        "backends": BACKENDS.iter().map(|backend| entry(*backend, simulator)).collect::<Vec<_>>(),
        "virtual_keys": [config::key(config::KEY_ID, config::TOKEN)],
        "router": {"default_backends": [], "rules": BACKENDS.iter().map(|(name, ..)| rule(name)).collect::<Vec<_>>()},
    })
}

fn entry((name, provider, model, header): (&str, Option<&str>, &str, &str), simulator: &Simulator) -> Value {
    let key = config::PROVIDER_KEY;
    let (base_url, key) = match header {
        "authorization" => (simulator.base_url(), format!("Bearer {key}")),
        _ => (simulator.url(), key.to_owned()),
    };
    let mut entry = json!({"name": name, "base_url": base_url, "headers": {header: key},
        "model_map": {format!("on-{name}"): model}});
    if let Some(provider) = provider {
        entry["provider"] = json!(provider);
    }
    entry
}
