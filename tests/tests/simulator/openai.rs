//! OpenAI's chat and responses in full: content of all kinds, thoughts, tools, and what is refused.

mod chat;
mod chat_refusals;
mod responses;
mod responses_refusals;

use ditto_tests::client::Client;
use serde_json::{Value, json};

use super::fields;

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
/// A picture of one transparent pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

/// A chat with these messages.
fn chat(messages: Value) -> Value {
    json!({"model": "m", "messages": messages})
}

fn say(text: &str) -> Value {
    chat(json!([user(json!(text))]))
}

async fn ask(client: &Client, path: &str, request: &Value) -> Value {
    client.post(path, request).send().await.expect_status(200).await.json().await
}

/// The data of a stream's events, without the marker at its end.
async fn events(client: &Client, path: &str, request: &Value) -> Vec<Value> {
    let request = super::with(request.clone(), json!({"stream": true}));
    let events = client.post(path, &request).send().await.expect_status(200).await.events().await;
    events.iter().filter(|timed| !timed.event.is_done()).map(|timed| timed.event.json()).collect()
}

/// The error of a refusal, its shape checked.
async fn refused(client: &Client, path: &str, request: &Value) -> Value {
    let body = client.post(path, request).send().await.expect_status(400).await.json().await;
    assert_eq!(fields(&body), ["error"]);
    assert_eq!(fields(&body["error"]), ["code", "message", "param", "type"]);
    assert_eq!(body["error"]["type"], "invalid_request_error");
    body["error"].clone()
}

/// Each request is refused for this parameter and with this code.
async fn each_refused(client: &Client, path: &str, cases: &[(Value, &str, Value)]) {
    for (request, param, code) in cases {
        let error = refused(client, path, request).await;
        assert_eq!((&error["param"], &error["code"]), (&json!(param), code), "{}: {request}", error["message"]);
    }
}
