//! Anthropic's dialect.

mod faults;
mod messages;
mod refusals;
mod stream;
mod thinking;

use ditto_tests::client::Client;
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

const PATH: &str = "/v1/messages";
/// A picture of one transparent pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn start() -> (Simulator, Client) {
    let simulator = Simulator::start();
    let client = Client::new(&simulator.url()).with_header("anthropic-version", "2023-06-01");
    (simulator, client)
}

fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

fn hello() -> Value {
    say("Hello!")
}

/// A request with one message of the user's.
fn say(text: &str) -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 1000, "messages": [user(json!(text))]})
}

fn weather_tool(name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({"name": name, "description": "Weather", "input_schema": schema})
}

async fn ask(client: &Client, request: &Value) -> Value {
    client.post(PATH, request).send().await.expect_status(200).await.json().await
}

/// The data of a stream's events.
async fn events(client: &Client, request: &Value) -> Vec<Value> {
    let request = super::with(request.clone(), json!({"stream": true}));
    let events = client.post(PATH, &request).send().await.expect_status(200).await.events().await;
    for timed in &events {
        assert_eq!(timed.event.name.as_deref(), timed.event.json()["type"].as_str());
    }
    events.iter().map(|timed| timed.event.json()).collect()
}

/// The message of a refusal, its shape checked.
async fn refused(client: &Client, request: &Value, status: u16, kind: &str) -> String {
    let mut response = client.post(PATH, request).send().await.expect_status(status).await;
    let id = response.header("request-id").unwrap().to_owned();
    let body = response.json().await;
    assert_eq!(super::fields(&body), ["error", "request_id", "type"]);
    assert_eq!(
        (&body["type"], &body["error"]["type"], &body["request_id"]),
        (&json!("error"), &json!(kind), &json!(id))
    );
    body["error"]["message"].as_str().unwrap().to_owned()
}
