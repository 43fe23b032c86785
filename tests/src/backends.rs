//! A backend for each dialect that a provider speaks, all served by one simulator, which refuses what the real
//! providers refuse.

use serde_json::{Value, json};

use crate::harness::{Gateway, GatewayBuilder, config};
use crate::simulator::{AwsCredentials, Simulator, SimulatorConfig};

/// The backends by name. Each has a model `on-<name>`; a name stands before others that it begins with, so that each
/// is found by the beginning of its model's name.
pub const NAMES: [&str; 13] = [
    "plain",
    "compatible",
    "openai",
    "azure-v1",
    "azure",
    "zhipu",
    "anthropic",
    "google",
    "vertex-claude",
    "vertex",
    "bedrock-claude",
    "bedrock",
    "cohere",
];

/// The provider's own name for the model of a backend.
#[must_use]
pub fn model(backend: &str) -> &'static str {
    match backend {
        // Claude Code asks every model that it does not know for adaptive thinking, which earlier ones refuse.
        "anthropic" => "claude-sonnet-4-6",
        "google" | "vertex" => "gemini-2.5-flash",
        "vertex-claude" => "claude-sonnet-4-5@20250929",
        "bedrock" => "eu.amazon.nova-pro-v1:0",
        "bedrock-claude" => "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        // It takes pictures, and calls tools.
        "cohere" => "command-a-plus-05-2026",
        "zhipu" => "glm-4.6",
        _ => "gpt-4o",
    }
}

/// What requests to Bedrock are signed with.
fn aws() -> AwsCredentials {
    AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: Some("FwoGZXIvYXdzEXAMPLE".to_owned()),
        region: "eu-central-1".to_owned(),
    }
}

/// A simulator that takes the harness's provider key in every dialect, and has the backends' models beside those that it
/// is given, and no others.
///
/// # Panics
/// When no port can be opened.
#[must_use]
pub fn simulator(config: SimulatorConfig) -> Simulator {
    let mut models = config.models.clone();
    models.extend(NAMES.map(|name| model(name).to_owned()));
    models.sort();
    models.dedup();
    let api_key = Some(config::PROVIDER_KEY.to_owned());
    let config = SimulatorConfig { api_key, aws: Some(aws()), models, strict_models: true, ..config };
    Simulator::start_with(config).expect("a simulator starts on a free port")
}

/// One backend of this name.
///
/// # Panics
/// When the name is none of [`NAMES`].
#[must_use]
pub fn backend(name: &str, simulator: &Simulator) -> Value {
    let key = config::PROVIDER_KEY;
    let bearer = json!({"authorization": format!("Bearer {key}")});
    let mut settings = json!({});
    let (provider, base_url, headers) = match name {
        "plain" => (None, simulator.base_url(), bearer),
        "compatible" => (Some("openai-compatible"), simulator.base_url(), bearer),
        "openai" => (Some("openai"), simulator.base_url(), bearer),
        "azure" => (Some("azure"), simulator.url(), json!({"api-key": key})),
        "azure-v1" => (Some("azure"), format!("{}/openai/v1", simulator.url()), json!({"api-key": key})),
        "zhipu" => (Some("zhipu"), format!("{}/api/paas/v4", simulator.url()), bearer),
        "anthropic" => (Some("anthropic"), simulator.url(), json!({"x-api-key": key})),
        "google" => (Some("google"), simulator.url(), json!({"x-goog-api-key": key})),
        "cohere" => (Some("cohere"), simulator.url(), bearer),
        "vertex" | "vertex-claude" => {
            settings = json!({"project": "p-1", "location": "europe-west1", "auth": {"type": "none"}});
            (Some("vertex"), simulator.url(), bearer)
        }
        "bedrock" | "bedrock-claude" => {
            settings = json!({"region": aws().region, "auth": {"type": "sigv4"}});
            (Some("bedrock"), simulator.url(), json!({}))
        }
        other => panic!("no backend {other}"),
    };
    let mut backend = json!({"name": name, "base_url": base_url, "headers": headers,
        "model_map": {format!("on-{name}"): model(name)}});
    if let Some(provider) = provider {
        backend["provider"] = json!(provider);
        backend["provider_config"] = settings;
    }
    backend
}

/// All backends, for [`document`].
#[must_use]
pub fn all(simulator: &Simulator) -> Vec<Value> {
    NAMES.iter().map(|name| backend(name, simulator)).collect()
}

/// A document with these backends, each behind a rule for the names that begin with its model's: other names that begin
/// so go there unchanged.
#[must_use]
pub fn document(backends: Vec<Value>) -> Value {
    let names = backends.iter().filter_map(|backend| backend["name"].as_str());
    let rule = |name: &str| json!({"model_prefix": format!("on-{name}"), "backend": name});
    let rules: Vec<Value> = names.map(rule).collect();
    json!({
        "backends": backends,
        "virtual_keys": [config::key(config::KEY_ID, config::TOKEN)],
        "router": {"default_backends": [], "rules": rules},
    })
}

/// A gateway to be started with such a document, with what it signs with in its environment.
#[must_use]
pub fn gateway(document: Value) -> GatewayBuilder {
    let aws = aws();
    Gateway::builder(document)
        .env("AWS_ACCESS_KEY_ID", &aws.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &aws.secret_access_key)
        .env("AWS_SESSION_TOKEN", aws.session_token.as_deref().unwrap_or_default())
}
