//! Configurations over the admin API: looking at one, installing it, going back, and what others make of it.

use ditto_test_redis::{Options, RedisServer};
use ditto_tests::client::{Client, Outgoing};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::{backend, config_status, document};
use ditto_tests::support::{SOON, ready, start};

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

/// A document without a literal secret that sends everything to the backend `name`.
fn installable(simulator: &Simulator, name: &str) -> Value {
    let mut document = document(&[backend(name, &simulator.base_url(), "${TEST_CREDENTIAL}")], &[name]);
    document["virtual_keys"][0]["token"] = json!("${TEST_TOKEN}");
    document
}

async fn with_variables(document: Value, args: &[&str]) -> Gateway {
    let builder = Gateway::builder(document).args(args).env("TEST_CREDENTIAL", "cred-secret").env("TEST_TOKEN", TOKEN);
    ready(builder.start().await).await
}

async fn is_answered_by(gateway: &Gateway, name: &str) {
    eventually(SOON, &format!("{name} answers"), async || {
        let reply = gateway.client().get("/v1/files").bearer(TOKEN).send().await;
        reply.status == 200 && reply.header("x-ditto-backend") == Some(name)
    })
    .await;
}

async fn answer(request: Outgoing, status: u16) -> Value {
    request.send().await.expect_status(status).await.json().await
}

/// The ids of all versions, latest first, as numbers.
async fn versions(gateway: &Gateway) -> Vec<u64> {
    let list = answer(gateway.admin().get("/admin/config/versions"), 200).await;
    let number = |version: &Value| version["id"].as_str().unwrap().trim_start_matches("cfgv-").parse().unwrap();
    list.as_array().unwrap().iter().map(number).collect()
}

#[tokio::test]
async fn a_document_is_installed_over_the_api_survives_a_restart_and_is_rolled_back() {
    let simulator = Simulator::start();
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("ditto.sqlite");
    let args = ["--sqlite", database.to_str().unwrap()];
    let gateway = with_variables(installable(&simulator, "one"), &args).await;
    is_answered_by(&gateway, "one").await;
    let admin = gateway.admin();
    let before = admin.get("/admin/config").send().await.expect_status(200).await;
    let tag = before.header("etag").unwrap().to_owned();
    let second = installable(&simulator, "two");
    let installed = answer(admin.put("/admin/config?comment=move", &second).header("if-match", &tag), 200).await;
    assert_eq!((&installed["author"], &installed["comment"]), (&json!("admin"), &json!("move")));
    is_answered_by(&gateway, "two").await;
    let late =
        answer(admin.put("/admin/config", &installable(&simulator, "three")).header("if-match", &tag), 412).await;
    assert_eq!(late["error"]["code"], "version_mismatch", "{late}");
    let shown = answer(admin.get("/admin/config"), 200).await;
    assert_eq!(shown["document"], second, "references are shown as they are");
    let refused = answer(admin.put("/admin/config", &first(&simulator)), 400).await;
    assert_eq!(refused["error"]["code"], "invalid_configuration");
    assert!(!refused.to_string().contains("cred-one") && !refused.to_string().contains(TOKEN), "{refused}");
    gateway.client().put("/admin/config", &second).bearer(TOKEN).send().await.expect_status(401).await;
    let (status, log) = gateway.stop();
    assert!(status.success() && !log.contains("cred-secret") && !log.contains(TOKEN));
    let kept = std::fs::read(&database).unwrap();
    assert!(!kept.windows(11).any(|bytes| bytes == b"cred-secret"), "references are kept, not what they stand for");

    let gateway = with_variables(installable(&simulator, "one"), &args).await;
    is_answered_by(&gateway, "two").await;
    let back = answer(gateway.admin().post("/admin/config/rollback", &json!({"version": "1"})), 200).await;
    assert_eq!(back["rollback_of"], "cfgv-00000000000000000001", "{back}");
    is_answered_by(&gateway, "one").await;
    gateway.reload(&installable(&simulator, "edited"));
    is_answered_by(&gateway, "edited").await;
    assert_eq!(versions(&gateway).await, [4, 3, 2, 1]);
    let first = answer(gateway.admin().get("/admin/config/versions/1"), 200).await;
    assert_eq!((&first["author"], &first["document"]["backends"][0]["name"]), (&json!("file"), &json!("one")));
    answer(gateway.admin().get("/admin/config/versions/9"), 404).await;
}

#[tokio::test]
async fn what_one_gateway_installs_is_in_force_in_the_other() {
    let redis = RedisServer::start_with(Options::aof());
    let simulator = Simulator::start();
    let url = redis.url();
    let args = ["--redis", url.as_str()];
    let start = || with_variables(installable(&simulator, "one"), &args);
    let (one, two) = tokio::join!(start(), start());
    assert_eq!(versions(&two).await, [1], "both began with the same document");
    answer(one.admin().put("/admin/config", &installable(&simulator, "two")), 200).await;
    for gateway in [&one, &two] {
        is_answered_by(gateway, "two").await;
    }
    let installed = config_status(&two).await["document"]["config_version"].clone();
    assert_eq!(installed, "cfgv-00000000000000000002");
    two.reload(&installable(&simulator, "three"));
    is_answered_by(&one, "three").await;
    redis.kill();
    let refused = answer(two.admin().put("/admin/config", &installable(&simulator, "four")), 500).await;
    assert_eq!(refused["error"]["code"], "storage_error");
    is_answered_by(&two, "three").await;
    redis.restart();
    eventually(SOON, "Redis is back", async || {
        let asked = two.admin().put("/admin/config", &installable(&simulator, "four")).send().await;
        asked.status == 200
    })
    .await;
    is_answered_by(&one, "four").await;
}
