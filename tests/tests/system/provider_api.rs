//! Providers that are made over the API: what they serve, what is kept of them, and who sees them.

use std::collections::BTreeSet;

use ditto_test_redis::RedisServer;
use ditto_tests::client::{Client, Response};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use ditto_tests::support::{SOON, chat_with, expect_error, ready, start};

/// What the stores' keys are sealed under.
const SEAL: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const KEYS: [&str; 2] = ["sk-proj-first-0001", "sk-proj-second-0002"];

fn admin(gateway: &Gateway) -> Client {
    gateway.control_client().with_bearer(ADMIN_TOKEN)
}

async fn body(response: Response, status: u16) -> Value {
    response.expect_status(status).await.json().await
}

async fn try_ask(gateway: &Gateway, model: &str) -> Response {
    gateway.client().with_bearer(TOKEN).post("/v1/chat/completions", &chat_with(model)).send().await
}

/// Waits until a model is answered with a status.
async fn becomes(gateway: &Gateway, model: &str, status: u16) {
    eventually(SOON, &format!("{model} gets {status}"), async || try_ask(gateway, model).await.status == status).await;
}

fn provider(simulator: &Simulator) -> Value {
    json!({"name": "mine", "api_type": "OpenAI", "base_url": simulator.base_url(), "balance": "RoundRobin"})
}

/// A document without a backend: providers are all there is.
fn nothing() -> Value {
    json!({"backends": [], "virtual_keys": [config::key(config::KEY_ID, TOKEN)]})
}

/// The keys that the requests of a simulator carried.
fn keys_seen(simulator: &Simulator) -> BTreeSet<String> {
    let requests = simulator.requests();
    requests.iter().map(|request| request.header("authorization").unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_provider_serves_from_its_first_key_to_its_last() {
    let simulator = Simulator::start();
    let gateway = start(nothing(), &[]).await;
    let admin = gateway.admin();
    expect_error(try_ask(&gateway, "gpt-4o").await, 502, "backend_not_found").await;
    let made = body(admin.post("/providers", &provider(&simulator)).send().await, 201).await;
    let expected = json!({"name": "mine", "api_type": "openai", "base_url": simulator.base_url(), "enabled": true,
                          "balance": "round_robin", "keys": 0});
    assert_eq!(made, expected);
    becomes(&gateway, "mine/gpt-4o", 503).await;
    expect_error(try_ask(&gateway, "mine/gpt-4o").await, 503, "no_api_key").await;

    let added = admin.post("/providers/mine/keys", &json!({"key": KEYS[0], "description": "the first"})).send().await;
    let expected = json!({"status": "ok", "masked_key": "sk-p****0001", "description": "the first"});
    assert_eq!(body(added, 201).await, expected);
    becomes(&gateway, "mine/gpt-4o", 200).await;
    assert_eq!(simulator.last_request().json()["model"], "gpt-4o");
    // Where the document routes nothing, providers with a key share what names none.
    becomes(&gateway, "gpt-4o-mini", 200).await;
    let batch = json!({"keys": [KEYS[1], KEYS[0], " "]});
    let told = body(admin.post("/providers/mine/keys/batch", &batch).send().await, 200).await;
    assert_eq!((&told["success"], &told["failed"]), (&json!(1), &json!(2)), "{told}");
    let listed = admin.get("/providers/mine/keys").send().await.expect_status(200).await.text().await;
    assert!(listed.contains("sk-p****0001") && listed.contains("sk-p****0002") && !listed.contains("first-0001"));
    let found = body(admin.get("/providers/mine/keys?q=the%20first").send().await, 200).await;
    assert_eq!((&found["keys"], &found["total"]), (&json!(["sk-p****0001"]), &json!(1)));
    let raw = body(admin.get("/providers/mine/keys/raw").send().await, 409).await;
    assert_eq!(raw["error"]["code"], "secret_unavailable");
    eventually(SOON, "both keys are used", async || {
        try_ask(&gateway, "mine/gpt-4o").await.expect_status(200).await;
        keys_seen(&simulator).len() == 2
    })
    .await;
    let dump = gateway.envoy_admin("/config_dump?include_eds").await;
    assert!(KEYS.iter().all(|key| !dump.contains(key) && !gateway.log().contains(key)));

    let gone = admin.request(http::Method::DELETE, "/providers/mine/keys/batch").json(&json!({"keys": KEYS}));
    assert_eq!(body(gone.send().await, 200).await["removed"], 2);
    becomes(&gateway, "mine/gpt-4o", 503).await;
    admin.delete("/providers/mine").send().await.expect_status(204).await;
    becomes(&gateway, "mine/gpt-4o", 502).await;
    admin.delete("/providers/mine").send().await.expect_status(404).await;
}

#[tokio::test]
async fn rules_name_providers_and_what_makes_no_sense_is_refused() {
    let (own, simulator) = (Simulator::named("own"), Simulator::named("mine"));
    let gateway = start(config::single(&own), &[]).await;
    let admin = gateway.admin();
    gateway.client().get("/providers").bearer(TOKEN).send().await.expect_status(401).await;
    let create = async |change: Value| {
        let mut wanted = provider(&simulator);
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let mut reply = admin.post("/providers", &wanted).send().await;
        (reply.status, reply.text().await)
    };
    assert_eq!(create(json!({"enabled": false})).await.0, 201);
    for (change, words) in [
        (json!({}), "there is a provider `mine` already"),
        (json!({"name": " "}), "`name`: expected text"),
        (json!({"name": "a/b"}), "must not hold a slash"),
        (json!({"name": "simulator"}), "is the name of a provider that was made over the API"),
        (json!({"name": "b", "api_type": "nobody"}), "unknown provider `nobody`"),
        (json!({"name": "b", "base_url": "ftp://h"}), "base_url"),
        (json!({"name": "b", "base_url": "https://${HOME}"}), "references"),
        (json!({"name": "b", "balance": "best"}), "the strategies are first_available"),
        (json!({"name": "b", "extra": 1}), "the body: expected"),
    ] {
        let (status, text) = create(change.clone()).await;
        assert!(status == 400 && text.contains(words), "{change}: {status} {text}");
    }
    let listed = body(admin.get("/providers").send().await, 200).await;
    assert_eq!((listed[0]["enabled"].as_bool(), listed.as_array().unwrap().len()), (Some(false), 1));

    // Disabled, it is a name like any other; enabled, a rule may name it, and then it cannot go.
    assert_eq!(try_ask(&gateway, "mine/gpt-4o").await.expect_status(200).await.json().await["model"], "mine/gpt-4o");
    let enabled = admin.put("/providers/mine", &provider(&simulator)).send().await;
    assert_eq!(body(enabled, 200).await["enabled"], true);
    admin.post("/providers/mine/keys", &json!({"key": KEYS[0]})).send().await.expect_status(201).await;
    let mut ruled = config::single(&own);
    ruled["router"]["rules"] = json!([{"model_prefix": "special", "backend": "mine"}]);
    super::rig::change(&gateway, &ruled).await;
    try_ask(&gateway, "special").await.expect_status(200).await;
    assert_eq!(simulator.last_request().json()["model"], "special");
    let refused = body(admin.delete("/providers/mine").send().await, 400).await;
    assert!(refused.to_string().contains("there is no backend `mine`"), "{refused}");
    try_ask(&gateway, "special").await.expect_status(200).await;
}

#[tokio::test]
async fn keys_are_sealed_in_a_file_and_open_after_a_restart() {
    let simulator = Simulator::start();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("gateway.sqlite");
    let builder = || Gateway::builder(nothing()).args(&["--sqlite", file.to_str().unwrap()]);
    let sealed = || builder().args(&["--secrets-key-env", "SEAL"]).env("SEAL", SEAL);
    let bare = ready(builder().start().await).await;
    admin(&bare).post("/providers", &provider(&simulator)).send().await.expect_status(201).await;
    let refused = body(admin(&bare).post("/providers/mine/keys", &json!({"key": KEYS[0]})).send().await, 400).await;
    assert_eq!(refused["error"]["code"], "not_configured");
    assert!(refused["error"]["message"].as_str().unwrap().contains("--secrets-key-env"));
    bare.stop();
    let gateway = ready(sealed().start().await).await;
    admin(&gateway).post("/providers/mine/keys", &json!({"key": KEYS[0]})).send().await.expect_status(201).await;
    becomes(&gateway, "mine/gpt-4o", 200).await;
    gateway.stop();
    for entry in std::fs::read_dir(place.path()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!content.windows(KEYS[0].len()).any(|window| window == KEYS[0].as_bytes()));
    }
    let gateway = ready(sealed().start().await).await;
    becomes(&gateway, "mine/gpt-4o", 200).await;
    assert_eq!(keys_seen(&simulator), BTreeSet::from([format!("Bearer {}", KEYS[0])]));
}

#[tokio::test]
async fn gateways_on_one_redis_have_the_same_providers() {
    let redis = RedisServer::start();
    let simulator = Simulator::start();
    let start = || {
        let builder = Gateway::builder(nothing()).args(&["--redis-env", "REDIS_URL", "--secrets-key-env", "SEAL"]);
        builder.env("REDIS_URL", &redis.url()).env("SEAL", SEAL).start()
    };
    let (one, two) = tokio::join!(start(), start());
    let (one, two) = (ready(one).await, ready(two).await);
    admin(&one).post("/providers", &provider(&simulator)).send().await.expect_status(201).await;
    admin(&one).post("/providers/mine/keys", &json!({"key": KEYS[0]})).send().await.expect_status(201).await;
    // Each Envoy gets there in its own time.
    becomes(&one, "mine/gpt-4o", 200).await;
    becomes(&two, "mine/gpt-4o", 200).await;
    admin(&two).post("/providers/mine/keys", &json!({"key": KEYS[1]})).send().await.expect_status(201).await;
    eventually(SOON, "the first uses the key of the second", async || {
        try_ask(&one, "mine/gpt-4o").await.expect_status(200).await;
        keys_seen(&simulator).len() == 2
    })
    .await;
    admin(&two).delete("/providers/mine").send().await.expect_status(204).await;
    becomes(&one, "mine/gpt-4o", 502).await;
}
