//! The product's acceptance checks about limits and budgets, each named by its number.

use std::fs;
use std::time::Duration;

use ditto_tests::books::Books;
use ditto_tests::eventually::eventually;
use ditto_tests::redis::RedisServer;
use ditto_tests::simulator::{Fault, Simulator};
use ditto_tests::support::SOON;
use futures_util::future::join_all;
use serde_json::json;

use super::rig::{
    Answer, CHAT, NEED, OUTPUT, admin, body, document, early_in_a_minute, exact_usage, expect_several_workers, key,
    pair, request, send, start, token, until_known, use_up,
};

/// How the simulator is told to fail a request.
const FAILS: (&str, &str) = ("x-simulator-fault", "status=500");

#[tokio::test]
async fn acceptance_06_a_token_budget_is_never_overspent_and_failed_calls_do_not_spend() {
    let simulator = Simulator::start();
    let keys = [key("k", &json!({"budget": {"total_tokens": 5_000}}))];
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("ditto.sqlite");
    let args = ["--envoy-concurrency", "2", "--sqlite", database.to_str().unwrap()];
    let gateway = start(&document(&simulator, &keys), &args).await;
    let (client, books) = (gateway.client(), Books::of(&gateway));
    exact_usage(&simulator, &client).await;
    let fits = 5_000 / NEED;

    let failing = (0..20).map(|_| request(&client, "k").header(FAILS.0, FAILS.1).send());
    for reply in join_all(failing).await {
        assert_eq!(reply.status, 500);
    }
    // Had they spent anything, not as many would fit below.
    assert_eq!(books.key("k").await["spent_tokens"], 0);

    let count = usize::try_from(fits).unwrap();
    let answers = use_up(&[&gateway], "k", 2 * count, count).await;
    expect_several_workers(&gateway).await;
    for refused in answers.refusals(402, "budget_exceeded") {
        assert_eq!((refused.number(" limit="), refused.number("attempted=")), (5_000, NEED), "{refused:?}");
        assert!(refused.message.contains("key 'k'"), "{refused:?}");
    }
    let row = books.settled("k").await;
    assert_eq!((&row["spent_tokens"], &row["requests"]), (&json!(fits * NEED), &json!(fits)), "{row}");
    assert_eq!(simulator.requests_to(CHAT).len() as u64, 20 + fits, "what is refused reaches no backend");
}

#[tokio::test]
async fn acceptance_07_a_cost_budget_needs_prices_and_ends_at_its_limit() {
    let simulator = Simulator::start();
    let keys = [
        key("priced", &json!({"budget": {"total_usd_micros": 500}})),
        key("free", &json!({})),
        key("broke", &json!({"budget": {"total_usd_micros": 0}})),
    ];
    let document = document(&simulator, &keys);
    let without = start(&document, &[]).await;
    let refused = send(&without.client(), "priced").await;
    assert_eq!((refused.status, refused.code.as_str()), (500, "pricing_not_configured"), "{refused:?}");
    assert!(refused.message.contains("gpt-4o-mini"), "{refused:?}");
    assert_eq!(send(&without.client(), "free").await.status, 200, "others need no price");
    drop(without);
    simulator.forget_requests();

    let directory = tempfile::tempdir().unwrap();
    let prices = directory.path().join("prices.json");
    let price = json!({"gpt-4o-mini": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}});
    fs::write(&prices, price.to_string()).unwrap();
    let with = start(&document, &["--envoy-concurrency", "2", "--pricing-litellm", prices.to_str().unwrap()]).await;
    let client = with.client();
    exact_usage(&simulator, &client).await;
    let refused = send(&client, "broke").await;
    assert_eq!((refused.status, refused.code.as_str()), (402, "cost_budget_exceeded"), "{refused:?}");
    // Output has twice the price.
    let need = NEED + OUTPUT;
    assert_eq!((refused.number("limit_usd_micros="), refused.number("attempted_usd_micros=")), (0, need));

    let fits = 500 / need;
    let count = usize::try_from(fits).unwrap();
    let answers = use_up(&[&with], "priced", 4 * count, count).await;
    for refused in answers.refusals(402, "cost_budget_exceeded") {
        assert_eq!((refused.number("limit_usd_micros="), refused.number("attempted_usd_micros=")), (500, need));
    }
    assert_eq!(simulator.requests_to(CHAT).len() as u64, fits);
    let books = Books::of(&with);
    books.booked("priced", fits).await;
    assert_eq!(books.cost("priced").await["spent_usd_micros"], fits * need);
    // A price list without the model is as none.
    let mut unknown = body();
    unknown["model"] = json!("unheard-of");
    let refused = Answer::of(client.post(CHAT, &unknown).bearer(&token("priced")).send().await).await;
    assert_eq!((refused.status, refused.code.as_str()), (500, "pricing_not_configured"), "{refused:?}");
    assert!(refused.message.contains("unheard-of"), "{refused:?}");
}

#[tokio::test]
async fn acceptance_12_two_gateways_on_one_redis_share_limits_and_keys() {
    let simulator = Simulator::start();
    let redis = RedisServer::start();
    let (one, two) = pair(&redis, &document(&simulator, &[]), &[]).await;
    exact_usage(&simulator, &one.client()).await;
    let limited = [
        (&one, key("by-rpm", &json!({"limits": {"rpm": 10}})), "rpm>10"),
        (&two, key("by-tpm", &json!({"limits": {"tpm": 10 * NEED}})), "tpm>"),
    ];
    for (gateway, key, _) in &limited {
        admin(gateway).post("/admin/keys", key).send().await.expect_status(201).await;
    }
    for (gateway, key, message) in &limited {
        let id = key["id"].as_str().unwrap();
        until_known(&one, id).await;
        until_known(&two, id).await;
        let other = if gateway.address() == one.address() { &two } else { &one };
        let balance = other.client().get("/v1/token/balance").bearer(&token(id)).send().await;
        assert_eq!(balance.expect_status(200).await.json().await["key_id"], id);

        early_in_a_minute().await;
        simulator.forget_requests();
        let answers = use_up(&[&one, &two], id, 30, 10).await;
        assert_eq!(simulator.requests_to(CHAT).len(), 10, "{id}");
        assert!(answers.refusals(429, "rate_limited").iter().all(|refused| refused.message.contains(message)));
    }
}

#[tokio::test]
async fn acceptance_15_one_request_in_flight_until_the_stream_before_it_ends() {
    let simulator = Simulator::start();
    let keys = [key("k", &json!({})), key("other", &json!({"limits": {"rpm": 1_000}}))];
    let args = ["--envoy-concurrency", "2", "--proxy-max-in-flight", "1"];
    let gateway = start(&document(&simulator, &keys), &args).await;
    let client = gateway.client();
    for round in 0..2 {
        let slow = Fault::scripted("text/event-stream", ["data: {}\n\n", "data: [DONE]\n\n"]);
        simulator.fault_next_on(CHAT, 1, slow.with_chunk_delay(Duration::from_secs(600)));
        let mut stream = request(&client, "k").send().await.expect_status(200).await;
        stream.chunk().await.expect("the stream has begun");
        // On connections of either worker, and with any key.
        for id in ["k", "other"].repeat(8) {
            let refused = send(&client, id).await;
            assert_eq!((refused.status, refused.code.as_str()), (429, "inflight_limit"), "{refused:?}");
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
        assert_eq!(simulator.requests_to(CHAT).len(), 2 * round + 1);
        client.get("/health").send().await.expect_status(200).await;
        drop(stream);
        eventually(SOON, "there is room again", async || send(&client, "k").await.status == 200).await;
    }
    expect_several_workers(&gateway).await;
    // A limited key's requests have left nothing reserved.
    Books::of(&gateway).settled("other").await;
}
