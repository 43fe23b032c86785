//! Backends with TLS of their own: authorities, names, and certificates that they ask the gateway for.

use std::path::Path;

use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::{backend, document};
use super::tls::{Authority, Terminator};
use super::tls_listener::Files;
use ditto_tests::support::{chat_with, expect_error, ready};

fn secured(name: &str, terminator: &Terminator, tls: Value) -> Value {
    let mut backend = backend(name, &format!("https://localhost:{}/v1", terminator.port), "cred");
    backend["tls"] = tls;
    backend
}

/// What the gateway shows, in files.
fn client(authority: &Authority, files: &Files) -> Value {
    json!({"ca": authority.bundle(), "client_cert": files.certificate(), "client_key": by_reference(&files.key())})
}

fn by_reference(path: &Path) -> String {
    format!("secret://file?path={}", path.display())
}

/// A gateway that trusts nobody by itself.
async fn start(document: Value) -> Gateway {
    ready(Gateway::builder(document).env("SSL_CERT_FILE", "/nowhere/ca.pem").env("RUST_LOG", "debug").start().await)
        .await
}

#[tokio::test]
async fn a_backend_that_demands_a_certificate_takes_only_the_right_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (known, unknown) = (Files::new(&clients), Files::new(&authority));
    let simulator = Simulator::start();
    let terminator = Terminator::demanding(&simulator, authority.sign("localhost"), &clients).await;
    let backends = [
        secured("known", &terminator, client(&authority, &known)),
        secured("unknown", &terminator, client(&authority, &unknown)),
        secured("without", &terminator, json!({"ca": authority.bundle()})),
    ];
    let gateway = start(document(&backends, &["known"])).await;
    let caller = gateway.client().with_bearer(TOKEN);
    // Several, because a name may have addresses on which nobody listens.
    for _ in 0..3 {
        caller.post("/v1/chat/completions", &chat_with("gpt-4o-mini")).send().await.expect_status(200).await;
    }
    let seen = simulator.requests().len();
    for name in ["unknown", "without"] {
        let chat = chat_with(&format!("{name}/gpt-4o-mini"));
        expect_error(caller.post("/v1/chat/completions", &chat).send().await, 502, "backend_error").await;
    }
    assert_eq!(simulator.requests().len(), seen);
    // The control plane asks the one that lets it in for its models.
    let mut models = caller.get("/v1/models").send().await.expect_status(200).await;
    assert!(models.json().await["data"].as_array().is_some_and(|models| !models.is_empty()));
    assert!(simulator.requests().len() > seen);

    let line = known.telling_line();
    let mut told = gateway.envoy_admin("/config_dump?include_eds").await;
    assert!(told.contains("/client-certificate") && told.contains("[redacted]"), "{told}");
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    for path in ["/admin/config", "/admin/config/status", "/admin/backends"] {
        told += &admin.get(path).send().await.expect_status(200).await.text().await;
    }
    let (_, log) = gateway.stop();
    assert!(!told.contains(&line) && !log.contains(&line));
}

#[tokio::test]
async fn the_certificate_must_be_for_the_name_that_is_given() {
    let authority = Authority::new();
    let simulator = Simulator::start();
    let terminator = Terminator::start(&simulator, authority.sign("inner.example"), &["h2"]).await;
    let named = |name: &str| json!({"ca": authority.bundle(), "server_name": name});
    let backends = [
        secured("right", &terminator, named("inner.example")),
        secured("wrong", &terminator, named("other.example")),
        secured("unnamed", &terminator, json!({"ca": authority.bundle()})),
    ];
    let gateway = start(document(&backends, &["right"])).await;
    let caller = gateway.client().with_bearer(TOKEN);
    for _ in 0..3 {
        caller.post("/v1/chat/completions", &chat_with("gpt-4o-mini")).send().await.expect_status(200).await;
    }
    let seen = simulator.requests().len();
    for name in ["wrong", "unnamed"] {
        let chat = chat_with(&format!("{name}/gpt-4o-mini"));
        expect_error(caller.post("/v1/chat/completions", &chat).send().await, 502, "backend_error").await;
    }
    assert_eq!(simulator.requests().len(), seen);
}

#[tokio::test]
async fn a_key_in_the_document_is_never_shown() {
    let authority = Authority::new();
    let (files, simulator) = (Files::new(&authority), Simulator::start());
    let terminator = Terminator::start(&simulator, authority.sign("localhost"), &["h2"]).await;
    let key = std::fs::read_to_string(files.key()).unwrap();
    let tls = json!({"ca": authority.bundle(), "client_cert": files.certificate(), "client_key": key});
    let gateway = start(document(&[secured("one", &terminator, tls)], &["one"])).await;
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    let mut shown = admin.get("/admin/config").send().await.expect_status(200).await;
    let shown = shown.text().await;
    assert!(shown.contains("client_key"), "{shown}");
    assert!(!shown.contains(&files.telling_line()), "{shown}");
    let (_, log) = gateway.stop();
    assert!(!log.contains(&files.telling_line()));
}
