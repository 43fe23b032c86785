//! Providers by name, redirects, and several keys of one provider.

use std::collections::BTreeMap;

use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::rig::{backend, change, config_status, document};
use ditto_tests::support::{chat_with, expect_error, start};

/// The keys that a simulator was sent, each with how often.
fn keys_seen(simulator: &Simulator) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for request in simulator.requests() {
        *seen.entry(request.header("authorization").unwrap_or_default().to_owned()).or_default() += 1;
    }
    seen
}

/// A backend whose attempts are divided among keys.
fn keyed(name: &str, simulator: &Simulator, keys: &[&str], balance: &str) -> Value {
    json!({"name": name, "base_url": simulator.base_url(), "api_keys": keys, "balance": balance})
}

async fn ask(gateway: &Gateway, model: &str) -> Value {
    let client = gateway.client().with_bearer(TOKEN);
    let reply = client.post("/v1/chat/completions", &chat_with(model)).send().await;
    reply.expect_status(200).await.json().await
}

#[tokio::test]
async fn a_models_name_chooses_its_provider_and_redirects_come_before() {
    let (one, two) = (Simulator::named("one"), Simulator::named("two"));
    let backends = [backend("one", &one.base_url(), "cred-one"), backend("two", &two.base_url(), "cred-two")];
    let mut config = document(&backends, &["one", "two"]);
    config["redirects"] = json!({"fast": "faster", "faster": "two/gpt-small"});
    config["router"]["rules"] = json!([{"model_prefix": "one/own-", "backend": "two"}]);
    let gateway = start(config.clone(), &[]).await;
    for (model, simulator, asked) in [
        ("two/gpt-4o", &two, "gpt-4o"),
        ("two/meta/llama", &two, "meta/llama"),
        ("gpt-4o", &one, "gpt-4o"),
        ("nobody/gpt-4o", &one, "nobody/gpt-4o"),
        ("fast", &two, "gpt-small"),
        ("one/own-model", &two, "one/own-model"),
    ] {
        assert_eq!(ask(&gateway, model).await["model"], asked, "{model}");
        assert_eq!(simulator.last_request().json()["model"], asked, "{model}");
    }
    assert_eq!((one.requests().len(), two.requests().len()), (2, 4));

    // A circle is refused by its members, and what was in force stays.
    config["redirects"] = json!({"a": "b", "b": "a"});
    gateway.reload(&config);
    let status =
        super::rig::until_status(&gateway, "the circle is refused", |status| !status["document"]["refused"].is_null())
            .await;
    let refused = status["document"]["refused"]["problems"].to_string();
    assert!(refused.contains("redirects.a: redirects go round in a circle: `a` → `b` → `a`"), "{refused}");
    assert_eq!(ask(&gateway, "fast").await["model"], "gpt-small");
}

#[tokio::test]
async fn redirects_of_a_file_are_in_force_and_followed() {
    let simulator = Simulator::start();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("redirect.toml");
    std::fs::write(&path, "[redirects]\n\"gpt-4\" = \"simulator/gpt-4o\"\n").unwrap();
    let gateway = start(config::single(&simulator), &["--redirects", path.to_str().unwrap()]).await;
    assert_eq!(ask(&gateway, "gpt-4").await["model"], "gpt-4o");
    let before = config_status(&gateway).await["document"]["version"].clone();
    std::fs::write(&path, "[[redirect]]\nfrom = \"gpt-4\"\nto = \"gpt-5\"\n").unwrap();
    super::rig::until_status(&gateway, "the changed file is in use", |status| {
        status["document"]["version"] != before && super::rig::is_in_use(status)
    })
    .await;
    assert_eq!(ask(&gateway, "gpt-4").await["model"], "gpt-5");
}

#[tokio::test]
async fn attempts_are_divided_among_keys_and_a_refused_key_rests() {
    let simulator = Simulator::start();
    let keys = ["sk-first", "sk-second", "sk-third"];
    let others = ["least_busy", "random"];
    let config = |balance: &str| {
        let others = others.map(|balance| keyed(balance, &simulator, &keys, balance));
        document(&[&[keyed("many", &simulator, &keys, balance)][..], &others].concat(), &["many"])
    };
    let gateway = start(config("round_robin"), &[]).await;
    for _ in 0..30 {
        ask(&gateway, "gpt-4o").await;
    }
    let expected = |keys: &[&str], each: usize| -> BTreeMap<String, usize> {
        keys.iter().map(|key| (format!("Bearer {key}"), each)).collect()
    };
    assert_eq!(keys_seen(&simulator), expected(&keys, 10));
    // One request after the other keeps no key busy, so that each has its turn.
    for (balance, requests, each) in [(others[0], 30, 10..=10), (others[1], 90, 10..=50)] {
        simulator.forget_requests();
        for _ in 0..requests {
            ask(&gateway, &format!("{balance}/gpt-4o")).await;
        }
        let seen = keys_seen(&simulator);
        assert!(seen.len() == 3 && seen.values().all(|count| each.contains(count)), "{balance}: {seen:?}");
    }
    assert!(!simulator.requests().iter().any(|request| request.mentions(TOKEN)));

    // A refusal is the client's only if no other key serves.
    for (status, header) in [(429, ("retry-after", "120")), (401, ("x-other", "1"))] {
        simulator.forget_requests();
        simulator.fault_next(1, Fault::status(status).with_header(header.0, header.1));
        let client = gateway.client().with_bearer(TOKEN);
        let reply = client.post("/v1/chat/completions", &chat_with("gpt-4o")).send().await.expect_status(200).await;
        assert_eq!(reply.header("x-ditto-attempts"), Some("2"));
        assert_eq!(keys_seen(&simulator).len(), 2, "a retry takes another key");
        let resting = simulator.requests()[0].header("authorization").unwrap().to_owned();
        simulator.forget_requests();
        for _ in 0..10 {
            ask(&gateway, "gpt-4o").await;
        }
        assert!(!keys_seen(&simulator).contains_key(&resting), "{status}");
    }
    assert_eq!(keys_seen(&simulator).len(), 1);
    simulator.forget_requests();
    simulator.fault_always(Fault::status(429));
    let client = gateway.client().with_bearer(TOKEN);
    client.post("/v1/chat/completions", &chat_with("gpt-4o")).send().await.expect_status(429).await;
    simulator.clear_faults();
    ask(&gateway, "gpt-4o").await;
    let dump = gateway.envoy_admin("/config_dump?include_eds").await;
    assert!(keys.iter().all(|key| !dump.contains(key) && !gateway.log().contains(key)));

    // Without a key there is nobody to ask as.
    let mut none = config("random");
    none["backends"][0]["api_keys"] = json!([]);
    change(&gateway, &none).await;
    let reply = client.post("/v1/chat/completions", &chat_with("gpt-4o")).send().await;
    expect_error(reply, 503, "no_api_key").await;
}

#[tokio::test]
async fn a_key_goes_with_translated_requests_and_with_those_of_a_chain() {
    let (claude, other) = (Simulator::named("claude"), Simulator::named("other"));
    let backends = [
        json!({"name": "claude", "provider": "anthropic", "base_url": claude.url(), "balance": "least_busy",
            "api_keys": ["sk-ant-a", "sk-ant-b"]}),
        keyed("other", &other, &["sk-o"], "first_available"),
    ];
    let gateway = start(document(&backends, &["claude", "other"]), &["--proxy-retry"]).await;
    for _ in 0..4 {
        ask(&gateway, "claude/claude-sonnet-4").await;
    }
    let seen: Vec<_> = claude.requests().iter().map(|r| r.header("x-api-key").unwrap_or_default().to_owned()).collect();
    assert_eq!(seen.iter().filter(|key| *key == "sk-ant-a").count(), 2, "{seen:?}");
    claude.fault_next(1, Fault::status(503));
    ask(&gateway, "claude-sonnet-4").await;
    assert_eq!(keys_seen(&other), BTreeMap::from([("Bearer sk-o".to_owned(), 1)]));
}

#[tokio::test]
async fn a_call_of_the_filters_own_carries_a_key() {
    let simulator =
        Simulator::start_with(SimulatorConfig { responses_api: false, ..SimulatorConfig::default() }).unwrap();
    let config = document(&[keyed("many", &simulator, &["sk-a", "sk-b"], "round_robin")], &["many"]);
    let gateway = start(config, &["--envoy-concurrency", "1"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let body = json!({"model": "gpt-4o", "input": "Say hello."});
    for _ in 0..2 {
        let reply = client.post("/v1/responses", &body).send().await.expect_status(200).await;
        assert_eq!(reply.header("x-ditto-shim"), Some("responses_via_chat_completions"));
    }
    // Asked as it is, asked again by the filter itself, and then at once for what it has.
    let requests = simulator.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths, ["/v1/responses", "/v1/chat/completions", "/v1/chat/completions"]);
    for request in &requests {
        let key = request.header("authorization").unwrap_or_default();
        assert!(["Bearer sk-a", "Bearer sk-b"].contains(&key), "{key}");
    }
    assert_eq!(keys_seen(&simulator).len(), 2);
}
