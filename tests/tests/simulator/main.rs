//! The provider simulator against the shapes of the providers' APIs, and its faults.

mod anthropic;
mod azure;
mod bedrock;
mod bedrock_invoke;
mod chat;
mod cohere;
mod endpoints;
mod faults;
mod gemini;
mod gemini_refusals;
mod metering;
mod oauth;
mod openai;
mod realtime;
mod record;
mod refusals;
mod responses;
mod vertex;
mod zhipu;

use ditto_tests::client::Client;
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

fn start() -> (Simulator, Client) {
    let simulator = Simulator::start();
    let client = Client::new(&simulator.url());
    (simulator, client)
}

fn hello() -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]})
}

/// `request` with more fields.
fn with(mut request: Value, fields: Value) -> Value {
    if let (Value::Object(request), Value::Object(fields)) = (&mut request, fields) {
        request.extend(fields);
    }
    request
}

/// The names of an object's fields, sorted.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
