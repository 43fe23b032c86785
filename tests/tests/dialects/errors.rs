//! Errors of any backend, in the client's own words.

use ditto_tests::backends;
use ditto_tests::harness::config;
use ditto_tests::simulator::Fault;
use serde_json::{Value, json};

use super::clients::Dialect;
use super::rig::Site;

/// The kind of an error, where the client's dialect has it.
fn kind(dialect: Dialect, body: &Value) -> String {
    let kind = match dialect {
        Dialect::Gemini | Dialect::Envelope => &body["error"]["status"],
        _ => &body["error"]["type"],
    };
    kind.as_str().unwrap_or_default().to_owned()
}

/// Whether a backend speaks OpenAI's dialect, and is left its own words for OpenAI's clients.
fn passes(dialect: Dialect, backend: &str) -> bool {
    let openai = ["plain", "compatible", "openai", "azure", "azure-v1"].contains(&backend);
    openai && matches!(dialect, Dialect::Chat | Dialect::Completions | Dialect::Responses)
}

pub(super) async fn refusals_keep_their_meaning(site: &Site) {
    let client = site.client();
    for (status, kinds) in [
        (429, ["rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"]),
        (400, ["invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"]),
        (404, ["invalid_request_error", "not_found_error", "NOT_FOUND"]),
        (500, ["api_error", "api_error", "INTERNAL"]),
    ] {
        for backend in backends::NAMES {
            for dialect in Dialect::EVERY {
                for stream in [false, true] {
                    let case = format!("{status} from {backend} to {dialect:?}, stream {stream}");
                    site.simulator.fault_next(1, Fault::status(status));
                    let mut reply = dialect.ask(&client, &format!("on-{backend}"), "Hi", stream).send().await;
                    assert_eq!(reply.status, status, "{case}");
                    let body = reply.json().await;
                    let expected = match dialect {
                        Dialect::Chat | Dialect::Completions | Dialect::Responses => kinds[0],
                        Dialect::Messages => kinds[1],
                        Dialect::Gemini | Dialect::Envelope => kinds[2],
                    };
                    let message = body["error"]["message"].as_str().unwrap_or_default();
                    assert!(message.contains("fails with"), "{case}: {body}");
                    assert!(kind(dialect, &body) == expected || passes(dialect, backend), "{case}: {body}");
                }
            }
        }
    }
}

pub(super) async fn what_cannot_be_said_is_refused_by_its_name(site: &Site) {
    site.simulator.forget_requests();
    let client = site.client();
    let two = |backend: &str| json!({"model": format!("on-{backend}"), "n": 2, "messages": [{"role": "user", "content": "Hi"}]});
    for backend in ["anthropic", "vertex-claude", "bedrock-claude", "bedrock", "cohere"] {
        let asked = client.post("/v1/chat/completions", &two(backend));
        let body = asked.send().await.expect_status(400).await.json().await;
        assert!(body["error"]["message"].as_str().unwrap().contains("'n'"), "{backend}: {body}");
        // An endpoint that it does not have.
        let body = json!({"model": format!("on-{backend}"), "prompt": "Hi"});
        let body = client.post("/v1/images/generations", &body).send().await.expect_status(501).await.json().await;
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(backend) && message.contains("/v1/images/generations"), "{body}");
    }
    assert!(site.simulator.requests().is_empty());
}

pub(super) async fn harmless_losses_are_told(site: &Site) {
    let client = site.client();
    for (backend, translation) in [("anthropic", "anthropic"), ("bedrock", "bedrock")] {
        let messages = json!([{"role": "user", "content": "Hi"}]);
        let body = json!({"model": format!("on-{backend}"), "messages": messages, "seed": 7, "temperature": 0.5});
        let reply = client.post("/v1/chat/completions", &body).send().await.expect_status(200).await;
        assert_eq!(reply.header("x-ditto-translation"), Some(translation));
        assert_eq!(reply.header("x-ditto-dropped"), Some("seed"));
    }
}

pub(super) async fn tokens_are_counted(site: &Site) {
    let client = site.gateway.client().with_header("x-api-key", config::TOKEN);
    for backend in backends::NAMES {
        let body = json!({"model": format!("on-{backend}"), "messages": [{"role": "user", "content": "How many?"}]});
        let asked = client.post("/v1/messages/count_tokens?beta=true", &body).header("anthropic-version", "2023-06-01");
        let body = asked.send().await.expect_status(200).await.json().await;
        assert!(body["input_tokens"].as_u64().unwrap() > 0, "{backend}: {body}");
        let contents = json!({"contents": [{"parts": [{"text": "How many?"}]}]});
        let path = format!("/v1beta/models/on-{backend}:countTokens?key={}", config::TOKEN);
        let body = site.gateway.client().post(&path, &contents).send().await.expect_status(200).await.json().await;
        assert!(body["totalTokens"].as_u64().unwrap() > 0, "{backend}: {body}");
    }
}
