//! What failed and produced nothing costs nothing, and its reservation goes back. What failed over is paid once.

use ditto_tests::harness::config;
use ditto_tests::process::ports;
use ditto_tests::simulator::Simulator;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{CHAT, PLENTY, RESPONSES, Rig, document, key, number, prompt, streamed, with};

/// A backend where nobody listens.
fn nobody() -> Value {
    json!({"name": "nobody", "base_url": format!("http://{}/v1", ports::free())})
}

/// What happens to a request: its key's id, its model, the fault, and the status that its client sees.
const FAILURES: [(&str, &str, &str, u16); 9] = [
    ("bad-request", "m", "status=400", 400),
    ("bad-key", "m", "status=401", 401),
    ("too-many", "m", "status=429", 429),
    ("server-error", "m", "status=500", 500),
    ("unavailable", "m", "status=503;delay=50ms", 503),
    ("wordless", "m", "status=500;body=", 500),
    ("verbose", "m", "status=502;body=%3Chtml%3E a page of many words that nobody generated %3C/html%3E", 502),
    ("broken", "m", "close=before-headers", 503),
    ("refused", "nobody", "", 503),
];

#[tokio::test]
async fn a_call_that_failed_costs_nothing_and_gives_its_reservation_back() {
    let simulator = Simulator::start();
    let mut keys: Vec<Value> = FAILURES.iter().map(|(id, ..)| key(id, PLENTY)).collect();
    keys.push(key("invalid", PLENTY));
    let mut document = document(&simulator, keys);
    document["backends"].as_array_mut().expect("a list").push(nobody());
    document["router"]["rules"] = json!([{"model_prefix": "nobody", "backend": "nobody"}]);
    let rig = Rig::with_document(simulator, document, &[]).await;
    for request in [prompt(CHAT), streamed(prompt(CHAT))] {
        let request = with(request, json!({"max_tokens": 5_000}));
        join_all(FAILURES.iter().map(async |(id, model, fault, status)| {
            let request = with(request.clone(), json!({"model": model}));
            let reply = rig.post(id, CHAT, &request, fault).send().await;
            assert!(reply.status == *status || (reply.status >= 502 && *status >= 502), "{id}: {}", reply.status);
        }))
        .await;
    }
    // What the gateway itself refuses never reserves anything.
    let invalid = rig.client("invalid").post(CHAT, &json!({})).body("{\"model\": \"m\", \"max_tokens\": 50");
    invalid.send().await.expect_status(400).await;
    let claims = number(&rig.books.status().await["counters"], "claims");
    assert!(claims >= FAILURES.len() as u64, "each key reserved something: {claims}");
    for id in FAILURES.iter().map(|(id, ..)| *id).chain(["invalid"]) {
        let row = rig.books.settled(id).await;
        assert_eq!(json!([row["spent_tokens"], row["requests"]]), json!([0, 0]), "{row}");
    }
}

#[tokio::test]
async fn a_request_that_falls_back_is_charged_once_for_the_backend_that_served_it() {
    let one = Simulator::named("one");
    let two = Simulator::named("two");
    let ids = ["refused", "broken", "streamed", "rewritten", "hung"];
    let mut document = document(&two, ids.map(|id| key(id, PLENTY)));
    let first = with(config::backend("first", &one), json!({"timeout_seconds": 1}));
    document["backends"][0]["timeout_seconds"] = json!(1);
    let mut mapped = config::backend("mapped", &two);
    mapped["model_map"] = json!({"*": "gpt-4.1"});
    document["backends"].as_array_mut().expect("a list").extend([nobody(), first, mapped]);
    let chain =
        |first: &str, then: &str| json!([{"backend": first, "weight": 1.0}, {"backend": then, "weight": 1e-12}]);
    document["router"]["rules"] = json!([
        {"model_prefix": "refused", "backends": chain("nobody", "simulator")},
        {"model_prefix": "broken", "backends": chain("first", "simulator")},
        {"model_prefix": "rewritten", "backends": chain("first", "mapped")},
    ]);
    let rig = Rig::with_document(two, document, &[]).await;
    one.fault_always("close=before-headers".parse().expect("a fault"));
    for (id, model, path, stream) in [
        ("refused", "refused", CHAT, false),
        ("broken", "broken", RESPONSES, false),
        ("streamed", "broken", CHAT, true),
        ("rewritten", "rewritten", CHAT, true),
    ] {
        let request = with(prompt(path), json!({"model": model}));
        let request = if stream { streamed(request) } else { request };
        let mut reply = rig.client(id).post(path, &request).send().await.expect_status(200).await;
        reply.bytes().await;
    }
    one.clear_faults();
    one.fault_always("hang".parse().expect("a fault"));
    let request = with(prompt(CHAT), json!({"model": "broken"}));
    rig.client("hung").post(CHAT, &request).send().await.expect_status(200).await.bytes().await;
    assert!(one.requests().len() >= 4, "the first was tried each time");
    for id in ids {
        let row = rig.books.booked(id, 1).await;
        let served = rig.delivered(id);
        assert_eq!((served.requests, served.answered), (1, 1), "{id}: {served:?}");
        let expected = json!([served.prompt_tokens + served.generated_tokens, 1]);
        assert_eq!(json!([row["spent_tokens"], row["requests"]]), expected, "{id}");
    }
}
