//! Secrets stay where they belong: nothing that can be looked at shows one.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::simulator::{Cut, Fault, Simulator};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use ditto_tests::support::{SOON, chat, ready};

const HEADER: &str = "planted-header-secret-4f1d8a7c";
const QUERY: &str = "planted-query-secret-9b2e6d05";
const KEY: &str = "planted-virtual-key-7a3c1e9f";
const CREATED: &str = "planted-created-key-2d8b6f40";
const ADMIN: &str = "planted-admin-token-5e0c9a71d3b8";
const PRESENTED: &str = "planted-wrong-key-8c4f2b6e";
const PLANTED: [&str; 6] = [HEADER, QUERY, KEY, CREATED, ADMIN, PRESENTED];

/// Two backends whose requests differ, so that both Envoy and the filter have credentials to apply, and one alone.
fn document(one: &Simulator, two: &Simulator) -> Value {
    let backend = |name: &str, simulator: &Simulator| {
        json!({
            "name": name,
            "base_url": simulator.base_url(),
            "headers": {"authorization": format!("Bearer {HEADER}-{name}"), "x-api-version": HEADER},
            "query_params": {"sig": format!("{QUERY}-{name}")},
        })
    };
    json!({
        "backends": [backend("one", one), backend("two", two)],
        "virtual_keys": [{"id": "planted", "token": KEY, "enabled": true}],
        "router": {
            "default_backends": [{"backend": "one"}, {"backend": "two", "weight": 1e-12}],
            "rules": [{"model_prefix": "alone", "backend": "one"}],
        },
    })
}

/// The forms in which a secret could stand in a text: as it is, and inside base64 at each of the three alignments.
fn forms(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [STANDARD, URL_SAFE] {
        for shift in 0..3 {
            let shifted = engine.encode([&[0; 2][..shift], secret].concat());
            // Characters that depend on the neighbours are left out.
            let start = if shift == 0 { 0 } else { 4 };
            forms.push(shifted[start..shifted.len() - 4].to_owned());
        }
    }
    forms
}

fn assert_hidden(place: &str, text: &[u8]) {
    let contains = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    for secret in PLANTED {
        assert!(!contains(secret.as_bytes()), "{place} shows {secret}");
        for form in forms(secret.as_bytes()) {
            assert!(!contains(form.as_bytes()), "{place} shows {secret} in base64");
        }
    }
}

/// In Envoy's configuration the hash of a token is not to be found either.
fn assert_unhashed(place: &str, text: &str) {
    for token in [KEY, CREATED, ADMIN] {
        let hash = Sha256::digest(token.as_bytes());
        let hex = hex::encode(hash);
        assert!(!text.to_lowercase().contains(&hex), "{place} shows the hash of {token}");
        for form in forms(&hash) {
            assert!(!text.contains(&form), "{place} shows the hash of {token} in base64");
        }
    }
}

/// Requests of every kind; returns what the clients were told.
async fn traffic(gateway: &Gateway, one: &Simulator) -> String {
    let mut told = String::new();
    let admin = gateway.control_client().with_bearer(ADMIN);
    let created = json!({"id": "created", "token": CREATED, "enabled": true});
    told += &admin.post("/admin/keys", &created).send().await.expect_status(201).await.text().await;
    let client = gateway.client();
    eventually(SOON, "the created key works", async || {
        client.get("/v1/files").bearer(CREATED).send().await.status == 200
    })
    .await;
    let mut requests = Vec::new();
    for model in ["alone", "any"] {
        let body = json!({"model": model, "messages": []});
        for token in [KEY, CREATED, PRESENTED] {
            requests.push(client.post(&format!("/v1/chat/completions?key={token}"), &body).bearer(token));
        }
    }
    for fault in [Fault::none(), Fault::cut(Cut::BeforeHeaders)] {
        one.clear_faults();
        one.fault_always(fault);
        for token in [KEY, PRESENTED] {
            requests.push(client.get(&format!("/v1/files?key={token}")).header("x-api-key", token));
            requests.push(client.post(&format!("/nowhere?key={token}"), &chat()).bearer(token));
            requests.push(client.post("/v1/messages", &chat()).header("x-litellm-api-key", token).body("{"));
            requests.push(client.get("/v1/gateway").bearer(token));
            requests.push(client.get(&format!("/admin/keys?key={token}")).bearer(token));
            requests.push(client.get("/admin/keys").bearer(ADMIN));
            requests.push(client.get("/admin/config/status").bearer(ADMIN));
            let broken = format!("{{\"id\":\"x\",\"token\":\"{token}\", oops}}");
            requests.push(client.post("/admin/keys", &json!({})).bearer(ADMIN).body(broken));
            requests.push(client.post("/admin/keys", &json!({"id": "x", "token": token, "limits": 7})).bearer(ADMIN));
        }
        for request in requests.drain(..) {
            let mut reply = request.send().await;
            for (name, value) in &reply.headers {
                told += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
            }
            told += &reply.text().await;
        }
    }
    told
}

#[tokio::test]
async fn no_secret_is_shown_by_envoy_logs_the_database_or_any_reply() {
    let (one, two) = (Simulator::named("one"), Simulator::named("two"));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("ditto.sqlite");
    let gateway = Gateway::builder(document(&one, &two))
        .env("RUST_LOG", "debug")
        .env("PLANTED_ADMIN_TOKEN", ADMIN)
        .args(&["--admin-token-env", "PLANTED_ADMIN_TOKEN", "--json-logs", "--sqlite", database.to_str().unwrap()])
        .start()
        .await;
    let gateway = ready(gateway).await;
    let told = traffic(&gateway, &one).await;
    // The secrets are in use: otherwise it would be no wonder that they are not seen.
    let authorizations: Vec<_> =
        one.requests().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert!(authorizations.len() > 4 && authorizations.iter().all(|value| value.contains(HEADER)));
    assert!(two.requests().iter().any(|seen| seen.query().unwrap_or_default().contains(QUERY)));
    assert_hidden("a reply", told.as_bytes());

    for path in
        ["/config_dump?include_eds", "/stats", "/stats/prometheus", "/clusters", "/server_info", "/certs", "/init_dump"]
    {
        let text = gateway.envoy_admin(path).await;
        assert_hidden(path, text.as_bytes());
        assert_unhashed(path, &text);
    }
    assert!(gateway.envoy_admin("/config_dump?include_eds").await.contains("ditto.gateway"), "the dump is one");
    let pid = gateway.envoy_pid().unwrap();
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let bootstrap = command.split('\0').skip_while(|argument| *argument != "-c").nth(1).unwrap();
    for file in fs::read_dir(std::path::Path::new(bootstrap).parent().unwrap()).unwrap().flatten() {
        if file.file_type().unwrap().is_file() {
            let text = fs::read(file.path()).unwrap();
            assert_hidden(&file.path().display().to_string(), &text);
        }
    }
    let files: Vec<_> = fs::read_dir(directory.path()).unwrap().flatten().map(|file| file.path()).collect();
    assert!(files.contains(&database));
    for file in files {
        assert_hidden(&file.display().to_string(), &fs::read(&file).unwrap());
    }
    let (_, log) = gateway.stop();
    assert!(log.contains("proxy.response") && log.contains("DEBUG"), "the log has what is looked through: {log:.2000}");
    assert_hidden("the log", log.as_bytes());
}

#[tokio::test]
async fn a_refused_document_does_not_show_its_secrets() {
    let simulator = Simulator::start();
    let mut document = document(&simulator, &simulator);
    document["backends"][0]["headers"][HEADER] = json!({"nested": HEADER});
    document["backends"][1]["base_url"] = json!(format!("http://user:{HEADER}@127.0.0.1/v1"));
    document["virtual_keys"][0]["enabled"] = json!(KEY);
    document["virtual_keys"][0]["tokn"] = json!(KEY);
    let twin = json!({"id": "twin", "token": KEY});
    document["virtual_keys"].as_array_mut().unwrap().push(twin);
    let failure = Gateway::builder(document).try_start().await.expect_err("nonsense");
    // A name that somebody made of a secret is shown: names are how problems are told.
    let log = failure.log.replace(&format!("headers.{HEADER}"), "");
    assert_hidden("the log", log.as_bytes());
}
