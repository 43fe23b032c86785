//! A gateway with one backend for each dialect, all served by one simulator.

use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{AwsCredentials, Simulator, SimulatorConfig};
use serde_json::{Value, json};

/// The backends by name; each has a model of the name `on-<backend>`.
pub(super) const BACKENDS: [&str; 4] = ["compatible", "openai", "anthropic", "google"];

/// Those, and the hosts of several makers' models and providers with a dialect of their own.
pub(super) const EVERYWHERE: [&str; 9] =
    ["compatible", "openai", "anthropic", "google", "vertex", "vertex-claude", "cohere", "bedrock", "bedrock-claude"];

/// What requests to Bedrock are signed with.
fn aws() -> AwsCredentials {
    AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: Some("FwoGZXIvYXdzEXAMPLE".to_owned()),
        region: "eu-central-1".to_owned(),
    }
}

/// A simulator that takes the harness's provider key in every dialect.
pub(super) fn simulator() -> Simulator {
    Simulator::start_with(SimulatorConfig {
        api_key: Some(config::PROVIDER_KEY.to_owned()),
        aws: Some(aws()),
        ..SimulatorConfig::default()
    })
    .unwrap()
}

/// One backend of this name.
pub(super) fn backend(name: &str, simulator: &Simulator) -> Value {
    let key = config::PROVIDER_KEY;
    let bearer = json!({"authorization": format!("Bearer {key}")});
    let mut settings = json!({});
    let (provider, base_url, headers) = match name {
        "compatible" => ("openai-compatible", simulator.base_url(), bearer),
        "openai" => ("openai", simulator.base_url(), bearer),
        "anthropic" => ("anthropic", simulator.url(), json!({"x-api-key": key})),
        "google" => ("google", simulator.url(), json!({"x-goog-api-key": key})),
        "azure" => ("azure", simulator.url(), json!({"api-key": key})),
        "zhipu" => ("zhipu", format!("{}/api/paas/v4", simulator.url()), bearer),
        "cohere" => ("cohere", simulator.url(), bearer),
        "vertex" | "vertex-claude" => {
            settings = json!({"project": "p-1", "location": "europe-west1", "auth": {"type": "none"}});
            ("vertex", simulator.url(), bearer)
        }
        "bedrock" | "bedrock-claude" => {
            settings = json!({"region": aws().region, "auth": {"type": "sigv4"}});
            ("bedrock", simulator.url(), json!({}))
        }
        other => panic!("no backend {other}"),
    };
    json!({"name": name, "provider": provider, "base_url": base_url, "headers": headers, "provider_config": settings,
        "model_map": {format!("on-{name}"): model(name)}})
}

/// The provider's own name for the model of a backend.
pub(super) fn model(backend: &str) -> &'static str {
    match backend {
        "anthropic" => "claude-sonnet-4-5",
        "google" | "vertex" => "gemini-2.5-flash",
        "vertex-claude" => "claude-sonnet-4-5@20250929",
        "bedrock" => "eu.amazon.nova-pro-v1:0",
        "bedrock-claude" => "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "cohere" => "command-a-03-2025",
        "zhipu" => "glm-4.6",
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

/// A gateway with the backends of [`EVERYWHERE`].
pub(super) async fn start_everywhere(simulator: &Simulator) -> Gateway {
    let aws = aws();
    let builder = Gateway::builder(document(simulator, &EVERYWHERE))
        .env("AWS_ACCESS_KEY_ID", &aws.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &aws.secret_access_key)
        .env("AWS_SESSION_TOKEN", aws.session_token.as_deref().unwrap_or_default());
    builder.start().await
}
