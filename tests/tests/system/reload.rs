//! How a changed document comes into force, and what becomes of one that cannot.

use ditto_tests::eventually::eventually;
use ditto_tests::harness::locate::Part;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::process::Signal;
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::{backend, change, config_status, document, is_in_use, is_settled, until_status, write_config};
use ditto_tests::support::{SOON, chat, ready, start};

/// The backend that answers at the moment.
async fn answering(gateway: &Gateway) -> String {
    let client = gateway.client().with_bearer(config::TOKEN);
    let response = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    response.header("x-ditto-backend").expect("the backend is named").to_owned()
}

fn named(name: &str, simulator: &Simulator) -> Value {
    document(&[backend(name, &simulator.base_url(), "cred")], &[name])
}

fn problems(status: &Value) -> Vec<&str> {
    let problems = status["document"]["refused"]["problems"].as_array();
    problems.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn what_is_right_comes_into_force_and_what_is_wrong_is_told() {
    let simulator = Simulator::start();
    let gateway = start(named("first", &simulator), &["--retire-grace-ms", "300"]).await;
    a_hangup_reads_the_file_again_and_what_did_not_change_is_no_change(&gateway, &simulator).await;
    back_to_the_first(&gateway, &simulator).await;
    a_changed_file_is_noticed_without_a_signal(&gateway, &simulator).await;
    back_to_the_first(&gateway, &simulator).await;
    problems_are_all_told_and_the_former_document_serves(&gateway, &simulator).await;
    back_to_the_first(&gateway, &simulator).await;
    what_envoy_refuses_is_told_in_its_words(&gateway, &simulator).await;
}

async fn back_to_the_first(gateway: &Gateway, simulator: &Simulator) {
    change(gateway, &named("first", simulator)).await;
    until_status(gateway, "the first document has arrived", is_settled).await;
}

async fn a_changed_file_is_noticed_without_a_signal(gateway: &Gateway, simulator: &Simulator) {
    let before = config_status(gateway).await;
    assert_eq!(before["document"]["refused"], Value::Null);
    assert_eq!(before["xds"]["nodes"][0]["version"], before["document"]["version"]);
    write_config(gateway, &named("second", simulator).to_string());
    eventually(SOON, "the new document is in force", async || answering(gateway).await == "second").await;
    let after = config_status(gateway).await;
    assert_ne!(after["document"]["version"], before["document"]["version"]);
    assert!(gateway.log().contains("configuration reloaded"), "{}", gateway.log());
}

async fn a_hangup_reads_the_file_again_and_what_did_not_change_is_no_change(gateway: &Gateway, simulator: &Simulator) {
    let before = until_status(gateway, "the first document has arrived", is_settled).await;
    gateway.signal(Signal::Reload);
    eventually(SOON, "the file is read", async || gateway.log().contains("configuration reloaded")).await;
    let after = config_status(gateway).await;
    assert_eq!(after["xds"]["nodes"][0], before["xds"]["nodes"][0], "nothing was sent");
    change(gateway, &named("second", simulator)).await;
    assert_eq!(answering(gateway).await, "second");
}

async fn problems_are_all_told_and_the_former_document_serves(gateway: &Gateway, simulator: &Simulator) {
    let version = config_status(gateway).await["document"]["version"].clone();
    let mut bad = named("second", simulator);
    bad["backends"][0]["timeout_seconds"] = json!("soon");
    bad["router"]["default_backends"] = json!([{"backend": "third", "weight": 1.0}]);
    bad["virtual_keys"][0]["token"] = json!("${NOT_SET_ANYWHERE}");
    gateway.reload(&bad);
    let status = until_status(gateway, "the document is refused", |status| !problems(status).is_empty()).await;
    let (shown, log) = (problems(&status).join("\n"), gateway.log());
    for path in ["backends[0].timeout_seconds", "router.default_backends[0]", "virtual_keys[0].token"] {
        assert!(shown.contains(path), "{path} is not in the status: {shown}");
        assert!(log.contains(path), "{path} is not in the log: {log}");
    }
    assert!(status["document"]["refused"]["at_ms"].as_u64().is_some());
    assert_eq!(status["document"]["version"], version);
    assert_eq!(answering(gateway).await, "first");

    // No JSON at all, and no file at all, are problems like others.
    write_config(gateway, "{\"backends\": [");
    until_status(gateway, "half a document is refused", |status| problems(status) != shown.lines().collect::<Vec<_>>())
        .await;
    std::fs::remove_file(gateway.config_path()).unwrap();
    gateway.signal(Signal::Reload);
    until_status(gateway, "a missing file is refused", |status| problems(status).join("").contains("No such file"))
        .await;
    assert_eq!(answering(gateway).await, "first");

    change(gateway, &named("second", simulator)).await;
    assert_eq!(config_status(gateway).await["document"]["refused"], Value::Null);
    assert_eq!(answering(gateway).await, "second");
}

async fn what_envoy_refuses_is_told_in_its_words(gateway: &Gateway, simulator: &Simulator) {
    // Our checks see nothing wrong with it; Envoy takes no header value as long as this.
    gateway.reload(&named(&"long".repeat(5_000), simulator));
    let halted = |status: &Value| status["xds"]["nodes"][0]["stage"] == "halted";
    let status = until_status(gateway, "Envoy refuses the document", halted).await;
    let refusal = &status["xds"]["nodes"][0]["types"]["route"]["nacked"]["message"];
    assert!(refusal.as_str().is_some_and(|message| message.contains("longlong")), "{status:#}");
    eventually(SOON, "the log tells it", async || gateway.log().contains("Envoy refused")).await;
    assert_eq!(answering(gateway).await, "first");

    change(gateway, &named("third", simulator)).await;
    assert_eq!(answering(gateway).await, "third");
    let status = config_status(gateway).await;
    assert_eq!(status["xds"]["nodes"][0]["types"]["route"]["nacked"], Value::Null, "{status:#}");
}

#[tokio::test]
async fn a_module_that_is_gone_stops_changes_and_not_requests() {
    let simulator = Simulator::start();
    let modules = tempfile::tempdir().unwrap();
    let module = modules.path().join("filter.wasm");
    std::fs::copy(Part::Filter.expect(), &module).unwrap();
    let filter = format!("--filter={}", module.display());
    let gateway = start(named("first", &simulator), &[&filter]).await;
    until_status(&gateway, "the first document has arrived", is_settled).await;
    std::fs::remove_file(&module).unwrap();
    gateway.reload(&named("second", &simulator));
    let status =
        until_status(&gateway, "Envoy refuses it", |status| status["xds"]["nodes"][0]["stage"] == "halted").await;
    let refusal = &status["xds"]["nodes"][0]["types"]["extension_config"]["nacked"]["message"];
    assert!(refusal.as_str().is_some_and(|message| message.contains("filter.wasm")), "{status:#}");
    assert_eq!(answering(&gateway).await, "first");
    std::fs::copy(Part::Filter.expect(), &module).unwrap();
    change(&gateway, &named("third", &simulator)).await;
    assert_eq!(answering(&gateway).await, "third");
}

#[tokio::test]
async fn backends_may_have_any_name() {
    let simulator = Simulator::start();
    let names = ["a/b", "100 %", "%REQ(authorization)%", "\"q\" \\ {x}", "gr\u{fc}n \u{4e2d}", "a,b;c=d"];
    let backends: Vec<_> = names.iter().map(|name| backend(name, &simulator.base_url(), "cred")).collect();
    let mut document = document(&backends, &["a/b"]);
    let rule = |(at, name): (usize, &&str)| json!({"model_prefix": format!("m{at}"), "exact": true, "backend": name});
    document["router"]["rules"] = names.iter().enumerate().map(rule).collect();
    // One chain: the name is then told by the endpoint and not by the route.
    document["router"]["rules"][1] = json!({"model_prefix": "m1", "exact": true, "backends": [
        {"backend": names[1], "weight": 1.0}, {"backend": names[4], "weight": 1e-12}]});
    let gateway = ready(Gateway::start(document, &[]).await).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for (at, name) in names.iter().enumerate() {
        let request = client.post("/v1/chat/completions", &ditto_tests::support::chat_with(&format!("m{at}")));
        let response = request.send().await.expect_status(200).await;
        assert_eq!(response.headers["x-ditto-backend"].as_bytes(), name.as_bytes(), "{name}");
    }
    until_status(&gateway, "nothing was refused", is_in_use).await;
}
