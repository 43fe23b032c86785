//! Credentials that the control plane obtains: before anything is served, and again before they expire.

use std::fs;
use std::path::PathBuf;

use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rig::{answering, clusters, config_status, document, is_settled, until_status, write_config};
use ditto_tests::support::{SOON, chat, start};

/// A file that a command prints: `{"token": …, "expires_in": …}`.
struct Vault {
    _place: TempDir,
    file: PathBuf,
}

impl Vault {
    fn new(token: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let vault = Self { file: place.path().join("token"), _place: place };
        vault.put(token);
        vault
    }

    /// Puts another token there, in one step. It is good for two seconds.
    fn put(&self, token: &str) {
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, json!({"token": token, "expires_in": 2}).to_string()).unwrap();
        fs::rename(fresh, &self.file).unwrap();
    }

    /// A backend that speaks OpenAI's API with the token of this vault.
    fn backend(&self, name: &str, simulator: &Simulator) -> Value {
        with_command(name, simulator, &["cat", &self.file.to_string_lossy()])
    }
}

fn with_command(name: &str, simulator: &Simulator, command: &[&str]) -> Value {
    json!({"name": name, "provider": "openai", "base_url": simulator.base_url(),
        "provider_config": {"auth": {"type": "command", "command": command}}})
}

/// The credential that the next request has.
async fn credential(gateway: &Gateway, simulator: &Simulator) -> String {
    let client = gateway.client().with_bearer(TOKEN);
    client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    simulator.last_request().header("authorization").unwrap_or_default().to_owned()
}

async fn until_credential(gateway: &Gateway, simulator: &Simulator, expected: &str) {
    let expected = format!("Bearer {expected}");
    eventually(SOON, &expected, async || credential(gateway, simulator).await == expected).await;
}

#[tokio::test]
async fn a_refreshed_token_is_used_and_no_cluster_changes() {
    let (simulator, vault) = (Simulator::start(), Vault::new("planted-one"));
    let gateway = start(document(&[vault.backend("one", &simulator)], &["one"]), &[]).await;
    assert_eq!(credential(&gateway, &simulator).await, "Bearer planted-one");
    let before = clusters(&gateway).await;
    vault.put("planted-two");
    until_credential(&gateway, &simulator, "planted-two").await;
    assert_eq!(clusters(&gateway).await, before);
    for (place, text) in [
        ("the log", gateway.log()),
        ("the status", config_status(&gateway).await.to_string()),
        ("Envoy's configuration", gateway.envoy_admin("/config_dump").await),
    ] {
        assert!(!text.contains("planted"), "{place} shows a token: {text}");
    }
}

#[tokio::test]
async fn a_token_that_only_the_filter_knows_is_refreshed_too() {
    let (simulator, vault) = (Simulator::start(), Vault::new("one"));
    // A second candidate that differs: each attempt is prepared for itself.
    let other = json!({"name": "two", "base_url": answering("two").base_url(), "headers": {"authorization": "x"}});
    let gateway = start(document(&[vault.backend("one", &simulator), other], &["one", "two"]), &[]).await;
    assert_eq!(credential(&gateway, &simulator).await, "Bearer one");
    vault.put("two");
    until_credential(&gateway, &simulator, "two").await;
}

#[tokio::test]
async fn a_source_that_fails_leaves_the_former_token_and_is_asked_again() {
    let (simulator, vault) = (Simulator::start(), Vault::new("one"));
    let gateway = start(document(&[vault.backend("one", &simulator)], &["one"]), &[]).await;
    fs::remove_file(&vault.file).unwrap();
    eventually(SOON, "the failure is told", async || gateway.log().contains("could not be refreshed")).await;
    assert_eq!(credential(&gateway, &simulator).await, "Bearer one");
    vault.put("two");
    until_credential(&gateway, &simulator, "two").await;
}

#[tokio::test]
async fn without_its_token_a_gateway_does_not_start_and_a_change_is_refused() {
    let (simulator, vault) = (Simulator::start(), Vault::new("one"));
    let broken = document(&[with_command("one", &simulator, &["sh", "-c", "echo planted; exit 7"])], &["one"]);
    let failure = Gateway::builder(broken.clone()).try_start().await.expect_err("it must not start");
    let expected = "backend 'one': provider_config.auth: no credential could be obtained: the command `sh` failed \
                    (exit status: 7): run it by hand to see why";
    assert!(failure.log.contains(expected) && !failure.log.contains("planted"), "{}", failure.log);

    let gateway = start(document(&[vault.backend("one", &simulator)], &["one"]), &[]).await;
    until_status(&gateway, "the first document has arrived", is_settled).await;
    write_config(&gateway, &broken.to_string());
    let refused = |status: &Value| status["document"]["refused"].to_string().contains("exit status: 7");
    until_status(&gateway, "the change is refused", refused).await;
    assert_eq!(credential(&gateway, &simulator).await, "Bearer one");
}
