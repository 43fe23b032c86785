//! Without virtual keys: the documentation's two modes, and how to have neither.

use ditto_tests::harness::config::PROVIDER_KEY;
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::change;
use ditto_tests::support::{SOON, chat, expect_error, start};

use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;

/// The gateway holds the provider's key (mode A), or the client does (mode B).
fn document(simulator: &Simulator, headers: Value) -> Value {
    json!({
        "backends": [{
            "name": "primary",
            "base_url": simulator.base_url(),
            "max_in_flight": 64,
            "timeout_seconds": 60,
            "headers": headers,
            "query_params": {},
        }],
        "virtual_keys": [],
        "router": {"default_backends": [{"backend": "primary", "weight": 1.0}], "rules": []},
    })
}

fn mode_a(simulator: &Simulator) -> Value {
    document(simulator, json!({"authorization": format!("Bearer {PROVIDER_KEY}")}))
}

#[tokio::test]
async fn an_open_relay_serves_everybody_until_the_first_key() {
    let simulator = Simulator::start();
    let gateway = start(mode_a(&simulator), &[]).await;
    in_mode_a_no_key_is_needed_and_the_backends_overrides_the_clients(&gateway, &simulator).await;
    change(&gateway, &document(&simulator, json!({}))).await;
    in_mode_b_the_clients_authorization_goes_upstream_as_it_is(&gateway, &simulator).await;
    change(&gateway, &mode_a(&simulator)).await;
    the_first_key_closes_an_open_relay(&gateway, &simulator).await;
}

async fn in_mode_a_no_key_is_needed_and_the_backends_overrides_the_clients(gateway: &Gateway, simulator: &Simulator) {
    let client = gateway.client();
    client.get("/v1/files").send().await.expect_status(200).await;
    client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    client.get("/v1/files").bearer("sk-clients-own").send().await.expect_status(200).await;
    for request in simulator.requests() {
        let expected = format!("Bearer {PROVIDER_KEY}");
        assert_eq!(request.header_values("authorization").collect::<Vec<_>>(), [expected]);
        assert!(!request.mentions("sk-clients-own"));
    }
    let warnings = gateway.log().matches("the gateway is an open relay").count();
    assert_eq!(warnings, 1, "said once: {}", gateway.log());
}

async fn in_mode_b_the_clients_authorization_goes_upstream_as_it_is(gateway: &Gateway, simulator: &Simulator) {
    let client = gateway.client();
    for authorization in ["Bearer sk-clients-own", "bearer  odd  spacing", "Basic dXNlcjpwYXNz"] {
        let request = client.post("/v1/chat/completions", &chat()).header("authorization", authorization);
        request.send().await.expect_status(200).await;
        assert_eq!(simulator.last_request().header_values("authorization").collect::<Vec<_>>(), [authorization]);
    }
    client.get("/v1/files").header("x-api-key", "sk-other").send().await.expect_status(200).await;
    assert_eq!(simulator.last_request().header("x-api-key"), Some("sk-other"));
    client.get("/v1/files").send().await.expect_status(200).await;
    assert_eq!(simulator.last_request().header("authorization"), None);
    // What carries virtual keys and nothing else stays here in any mode.
    let request = client.get("/v1/files?key=own&limit=2").header("x-ditto-virtual-key", "vk-1");
    request.header("x-litellm-api-key", "vk-2").send().await.expect_status(200).await;
    let seen = simulator.last_request();
    assert!(!seen.mentions("vk-1") && !seen.mentions("vk-2"), "{seen:?}");
    assert_eq!(seen.query(), Some("key=own&limit=2"));
}

#[tokio::test]
async fn with_keys_required_an_empty_list_refuses_everybody_until_a_key_is_created() {
    let simulator = Simulator::start();
    let gateway = start(mode_a(&simulator), &["--require-virtual-keys"]).await;
    let client = gateway.client();
    expect_error(client.get("/v1/files").send().await, 401, "invalid_api_key").await;
    expect_error(client.get("/v1/files").bearer("sk-clients-own").send().await, 401, "invalid_api_key").await;
    assert_eq!(simulator.requests().len(), 0);
    assert!(!gateway.log().contains("open relay"), "{}", gateway.log());
    let created = gateway.admin().post("/admin/keys", &json!({"id": "first"})).send().await.expect_status(201).await;
    let token = { created }.json().await["token"].as_str().unwrap().to_owned();
    use_works(&gateway, &token).await;
}

async fn the_first_key_closes_an_open_relay(gateway: &Gateway, simulator: &Simulator) {
    let client = gateway.client();
    client.get("/v1/files").send().await.expect_status(200).await;
    let created = gateway.admin().post("/admin/keys", &json!({"id": "first"})).send().await.expect_status(201).await;
    let token = { created }.json().await["token"].as_str().unwrap().to_owned();
    eventually(SOON, "nobody is served without a key", async || client.get("/v1/files").send().await.status == 401)
        .await;
    // It stays closed, and what is not a key goes no way upstream.
    simulator.forget_requests();
    for _ in 0..20 {
        expect_error(client.get("/v1/files").bearer("sk-clients-own").send().await, 401, "invalid_api_key").await;
    }
    assert_eq!(simulator.requests().len(), 0);
    use_works(gateway, &token).await;
    assert!(!simulator.last_request().mentions(&token));
}

#[tokio::test]
async fn neither_a_reload_nor_a_restart_opens_a_relay_again() {
    let simulator = Simulator::start();
    let place = tempfile::tempdir().unwrap();
    let sqlite = place.path().join("keys.sqlite");
    let args = ["--sqlite", sqlite.to_str().unwrap()];
    let gateway = start(mode_a(&simulator), &args).await;
    let client = gateway.client();
    client.get("/v1/files").send().await.expect_status(200).await;
    gateway.admin().post("/admin/keys", &json!({"id": "first"})).send().await.expect_status(201).await;
    gateway.admin().delete("/admin/keys/first").send().await.expect_status(204).await;
    eventually(SOON, "nobody is served without a key", async || client.get("/v1/files").send().await.status == 401)
        .await;
    // Another timeout, so that it shows when the reloaded document is in force.
    let mut changed = mode_a(&simulator);
    changed["backends"][0]["timeout_seconds"] = json!(61);
    change(&gateway, &changed).await;
    simulator.forget_requests();
    for _ in 0..20 {
        expect_error(client.get("/v1/files").send().await, 401, "invalid_api_key").await;
    }
    drop(gateway);
    let gateway = start(mode_a(&simulator), &args).await;
    expect_error(gateway.client().get("/v1/files").send().await, 401, "invalid_api_key").await;
    assert_eq!(simulator.requests().len(), 0);
    assert!(!gateway.log().contains("open relay"), "{}", gateway.log());
    assert!(gateway.log().contains("no virtual key is in force"), "{}", gateway.log());
}

async fn use_works(gateway: &Gateway, token: &str) {
    eventually(SOON, "the created key works", async || {
        gateway.client().get("/v1/files").bearer(token).send().await.status == 200
    })
    .await;
}
