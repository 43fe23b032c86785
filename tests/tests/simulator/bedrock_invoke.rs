//! Claude's own body on Bedrock, whole and as a stream of chunks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ditto_tests::event_stream::frames;
use ditto_tests::simulator::Fault;
use serde_json::{Value, json};

use super::{start, with};

const WHOLE: &str = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/invoke";
const STREAM: &str = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/invoke-with-response-stream";

fn message(text: &str) -> Value {
    let messages = json!([{"role": "user", "content": text}]);
    json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": messages})
}

#[tokio::test]
async fn a_message_is_anthropics() {
    let (_simulator, client) = start();
    let mut response = client.post(WHOLE, &message("[[say Hello you]]")).send().await.expect_status(200).await;
    assert_eq!(response.header("x-amzn-bedrock-output-token-count"), Some("2"));
    let body = response.json().await;
    assert_eq!((&body["type"], &body["content"][0]["text"]), (&json!("message"), &json!("Hello you")));
    assert_eq!(body["usage"]["output_tokens"], 2);
}

#[tokio::test]
async fn chunks_hold_anthropics_events() {
    let (simulator, client) = start();
    let mut response = client.post(STREAM, &message("[[say Hello you]]")).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(response.header("x-amzn-bedrock-content-type"), Some("application/json"));
    let frames = frames(&response.bytes().await);
    assert!(frames.iter().all(|frame| frame.header(":event-type") == Some("chunk")));
    let events: Vec<Value> = frames
        .iter()
        .map(|frame| STANDARD.decode(frame.json()["bytes"].as_str().unwrap()).unwrap())
        .map(|bytes| serde_json::from_slice(&bytes).unwrap())
        .collect();
    assert_eq!(events[0]["type"], "message_start");
    let said: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(said, "Hello you");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["amazon-bedrock-invocationMetrics"]["outputTokenCount"]),
        (&json!("message_stop"), &json!(2))
    );
    let delivery = simulator.deliveries().pop().unwrap();
    assert_eq!((delivery.delivered_tokens, delivery.stream), (2, true));
}

#[tokio::test]
async fn what_the_path_says_may_not_be_in_the_body() {
    let (simulator, client) = start();
    let mut unversioned = message("x");
    unversioned.as_object_mut().unwrap().remove("anthropic_version");
    let cases = [
        (with(message("x"), json!({"model": "claude"})), "extraneous key [model] is not permitted"),
        (with(message("x"), json!({"stream": true})), "extraneous key [stream] is not permitted"),
        (unversioned, "required key [anthropic_version] not found"),
        (with(message("x"), json!({"anthropic_beta": "x"})), "anthropic_beta"),
        (with(message("x"), json!({"max_tokens": null})), "max_tokens"),
    ];
    for (request, told) in cases {
        let mut response = client.post(WHOLE, &request).send().await.expect_status(400).await;
        assert!(response.header("x-amzn-errortype").unwrap().starts_with("ValidationException:"));
        let body = response.json().await;
        assert!(body["message"].as_str().unwrap().contains(told), "{request} was told {body}");
    }
    simulator.fault_next(1, Fault::stream_error(1, 429));
    let frames = frames(&client.post(STREAM, &message("x")).send().await.bytes().await);
    assert_eq!(frames[1].header(":exception-type"), Some("throttlingException"));
}
