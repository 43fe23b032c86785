//! The examples of the published documentation load unchanged.

use super::*;

fn loaded(text: &str) -> Document {
    let environment = Fixed::new(&[
        ("OPENAI_API_KEY", "sk-openai"),
        ("DITTO_VK_BOOTSTRAP", "vk-bootstrap"),
        ("LITELLM_MASTER_KEY", "sk-litellm"),
        ("VK_PAID", "vk-paid"),
        ("DITTO_VK_DEV", "vk-dev"),
    ]);
    let as_json = load(text, Some(Format::Json), &environment).unwrap();
    // JSON is YAML.
    assert_eq!(load(text, Some(Format::Yaml), &environment).unwrap(), as_json);
    as_json.document
}

fn shares(candidates: &[WeightedBackend]) -> Vec<(&str, f64)> {
    candidates.iter().map(|candidate| (candidate.backend.as_str(), candidate.weight)).collect()
}

#[test]
fn upstream_virtual_keys_and_admin_api() {
    let document = loaded(
        r#"{
  "backends": [
    {
      "name": "openai",
      "base_url": "https://api.openai.com/v1",
      "max_in_flight": 64,
      "timeout_seconds": 60,
      "headers": { "authorization": "Bearer ${OPENAI_API_KEY}" },
      "query_params": {}
    }
  ],
  "virtual_keys": [
    {
      "id": "vk-bootstrap",
      "token": "${DITTO_VK_BOOTSTRAP}",
      "enabled": true,
      "tenant_id": null,
      "project_id": null,
      "user_id": null,
      "tenant_budget": null,
      "project_budget": null,
      "user_budget": null,
      "tenant_limits": null,
      "project_limits": null,
      "user_limits": null,
      "limits": { "rpm": 60, "tpm": 20000 },
      "budget": { "total_tokens": 5000000, "total_usd_micros": null },
      "cache": { "enabled": false, "ttl_seconds": null, "max_entries": 1024, "max_body_bytes": 1048576, "max_total_body_bytes": 67108864 },
      "guardrails": { "block_pii": true, "validate_schema": true },
      "passthrough": { "allow": true, "bypass_cache": true },
      "route": null
    }
  ],
  "router": { "default_backends": [{ "backend": "openai", "weight": 1.0 }], "rules": [] }
}"#,
    );
    let backend = &document.backends[0];
    assert_eq!((backend.max_in_flight, backend.timeout_seconds), (Some(64), 60));
    assert_eq!(backend.headers["authorization"].expose(), "Bearer sk-openai");
    let key = &document.virtual_keys[0];
    assert_eq!((key.token.expose(), key.limits.tpm, key.budget.total_usd_micros), ("vk-bootstrap", Some(20_000), None));
    assert!(key.guardrails.block_pii && key.guardrails.validate_schema);
    assert_eq!(shares(&document.router.default_backends), [("openai", 1.0)]);
}

#[test]
fn weights_and_fallback() {
    let document = loaded(
        r#"{
  "backends": [
    { "name": "primary", "base_url": "https://api.openai.com/v1", "headers": { "authorization": "Bearer ${OPENAI_API_KEY}" } },
    { "name": "backup", "base_url": "http://litellm:4000/v1", "headers": { "authorization": "Bearer ${LITELLM_MASTER_KEY}" } }
  ],
  "router": {
    "default_backends": [
      { "backend": "primary", "weight": 9 },
      { "backend": "backup", "weight": 1 }
    ],
    "rules": []
  }
}"#,
    );
    assert_eq!(shares(&document.router.default_backends), [("primary", 9.0), ("backup", 1.0)]);
}

#[test]
fn budgets() {
    let document = loaded(
        r#"{
  "virtual_keys": [
    {
      "id": "vk-paid",
      "token": "${VK_PAID}",
      "enabled": true,
      "limits": {},
      "budget": { "total_tokens": 5000000, "total_usd_micros": 1000000 },
      "cache": {},
      "guardrails": {},
      "passthrough": { "allow": true, "bypass_cache": true },
      "route": null
    }
  ]
}"#,
    );
    assert_eq!(document.virtual_keys[0].budget.total_usd_micros, Some(1_000_000));
    assert!(document.backends.is_empty() && document.router == Router::default());
}

#[test]
fn the_gateway_holds_the_upstreams_key() {
    let document = loaded(
        r#"{
  "backends": [
    {
      "name": "primary",
      "base_url": "https://api.openai.com/v1",
      "max_in_flight": 64,
      "timeout_seconds": 60,
      "headers": { "authorization": "Bearer ${OPENAI_API_KEY}" },
      "query_params": {}
    }
  ],
  "virtual_keys": [],
  "router": { "default_backends": [{ "backend": "primary", "weight": 1.0 }], "rules": [] }
}"#,
    );
    assert!(document.virtual_keys.is_empty());
}

#[test]
fn the_client_holds_the_upstreams_key() {
    let document = loaded(
        r#"{
  "backends": [
    {
      "name": "primary",
      "base_url": "https://api.openai.com/v1",
      "max_in_flight": 64,
      "timeout_seconds": 60,
      "headers": {},
      "query_params": {}
    }
  ],
  "virtual_keys": [],
  "router": { "default_backends": [{ "backend": "primary", "weight": 1.0 }], "rules": [] }
}"#,
    );
    assert!(document.backends[0].headers.is_empty());
}

#[test]
fn fragments_of_a_backend() {
    let document = loaded(
        r#"{ "backends": [ {
  "name": "primary",
  "base_url": "https://api.openai.com/v1",
  "max_in_flight": 64
} ] }"#,
    );
    assert_eq!(document.backends[0].max_in_flight, Some(64));
    assert_eq!(shares(&document.router.default_backends), [("primary", 1.0)]);
    let document = loaded(
        r#"{ "backends": [ { "name": "primary", "base_url": "https://api.openai.com/v1",
 "timeout_seconds": 60 } ] }"#,
    );
    assert_eq!(document.backends[0].timeout_seconds, 60);
}

#[test]
fn in_front_of_litellm() {
    let document = loaded(
        r#"{
  "backends": [
    {
      "name": "litellm",
      "base_url": "http://litellm:4000/v1",
      "headers": { "authorization": "Bearer ${LITELLM_MASTER_KEY}" }
    }
  ],
  "virtual_keys": [
    { "id": "vk-dev", "token": "${DITTO_VK_DEV}", "enabled": true, "limits": {}, "budget": {}, "cache": {}, "guardrails": {}, "passthrough": { "allow": true, "bypass_cache": true }, "route": null }
  ],
  "router": { "default_backend": "litellm", "default_backends": [], "rules": [] }
}"#,
    );
    assert_eq!(shares(&document.router.default_backends), [("litellm", 1.0)]);
}

#[test]
fn one_model_for_every_name() {
    let document = loaded(
        r#"{"backends": [{"name": "glm", "base_url": "http://litellm:4000/v1", "model_map": { "*": "glm-4.7" }}]}"#,
    );
    assert_eq!(document.backends[0].model_map["*"], "glm-4.7");
}

#[test]
fn an_mcp_server() {
    let document = loaded(r#"{"mcp_servers": [{ "server_id": "<label>", "url": "https://mcp.test/mcp" }]}"#);
    assert_eq!(document.mcp_servers.len(), 1);
}
