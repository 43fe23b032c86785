//! Lists of models through the real Envoy.

use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{PROVIDER_KEY, TOKEN};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::rig::{backend, change, document};
use ditto_tests::support::{SOON, expect_error, start};

fn with_models(name: &str, models: &[&str]) -> Simulator {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    Simulator::start_with(SimulatorConfig { name: name.into(), models, ..SimulatorConfig::default() }).unwrap()
}

fn ids(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn all_backends_are_one_list_for_every_kind_of_client() {
    let (one, two) = (with_models("one", &["gpt-b", "gpt-a"]), with_models("two", &["gpt-a", "gpt-c"]));
    let backends = [backend("one", &one.base_url(), PROVIDER_KEY), backend("two", &two.base_url(), "other-key")];
    let mut document = document(&backends, &["one", "two"]);
    let pinned = json!({"id": "pinned", "token": "sk-pinned", "enabled": true, "route": "two"});
    document["virtual_keys"].as_array_mut().unwrap().push(pinned);
    let gateway = start(document, &[]).await;
    let client = gateway.client();
    expect_error(client.get("/v1/models").send().await, 401, "invalid_api_key").await;
    assert!(one.requests().is_empty() && two.requests().is_empty());

    let mut reply = client.get("/v1/models").bearer(TOKEN).send().await.expect_status(200).await;
    assert_eq!((reply.header("x-ditto-translation"), reply.header("x-ditto-backend")), (Some("multi"), None));
    assert!(reply.header("x-request-id").is_some());
    let body = reply.json().await;
    assert_eq!((ids(&body), &body["data"][0]["owned_by"]), (vec!["gpt-a", "gpt-b", "gpt-c"], &json!("one")));
    let credentials = [(&one, PROVIDER_KEY), (&two, "other-key")];
    for (simulator, key) in credentials {
        assert_eq!(simulator.last_request().header("authorization"), Some(format!("Bearer {key}").as_str()));
        assert!(!simulator.last_request().mentions(TOKEN));
    }

    let anthropic = client.get("/v1/models?limit=1000").header("x-api-key", TOKEN);
    let body = anthropic.header("anthropic-version", "2023-06-01").send().await.expect_status(200).await.json().await;
    assert_eq!((ids(&body), &body["has_more"]), (vec!["gpt-a", "gpt-b", "gpt-c"], &json!(false)));
    assert_eq!((&body["data"][0]["type"], &body["data"][0]["display_name"]), (&json!("model"), &json!("gpt-a")));
    let gemini = client.get("/v1beta/models").header("x-goog-api-key", TOKEN);
    let body = gemini.send().await.expect_status(200).await.json().await;
    assert_eq!(body["models"][2]["name"], "models/gpt-c");
    assert_eq!(one.requests().len() + two.requests().len(), 2, "the answers are kept");

    let reply = client.get("/models/gpt-c").bearer("sk-pinned").send().await.expect_status(200).await;
    assert_eq!(reply.header("x-ditto-backend"), Some("two"));
    expect_error(client.get("/v1/models/gpt-b").bearer("sk-pinned").send().await, 404, "model_not_found").await;
}

#[tokio::test]
async fn a_changed_document_changes_the_list() {
    let simulator = with_models("one", &["gpt-a"]);
    let one = backend("one", &simulator.base_url(), PROVIDER_KEY);
    let gateway = start(document(std::slice::from_ref(&one), &["one"]), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    assert_eq!(ids(&client.get("/v1/models").send().await.json().await), ["gpt-a"]);
    let named = json!({"name": "two", "provider": "vertex", "provider_config": {
        "project": "p", "model_whitelist": ["gemini-x"], "auth": {"type": "none"}}});
    change(&gateway, &document(&[one, named], &["one"])).await;
    eventually(SOON, "the whitelist is listed", async || {
        ids(&client.get("/v1/models").send().await.json().await) == ["gemini-x", "gpt-a"]
    })
    .await;
}

#[tokio::test]
async fn an_open_relay_lists_what_the_client_may_see() {
    let simulator = with_models("one", &["gpt-a"]);
    let backend = json!({"name": "one", "base_url": simulator.base_url()});
    let gateway = start(json!({"backends": [backend], "virtual_keys": []}), &[]).await;
    let reply = gateway.client().get("/v1/models").bearer("sk-clients-own").send().await;
    assert_eq!(ids(&reply.expect_status(200).await.json().await), ["gpt-a"]);
    assert_eq!(simulator.last_request().header("authorization"), Some("Bearer sk-clients-own"));
}
