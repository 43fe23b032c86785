//! Errors of any backend, in the client's own words.

use ditto_tests::harness::config;
use ditto_tests::simulator::Fault;
use serde_json::{Value, json};

use super::clients::Dialect;
use super::rig;

/// The kind of an error, where the client's dialect has it.
fn kind(dialect: Dialect, body: &Value) -> String {
    let kind = match dialect {
        Dialect::Gemini => &body["error"]["status"],
        _ => &body["error"]["type"],
    };
    kind.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_backends_refusals_keep_their_meaning_in_every_dialect() {
    let simulator = rig::simulator();
    let gateway = rig::start(&simulator).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for (status, kinds) in [
        (429, ["rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"]),
        (400, ["invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"]),
        (404, ["invalid_request_error", "not_found_error", "NOT_FOUND"]),
        (500, ["api_error", "api_error", "INTERNAL"]),
    ] {
        for backend in rig::BACKENDS {
            for dialect in Dialect::ALL {
                for stream in [false, true] {
                    let case = format!("{status} from {backend} to {dialect:?}, stream {stream}");
                    simulator.fault_next(1, Fault::status(status));
                    let asked = dialect.ask(&client, &format!("on-{backend}"), "Hi", stream);
                    let mut reply = asked.header("x-ditto-virtual-key", config::TOKEN).send().await;
                    assert_eq!(reply.status, status, "{case}");
                    let body = reply.json().await;
                    let expected = match dialect {
                        Dialect::Chat | Dialect::Responses => kinds[0],
                        Dialect::Messages => kinds[1],
                        Dialect::Gemini => kinds[2],
                    };
                    let kind = kind(dialect, &body);
                    // OpenAI's own backend has words of its own for a client of its own.
                    let passes = matches!(dialect, Dialect::Chat | Dialect::Responses);
                    assert!(kind == expected || (passes && !kind.is_empty()), "{case}: {body}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_said_in_a_dialect_is_refused_by_its_name_and_harmless_losses_are_told() {
    let simulator = rig::simulator();
    let gateway = rig::start(&simulator).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let body = json!({"model": "on-anthropic", "messages": messages, "seed": 7, "temperature": 0.5});
    let reply = client.post("/v1/chat/completions", &body).send().await.expect_status(200).await;
    assert_eq!(reply.header("x-ditto-translation"), Some("anthropic"));
    assert_eq!(reply.header("x-ditto-dropped"), Some("seed"));
    let body = json!({"model": "on-anthropic", "messages": messages, "n": 2});
    let body = client.post("/v1/chat/completions", &body).send().await.expect_status(400).await.json().await;
    assert!(body["error"]["message"].as_str().unwrap().contains("'n'"), "{body}");
    // Nothing was sent for it.
    assert_eq!(simulator.requests().len(), 1);
    // An endpoint that a backend does not have.
    let body = json!({"model": "on-anthropic", "input": "Hi"});
    let body = client.post("/v1/embeddings", &body).send().await.expect_status(501).await.json().await;
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("anthropic") && message.contains("/v1/embeddings"), "{body}");
}

#[tokio::test]
async fn tokens_are_counted_by_the_backend_where_it_can() {
    let simulator = rig::simulator();
    let gateway = rig::start(&simulator).await;
    let client = gateway.client().with_header("x-api-key", config::TOKEN);
    for backend in rig::BACKENDS {
        let body = json!({"model": format!("on-{backend}"), "messages": [{"role": "user", "content": "How many?"}]});
        let asked = client.post("/v1/messages/count_tokens?beta=true", &body).header("anthropic-version", "2023-06-01");
        let body = asked.send().await.expect_status(200).await.json().await;
        assert!(body["input_tokens"].as_u64().unwrap() > 0, "{backend}: {body}");
        let contents = json!({"contents": [{"parts": [{"text": "How many?"}]}]});
        let path = format!("/v1beta/models/on-{backend}:countTokens?key={}", config::TOKEN);
        let body = gateway.client().post(&path, &contents).send().await.expect_status(200).await.json().await;
        assert!(body["totalTokens"].as_u64().unwrap() > 0, "{backend}: {body}");
    }
}
