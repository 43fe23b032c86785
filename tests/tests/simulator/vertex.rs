//! Vertex: Gemini, Claude and embeddings under Google Cloud's paths.

use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{start, with};

const GEMINI: &str = "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro";
const CLAUDE: &str = "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929";

fn contents(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn message(text: &str) -> Value {
    let messages = json!([{"role": "user", "content": text}]);
    json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 100, "messages": messages})
}

#[tokio::test]
async fn gemini_speaks_as_in_ai_studio() {
    let (_simulator, client) = start();
    let request = contents("Please say 3 words.");
    let body = client.post(&format!("{GEMINI}:generateContent"), &request).send().await.expect_status(200).await;
    let mut body = body;
    let body = body.json().await;
    assert_eq!(body["candidates"][0]["content"]["parts"], json!([{"text": "one fine day"}]));
    assert_eq!(body["usageMetadata"]["trafficType"], "ON_DEMAND");
    let path = format!("{GEMINI}:streamGenerateContent?alt=sse");
    let events = client.post(&path, &request).send().await.expect_status(200).await.events().await;
    assert_eq!(events.len(), 4);
    let counted = client.post(&format!("{GEMINI}:countTokens"), &request).send().await.json().await;
    assert_eq!(counted["totalTokens"], body["usageMetadata"]["promptTokenCount"]);
}

#[tokio::test]
async fn a_few_more_fields_are_known_than_in_ai_studio() {
    let (_simulator, client) = start();
    let parameters = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "additionalProperties": false});
    let tools = json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]});
    let request = with(with(contents("x"), tools), json!({"labels": {"team": "a"}}));
    client.post(&format!("{GEMINI}:generateContent"), &request).send().await.expect_status(200).await;
    client.post("/v1beta/models/gemini-2.5-pro:generateContent", &request).send().await.expect_status(400).await;
    let unknown = with(contents("x"), json!({"$schema": 1}));
    let refused = client.post(&format!("{GEMINI}:generateContent"), &unknown).send().await.expect_status(400).await;
    let mut refused = refused;
    assert!(refused.json().await["error"]["message"].as_str().unwrap().contains("Unknown name \"$schema\""));
}

#[tokio::test]
async fn texts_are_embedded_by_prediction() {
    let (_simulator, client) = start();
    let path = GEMINI.replace("gemini-2.5-pro", "text-embedding-005") + ":predict";
    let instances = json!([{"content": "Hello there", "task_type": "RETRIEVAL_QUERY"}, {"content": "x"}]);
    let request = json!({"instances": instances, "parameters": {"outputDimensionality": 8}});
    let body = client.post(&path, &request).send().await.expect_status(200).await.json().await;
    let first = &body["predictions"][0]["embeddings"];
    assert_eq!(first["values"].as_array().unwrap().len(), 8);
    assert_eq!(first["statistics"], json!({"token_count": 2, "truncated": false}));
    assert_eq!(body["predictions"].as_array().unwrap().len(), 2);
    client.post(&path, &json!({"instances": []})).send().await.expect_status(400).await;
}

#[tokio::test]
async fn claude_speaks_anthropics_dialect_without_a_model() {
    let (_simulator, client) = start();
    let path = format!("{CLAUDE}:rawPredict");
    let body = client.post(&path, &message("[[say Hello]]")).send().await.expect_status(200).await.json().await;
    assert_eq!((&body["type"], &body["content"][0]["text"]), (&json!("message"), &json!("Hello")));
    assert_eq!(body["model"], "claude-sonnet-4-5@20250929");
    let streamed = with(message("[[say Hello]]"), json!({"stream": true}));
    let path = format!("{CLAUDE}:streamRawPredict");
    let events = client.post(&path, &streamed).send().await.expect_status(200).await.events().await;
    assert_eq!(events[0].event.name.as_deref(), Some("message_start"));
    assert_eq!(events.last().unwrap().event.name.as_deref(), Some("message_stop"));
    let mut counting = message("Hello");
    counting.as_object_mut().unwrap().remove("max_tokens");
    counting["model"] = json!("claude-sonnet-4-5@20250929");
    let path = CLAUDE.replace("claude-sonnet-4-5@20250929", "count-tokens") + ":rawPredict";
    let counted = client.post(&path, &counting).send().await.expect_status(200).await.json().await;
    assert!(counted["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn claudes_envelope_is_checked() {
    let (_simulator, client) = start();
    let cases = [
        (with(message("x"), json!({"model": "claude"})), "model: Extra inputs are not permitted"),
        (with(message("x"), json!({"anthropic_version": "2023-06-01"})), "anthropic_version"),
        (json!({"max_tokens": 1, "messages": []}), "anthropic_version: Field required"),
        (with(message("x"), json!({"max_tokens": null})), "max_tokens"),
    ];
    for (request, told) in cases {
        let mut response = client.post(&format!("{CLAUDE}:rawPredict"), &request).send().await.expect_status(400).await;
        let error = response.json().await["error"].take();
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].as_str().unwrap().contains(told), "{request} was told {error}");
    }
}

#[tokio::test]
async fn models_and_faults_are_told_in_googles_shape() {
    let config = SimulatorConfig { strict_models: true, ..SimulatorConfig::default() };
    let strict = Simulator::start_with(config).unwrap();
    let client = ditto_tests::client::Client::new(&strict.url());
    for path in [format!("{GEMINI}:generateContent"), format!("{CLAUDE}:rawPredict")] {
        let body = client.post(&path, &json!({})).send().await.expect_status(404).await.json().await;
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("Publisher Model `projects/p/locations/"), "{message}");
    }
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(429));
    let body = client.post(&format!("{CLAUDE}:rawPredict"), &message("x")).send().await.json().await;
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
    simulator.fault_next(1, Fault::stream_error(1, 529));
    let streamed = with(message("x"), json!({"stream": true}));
    let events = client.post(&format!("{CLAUDE}:streamRawPredict"), &streamed).send().await.events().await;
    assert_eq!(events[1].event.json()["error"]["type"], "overloaded_error");
    client.post(&format!("{GEMINI}:nothing"), &json!({})).send().await.expect_status(404).await;
}
