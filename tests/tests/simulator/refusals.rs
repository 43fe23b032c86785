//! What the provider refuses, it refuses here.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use http::Method;
use serde_json::{Value, json};

use super::{fields, hello, start, with};

async fn refused(client: &Client, path: &str, body: &Value, status: u16) -> Value {
    let mut response = client.post(path, body).send().await.expect_status(status).await;
    assert!(response.header("content-type").unwrap().starts_with("application/json"));
    let body = response.json().await;
    assert_eq!(fields(&body), ["error"]);
    assert_eq!(fields(&body["error"]), ["code", "message", "param", "type"]);
    assert_eq!(body["error"]["type"], "invalid_request_error");
    body["error"].clone()
}

#[tokio::test]
async fn bad_chats_name_the_parameter() {
    let (_simulator, client) = start();
    let messages = &hello()["messages"];
    let cases = [
        (json!({"messages": messages}), "model", "missing_required_parameter"),
        (json!({"model": "m"}), "messages", "missing_required_parameter"),
        (json!({"model": "m", "messages": []}), "messages", "empty_array"),
        (json!({"model": "m", "messages": "hi"}), "messages", "invalid_type"),
        (json!({"model": 7, "messages": messages}), "model", "invalid_type"),
        (json!({"model": "m", "messages": [{"content": "x"}]}), "messages[0].role", "missing_required_parameter"),
        (with(hello(), json!({"max_tokens": -1})), "max_tokens", "integer_below_min_value"),
        (with(hello(), json!({"stream": "yes"})), "stream", "invalid_type"),
    ];
    for (request, param, code) in cases {
        let error = refused(&client, "/v1/chat/completions", &request, 400).await;
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{request}");
    }
    for (extra, param) in [
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (json!({"tool_choice": "auto"}), "tool_choice"),
    ] {
        let error = refused(&client, "/v1/chat/completions", &with(hello(), extra), 400).await;
        assert_eq!(error["param"], param);
    }
}

#[tokio::test]
async fn other_endpoints_name_the_parameter_too() {
    let (_simulator, client) = start();
    let cases = [
        ("/v1/embeddings", json!({"model": "m"}), "input"),
        ("/v1/embeddings", json!({"model": "m", "input": "x", "encoding_format": "hex"}), "encoding_format"),
        ("/v1/completions", json!({"model": "m"}), "prompt"),
        ("/v1/responses", json!({"model": "m"}), "input"),
        ("/v1/audio/speech", json!({"model": "m", "input": "x"}), "voice"),
        ("/v1/moderations", json!({}), "input"),
    ];
    for (path, request, param) in cases {
        assert_eq!(refused(&client, path, &request, 400).await["param"], param, "{path}");
    }
    let error = refused(&client, "/v1/embeddings", &json!({"model": "m", "input": "x", "dimensions": -1}), 400).await;
    assert_eq!(error["param"], Value::Null);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let (_simulator, client) = start();
    let request = client.request(Method::POST, "/v1/chat/completions").header("content-type", "application/json");
    let body = request.body("{\"model\":").send().await.expect_status(400).await.json().await;
    assert_eq!(body["error"]["code"], Value::Null);
}

#[tokio::test]
async fn a_strict_list_refuses_other_models() {
    let config = SimulatorConfig { strict_models: true, models: vec!["only".to_owned()], ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    let error = refused(&client, "/v1/chat/completions", &hello(), 404).await;
    assert_eq!((&error["code"], &error["param"]), (&json!("model_not_found"), &Value::Null));
    client.post("/v1/chat/completions", &with(hello(), json!({"model": "only"}))).send().await.expect_status(200).await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_without_repeating_it() {
    let config = SimulatorConfig { api_key: Some("sk-right".to_owned()), ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    assert_eq!(refused(&client, "/v1/chat/completions", &hello(), 401).await["code"], Value::Null);
    let wrong = client.clone().with_bearer("sk-wrong-and-long-0123456789");
    let error = refused(&wrong, "/v1/chat/completions", &hello(), 401).await;
    assert_eq!(error["code"], "invalid_api_key");
    assert!(!error["message"].as_str().unwrap().contains("0123456789"));
    client.post("/v1/chat/completions", &hello()).bearer("sk-right").send().await.expect_status(200).await;
}

#[tokio::test]
async fn unknown_endpoints_are_404() {
    let (_simulator, client) = start();
    for path in ["/v1/nothing", "/v3/chat/completions", "/v1/chat/completions/"] {
        refused(&client, path, &hello(), 404).await;
    }
}
