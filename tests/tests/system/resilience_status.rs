//! What `GET /admin/backends` says of backends that fail.

use ditto_tests::eventually::{eventually, eventually_some};
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
            "in_flight": 0, "attempts": 0, "failures": 0, "connect_failures": 0, "health_seen_by": "ditto-embedded",
            "consecutive_failures": 0, "unhealthy_until_epoch_seconds": null,
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
    // Envoy ejects in one thread and serves in another, which hears of it a moment later.
    eventually(SOON, "the first is left alone", async || {
        client.post("/v1/chat/completions", &chat()).send().await.status == 200
    })
    .await;
    let down = client.post("/v1/chat/completions", &json!({"model": "down", "messages": []})).send().await;
    expect_error(down, 502, "backend_error").await;
    second.fault_next(1, Fault::scripted("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]).with_chunk_delay(SOON));
    let mut held = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    held.chunk().await.expect("the stream has begun");
    let rows = eventually_some(SOON, "Envoy has reported", async || {
        Some(status(&gateway).await).filter(|rows| rows[1]["in_flight"] == 1)
    })
    .await;
    let part =
        |at: usize| ["health", "in_flight", "attempts", "failures", "connect_failures"].map(|of| rows[at][of].clone());
    let (failed, served) = (first.requests().len(), second.requests().len());
    assert_eq!(part(0), [json!("ejected"), json!(0), json!(failed), json!(failed), json!(0)], "{rows}");
    assert_eq!(rows[0]["consecutive_failures"], 3, "{rows}");
    let (since, until) = (&rows[0]["last_failure_ts_ms"], &rows[0]["unhealthy_until_epoch_seconds"]);
    assert_eq!(until.as_u64().zip(since.as_u64()).map(|(until, since)| until - since / 1_000), Some(2), "{rows}");
    assert!(rows[0]["last_error"].as_str().is_some_and(|error| error.starts_with("3 failures in a row")), "{rows}");
    assert_eq!(part(1), [json!("healthy"), json!(1), json!(served), json!(0), json!(0)], "{rows}");
    assert_eq!((&rows[2]["health"], &rows[2]["connect_failures"]), (&json!("healthy"), &json!(1)), "{rows}");
    drop(held);
    eventually(SOON, "the pause is over", async || status(&gateway).await[0]["health"] == "healthy").await;
    for (path, wanted) in [("/admin/backends?by=backend", "`by`"), ("/admin/backends?of=node", "`of`")] {
        let refused = gateway.admin().get(path).send().await.expect_status(400).await.json().await;
        assert!(refused["error"]["message"].as_str().is_some_and(|message| message.contains(wanted)), "{refused}");
    }
    let off = gateway.client().get("/metrics/prometheus").send().await.expect_status(404).await.json().await;
    assert_eq!(off["error"]["code"], "not_configured");
    let anonymous = gateway.client().get("/admin/backends").send().await;
    assert_eq!(anonymous.status, 401);
}

#[tokio::test]
async fn what_is_held_against_a_backend_is_forgotten_on_command() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let backends = [backend("first", &first.base_url(), "cred-1"), backend("second", &second.base_url(), "cred-2")];
    let gateway = start(document(&backends, &["first", "second"]), &["--proxy-retry", "--proxy-circuit-breaker"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let asked = async || {
        let reply = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
        reply.header("x-ditto-backend").map(str::to_owned).unwrap_or_default()
    };
    first.fault_next(3, Fault::status(503));
    for _ in 0..3 {
        assert_eq!(asked().await, "second");
    }
    eventually(SOON, "the first is ejected", async || status(&gateway).await[0]["health"] == "ejected").await;
    eventually(SOON, "it is left alone", async || asked().await == "second").await;
    let admin = gateway.admin().with_bearer(ADMIN_TOKEN);
    let mut reset = admin.post("/admin/backends/first/reset", &json!({})).send().await.expect_status(200).await;
    assert_eq!(reset.json().await["backend"], "first");
    // The pause would last for half a minute, longer than the wait.
    eventually(SOON, "it is used again", async || asked().await == "first").await;
    eventually(SOON, "it is healthy again", async || status(&gateway).await[0]["health"] == "healthy").await;
    for path in ["/admin/backends/none/reset", "/admin/backends/first", "/admin/backends/first/reset/"] {
        let mut refused = admin.post(path, &json!({})).send().await.expect_status(404).await;
        assert_eq!(refused.json().await["error"]["code"], "not_found", "{path}");
    }
}

#[tokio::test]
async fn of_somebody_elses_envoy_nothing_is_known() {
    let gateway = Gateway::builder(document(&[backend("one", "http://127.0.0.1:9/v1", "cred")], &["one"]));
    let gateway = gateway.arg("--no-envoy").start().await;
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    let rows = admin.get("/admin/backends").send().await.expect_status(200).await.json().await;
    assert_eq!((rows[0]["backend"].as_str(), rows[0]["health"].as_str()), (Some("one"), Some("unknown")));
}
