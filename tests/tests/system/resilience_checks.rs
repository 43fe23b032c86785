//! Backends that are asked again and again whether they answer.

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use super::rig::{backend, document};
use ditto_tests::support::{SOON, chat, chat_with, start};

/// The backend that serves one request.
async fn ask(client: &Client) -> String {
    let reply = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    reply.header("x-ditto-backend").unwrap_or_default().to_owned()
}

async fn row(gateway: &Gateway, at: usize) -> Value {
    let admin = gateway.admin().with_bearer(ADMIN_TOKEN);
    admin.get("/admin/backends").send().await.expect_status(200).await.json().await[at].clone()
}

/// Chat completions that a backend was asked for.
fn asked(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.path().ends_with("/chat/completions")).count()
}

#[tokio::test]
async fn a_backend_that_fails_its_checks_is_passed_over_while_there_is_another() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let backends = [backend("first", &first.base_url(), "cred-1"), backend("second", &second.base_url(), "cred-2")];
    let mut document = document(&backends, &["first", "second"]);
    document["router"]["rules"] = json!([{"model_prefix": "alone", "backend": "first"}]);
    let gateway = start(document, &["--proxy-health-check-interval-secs", "1"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    eventually(SOON, "it is checked", async || row(&gateway, 0).await["health_check_healthy"] == true).await;
    let check = first.requests().into_iter().find(|request| request.path() == "/v1/models").expect("a check");
    assert_eq!(check.header("authorization"), Some("Bearer cred-1"));
    assert_eq!(ask(&client).await, "first");

    first.fault_on("/v1/models", Fault::status(503));
    eventually(SOON, "others go first", async || ask(&client).await == "second").await;
    let failing = row(&gateway, 0).await;
    assert_eq!((&failing["health"], &failing["health_check_healthy"]), (&json!("degraded"), &json!(false)));
    assert_eq!(failing["health_check_last_error"], "it answers with status 503", "{failing}");
    assert!(failing["health_check_last_ts_ms"].as_u64().is_some_and(|at| at > 0), "{failing}");
    let before = asked(&first);
    for _ in 0..5 {
        assert_eq!(ask(&client).await, "second");
    }
    assert_eq!(asked(&first), before);
    // Who has no other candidate is served nevertheless.
    client.post("/v1/chat/completions", &chat_with("alone")).send().await.expect_status(200).await;
    // So is everybody where all fail, each candidate in its turn.
    second.fault_on("/v1/models", Fault::status(500));
    eventually(SOON, "all fail", async || row(&gateway, 1).await["health"] == "degraded").await;
    assert_eq!(ask(&client).await, "first");
    first.fault_on("/v1/chat/completions", Fault::cut(ditto_tests::simulator::Cut::BeforeHeaders));
    assert_eq!(ask(&client).await, "second");

    first.clear_faults();
    eventually(SOON, "it is used again", async || row(&gateway, 0).await["health"] == "healthy").await;
    eventually(SOON, "and goes first", async || ask(&client).await == "first").await;
}
