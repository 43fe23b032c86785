//! A configuration that one of three Envoys works by first.

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::{backend, config_status, document, until_status};
use ditto_tests::support::SOON;

pub(super) const NODES: [&str; 3] = ["canary-1", "plain-1", "plain-2"];

/// A document without a literal secret that sends everything to the backend `name`.
fn only(simulator: &Simulator, name: &str) -> Value {
    let mut document = document(&[backend(name, &simulator.base_url(), "${TEST_TOKEN}")], &[name]);
    document["virtual_keys"][0]["token"] = json!("${TEST_TOKEN}");
    document
}

/// A control plane with three Envoys that work by a document with the backend `one`.
async fn three(simulator: &Simulator) -> (Gateway, [Envoy; 3]) {
    three_with(only(simulator, "one")).await
}

/// The same, by a document of the test's own.
pub(super) async fn three_with(document: Value) -> (Gateway, [Envoy; 3]) {
    let builder = Gateway::builder(document).args(&["--no-envoy", "--retire-grace-ms", "200"]);
    let gateway = builder.env("TEST_TOKEN", TOKEN).start().await;
    let labels = |node: &str| if node.starts_with("canary-") { "canary=true,zone=a" } else { "zone=a" };
    let [a, b, c] = NODES.map(|node| Envoy::start_labelled(&gateway, node, labels(node)));
    let envoys = tokio::join!(a, b, c);
    until_all(&gateway, "all have the first document", |_, _| true).await;
    (gateway, envoys.into())
}

pub(super) fn admin(gateway: &Gateway) -> Client {
    gateway.control_client().with_bearer(ADMIN_TOKEN)
}

/// Waits until each of the three nodes has settled with what `expected` wants of its id and version.
pub(super) async fn until_all(gateway: &Gateway, what: &str, expected: impl Fn(&str, &str) -> bool) {
    until_status(gateway, what, |status| {
        let nodes = status["xds"]["nodes"].as_array().unwrap();
        let is_there = |node: &Value| {
            node["stage"] == "settled" && expected(node["id"].as_str().unwrap(), node["version"].as_str().unwrap())
        };
        nodes.len() == NODES.len() && nodes.iter().all(is_there)
    })
    .await;
}

/// The backends whose clusters this Envoy has.
async fn backends(envoy: &Envoy) -> Vec<String> {
    let clusters = envoy.admin("/clusters").await;
    let names = clusters.lines().filter_map(|line| line.split_once("::")?.0.split_once('/').map(|(name, _)| name));
    let mut names: Vec<_> = names.map(ToOwned::to_owned).collect();
    names.dedup();
    names
}

async fn have(envoys: &[Envoy; 3], expected: [&str; 3]) {
    for (envoy, expected) in envoys.iter().zip(expected) {
        eventually(SOON, &format!("it has {expected}"), async || backends(envoy).await == [expected]).await;
    }
}

pub(super) async fn post(gateway: &Gateway, path: &str, body: &Value, status: u16) -> Value {
    admin(gateway).post(path, body).send().await.expect_status(status).await.json().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_envoys_goes_first_and_is_followed_or_comes_back() {
    let simulator = Simulator::start();
    let (gateway, mut envoys) = three(&simulator).await;
    let first = config_status(&gateway).await["document"]["version"].as_str().unwrap().to_owned();
    let stage = "/admin/config/rollout?nodes=canary-&comment=try";
    for (path, status) in [
        ("/admin/config/rollout", 400),
        ("/admin/config/rollout?percent=100", 400),
        ("/admin/config/rollout?nodes=a&percent=5", 400),
        ("/admin/config/rollout?labels=canary", 400),
        ("/admin/config/rollout?nodes=a&max_error_rate=2", 400),
        ("/admin/config/rollout?nodes=a&min_requests=0", 400),
        ("/admin/config/rollout/promote", 409),
        ("/admin/config/rollout/abort", 409),
    ] {
        post(&gateway, path, &only(&simulator, "two"), status).await;
    }
    let staged = post(&gateway, stage, &only(&simulator, "two"), 200).await;
    let version = staged["rollout"]["version"].as_str().unwrap().to_owned();
    until_all(&gateway, "the canary is ahead", |id, at| at == if id == "canary-1" { &version } else { &first }).await;
    have(&envoys, ["two", "one", "one"]).await;
    post(&gateway, stage, &only(&simulator, "three"), 409).await;
    let current = admin(&gateway).get("/admin/config").send().await.json().await;
    assert_eq!(current["document"]["backends"][0]["name"], "one", "what is staged is not in force");
    // Who connects again is still first.
    let is_connected = |status: &Value| status["xds"]["nodes"][0]["connected"].as_bool().unwrap();
    envoys[0].kill();
    until_status(&gateway, "the canary is gone", |status| !is_connected(status)).await;
    envoys[0].restart().await;
    until_status(&gateway, "the canary is back", is_connected).await;
    have(&envoys, ["two", "one", "one"]).await;

    let aborted = post(&gateway, "/admin/config/rollout/abort", &Value::Null, 200).await;
    assert_eq!(aborted["staged"], false);
    until_all(&gateway, "the canary is back", |_, at| at == first).await;
    have(&envoys, ["one", "one", "one"]).await;

    post(&gateway, stage, &only(&simulator, "two"), 200).await;
    have(&envoys, ["two", "one", "one"]).await;
    let unstaged = post(&gateway, "/admin/config/rollout/abort", &Value::Null, 200).await;
    assert_eq!(unstaged["staged"], false);
    let stage = "/admin/config/rollout?labels=canary=true,zone=a&comment=try&max_error_rate=0.5&min_requests=7";
    let staged = post(&gateway, stage, &only(&simulator, "two"), 200).await["rollout"].clone();
    assert_eq!((&staged["max_error_rate"], &staged["min_requests"]), (&json!(0.5), &json!(7)));
    assert_eq!(staged["nodes"].as_array().unwrap().len(), 1, "{staged}");
    assert_eq!(staged["nodes"][0]["labels"], json!({"canary": "true", "zone": "a"}));
    have(&envoys, ["two", "one", "one"]).await;
    let promoted = post(&gateway, "/admin/config/rollout/promote", &Value::Null, 200).await;
    assert_eq!((&promoted["id"], &promoted["comment"]), (&json!("cfgv-00000000000000000002"), &json!("try")));
    until_all(&gateway, "all have followed", |_, at| at == version).await;
    have(&envoys, ["two", "two", "two"]).await;
    // By the hash of its id, the second is the only one of the three in this share.
    post(&gateway, "/admin/config/rollout?percent=40", &only(&simulator, "three"), 200).await;
    have(&envoys, ["two", "three", "two"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_the_first_envoy_refuses_is_taken_back_by_itself() {
    let simulator = Simulator::start();
    let (gateway, envoys) = three(&simulator).await;
    let first = config_status(&gateway).await["document"]["version"].as_str().unwrap().to_owned();
    // Our checks see nothing wrong with it; Envoy takes no header value as long as this.
    let refused = only(&simulator, &"long".repeat(5_000));
    post(&gateway, "/admin/config/rollout?nodes=canary-", &refused, 200).await;
    let mut status = Value::Null;
    eventually(SOON, "it is taken back", async || {
        status = admin(&gateway).get("/admin/config/rollout").send().await.json().await;
        status["staged"] == false
    })
    .await;
    assert_eq!(status["refused"]["node"], "canary-1", "{status}");
    until_all(&gateway, "all have the former document", |_, at| at == first).await;
    have(&envoys, ["one", "one", "one"]).await;
    post(&gateway, "/admin/config/rollout/promote", &Value::Null, 409).await;
    post(&gateway, "/admin/config/rollout?nodes=canary-", &only(&simulator, "two"), 200).await;
    have(&envoys, ["two", "one", "one"]).await;
}
