//! The admin API, behind the listener and at the control address.

use ditto_tests::client::{Client, Response};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use ditto_tests::support::{SOON, new_key, ready, start};

async fn body(response: Response, status: u16) -> Value {
    response.expect_status(status).await.json().await
}

async fn ids(client: &Client, query: &str) -> Vec<String> {
    let keys = body(client.get(&format!("/admin/keys{query}")).send().await, 200).await;
    for key in keys.as_array().unwrap() {
        assert_eq!(key["token"], "redacted");
    }
    keys.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

async fn until_status(gateway: &Gateway, token: &str, status: u16) {
    eventually(SOON, &format!("the key gets {status}"), async || {
        gateway.client().get("/v1/files").bearer(token).send().await.status == status
    })
    .await;
}

#[tokio::test]
async fn keys_are_managed_by_whoever_has_the_admin_token() {
    let simulator = Simulator::start();
    let gateway = start(config::single(&simulator), &[]).await;
    only_the_admin_token_opens_the_admin_api(&gateway).await;
    assert_eq!(simulator.requests().len(), 0);
    keys_are_created_listed_changed_and_deleted_at_either_address(&gateway).await;
    a_token_is_shown_once_and_never_again(&gateway).await;
}

async fn keys_are_created_listed_changed_and_deleted_at_either_address(gateway: &Gateway) {
    for client in [gateway.admin(), gateway.control_client().with_header("x-admin-token", ADMIN_TOKEN)] {
        assert_eq!(ids(&client, "").await, ["harness"]);
        let made = body(client.post("/admin/keys", &json!({"id": "made", "tenant_id": "t1"})).send().await, 201).await;
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with("sk-ditto-") && token.len() > 40, "{token}");
        until_status(gateway, token, 200).await;
        let given = json!({"id": "given", "token": "sk-given-by-the-operator", "enabled": true, "user_id": "u1"});
        assert_eq!(body(client.post("/admin/keys", &given).send().await, 201).await["token"], "redacted");
        until_status(gateway, "sk-given-by-the-operator", 200).await;
        assert_eq!(ids(&client, "").await, ["given", "harness", "made"]);
        assert_eq!(ids(&client, "?tenant_id=t1").await, ["made"]);
        assert_eq!(ids(&client, "?user_id=u1").await, ["given"]);
        assert_eq!(ids(&client, "?id_prefix=ha&enabled=true").await, ["harness"]);
        assert_eq!(ids(&client, "?limit=1&offset=1").await, ["harness"]);

        let disabled = json!({"token": "redacted", "enabled": false, "tenant_id": "t2"});
        assert_eq!(body(client.put("/admin/keys/made", &disabled).send().await, 200).await["enabled"], false);
        until_status(gateway, token, 401).await;
        assert_eq!(
            (ids(&client, "?enabled=false").await, ids(&client, "?tenant_id=t2").await.len()),
            (vec!["made".into()], 1)
        );
        body(client.put("/admin/keys/made", &json!({"token": "redacted", "enabled": true})).send().await, 200).await;
        until_status(gateway, token, 200).await;
        body(client.put("/admin/keys/made", &new_key("ignored", "sk-rotated")).send().await, 200).await;
        until_status(gateway, "sk-rotated", 200).await;
        until_status(gateway, token, 401).await;

        for id in ["made", "given"] {
            client.delete(&format!("/admin/keys/{id}")).send().await.expect_status(204).await;
            let gone = body(client.delete(&format!("/admin/keys/{id}")).send().await, 404).await;
            assert_eq!(gone["error"]["code"], "not_found");
        }
        until_status(gateway, "sk-rotated", 401).await;
        until_status(gateway, "sk-given-by-the-operator", 401).await;
    }
    assert!(!gateway.log().contains("sk-given-by-the-operator"));
}

async fn a_token_is_shown_once_and_never_again(gateway: &Gateway) {
    let admin = gateway.admin();
    let made = body(admin.post("/admin/keys", &json!({"id": "made"})).send().await, 201).await;
    let token = made["token"].as_str().unwrap();
    let again = admin.post("/admin/keys", &json!({"id": "made", "tenant_id": "t"})).send().await;
    assert_eq!(body(again, 200).await["token"], "redacted");
    assert!(!admin.get("/admin/keys").send().await.text().await.contains(token));
    let refused = body(admin.get("/admin/keys?include_tokens=true").send().await, 409).await;
    assert_eq!(refused["error"]["code"], "secret_unavailable");
    assert!(!gateway.log().contains(token));
    // A token belongs to one key.
    let taken = body(admin.post("/admin/keys", &new_key("thief", token)).send().await, 409).await;
    assert_eq!(taken["error"]["code"], "conflict");
    assert!(!taken.to_string().contains(token));
}

async fn only_the_admin_token_opens_the_admin_api(gateway: &Gateway) {
    for client in [gateway.client(), gateway.control_client()] {
        let almost = [TOKEN.to_owned(), ADMIN_TOKEN[1..].to_owned(), format!("{ADMIN_TOKEN}x"), String::new()];
        for token in almost {
            for request in
                [client.get("/admin/keys").bearer(&token), client.get("/admin/keys").header("x-admin-token", &token)]
            {
                let refused = body(request.send().await, 401).await;
                assert_eq!(refused["error"]["code"], "unauthorized");
            }
        }
        client.get("/admin/keys").bearer(ADMIN_TOKEN).send().await.expect_status(200).await;
        client.get("/admin/keys").header("x-admin-token", ADMIN_TOKEN).send().await.expect_status(200).await;
        let both = client.get("/admin/keys").bearer(TOKEN).header("x-admin-token", ADMIN_TOKEN);
        both.send().await.expect_status(200).await;
        // The admin token is no virtual key.
        let through = gateway.client().get("/v1/files").bearer(ADMIN_TOKEN).send().await;
        through.expect_status(401).await;
    }
}

#[tokio::test]
async fn keys_survive_a_restart_in_sqlite_and_deleted_ones_stay_deleted() {
    let simulator = Simulator::start();
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("ditto.sqlite");
    let arguments = ["--sqlite", database.to_str().unwrap()];
    let mut document = config::single(&simulator);
    document["virtual_keys"] = json!([config::key("harness", TOKEN), config::key("doomed", "sk-doomed")]);
    let gateway = start(document.clone(), &arguments).await;
    let admin = gateway.admin();
    let made = body(admin.post("/admin/keys", &json!({"id": "made", "project_id": "p"})).send().await, 201).await;
    let token = made["token"].as_str().unwrap();
    admin.delete("/admin/keys/doomed").send().await.expect_status(204).await;
    admin
        .post("/admin/keys", &json!({"id": "off", "token": "sk-off", "enabled": false}))
        .send()
        .await
        .expect_status(201)
        .await;
    let (status, _) = gateway.stop();
    assert!(status.success());

    let gateway = ready(Gateway::start(document, &arguments).await).await;
    let client = gateway.client();
    client.get("/v1/files").bearer(token).send().await.expect_status(200).await;
    client.get("/v1/files").bearer(TOKEN).send().await.expect_status(200).await;
    for refused in ["sk-doomed", "sk-off"] {
        client.get("/v1/files").bearer(refused).send().await.expect_status(401).await;
    }
    assert_eq!(ids(&gateway.admin(), "").await, ["harness", "made", "off"]);
    assert_eq!(ids(&gateway.admin(), "?project_id=p").await, ["made"]);
}

#[tokio::test]
async fn the_status_shows_what_envoy_has_acknowledged() {
    let simulator = Simulator::start();
    let gateway = start(config::routed(&[("one", &simulator), ("two", &simulator)]), &[]).await;
    for client in [gateway.admin(), gateway.control_client().with_bearer(ADMIN_TOKEN)] {
        let mut status = Value::Null;
        eventually(SOON, "everything is acknowledged", async || {
            status = body(client.get("/admin/config/status").send().await, 200).await;
            let nodes = status["xds"]["nodes"].as_array().unwrap();
            nodes.len() == 1 && nodes[0]["version"] == status["document"]["version"] && nodes[0]["stage"] == "settled"
        })
        .await;
        assert_eq!(status["document"]["refused"], Value::Null, "{status:#}");
        let types = status["xds"]["nodes"][0]["types"].clone();
        for (name, ty) in types.as_object().unwrap_or_else(|| panic!("{status:#}")) {
            assert!(ty["acked"].is_string() || ty["acked"].is_object(), "{name}: {status:#}");
            assert_eq!(ty["nacked"], Value::Null, "{name}: {status:#}");
        }
        assert!(types.as_object().unwrap().len() >= 4, "{status:#}");
    }
}
