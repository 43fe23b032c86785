//! Looking at configurations before they are in force, over the admin API.

use ditto_tests::client::Client;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::{backend, config_status, document};
use ditto_tests::support::start;

async fn validate(admin: &Client, document: &Value) -> Value {
    admin.post("/admin/config/validate", document).send().await.expect_status(200).await.json().await
}

/// The document that the gateway was started with.
fn first(simulator: &Simulator) -> Value {
    document(&[backend("one", &simulator.base_url(), "cred-one")], &["one"])
}

async fn started(simulator: &Simulator) -> Gateway {
    start(first(simulator), &[]).await
}

#[tokio::test]
async fn a_document_is_judged_by_what_it_would_change_and_nothing_changes() {
    let simulator = Simulator::start();
    let gateway = started(&simulator).await;
    let before = config_status(&gateway).await["document"].clone();
    let mut wanted = first(&simulator);
    wanted["backends"].as_array_mut().unwrap().push(backend("two", "http://127.0.0.1:9/v1", "${NOT_A_SECRET}"));
    wanted["router"]["rules"] = json!([{"model_prefix": "gpt-", "backend": "two"}]);
    let missing = validate(&gateway.admin(), &wanted).await;
    assert_eq!(missing["valid"], false, "{missing}");
    assert!(missing["problems"][0].as_str().unwrap().starts_with("backends[1].headers.authorization: "), "{missing}");

    wanted["backends"][1]["headers"] = json!({"x-org": "cred-two"});
    let told = validate(&gateway.admin(), &wanted).await;
    assert_eq!(told["valid"], true, "{told}");
    assert_eq!(told["effects"]["clusters"], json!({"added": ["two"], "removed": [], "changed": []}));
    let model = &told["effects"]["models"][0];
    assert_eq!((&model["model"], &model["to"][0]["backend"]), (&json!("gpt-*"), &json!("two")), "{told}");
    let paths = told["differences"]["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap());
    assert_eq!(paths.collect::<Vec<_>>(), ["backends[\"two\"]", "router.rules[0]"]);
    for secret in ["cred-two", "cred-one", config::TOKEN] {
        assert!(!told.to_string().contains(secret), "{told}");
    }
    assert_eq!(config_status(&gateway).await["document"], before);
    let refused = gateway.client().post("/admin/config/validate", &wanted).bearer(config::TOKEN).send().await;
    refused.expect_status(401).await;
}
