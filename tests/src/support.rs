//! What many whole-system tests share.

use std::time::Duration;

use crate::client::raw::RawConnection;
use crate::client::{Client, Response};
use crate::eventually::eventually;
use crate::harness::Gateway;
use crate::simulator::{Fault, Simulator};
use serde_json::{Value, json};

/// More than anything takes that is waited for, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(20);

/// Starts a gateway and waits until its only worker knows the keys.
pub async fn start(config: Value, args: &[&str]) -> Gateway {
    ready(Gateway::start(config, args).await).await
}

/// Waits until the worker that answers knows the keys: until then it says 503.
pub async fn ready(gateway: Gateway) -> Gateway {
    keys_are_known(&gateway.client()).await;
    gateway
}

/// See [`ready`].
pub async fn keys_are_known(client: &Client) {
    eventually(SOON, "the keys are known", async || {
        matches!(client.get("/v1/gateway").bearer("nobody's").try_send().await, Ok(reply) if reply.status != 503)
    })
    .await;
}

/// A chat request that the simulator serves.
pub fn chat() -> Value {
    chat_with("gpt-4o-mini")
}

/// A chat request for a model.
pub fn chat_with(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})
}

/// A simulator that answers everything with 200 and `{}`, whatever it is asked.
pub fn indifferent() -> Simulator {
    let simulator = Simulator::start();
    simulator.fault_always(Fault::scripted("application/json", ["{}"]));
    simulator
}

/// Asserts an error in OpenAI's shape, and returns its message.
pub async fn expect_error(response: Response, status: u16, code: &str) -> String {
    let mut response = response.expect_status(status).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    let body = response.json().await;
    assert_eq!(body["error"]["code"], code, "{body}");
    assert!(body["error"]["type"].is_string() && body["error"]["param"].is_null(), "{body}");
    body["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {body}")).to_owned()
}

/// Asserts an error in Anthropic's shape.
pub async fn expect_anthropic_error(response: Response, status: u16, kind: &str) {
    let body = response.expect_status(status).await.json().await;
    assert_eq!((body["type"].as_str(), body["error"]["type"].as_str()), (Some("error"), Some(kind)), "{body}");
    assert!(body["error"]["message"].is_string(), "{body}");
}

/// Sends a request as text, with whatever in it, and returns the status and the whole reply.
pub async fn exchange(gateway: &Gateway, request: &str) -> (u16, String) {
    let mut connection = RawConnection::open(gateway.address()).await.unwrap();
    connection.write(request).await.unwrap();
    let reply = connection.read_reply(SOON).await.unwrap_or_else(|error| panic!("{request:?}: {error:#}"));
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{request:?}: no reply but {reply:?}")), reply)
}

/// The admin API's form of a key.
pub fn new_key(id: &str, token: &str) -> Value {
    json!({"id": id, "token": token, "enabled": true})
}
