//! Azure OpenAI: deployments, versions, keys, filters and refusals.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{start, with};

const CHAT: &str = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21";

fn ask() -> Value {
    json!({"messages": [{"role": "user", "content": "Please say 3 words."}]})
}

#[tokio::test]
async fn a_deployment_answers_with_what_the_filter_says() {
    let (_simulator, client) = start();
    let mut response = client.post(CHAT, &with(ask(), json!({"model": "other"}))).send().await.expect_status(200).await;
    assert!(response.header("apim-request-id").is_some());
    assert_eq!(response.header("x-ms-deployment-name"), Some("my-gpt"));
    let body = response.json().await;
    assert_eq!((&body["object"], &body["model"]), (&json!("chat.completion"), &json!("my-gpt")));
    let safe = json!({"filtered": false, "severity": "safe"});
    assert_eq!(body["choices"][0]["content_filter_results"]["hate"], safe);
    assert_eq!(body["prompt_filter_results"][0]["prompt_index"], 0);
    assert_eq!(body["choices"][0]["message"]["content"], "one fine day");
}

#[tokio::test]
async fn a_stream_begins_with_a_chunk_without_choices() {
    let (_simulator, client) = start();
    let request = with(ask(), json!({"stream": true}));
    let events = client.post(CHAT, &request).send().await.expect_status(200).await.events().await;
    let first = events[0].event.json();
    assert_eq!((&first["choices"], &first["model"]), (&json!([]), &json!("")));
    assert!(first["prompt_filter_results"].is_array());
    assert!(events.last().unwrap().event.is_done());
    let text = |timed: &ditto_tests::client::TimedEvent| {
        let delta = timed.event.json()["choices"][0]["delta"]["content"].take();
        delta.as_str().map(str::to_owned)
    };
    let said: String = events[1..events.len() - 1].iter().filter_map(text).collect();
    assert_eq!(said, "one fine day");
}

#[tokio::test]
async fn the_paths_of_v1_need_no_version() {
    let (_simulator, client) = start();
    let request = with(ask(), json!({"model": "my-gpt"}));
    client.post("/openai/v1/chat/completions", &request).send().await.expect_status(200).await;
    let input = json!({"model": "my-gpt", "input": "Hello"});
    let body = client.post("/openai/v1/responses", &input).send().await.expect_status(200).await.json().await;
    assert_eq!(body["object"], "response");
    let path = "/openai/deployments/embed/embeddings?api-version=2024-10-21";
    let body = client.post(path, &json!({"input": "Hello"})).send().await.expect_status(200).await.json().await;
    assert_eq!(body["object"], "list");
    let body = client.post("/openai/deployments/my-gpt/chat/completions", &ask()).send().await.expect_status(404).await;
    let mut body = body;
    assert_eq!(body.json().await["error"], json!({"code": "404", "message": "Resource not found"}));
}

#[tokio::test]
async fn keys_deployments_and_faults_are_told_in_azures_shape() {
    let config =
        SimulatorConfig { api_key: Some("right".to_owned()), strict_models: true, ..SimulatorConfig::default() };
    let strict = Simulator::start_with(config).unwrap();
    let client = Client::new(&strict.url());
    let known = CHAT.replace("my-gpt", "gpt-4o-mini");
    client.post(&known, &ask()).header("api-key", "right").send().await.expect_status(200).await;
    client.post(&known, &ask()).bearer("right").send().await.expect_status(200).await;
    let mut wrong = client.post(&known, &ask()).header("api-key", "wrong").send().await.expect_status(401).await;
    assert_eq!(wrong.json().await["error"]["code"], "401");
    let mut missing = client.post(CHAT, &ask()).header("api-key", "right").send().await.expect_status(404).await;
    assert_eq!(missing.json().await["error"]["code"], "DeploymentNotFound");

    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(429));
    let body = client.post(CHAT, &ask()).send().await.expect_status(429).await.json().await;
    assert_eq!(body["error"]["code"], "RateLimitReached");
    simulator.fault_next(1, Fault::stream_error(2, 500));
    let events = client.post(CHAT, &with(ask(), json!({"stream": true}))).send().await.events().await;
    assert!(events[2].event.json()["error"]["message"].is_string());
    let bad = with(ask(), json!({"messages": 1}));
    client.post(CHAT, &bad).send().await.expect_status(400).await;
}
