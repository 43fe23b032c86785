//! What `GET /admin/backends` says of backends that fail.

use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway, ports};
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use super::rig::{backend, document};
use ditto_tests::support::{SOON, chat, expect_error, start};

async fn status(gateway: &Gateway) -> Value {
    let admin = gateway.admin().with_bearer(ADMIN_TOKEN);
    admin.get("/admin/backends").send().await.expect_status(200).await.json().await
}

#[tokio::test]
async fn the_admin_api_shows_how_each_backend_is() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let backends = [
        backend("a-first", &first.base_url(), "cred-first"),
        backend("b-second", &second.base_url(), "cred-second"),
        backend("c-down", &format!("http://{}/v1", ports::free()), "cred-down"),
        backend("d-unresolved", "http://provider.invalid/v1", "cred-unresolved"),
    ];
    let mut document = document(&backends, &["a-first", "b-second"]);
    document["router"]["rules"] = json!([{"model_prefix": "down", "backend": "c-down"}]);
    let gateway = start(document, &["--proxy-cb-cooldown-secs", "2"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let row = |backend: &str, health: &str| {
        json!({
            "backend": backend, "health": health,
            "in_flight": 0, "attempts": 0, "failures": 0, "connect_failures": 0,
        })
    };
    let fresh = json!([
        row("a-first", "healthy"),
        row("b-second", "healthy"),
        row("c-down", "healthy"),
        row("d-unresolved", "unresolved")
    ]);
    assert_eq!(status(&gateway).await, fresh);

    first.fault_always(Fault::status(503));
    for _ in 0..3 {
        client.post("/v1/chat/completions", &chat()).send().await.expect_status(503).await;
    }
    let down = client.post("/v1/chat/completions", &json!({"model": "down", "messages": []})).send().await;
    expect_error(down, 502, "backend_error").await;
    second.fault_next(1, Fault::scripted("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]).with_chunk_delay(SOON));
    let mut held = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    held.chunk().await.expect("the stream has begun");
    let rows = status(&gateway).await;
    let part =
        |at: usize| ["health", "in_flight", "attempts", "failures", "connect_failures"].map(|of| rows[at][of].clone());
    assert_eq!(part(0), [json!("ejected"), json!(0), json!(3), json!(3), json!(0)], "{rows}");
    assert_eq!(part(1), [json!("healthy"), json!(1), json!(1), json!(0), json!(0)], "{rows}");
    assert_eq!((&rows[2]["health"], &rows[2]["connect_failures"]), (&json!("healthy"), &json!(1)), "{rows}");
    drop(held);
    eventually(SOON, "the pause is over", async || status(&gateway).await[0]["health"] == "healthy").await;
    let anonymous = gateway.client().get("/admin/backends").send().await;
    assert_eq!(anonymous.status, 401);
}

#[tokio::test]
async fn of_somebody_elses_envoy_nothing_is_known() {
    let gateway = Gateway::builder(document(&[backend("one", "http://127.0.0.1:9/v1", "cred")], &["one"]));
    let gateway = gateway.arg("--no-envoy").start().await;
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    let rows = admin.get("/admin/backends").send().await.expect_status(200).await.json().await;
    assert_eq!((rows[0]["backend"].as_str(), rows[0]["health"].as_str()), (Some("one"), Some("unknown")));
}
