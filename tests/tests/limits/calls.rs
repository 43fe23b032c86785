//! What limits cost: calls of the ledger for steady traffic; and what is left behind by a worker that died.

use std::collections::BTreeMap;
use std::fs;

use ditto_tests::books::Books;
use ditto_tests::client::Client;
use ditto_tests::eventually::eventually_some;
use ditto_tests::harness::Gateway;
use ditto_tests::simulator::Simulator;
use ditto_tests::support::SOON;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{NEED, admin, burst, document, exact_usage, key, request, start};

/// Clients that send one request after the other, each on its connection.
const CONNECTIONS: usize = 8;

/// The filter's counters in Envoy's statistics, by name without their prefix.
async fn counters(gateway: &Gateway) -> BTreeMap<String, u64> {
    let text = gateway.envoy_admin("/stats?filter=^wasmcustom.ditto_").await;
    let counter = |line: &str| {
        let (name, value) = line.strip_prefix("wasmcustom.ditto_")?.split_once(": ")?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(counter).collect()
}

/// Waits until the workers have counted so many requests, and says how many calls they made in all.
async fn calls_after(gateway: &Gateway, admitted: u64) -> u64 {
    let counted = async || {
        let counters = counters(gateway).await;
        (counters.get("admitted") == Some(&admitted)).then(|| counters["ledger_calls"])
    };
    eventually_some(SOON, &format!("{admitted} requests are counted"), counted).await
}

async fn steady(client: &Client, each: usize) {
    let connections = (0..CONNECTIONS).map(async |_| {
        let mut connection = client.connect().await.unwrap();
        for _ in 0..each {
            let mut reply = connection.try_send(request(client, "k")).await.unwrap();
            reply.bytes().await;
            assert_eq!(reply.status, 200);
        }
    });
    join_all(connections).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steady_traffic_needs_at_most_ten_calls_for_a_thousand_requests() {
    let simulator = Simulator::start();
    let directory = tempfile::tempdir().unwrap();
    let prices = directory.path().join("prices.json");
    let price = json!({"gpt-4o-mini": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}});
    fs::write(&prices, price.to_string()).unwrap();
    let healthy = json!({
        "limits": {"rpm": 1_000_000, "tpm": 100_000_000},
        "budget": {"total_tokens": 1_000_000_000_u64, "total_usd_micros": 1_000_000_000_u64},
        "tenant_id": "acme",
        "tenant_budget": {"total_tokens": 2_000_000_000_u64},
    });
    let document = document(&simulator, &[key("k", &healthy)]);
    let gateway = start(&document, &["--pricing-litellm", prices.to_str().unwrap()]).await;
    let client = gateway.client();
    // A first thousand, in which leases grow.
    steady(&client, 125).await;
    let before = calls_after(&gateway, 1_000).await;
    steady(&client, 500).await;
    let calls = calls_after(&gateway, 5_000).await - before;
    println!("{before} calls for the first 1,000 requests, {calls} for the next 4,000");
    assert!(calls <= 40, "{calls} calls for 4,000 requests");
    assert!(before <= 40, "{before} calls for the first 1,000 requests");

    let books = Books::of(&gateway);
    books.booked("k", 5_000).await;
    let status = books.status().await;
    assert_eq!(status["counters"]["requests"], 5_000, "{status}");
    let heard = status["counters"]["calls"].as_u64().unwrap();
    assert!(heard >= before + calls && heard <= counters(&gateway).await["ledger_calls"], "{status}");
    assert!(status["calls_per_1000_requests"].as_f64().unwrap() <= 20.0, "{status}");
}

async fn reap(gateway: &Gateway, order: &Value) -> Value {
    let reply = admin(gateway).post("/admin/reservations/reap", order).send().await;
    reply.expect_status(200).await.json().await
}

#[tokio::test]
async fn what_a_dead_worker_held_is_charged_and_an_operator_can_give_it_back() {
    let simulator = Simulator::start();
    let keys = [key("k", &json!({"budget": {"total_tokens": 100_000}}))];
    let mut gateway = start(&document(&simulator, &keys), &["--lease-secs", "5"]).await;
    exact_usage(&simulator, &gateway.client()).await;
    let books = Books::of(&gateway);
    assert_eq!(burst(&[&gateway], "k", 20).await.served, 20);
    // The twenty are booked, and more is held ahead for others that do not come.
    let row = books.until("k", "something is held", |row| row["requests"] == 20 && row["reserved_tokens"] != 0).await;
    let held = row["reserved_tokens"].as_u64().unwrap();
    let killed = gateway.kill_envoy();
    gateway.other_envoy(killed).await;
    let refused = admin(&gateway).post("/admin/reservations/reap", &json!({"older_than_secs": 4})).send().await;
    refused.expect_status(400).await;

    let row = books.until("k", "it is charged", |row| row["reserved_tokens"] == 0).await;
    assert_eq!(row["spent_tokens"], 20 * NEED + held, "it may have been used: {row}");
    assert_eq!(books.status().await["counters"]["expired"], 1);
    let order = json!({"older_than_secs": 5, "dry_run": true});
    let planned = reap(&gateway, &order).await;
    let half = json!({"scanned": 1, "reaped": 1, "released": held});
    assert_eq!((&planned["store"], &planned["dry_run"], &planned["budget"]), (&json!("memory"), &json!(true), &half));
    assert_eq!(books.key("k").await["spent_tokens"], 20 * NEED + held, "nothing has changed");

    let done = reap(&gateway, &json!({"older_than_secs": 5})).await;
    assert_eq!((&done["dry_run"], &done["budget"]), (&json!(false), &half), "{done}");
    assert_eq!(books.key("k").await["spent_tokens"], 20 * NEED);
    assert_eq!(reap(&gateway, &json!({"older_than_secs": 5})).await["budget"]["reaped"], 0, "once and for all");
}
