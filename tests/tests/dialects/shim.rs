//! `/v1/responses` at a backend that has no such path.

use ditto_tests::client::Client;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::json;

use super::clients::Dialect;
use super::rig::{check_all, ok};

/// One worker, so that what it has learned is known to all requests, before a backend without responses, and one with.
struct Pair {
    without: Simulator,
    with: Simulator,
    client: Client,
}

#[tokio::test]
async fn responses_are_had_from_every_backend() {
    let lacks = SimulatorConfig { responses_api: false, ..SimulatorConfig::default() };
    let (without, with) = (Simulator::start_with(lacks).unwrap(), Simulator::start());
    let mut document = config::routed(&[("without", &without), ("with", &with)]);
    let rule = |name: &str| json!({"model_prefix": format!("{name}-"), "backend": name});
    document["router"] = json!({"default_backends": [], "rules": [rule("without"), rule("with")]});
    let gateway = Gateway::start(document, &["--envoy-concurrency", "1"]).await;
    let pair = Pair { without, with, client: gateway.client().with_bearer(config::TOKEN) };
    check_all!(
        &pair,
        a_backend_without_is_asked_for_chat_completions,
        the_shim_says_what_it_cannot,
        a_backend_with_gets_them_as_they_are
    );
}

async fn a_backend_without_is_asked_for_chat_completions(pair: &Pair) {
    for stream in [false, true, false, true] {
        let asked = Dialect::Responses.ask(&pair.client, "without-1", "[[say Good morning!]]", stream);
        let mut reply = ok(asked.send().await, &format!("stream {stream}")).await;
        assert_eq!(reply.header("x-ditto-shim"), Some("responses_via_chat_completions"));
        assert_eq!(reply.header("x-ditto-backend"), Some("without"));
        let understood = Dialect::Responses.understand(&mut reply, stream).await;
        assert_eq!((understood.text.as_str(), understood.finish.as_str()), ("Good morning!", "completed"));
        assert!(understood.input > 0 && understood.output > 0, "{understood:?}");
    }
    // The failing call is made once.
    assert_eq!(pair.without.requests_to("/v1/responses").len(), 1);
    assert_eq!(pair.without.requests_to("/v1/chat/completions").len(), 4);
}

async fn the_shim_says_what_it_cannot(pair: &Pair) {
    let tools = json!([{"type": "function", "name": "weather", "strict": false,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
    let call =
        json!({"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Rome\"}"});
    let result = json!({"type": "function_call_output", "call_id": "call_1", "output": "sunny in Rome"});
    let input = json!([{"role": "user", "content": "How is it in Rome?"}, call, result]);
    let body = json!({"model": "without-1", "input": input, "tools": tools});
    let mut reply = pair.client.post("/v1/responses", &body).send().await.expect_status(200).await;
    assert!(reply.json().await.to_string().contains("sunny in Rome"));
    let file = json!([{"role": "user", "content": [{"type": "input_file", "file_url": "https://example.com/a.pdf"}]}]);
    let refused = pair.client.post("/v1/responses", &json!({"model": "without-1", "input": file})).send().await;
    let body = refused.expect_status(400).await.json().await;
    assert!(body["error"]["message"].as_str().unwrap().contains("file"), "{body}");
}

async fn a_backend_with_gets_them_as_they_are(pair: &Pair) {
    let body = r#"{"model": "with-1",   "input": "Hi"}"#;
    for _ in 0..3 {
        let asked = pair.client.post("/v1/responses", &json!({})).body(body).header("content-type", "application/json");
        let reply = asked.send().await.expect_status(200).await;
        assert_eq!(reply.header("x-ditto-shim"), None);
    }
    assert_eq!(pair.with.last_request().body, body.as_bytes());
    assert!(pair.with.requests_to("/v1/chat/completions").is_empty());
}
