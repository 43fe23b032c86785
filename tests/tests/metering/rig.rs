//! Keys that name themselves to the simulator, so that its books and the gateway's can be compared key by key.

use ditto_tests::books::Books;
use ditto_tests::client::{Client, Outgoing};
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Simulator, Totals};
use ditto_tests::support::start;
use serde_json::{Value, json};

pub(super) const CHAT: &str = "/v1/chat/completions";
pub(super) const RESPONSES: &str = "/v1/responses";
pub(super) const COMPLETIONS: &str = "/v1/completions";
pub(super) const EMBEDDINGS: &str = "/v1/embeddings";

/// More than any test spends.
pub(super) const PLENTY: u64 = 1_000_000_000;

/// What a key with this id presents.
pub(super) fn token(id: &str) -> String {
    format!("sk-ditto-metering-{id}")
}

/// A key with a budget of so many tokens.
pub(super) fn key(id: &str, total_tokens: u64) -> Value {
    with(config::key(id, &token(id)), json!({"budget": {"total_tokens": total_tokens}}))
}

/// An object with more members.
pub(super) fn with(mut object: Value, more: Value) -> Value {
    let members = object.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    object
}

/// These keys before one simulator.
pub(super) fn document(simulator: &Simulator, keys: impl IntoIterator<Item = Value>) -> Value {
    with(config::single(simulator), json!({"virtual_keys": keys.into_iter().collect::<Vec<_>>()}))
}

/// A simulator, the gateway before it, and the gateway's books.
pub(super) struct Rig {
    pub(super) simulator: Simulator,
    pub(super) gateway: Gateway,
    pub(super) books: Books,
}

impl Rig {
    /// Starts both with these keys.
    pub(super) async fn start(keys: impl IntoIterator<Item = Value>, args: &[&str]) -> Self {
        let simulator = Simulator::start();
        let document = document(&simulator, keys);
        Self::with_document(simulator, document, args).await
    }

    /// Starts the gateway with this document, which goes to the simulator.
    pub(super) async fn with_document(simulator: Simulator, document: Value, args: &[&str]) -> Self {
        let gateway = start(document, args).await;
        let books = Books::of(&gateway);
        Self { simulator, gateway, books }
    }

    /// A client with this key's token.
    pub(super) fn client(&self, id: &str) -> Client {
        client(&self.gateway, id)
    }

    /// A request of this key, to be spoiled by a fault (which may be empty).
    pub(super) fn post(&self, id: &str, path: &str, body: &Value, fault: &str) -> Outgoing {
        self.client(id).post(path, body).header("x-simulator-fault", fault)
    }

    /// What the simulator delivered to this key's requests.
    pub(super) fn delivered(&self, id: &str) -> Totals {
        self.simulator.totals_by_tag().get(id).copied().unwrap_or_default()
    }
}

/// A client with this key's token, whose requests the simulator counts under the key's id.
pub(super) fn client(gateway: &Gateway, id: &str) -> Client {
    gateway.client().with_bearer(&token(id)).with_header("x-simulator-tag", id)
}

/// A number of a row.
pub(super) fn number(row: &Value, member: &str) -> u64 {
    row[member].as_u64().unwrap_or_else(|| panic!("no number {member}: {row}"))
}

/// A chat request with this said in it.
pub(super) fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]})
}

/// The same request as a stream.
pub(super) fn streamed(request: Value) -> Value {
    with(request, json!({"stream": true}))
}

/// The request that each endpoint of text takes.
pub(super) fn prompt(path: &str) -> Value {
    let text = "Tell me how the day went.";
    match path {
        CHAT => chat(text),
        RESPONSES => json!({"model": "gpt-4o-mini", "input": text}),
        COMPLETIONS => json!({"model": "gpt-3.5-turbo-instruct", "prompt": text, "max_tokens": 60}),
        EMBEDDINGS => json!({"model": "text-embedding-3-small", "input": [text, "And the night."], "dimensions": 8}),
        _ => panic!("no prompt for {path}"),
    }
}
