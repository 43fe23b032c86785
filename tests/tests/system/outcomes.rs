//! What the control plane learns of attempts and requests, from its own Envoy and from others.

use ditto_tests::client::Client;
use ditto_tests::eventually::{eventually, eventually_some};
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use super::rig::{backend, document, until_status};
use ditto_tests::support::{SOON, chat_with, start};

const NODES: [&str; 3] = ["canary-1", "plain-1", "plain-2"];

async fn rows(gateway: &Gateway) -> Value {
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    admin.get("/admin/backends?by=node").send().await.expect_status(200).await.json().await
}

/// Asks with a model, and returns the status.
async fn ask(client: &Client, model: &str) -> u16 {
    client.post("/v1/chat/completions", &chat_with(model)).send().await.status
}

/// A metric by its name without the prefix, labels included.
fn metric(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("ditto_gateway_proxy_")?.rsplit_once(' '));
    lines.find(|(known, _)| *known == name).map(|(_, value)| value.parse().unwrap())
}

/// One of a backend's metrics.
fn of(text: &str, name: &str, backend: &str) -> Option<u64> {
    metric(text, &format!("backend_{name}{{backend=\"{backend}\"}}"))
}

#[tokio::test]
async fn metrics_tell_attempts_failures_and_fallbacks_by_backend() {
    let simulators = ["a", "b", "c"].map(Simulator::named);
    let [a, b, c] = &simulators;
    // The first two need the same of a request, so that their chain is prepared once; the third needs something else.
    let backends = [
        backend("a", &a.base_url(), "cred-same"),
        backend("b", &b.base_url(), "cred-same"),
        backend("c", &c.base_url(), "cred-other"),
        backend("d", &c.base_url(), "cred-other"),
    ];
    let mut document = document(&backends, &["a"]);
    let chain = |model: &str, first: &str, second: &str| {
        let of = |backend: &str, weight: f64| json!({"backend": backend, "weight": weight});
        json!({"model_prefix": model, "backends": [of(first, 1.0), of(second, 1e-12)]})
    };
    document["router"]["rules"] = json!([chain("once", "a", "b"), chain("each", "c", "b")]);
    let gateway = start(document, &["--proxy-retry", "--prometheus-max-backend-series", "3"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for (model, faulty, status) in [("once", a, 200), ("each", c, 200), ("plain", a, 503)] {
        faulty.fault_next(1, Fault::status(503));
        assert_eq!(ask(&client, model).await, status, "{model}");
        assert_eq!(ask(&client, model).await, 200, "{model}");
    }
    gateway
        .client()
        .post("/v1/chat/completions", &chat_with("m"))
        .bearer("nobody's")
        .send()
        .await
        .expect_status(401)
        .await;

    let scrape = async || {
        let mut reply = gateway.client().get("/metrics/prometheus").send().await.expect_status(200).await;
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
        reply.text().await
    };
    let text = eventually_some(SOON, "all is told", async || {
        let text = scrape().await;
        (of(&text, "requests_total", "a") == Some(3) && of(&text, "attempts_total", "a") == Some(4)).then_some(text)
    })
    .await;
    let names = ["attempts_total", "success_total", "failures_total", "in_flight"];
    let told = |backend: &str| names.map(|name| of(&text, name, backend).unwrap());
    assert_eq!([told("a"), told("b"), told("c")], [[4, 2, 2, 0], [2, 2, 0, 0], [2, 1, 1, 0]], "{text}");
    let names = ["requests_total", "errors_total", "fallbacks_total"];
    let told = |backend: &str| names.map(|name| of(&text, name, backend).unwrap());
    assert_eq!([told("a"), told("b"), told("c")], [[3, 1, 0], [2, 0, 2], [1, 0, 0]], "{text}");
    assert_eq!(of(&text, "attempts_total", "d"), None, "it has no series of its own: {text}");
    assert_eq!(of(&text, "attempts_total", "__overflow__"), Some(0), "{text}");
    // Besides, those that were refused while the keys were on their way here.
    assert!(metric(&text, "requests_total") >= Some(7), "{text}");
    assert!(!text.contains("cred-"), "{text}");

    let rows = rows(&gateway).await;
    let counted = json!({"node": "ditto-embedded", "in_flight": 0, "attempts": 4, "failures": 2});
    assert_eq!(rows[0]["envoys"], json!([counted]), "{rows}");
    assert_eq!((&rows[0]["attempts"], &rows[0]["health_seen_by"]), (&json!(4), &json!("ditto-embedded")), "{rows}");
}

/// A document without a literal secret that sends everything to the backend `one`, which is this simulator. Where
/// `mapped` differs, documents do.
fn only(simulator: &Simulator, mapped: &str) -> Value {
    let mut document = document(&[backend("one", &simulator.base_url(), "${TEST_TOKEN}")], &["one"]);
    document["backends"][0]["model_map"] = json!({"never-asked": mapped});
    document["virtual_keys"][0]["token"] = json!("${TEST_TOKEN}");
    document
}

async fn rollout(gateway: &Gateway) -> Value {
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    admin.get("/admin/config/rollout").send().await.expect_status(200).await.json().await
}

/// Stages a document for the canary, and waits until it works by it.
async fn stage(gateway: &Gateway, document: &Value) {
    let path = "/admin/config/rollout?nodes=canary-&max_error_rate=0.5&min_requests=20";
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    let staged = admin.post(path, document).send().await.expect_status(200).await.json().await;
    let version = staged["rollout"]["version"].clone();
    until_status(gateway, "the canary is ahead", |status| {
        let node = &status["xds"]["nodes"][0];
        node["id"] == "canary-1" && node["version"] == version && node["stage"] == "settled"
    })
    .await;
}

/// Waits until all three work by the document in force, and have nothing else.
async fn all_have(gateway: &Gateway, what: &str) {
    until_status(gateway, what, |status| {
        let nodes = status["xds"]["nodes"].as_array().unwrap();
        let is_settled = |node: &Value| node["version"] == status["document"]["version"] && node["stage"] == "settled";
        nodes.len() == NODES.len() && nodes.iter().all(is_settled)
    })
    .await;
}

/// What the canary, and all others together, count of the only backend: attempts and failures.
async fn counts(gateway: &Gateway) -> [(u64, u64); 2] {
    let rows = rows(gateway).await;
    let mut counts = [(0, 0); 2];
    for envoy in rows[0]["envoys"].as_array().unwrap() {
        let place = usize::from(envoy["node"] != "canary-1");
        counts[place].0 += envoy["attempts"].as_u64().unwrap();
        counts[place].1 += envoy["failures"].as_u64().unwrap();
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_staged_document_whose_requests_fail_is_taken_back_and_one_that_is_well_stays() {
    let (good, bad) = (Simulator::named("good"), Simulator::named("bad"));
    bad.fault_always(Fault::status(500));
    let builder = Gateway::builder(only(&good, "some")).args(&["--no-envoy", "--retire-grace-ms", "200"]);
    let gateway = builder.env("TEST_TOKEN", TOKEN).start().await;
    let [a, b, c] = NODES.map(|node| Envoy::start_as(&gateway, node));
    let (_canary, mut plain, _other) = tokio::join!(a, b, c);
    let client = gateway.client().with_bearer(TOKEN);
    // They share a port: whether one of them serves, a request does not tell.
    all_have(&gateway, "all three serve").await;
    eventually(SOON, "all three know the keys", async || {
        let asked = (0..60).map(|_| ask(&client, "m"));
        futures_util::future::join_all(asked).await.iter().all(|status| *status == 200)
    })
    .await;

    stage(&gateway, &only(&good, "another")).await;
    let before = counts(&gateway).await[0].0;
    // Envoys share a port, and each connection goes to any of them.
    eventually(SOON, "the canary has served enough", async || {
        assert_eq!(ask(&client, "m").await, 200);
        counts(&gateway).await[0].0 >= before + 40
    })
    .await;
    assert_eq!(rollout(&gateway).await["staged"], true);
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    admin.post("/admin/config/rollout/abort", &Value::Null).send().await.expect_status(200).await;

    stage(&gateway, &only(&bad, "some")).await;
    let mut statuses = Vec::new();
    let status = eventually_some(SOON, "it is taken back by itself", async || {
        statuses.push(ask(&client, "m").await);
        Some(rollout(&gateway).await).filter(|status| status["staged"] == false)
    })
    .await;
    assert_eq!(status["refused"]["kind"], "error_rate", "{status}");
    let failed = statuses.iter().filter(|status| **status == 500).count();
    assert!(failed >= 20 && statuses.iter().all(|status| matches!(status, 200 | 500)), "{statuses:?}");
    all_have(&gateway, "the canary is back").await;
    for _ in 0..30 {
        assert_eq!(ask(&client, "m").await, 200);
    }
    let [canary, others] = counts(&gateway).await;
    assert!((1..=bad.requests().len() as u64).contains(&canary.1), "{canary:?}");
    assert!(others.0 > 0 && others.1 == 0, "{others:?}");

    let total = async || rows(&gateway).await[0]["attempts"].as_u64().unwrap();
    let before = total().await;
    plain.kill();
    eventually(SOON, "two are left", async || rows(&gateway).await[0]["envoys"].as_array().unwrap().len() == 2).await;
    assert!(total().await >= before, "what it counted is not lost");
}
