//! Backends behind TLS: an Envoy that terminates it stands in front of the simulator.

use std::path::PathBuf;

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually_some;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{Gateway, ports};
use ditto_tests::simulator::Simulator;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rig::{backend, change, document, statistic, streamed_chat, until_status};
use ditto_tests::support::{SOON, chat, expect_error, keys_are_known, start};

/// Whoever signs certificates in a test.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, directory: tempfile::tempdir().unwrap() };
        std::fs::write(authority.bundle(), authority.issuer.pem()).unwrap();
        authority
    }

    /// Its own certificate, as a file.
    pub(super) fn bundle(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub(super) fn flags(&self) -> [String; 2] {
        ["--ca-certificates".to_owned(), self.bundle().to_string_lossy().into_owned()]
    }

    /// A certificate for `name` and its key, in the form in which an Envoy's configuration has them.
    pub(super) fn sign(&self, name: &str) -> Value {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        json!({
            "certificate_chain": {"inline_string": certificate.pem()},
            "private_key": {"inline_string": key.serialize_pem()},
        })
    }
}

/// TLS in front of a simulator.
pub(super) struct Terminator {
    _envoy: Envoy,
    pub(super) port: u16,
}

impl Terminator {
    pub(super) async fn start(simulator: &Simulator, certificate: Value, alpn: &[&str]) -> Self {
        let common = json!({"alpn_protocols": alpn, "tls_certificates": [certificate]});
        Self::speaking(simulator, json!({"common_tls_context": common})).await
    }

    /// One that lets nobody in without a certificate of `clients`.
    pub(super) async fn demanding(simulator: &Simulator, certificate: Value, clients: &Authority) -> Self {
        let trusted = json!({"trusted_ca": {"inline_string": clients.issuer.pem()}});
        let common = json!({"tls_certificates": [certificate], "validation_context": trusted});
        Self::speaking(simulator, json!({"common_tls_context": common, "require_client_certificate": true})).await
    }

    async fn speaking(simulator: &Simulator, tls: Value) -> Self {
        let (listen, target) = (ports::free(), simulator.address());
        let socket = |address: std::net::SocketAddr| json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
        let any = |ty: &str, mut value: Value| {
            value["@type"] = json!(format!("type.googleapis.com/envoy.extensions.{ty}"));
            value
        };
        let tls = any("transport_sockets.tls.v3.DownstreamTlsContext", tls);
        let router = any("filters.http.router.v3.Router", json!({}));
        let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "simulator", "timeout": "0s"}});
        let connections = any(
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            json!({
                "stat_prefix": "terminator",
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
                "http_filters": [{"name": "router", "typed_config": router}],
            }),
        );
        let chain = json!({
            "filters": [{"name": "http", "typed_config": connections}],
            "transport_socket": {"name": "tls", "typed_config": tls},
        });
        let endpoint = json!({"endpoint": {"address": socket(target)}});
        let bootstrap = json!({"static_resources": {
            "listeners": [{"name": "tls", "address": socket(listen), "filter_chains": [chain]}],
            "clusters": [{
                "name": "simulator",
                "load_assignment": {"cluster_name": "simulator", "endpoints": [{"lb_endpoints": [endpoint]}]},
            }],
        }});
        Self { _envoy: Envoy::start_with(&bootstrap, listen).await, port: listen.port() }
    }

    fn document(&self) -> Value {
        document(&[backend("one", &format!("https://localhost:{}/v1", self.port), "cred-one")], &["one"])
    }
}

/// A chat in one piece and one in a stream.
async fn chats_work(client: &Client) {
    // Several, because a name may have addresses on which nobody listens: here it is that of IPv6.
    for _ in 0..4 {
        let mut reply = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
        assert_eq!(reply.json().await["object"], "chat.completion");
    }
    let request = client.post("/v1/chat/completions", &streamed_chat("gpt-4o-mini", 5));
    let streamed = request.send().await.expect_status(200).await.text().await;
    assert!(streamed.matches("data: ").count() > 5 && streamed.trim_end().ends_with("data: [DONE]"), "{streamed}");
}

/// Asserts that a backend is not trusted, by the `reason` that Envoy counts, and that it gets to see nothing.
async fn is_refused(gateway: &Gateway, simulator: &Simulator, reason: &str) {
    let before = simulator.requests().len();
    let client = gateway.client().with_bearer(TOKEN);
    expect_error(client.post("/v1/chat/completions", &chat()).send().await, 502, "backend_error").await;
    assert_eq!(simulator.requests().len(), before);
    assert!(statistic(gateway, &format!("cluster.one.ssl.{reason}")).await > 0);
}

#[tokio::test]
async fn a_backend_behind_tls_is_spoken_to_in_its_protocol_if_its_certificate_is_right() {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let simulator = Simulator::start();
    // A name that does not resolve is no obstacle to the start.
    let unresolved = document(&[backend("one", "https://provider.invalid/v1", "cred")], &["one"]);
    let gateway = start(unresolved, &authority.flags().each_ref().map(String::as_str)).await;
    gateway.client().get("/health").send().await.expect_status(200).await;
    let client = gateway.client().with_bearer(TOKEN);
    let answer = eventually_some(SOON, "it is answered", async || {
        client.post("/v1/chat/completions", &chat()).try_send().await.ok()
    });
    let mut answer = answer.await;
    assert!([502, 503].contains(&answer.status), "{answer:?}");
    let body = answer.json().await;
    assert!(body["error"]["code"].is_string() && body["error"]["message"].is_string(), "{body}");

    for (alpn, protocol) in [(["h2", "http/1.1"].as_slice(), "http2"), (&[], "http1")] {
        let terminator = Terminator::start(&simulator, authority.sign("localhost"), alpn).await;
        change(&gateway, &terminator.document()).await;
        chats_work(&client).await;
        assert_eq!(simulator.last_request().header("authorization"), Some("Bearer cred-one"));
        assert!(statistic(&gateway, &format!("cluster.one.upstream_cx_{protocol}_total")).await > 0);
    }
    for (certificate, reason) in
        [(authority.sign("other.example"), "fail_verify_san"), (unknown.sign("localhost"), "fail_verify_error")]
    {
        let terminator = Terminator::start(&simulator, certificate, &["h2"]).await;
        change(&gateway, &terminator.document()).await;
        is_refused(&gateway, &simulator, reason).await;
    }
}

#[tokio::test]
async fn an_envoy_elsewhere_finds_the_certificates_by_itself() {
    let authority = Authority::new();
    let simulator = Simulator::start();
    let terminator = Terminator::start(&simulator, authority.sign("localhost"), &["h2"]).await;
    let gateway = Gateway::builder(terminator.document()).args(&authority.flags()).arg("--no-envoy").start().await;
    let _envoy = Envoy::start(&gateway).await;
    keys_are_known(&gateway.client()).await;
    chats_work(&gateway.client().with_bearer(TOKEN)).await;
}

#[tokio::test]
async fn by_default_the_bundle_is_the_one_that_the_environment_names() {
    let authority = Authority::new();
    let simulator = Simulator::start();
    let terminator = Terminator::start(&simulator, authority.sign("localhost"), &["h2"]).await;
    let bundle = authority.bundle();
    let gateway = Gateway::builder(terminator.document()).env("SSL_CERT_FILE", bundle.to_str().unwrap()).start().await;
    keys_are_known(&gateway.client()).await;
    chats_work(&gateway.client().with_bearer(TOKEN)).await;
}

#[tokio::test]
async fn without_certificates_a_backend_behind_tls_is_refused_at_start_and_at_a_reload() {
    let simulator = Simulator::start();
    let tls = document(&[backend("secure", "https://provider.invalid/v1", "cred")], &["secure"]);
    let clear = document(&[backend("one", &simulator.base_url(), "cred")], &["one"]);
    let builder = |document: &Value| Gateway::builder(document.clone()).env("SSL_CERT_FILE", "/nowhere/ca.pem");
    let failure = builder(&tls).try_start().await.expect_err("it must not start");
    for part in ["`secure`", "--ca-certificates"] {
        assert!(failure.log.contains(part), "{failure}");
    }
    let gateway = builder(&clear).start().await;
    keys_are_known(&gateway.client()).await;
    gateway.reload(&tls);
    let status = until_status(&gateway, "it is refused", |status| !status["document"]["refused"].is_null()).await;
    let problem = status["document"]["refused"]["problems"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("`secure`") && problem.contains("--ca-certificates"), "{problem}");
    gateway.client().get("/v1/files").bearer(TOKEN).send().await.expect_status(200).await;
}
