//! Which of LiteLLM's providers become translation backends
//! (<https://docs.litellm.ai/docs/providers>, seen 2026-11).

use serde_json::{Map, Value, json};

use super::{parameter, set};
use crate::document::problem::Path;
use crate::document::provider::names::{Kind, Provider, by_name};
use crate::document::reader::Reader;

/// LiteLLM's prefixes and our names, of providers that need a translation or a way of their own to prove oneself.
const TRANSLATED: [(&str, &str); 8] = [
    ("anthropic", "anthropic"),
    ("azure", "azure"),
    ("bedrock", "bedrock"),
    ("cohere", "cohere"),
    ("cohere_chat", "cohere"),
    ("gemini", "google"),
    ("vertex_ai", "vertex"),
    ("zai", "zai"),
];

/// Prefixes of companies whose API is like OpenAI's, so that only their address has to be known.
const COMPATIBLE: [(&str, &str); 12] = [
    ("dashscope", "qwen"),
    ("deepseek", "deepseek"),
    ("fireworks_ai", "fireworks"),
    ("groq", "groq"),
    ("mistral", "mistral"),
    ("ollama", "ollama"),
    ("ollama_chat", "ollama"),
    ("openrouter", "openrouter"),
    ("perplexity", "perplexity"),
    ("together_ai", "together"),
    ("xai", "xai"),
    ("litellm_proxy", "litellm"),
];

/// Parameters that only some providers have; the others' are not imported.
pub(super) const PARAMETERS: [&str; 7] = [
    "vertex_project",
    "vertex_location",
    "vertex_credentials",
    "aws_region_name",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

/// The provider that a prefix stands for; `None` if its requests pass as they come.
pub(super) fn of_prefix(prefix: &str, has_base: bool) -> Option<Provider> {
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(known, _)| *known == prefix).map(|(_, name)| *name);
    let name = find(&TRANSLATED).or_else(|| find(&COMPATIBLE).filter(|_| !has_base))?;
    // What has no address of its own, and none given, is left to the warning about that.
    by_name(name).filter(|provider| has_base || provider.base_url.is_some())
}

/// A translation backend without its name: address, credential and place.
pub(super) fn backend(
    reader: &mut Reader<'_>,
    provider: &Provider,
    params: &Map<String, Value>,
    path: &Path<'_>,
    (base_url, api_key): (Option<&str>, Option<&str>),
) -> Value {
    let mut backend = json!({"provider": provider.name});
    if let Some(base_url) = base_url {
        set(&mut backend, "base_url", json!(base_url));
    }
    if let Some(key) = api_key {
        let (header, prefix) = provider.kind.key_header();
        set(&mut backend, "headers", json!({header: format!("{prefix}{key}")}));
    }
    let mut param = |name| parameter(reader, params, name, path);
    let mut config = json!({});
    match provider.kind {
        Kind::Vertex => {
            for (field, name) in [("project", "vertex_project"), ("location", "vertex_location")] {
                if let Some(value) = param(name) {
                    set(&mut config, field, json!(value));
                }
            }
            if let Some(file) = param("vertex_credentials") {
                set(&mut config, "auth", json!({"type": "service_account", "file": file}));
            }
        }
        Kind::Bedrock => {
            if let Some(region) = param("aws_region_name") {
                set(&mut config, "region", json!(region));
            }
            let mut auth = json!({"type": "sigv4"});
            let keys = [
                ("access_keys", "aws_access_key_id"),
                ("secret_keys", "aws_secret_access_key"),
                ("session_token_keys", "aws_session_token"),
            ];
            for (field, name) in keys {
                // A key that is written down has no place in `auth`, which names variables.
                let variable =
                    param(name).and_then(|text| Some(text.strip_prefix("${")?.strip_suffix('}')?.to_owned()));
                if let Some(variable) = variable {
                    set(&mut auth, field, json!([variable]));
                }
            }
            if auth.as_object().is_some_and(|auth| auth.len() > 1) {
                set(&mut config, "auth", auth);
            }
        }
        _ => {}
    }
    set(&mut backend, "provider_config", config);
    backend
}
