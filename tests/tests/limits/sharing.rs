//! What several workers, and several gateways on one Redis, hold of the same limit: exact, and nothing stranded.

use ditto_tests::books::Books;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::redis::RedisServer;
use ditto_tests::simulator::Simulator;
use ditto_tests::support::SOON;
use serde_json::{Value, json};

use super::rig::{
    CHAT, NEED, admin, burst, document, early_in_a_minute, exact_usage, expect_several_workers, key, pair, send, start,
    use_up,
};

const TWO_WORKERS: [&str; 2] = ["--envoy-concurrency", "2"];
/// Requests that the budgets of these tests are for.
const FITS: u64 = 60;

fn budget(id: &str, tokens: u64) -> Value {
    key(id, &json!({"budget": {"total_tokens": tokens}}))
}

/// How many single requests are served, one after the other, until the first that is refused.
async fn served_until_refused(gateway: &Gateway, id: &str) -> u64 {
    for served in 0..=FITS {
        let answer = send(&gateway.client(), id).await;
        if answer.status != 200 {
            assert_eq!((answer.status, answer.code.as_str()), (402, "budget_exceeded"), "{answer:?}");
            return served;
        }
    }
    panic!("{id} is served without an end");
}

/// Nothing of the budget is left over, nothing was spent beyond it, and nobody holds anything.
async fn expect_spent(gateway: &Gateway, id: &str) {
    let row = Books::of(gateway).settled(id).await;
    assert_eq!((&row["spent_tokens"], &row["requests"]), (&json!(FITS * NEED), &json!(FITS)), "{row}");
}

#[tokio::test]
async fn a_budget_is_used_to_the_last_token_over_two_workers() {
    let simulator = Simulator::start();
    let ids = ["burst", "single", "spare"];
    // What is too little for a request cannot be used, and is in nobody's way.
    let keys = [budget("burst", FITS * NEED), budget("single", FITS * NEED), budget("spare", FITS * NEED + NEED - 1)];
    let gateway = start(&document(&simulator, &keys), &TWO_WORKERS).await;
    exact_usage(&simulator, &gateway.client()).await;
    use_up(&[&gateway], "burst", 100, 60).await;
    for id in ["single", "spare"] {
        // Both workers have been busy with the key, and hold something ahead.
        assert_eq!(burst(&[&gateway], id, 20).await.served, 20);
        assert_eq!(served_until_refused(&gateway, id).await, FITS - 20, "{id}");
    }
    expect_several_workers(&gateway).await;
    for id in ids {
        assert_eq!(send(&gateway.client(), id).await.status, 402);
        expect_spent(&gateway, id).await;
    }
    assert_eq!(simulator.requests_to(CHAT).len() as u64, 3 * FITS);
}

#[tokio::test]
async fn a_budget_is_used_to_the_last_token_over_two_gateways() {
    let simulator = Simulator::start();
    let redis = RedisServer::start();
    let keys = [budget("burst", FITS * NEED), budget("single", FITS * NEED)];
    let (one, two) = pair(&redis, &document(&simulator, &keys), &TWO_WORKERS).await;
    exact_usage(&simulator, &one.client()).await;
    use_up(&[&one, &two], "burst", 100, 60).await;
    assert_eq!(burst(&[&one, &two], "single", 20).await.served, 20);
    // All that is left goes through one of them: what the other holds idle comes over. A request does not wait for it
    // for ever, so that one may be refused where the other gateway is slow, and a later one served.
    let mut served = 0;
    eventually(SOON, "all that is left is served", async || {
        served += served_until_refused(&two, "single").await;
        served >= FITS - 20
    })
    .await;
    assert_eq!(served, FITS - 20);
    for id in ["burst", "single"] {
        for gateway in [&one, &two] {
            assert_eq!(send(&gateway.client(), id).await.status, 402);
            expect_spent(gateway, id).await;
        }
    }
    assert_eq!(simulator.requests_to(CHAT).len() as u64, 2 * FITS);
}

#[tokio::test]
async fn a_minute_is_exact_over_two_gateways_whoever_is_asked() {
    let simulator = Simulator::start();
    let redis = RedisServer::start();
    let tenant = |id: &str| key(id, &json!({"tenant_id": "acme", "tenant_limits": {"rpm": 40}}));
    let keys = [
        key("requests", &json!({"limits": {"rpm": 40}})),
        key("tokens", &json!({"limits": {"tpm": 40 * NEED}})),
        tenant("tenant-1"),
        tenant("tenant-2"),
    ];
    let (one, two) = pair(&redis, &document(&simulator, &keys), &TWO_WORKERS).await;
    exact_usage(&simulator, &one.client()).await;
    early_in_a_minute().await;
    for (id, limit) in [("requests", "rpm>40"), ("tokens", "tpm>2000")] {
        let answers = use_up(&[&one, &two], id, 100, 40).await;
        assert_eq!(burst(&[&one, &two], id, 2).await.served, 0, "{id}");
        assert!(answers.refusals(429, "rate_limited").iter().all(|refused| refused.message.contains(limit)));
        assert!(answers.refused.iter().all(|refused| refused.header("retry-after").is_some()));
    }
    // Keys of one tenant, each on its own gateway.
    let (left, right) = ([&one], [&two]);
    let (first, second) = tokio::join!(burst(&left, "tenant-1", 50), burst(&right, "tenant-2", 50));
    let rest = use_up(&[&one, &two], "tenant-1", 2, 40 - first.served - second.served).await;
    for answers in [&first, &second, &rest] {
        let said = |message: &str| message.contains("tenant 'acme' reached: rpm>40 (used=40 attempted=1)");
        assert!(answers.refusals(429, "rate_limited").iter().all(|refused| said(&refused.message)), "{answers:?}");
    }
    for gateway in [&one, &two] {
        expect_several_workers(gateway).await;
        admin(gateway).get("/ready").send().await.expect_status(200).await;
    }
}
