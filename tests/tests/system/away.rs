//! The control plane is away: what workers know goes on to decide, and what they cannot know is no 401.

use std::time::{Duration, Instant};

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::locate::Part;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway, GatewayBuilder};
use ditto_tests::process::Signal;
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use ditto_tests::support::{SOON, chat, expect_error, indifferent, keys_are_known, new_key};

const DISABLED: &str = "sk-ditto-disabled-0123456789abc";
const UNKNOWN: &str = "sk-ditto-perhaps-created-meanwhile";

/// Two backends whose requests differ, so that the filter has credentials of its own to keep.
fn document(one: &Simulator, two: &Simulator) -> Value {
    let mut document = config::routed(&[("one", one), ("two", two)]);
    document["backends"][1]["headers"] = json!({"authorization": "Bearer of-the-second"});
    let disabled = json!({"id": "off", "token": DISABLED, "enabled": false});
    document["virtual_keys"] = json!([config::key("harness", TOKEN), disabled]);
    document
}

fn control_plane(document: &Value) -> GatewayBuilder {
    Gateway::builder(document.clone()).arg("--no-envoy")
}

async fn kill(gateway: &mut Gateway) {
    gateway.signal(Signal::Kill);
    eventually(SOON, "the control plane is gone", async || !gateway.is_running()).await;
}

async fn status(client: &Client, token: &str) -> u16 {
    client.get("/v1/files").bearer(token).send().await.status
}

async fn until_cut_off(client: &Client) {
    eventually(SOON, "the worker has noticed", async || status(client, UNKNOWN).await == 503).await;
}

#[tokio::test]
async fn known_keys_go_on_working_and_unknown_ones_are_a_503_until_it_is_back() {
    let (one, two) = (Simulator::named("one"), Simulator::named("two"));
    let document = document(&one, &two);
    let mut gateway = control_plane(&document).start().await;
    let _envoy = Envoy::start(&gateway).await;
    let client = gateway.client();
    keys_are_known(&client).await;
    assert_eq!(status(&client, UNKNOWN).await, 401);

    let back = control_plane(&document).in_place_of(&gateway);
    kill(&mut gateway).await;
    until_cut_off(&client).await;
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(status(&client, TOKEN).await, 200);
        client.post("/v1/chat/completions", &chat()).bearer(TOKEN).send().await.expect_status(200).await;
        expect_error(client.get("/v1/files").bearer(DISABLED).send().await, 401, "invalid_api_key").await;
        expect_error(client.get("/v1/files").send().await, 401, "invalid_api_key").await;
        let unknown = client.get("/v1/files").bearer(UNKNOWN).send().await;
        assert_eq!(unknown.header("retry-after"), Some("1"));
        expect_error(unknown, 503, "not_ready").await;
    }
    // What the control plane itself serves fails, and does not hang.
    for path in ["/health", "/ready", "/admin/keys"] {
        let reply = client.get(path).bearer(ADMIN_TOKEN).send().await;
        assert!([502, 503].contains(&reply.status), "{path}: {}", reply.status);
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    // Requests of both backends had their own credentials all the while.
    assert!(two.requests().iter().all(|seen| seen.header("authorization") == Some("Bearer of-the-second")));
    assert!(one.requests().len() + two.requests().len() >= 40);

    let gateway = back.start().await;
    eventually(SOON, "unknown keys are refused again", async || status(&client, UNKNOWN).await == 401).await;
    assert_eq!(status(&client, TOKEN).await, 200);
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    admin.post("/admin/keys", &new_key("new", UNKNOWN)).send().await.expect_status(201).await;
    eventually(SOON, "a new key works", async || status(&client, UNKNOWN).await == 200).await;
    admin.delete("/admin/keys/harness").send().await.expect_status(204).await;
    eventually(SOON, "a deleted key is refused", async || status(&client, TOKEN).await == 401).await;
}

#[tokio::test]
async fn a_worker_that_has_never_heard_of_any_key_answers_503_and_never_401() {
    let simulator = indifferent();
    let builder = control_plane(&config::single(&simulator)).arg("--filter").arg(Part::FaultFilter.expect());
    let mut gateway = builder.start().await;
    let _envoy = Envoy::start(&gateway).await;
    let client = gateway.client();
    keys_are_known(&client).await;
    kill(&mut gateway).await;
    until_cut_off(&client).await;
    // The worker's memory goes with its filter; what is loaded anew finds nobody to ask.
    client.get("/v1/files").bearer(TOKEN).header("x-ditto-fault", "trap").send().await;
    let code = async |token: &str| {
        let mut reply = client.get("/v1/files").bearer(token).send().await;
        assert_eq!(reply.status, 503);
        let text = reply.text().await;
        serde_json::from_str::<Value>(&text).map_or(Value::Null, |body| body["error"]["code"].clone())
    };
    eventually(SOON, "the new filter answers", async || code(TOKEN).await == "not_ready").await;
    let started = Instant::now();
    for token in [TOKEN, UNKNOWN] {
        for _ in 0..20 {
            assert_eq!(code(token).await, "not_ready");
        }
    }
    expect_error(client.get("/v1/files").send().await, 503, "not_ready").await;
    assert!(started.elapsed() < SOON);
    assert_eq!(simulator.requests().len(), 0);
}

/// A plugin that a changed configuration has replaced lives on with its last request. When the control plane returns,
/// it must not take the stream from the plugin that is in force.
#[tokio::test]
async fn a_stream_under_way_over_a_change_and_an_outage_does_not_cost_the_worker_its_keys() {
    let (simulator, two) = (Simulator::named("one"), Simulator::named("two"));
    let mut document = document(&simulator, &two);
    document["router"] = json!({"default_backends": [{"backend": "one"}], "rules": []});
    let mut gateway = control_plane(&document).start().await;
    let envoy = Envoy::start(&gateway).await;
    let client = gateway.client();
    keys_are_known(&client).await;
    let slow =
        Fault::scripted("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]).with_chunk_delay(Duration::from_secs(600));
    let mut streams = Vec::new();
    for round in 0..3 {
        simulator.fault_next_on("/v1/chat/completions", 1, slow.clone());
        let mut stream =
            client.post("/v1/chat/completions", &chat()).bearer(TOKEN).send().await.expect_status(200).await;
        stream.chunk().await.expect("the stream has begun");
        streams.push(stream);
        document["router"]["rules"] = json!([{"model_prefix": format!("round-{round}"), "backend": "two"}]);
        gateway.reload(&document);
        eventually(SOON, "the new rule is in force", async || {
            let request = client.post("/v1/embeddings", &json!({"model": format!("round-{round}"), "input": "x"}));
            request.bearer(TOKEN).send().await.header("x-ditto-backend") == Some("two")
        })
        .await;
    }
    for _ in 0..2 {
        let back = control_plane(&document).in_place_of(&gateway);
        kill(&mut gateway).await;
        until_cut_off(&client).await;
        gateway = back.start().await;
        eventually(SOON, "the worker is connected again", async || status(&client, UNKNOWN).await == 401).await;
    }
    // The replaced plugins end with their requests.
    streams.clear();
    eventually(SOON, "the streams are gone", async || {
        envoy.admin("/stats?filter=^http.gateway.downstream_rq_active$").await.trim().ends_with(": 0")
    })
    .await;
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    admin.post("/admin/keys", &new_key("new", UNKNOWN)).send().await.expect_status(201).await;
    eventually(SOON, "a new key works", async || status(&client, UNKNOWN).await == 200).await;
    admin.delete("/admin/keys/new").send().await.expect_status(204).await;
    eventually(SOON, "a deleted key is refused", async || status(&client, UNKNOWN).await == 401).await;
}
