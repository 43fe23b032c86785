//! `/v1/responses`, plain and streamed.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{start, with};

fn hello() -> Value {
    json!({"model": "gpt-4.1", "input": "Hello!"})
}

#[tokio::test]
async fn a_plain_response_has_the_fields_of_the_real_one() {
    let (_simulator, client) = start();
    let body = client.post("/v1/responses", &hello()).send().await.expect_status(200).await.json().await;
    assert_eq!((&body["object"], &body["status"]), (&json!("response"), &json!("completed")));
    assert!(body["id"].as_str().unwrap().starts_with("resp_"));
    let item = &body["output"][0];
    assert_eq!(
        (&item["type"], &item["role"], &item["status"]),
        (&json!("message"), &json!("assistant"), &json!("completed"))
    );
    assert_eq!(item["content"][0]["type"], "output_text");
    let usage = &body["usage"];
    let sum = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
    for field in ["error", "incomplete_details", "instructions", "metadata", "parallel_tool_calls", "text", "tools"] {
        assert!(body.get(field).is_some(), "{field}");
    }
}

#[tokio::test]
async fn a_stream_is_typed_numbered_and_complete() {
    let (_simulator, client) = start();
    let plain = client.post("/v1/responses", &hello()).send().await.json().await;
    let events = client.post("/v1/responses", &with(hello(), json!({"stream": true}))).send().await.events().await;
    let bodies: Vec<Value> = events.iter().map(|timed| timed.event.json()).collect();
    for (at, (timed, body)) in events.iter().zip(&bodies).enumerate() {
        assert_eq!(timed.event.name.as_deref(), body["type"].as_str());
        assert_eq!(body["sequence_number"], at);
    }
    let mut kinds: Vec<&str> = bodies.iter().map(|body| body["type"].as_str().unwrap()).collect();
    kinds.dedup();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, expected);
    let said: String = bodies.iter().filter_map(|body| body["delta"].as_str()).collect();
    assert_eq!(plain["output"][0]["content"][0]["text"], said);
    assert_eq!(bodies.last().unwrap()["response"]["usage"], plain["usage"]);
}

#[tokio::test]
async fn functions_are_called() {
    let (_simulator, client) = start();
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "name": "get_weather", "parameters": parameters}]);
    let request = with(hello(), json!({"tools": tools, "tool_choice": "required"}));
    let plain = client.post("/v1/responses", &request).send().await.json().await;
    let call = &plain["output"][0];
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("get_weather")));
    let events = client.post("/v1/responses", &with(request, json!({"stream": true}))).send().await.events().await;
    let bodies: Vec<Value> = events.iter().map(|timed| timed.event.json()).collect();
    let arguments: String = bodies
        .iter()
        .filter(|body| body["type"] == "response.function_call_arguments.delta")
        .map(|body| body["delta"].as_str().unwrap())
        .collect();
    assert_eq!(call["arguments"], arguments);
}

#[tokio::test]
async fn a_limit_leaves_it_incomplete() {
    let (_simulator, client) = start();
    let long = json!({"model": "m", "input": "say 100 words", "max_output_tokens": 16});
    let body = client.post("/v1/responses", &long).send().await.json().await;
    assert_eq!(body["status"], "incomplete");
    assert_eq!(body["incomplete_details"], json!({"reason": "max_output_tokens"}));
    let events = client.post("/v1/responses", &with(long, json!({"stream": true}))).send().await.events().await;
    assert_eq!(events.last().unwrap().event.name.as_deref(), Some("response.incomplete"));
}

#[tokio::test]
async fn the_endpoint_can_be_missing() {
    let config = SimulatorConfig { responses_api: false, ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    let body = client.post("/v1/responses", &hello()).send().await.expect_status(404).await.json().await;
    assert_eq!(body["error"]["type"], "invalid_request_error");
}
