//! `/v1/responses` at a backend that has no such path.

use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::json;

use super::clients::Dialect;

fn without_responses() -> Simulator {
    Simulator::start_with(SimulatorConfig { responses_api: false, ..SimulatorConfig::default() }).unwrap()
}

#[tokio::test]
async fn a_backend_without_responses_is_asked_for_chat_completions() {
    let simulator = without_responses();
    // One worker, so that what it has learned is known to all requests.
    let gateway = Gateway::start(config::single(&simulator), &["--envoy-concurrency", "1"]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for stream in [false, true, false, true] {
        let mut reply = Dialect::Responses.ask(&client, "gpt-4o", "[[say Good morning!]]", stream).send().await;
        let status = reply.status;
        if status != 200 {
            panic!("{status} {}", reply.text().await);
        }
        assert_eq!(reply.header("x-ditto-shim"), Some("responses_via_chat_completions"));
        assert_eq!(reply.header("x-ditto-backend"), Some("simulator"));
        let understood = Dialect::Responses.understand(&mut reply, stream).await;
        assert_eq!((understood.text.as_str(), understood.finish.as_str()), ("Good morning!", "completed"));
        assert!(understood.input > 0 && understood.output > 0, "{understood:?}");
    }
    // The failing call is made once.
    assert_eq!(simulator.requests_to("/v1/responses").len(), 1);
    assert_eq!(simulator.requests_to("/v1/chat/completions").len(), 4);
}

#[tokio::test]
async fn the_shim_carries_tool_loops_and_says_what_it_cannot() {
    let simulator = without_responses();
    let gateway = Gateway::start(config::single(&simulator), &[]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    let tools = json!([{"type": "function", "name": "weather", "strict": false,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
    let call =
        json!({"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Rome\"}"});
    let result = json!({"type": "function_call_output", "call_id": "call_1", "output": "sunny in Rome"});
    let input = json!([{"role": "user", "content": "How is it in Rome?"}, call, result]);
    let body = json!({"model": "gpt-4o", "input": input, "tools": tools});
    let mut reply = client.post("/v1/responses", &body).send().await.expect_status(200).await;
    assert!(reply.json().await.to_string().contains("sunny in Rome"));
    let file = json!([{"role": "user", "content": [{"type": "input_file", "file_url": "https://example.com/a.pdf"}]}]);
    let refused = client.post("/v1/responses", &json!({"model": "gpt-4o", "input": file})).send().await;
    let body = refused.expect_status(400).await.json().await;
    assert!(body["error"]["message"].as_str().unwrap().contains("file"), "{body}");
}

#[tokio::test]
async fn a_backend_with_responses_gets_them_as_they_are() {
    let simulator = Simulator::start();
    let gateway = Gateway::start(config::single(&simulator), &[]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    let body = r#"{"model": "gpt-4o",   "input": "Hi"}"#;
    for _ in 0..3 {
        let asked = client.post("/v1/responses", &json!({})).body(body).header("content-type", "application/json");
        let reply = asked.send().await.expect_status(200).await;
        assert_eq!(reply.header("x-ditto-shim"), None);
    }
    assert_eq!(simulator.last_request().body, body.as_bytes());
    assert!(simulator.requests_to("/v1/chat/completions").is_empty());
}
