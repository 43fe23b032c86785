//! What tests need that change the configuration, or look into Envoy and the processes.

use std::fs;
use std::time::Duration;

use ditto_tests::eventually::eventually_some;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use ditto_tests::support::SOON;

/// A body of server-sent events that says `words` words, one in each event.
pub(super) fn streamed_chat(model: &str, words: usize) -> Value {
    let said = format!("Please say {words} words.");
    json!({"model": model, "stream": true, "messages": [{"role": "user", "content": said}]})
}

/// A backend with its own credential.
pub(super) fn backend(name: &str, base_url: &str, credential: &str) -> Value {
    json!({"name": name, "base_url": base_url, "headers": {"authorization": format!("Bearer {credential}")}})
}

/// A document with the harness's key that sends everything to `candidates`, in order.
pub(super) fn document(backends: &[Value], candidates: &[&str]) -> Value {
    // A weight that is next to nothing: the first is always chosen, the others are there to fall back on.
    let weight = |place: usize| if place == 0 { 1.0 } else { 1e-12 };
    let candidates = candidates.iter().enumerate();
    let candidates: Vec<_> = candidates.map(|(at, name)| json!({"backend": name, "weight": weight(at)})).collect();
    json!({
        "backends": backends,
        "virtual_keys": [config::key(config::KEY_ID, config::TOKEN)],
        "router": {"default_backends": candidates, "rules": []},
    })
}

/// A simulator that answers every path with a small JSON body of its own.
pub(super) fn answering(name: &str) -> Simulator {
    let simulator = Simulator::named(name);
    simulator.fault_always(Fault::scripted("application/json", [json!({"from": name}).to_string()]));
    simulator
}

/// `GET /admin/config/status`.
pub(super) async fn config_status(gateway: &Gateway) -> Value {
    let admin = gateway.control_client().with_bearer(ditto_tests::harness::ADMIN_TOKEN);
    admin.get("/admin/config/status").send().await.expect_status(200).await.json().await
}

/// Waits for a status, and returns it.
pub(super) async fn until_status(gateway: &Gateway, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually_some(SOON, what, async || Some(config_status(gateway).await).filter(&holds)).await
}

/// Whether the only node works by the document in force, though former resources may still be there.
pub(super) fn is_in_use(status: &Value) -> bool {
    let node = &status["xds"]["nodes"][0];
    let late = ["grace", "retiring_routes", "retiring_clusters", "settled"];
    node["version"] == status["document"]["version"] && late.iter().any(|stage| node["stage"] == *stage)
}

/// Whether the only node has the document in force and nothing else.
pub(super) fn is_settled(status: &Value) -> bool {
    is_in_use(status) && status["xds"]["nodes"][0]["stage"] == "settled"
}

/// Replaces the configuration and waits until requests are decided by it.
pub(super) async fn change(gateway: &Gateway, document: &Value) -> Value {
    let before = config_status(gateway).await["document"]["version"].clone();
    gateway.reload(document);
    until_status(gateway, "the new document is in use", |status| {
        status["document"]["version"] != before && is_in_use(status)
    })
    .await
}

/// One of Envoy's statistics.
pub(super) async fn statistic(gateway: &Gateway, name: &str) -> u64 {
    let text = gateway.envoy_admin(&format!("/stats?filter=^{name}$")).await;
    let value = text.trim().rsplit(' ').next().and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no statistic {name}: {text}"))
}

/// Names of the clusters that Envoy was given over xDS.
pub(super) async fn clusters(gateway: &Gateway) -> Vec<String> {
    let dump: Value = serde_json::from_str(&gateway.envoy_admin("/config_dump").await).unwrap();
    let mut names = Vec::new();
    for section in dump["configs"].as_array().unwrap() {
        for list in ["dynamic_active_clusters", "dynamic_warming_clusters"] {
            let listed = section[list].as_array().into_iter().flatten();
            names.extend(listed.map(|entry| entry["cluster"]["name"].as_str().unwrap().to_owned()));
        }
    }
    names.sort();
    names
}

/// Replaces the file's text, and sends no signal. In one step, so that half of it is never read.
pub(super) fn write_config(gateway: &Gateway, text: &str) {
    let fresh = gateway.directory().join("written.json");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, gateway.config_path()).unwrap();
}

/// The memory that a process holds, in bytes.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// A pause that is part of what a test does, not a wait for something.
pub(super) async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
