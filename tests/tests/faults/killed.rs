//! One gateway on its SQLite file, and streams in flight when a part of it is killed.

use std::time::Duration;

use ditto_tests::books::Books;
use ditto_tests::client::Response;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Delivery, Fault, Simulator};
use ditto_tests::support::{SOON, chat, keys_are_known};
use serde_json::{Value, json};

/// The shortest that there is.
const FLAGS: [&str; 4] = ["--lease-secs", "5", "--sqlite", "books.db"];
/// Streams in flight.
const STREAMS: usize = 4;
/// Tokens that each may have.
const CAP: u64 = 500;
const LIMIT: u64 = 100_000;
const CHAT: &str = "/v1/chat/completions";

/// A simulator whose streams take some seconds, and a key with a strict budget before it.
fn slow() -> (Simulator, Value) {
    let simulator = Simulator::start();
    let pace = Duration::from_millis(10);
    simulator.fault_next_on(CHAT, STREAMS as u64, Fault::tokens(CAP).with_chunk_delay(pace));
    let mut document = config::single(&simulator);
    let budget = json!({"total_tokens": LIMIT});
    for (name, value) in [
        ("tenant_id", json!("acme")),
        ("budget", budget.clone()),
        ("tenant_budget", budget),
        ("budget_mode", json!("strict")),
    ] {
        document["virtual_keys"][0][name] = value;
    }
    (simulator, document)
}

/// Begins streams, and returns when each has said something.
async fn begin_streams(gateway: &Gateway) -> Vec<Response> {
    keys_are_known(&gateway.client()).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    let mut request = chat();
    request["stream"] = json!(true);
    request["max_tokens"] = json!(CAP);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = client.post(CHAT, &request).send().await.expect_status(200).await;
        for _ in 0..3 {
            stream.chunk().await.expect("the stream has begun");
        }
        streams.push(stream);
    }
    streams
}

/// Tokens in and out.
fn tokens(delivery: &Delivery) -> u64 {
    delivery.prompt_tokens + delivery.generated_tokens
}

fn delivered(simulator: &Simulator) -> u64 {
    simulator.deliveries().iter().map(tokens).sum()
}

fn spent(row: &Value) -> u64 {
    row["spent_tokens"].as_u64().expect("tokens")
}

/// The streams broke off, and what the simulator had sent by then does not grow any more.
async fn have_broken(streams: Vec<Response>, simulator: &Simulator) {
    for mut stream in streams {
        let (_, error) = stream.chunks().await;
        assert!(error.is_some(), "a stream ended as if whole");
    }
    eventually(SOON, "the simulator has noticed", async || simulator.totals().in_progress == 0).await;
}

/// Waits until the lost leases are settled, and checks that the key and its tenant were charged for all that was
/// reserved, which is never less than what was delivered.
async fn settles_in_full(books: &Books, simulator: &Simulator) -> Value {
    let row = books.settled(config::KEY_ID).await;
    let reserved = STREAMS as u64 * CAP;
    assert!(delivered(simulator) > 0 && spent(&row) >= delivered(simulator), "{row}, of {}", delivered(simulator));
    assert!((reserved..=LIMIT).contains(&spent(&row)), "{row}");
    let tenant = &books.group("tenants", "tenant_id", "acme").await["budget"];
    assert_eq!((spent(tenant), &tenant["reserved_tokens"]), (spent(&row), &json!(0)), "{tenant}");
    row
}

/// The key goes on from what it had spent, and is charged what it uses, exactly.
async fn goes_on(gateway: &Gateway, books: &Books, simulator: &Simulator, before: &Value) {
    keys_are_known(&gateway.client()).await;
    gateway.client().with_bearer(config::TOKEN).post(CHAT, &chat()).send().await.expect_status(200).await.bytes().await;
    let used = simulator.deliveries().last().map(tokens).expect("a delivery");
    let wanted = spent(before) + used;
    books.until(config::KEY_ID, &format!("{wanted} tokens are booked"), |row| spent(row) == wanted).await;
}

#[tokio::test]
async fn envoy_killed_with_streams_in_flight() {
    let (simulator, document) = slow();
    let mut gateway = Gateway::start(document, &FLAGS).await;
    let books = Books::of(&gateway);
    let streams = begin_streams(&gateway).await;
    let killed = gateway.kill_envoy();
    have_broken(streams, &simulator).await;
    assert_ne!(books.key(config::KEY_ID).await["reserved_tokens"], 0, "the lease has not ended yet");
    gateway.other_envoy(killed).await;
    let row = settles_in_full(&books, &simulator).await;
    goes_on(&gateway, &books, &simulator, &row).await;
}

#[tokio::test]
async fn gateway_killed_with_streams_in_flight_and_started_again() {
    let (simulator, document) = slow();
    let mut gateway = Gateway::start(document, &FLAGS).await;
    let books = Books::of(&gateway);
    let streams = begin_streams(&gateway).await;
    let before = books.key(config::KEY_ID).await;
    gateway.kill();
    have_broken(streams, &simulator).await;
    gateway.restart().await;
    let after = books.key(config::KEY_ID).await;
    let held = |row: &Value| spent(row) + row["reserved_tokens"].as_u64().expect("tokens");
    assert!(held(&before) >= STREAMS as u64 * CAP && held(&after) >= held(&before), "{before} became {after}");
    let row = settles_in_full(&books, &simulator).await;
    goes_on(&gateway, &books, &simulator, &row).await;
}

/// The Envoy goes on without its control plane, and tells the next one what was used.
#[tokio::test]
async fn control_plane_killed_with_streams_in_flight_and_started_again() {
    let (simulator, document) = slow();
    let mut gateway = Gateway::builder(document).args(&FLAGS).arg("--no-envoy").start().await;
    let _envoy = Envoy::start(&gateway).await;
    let books = Books::of(&gateway);
    let streams = begin_streams(&gateway).await;
    gateway.kill();
    for mut stream in streams {
        let (_, error) = stream.chunks().await;
        assert!(error.is_none(), "{error:?}");
    }
    gateway.restart().await;
    let used = delivered(&simulator);
    let is_booked = |row: &Value| row["reserved_tokens"] == 0 && spent(row) == used;
    let row = books.until(config::KEY_ID, &format!("{used} tokens are booked"), is_booked).await;
    assert_eq!(row["requests"], STREAMS, "{row}");
    goes_on(&gateway, &books, &simulator, &row).await;
}
