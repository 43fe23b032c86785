//! TLS with clients: the certificate of the flags, and the certificates that clients are asked for.

use std::fs;
use std::path::{Path, PathBuf};

use ditto_tests::client::Client;
use ditto_tests::client::raw::RawConnection;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::{ADMIN_TOKEN, Gateway, config};
use ditto_tests::simulator::Simulator;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::rig::statistic;
use super::tls::Authority;
use ditto_tests::support::SOON;

/// Files of a certificate and its key.
pub(super) struct Files {
    directory: TempDir,
}

impl Files {
    /// Those of a fresh certificate for `localhost`.
    pub(super) fn new(authority: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write(&authority.sign("localhost"));
        files
    }

    fn write(&self, signed: &Value) {
        let text = |field: &str| signed[field]["inline_string"].as_str().unwrap().to_owned();
        fs::write(self.certificate(), text("certificate_chain")).unwrap();
        fs::write(self.key(), text("private_key")).unwrap();
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    fn flags(&self) -> [String; 4] {
        ["--tls-cert".to_owned(), text(&self.certificate()), "--tls-key".to_owned(), text(&self.key())]
    }

    /// A line in the middle of the key, of which no text but the file should have a word.
    pub(super) fn telling_line(&self) -> String {
        fs::read_to_string(self.key()).unwrap().lines().nth(1).unwrap().to_owned()
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// What curl got: the version of HTTP, the status, and the body; or what it complains of.
async fn curl(gateway: &Gateway, authority: &Authority, more: &[&str]) -> Result<(String, u16, String), String> {
    let url = format!("https://localhost:{}/v1/files", gateway.address().port());
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", "--noproxy", "*", "-w", "\n%{http_version} %{http_code}"])
        .args(["-H", &format!("authorization: Bearer {}", config::TOKEN), "--cacert", &text(&authority.bundle())])
        .args(more)
        .arg(url)
        .output()
        .await
        .expect("curl is installed");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let said = String::from_utf8(output.stdout).unwrap();
    let (body, told) = said.rsplit_once('\n').unwrap();
    let (version, status) = told.split_once(' ').unwrap();
    Ok((version.to_owned(), status.parse().unwrap(), body.to_owned()))
}

/// Waits until the workers know the keys.
async fn until_served(gateway: &Gateway, authority: &Authority, more: &[&str]) {
    eventually(SOON, "a request is served", async || {
        curl(gateway, authority, more).await.is_ok_and(|(_, status, _)| status == 200)
    })
    .await;
}

#[tokio::test]
async fn clients_are_served_over_tls_by_a_certificate_that_may_change_and_a_key_that_is_never_shown() {
    let authority = Authority::new();
    let (files, simulator) = (Files::new(&authority), Simulator::start());
    let builder = Gateway::builder(config::single(&simulator)).env("RUST_LOG", "debug").args(&files.flags());
    let gateway = builder.start().await;
    let mut silent = RawConnection::open(gateway.address()).await.unwrap();
    until_served(&gateway, &authority, &[]).await;
    clients_choose_their_protocol(&gateway, &authority).await;
    assert!(simulator.last_request().mentions(config::PROVIDER_KEY));
    let (line, shown) = (files.telling_line(), shown(&gateway).await);
    another_certificate_is_taken_without_a_restart_and_a_broken_one_is_not(&gateway, &files, &authority).await;
    // Who does not shake hands is not waited for longer than for a request's head.
    assert_eq!(silent.read_to_end(SOON).await.unwrap(), b"");
    let (_, log) = gateway.stop();
    assert!(log.contains("the gateway serves on https://") && log.contains("DEBUG"), "{log}");
    assert!(!shown.contains(&line) && !log.contains(&line));
}

async fn clients_choose_their_protocol(gateway: &Gateway, authority: &Authority) {
    for (flag, expected) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let (version, status, body) = curl(gateway, authority, &[flag]).await.unwrap();
        assert_eq!((version.as_str(), status), (expected, 200), "{body}");
    }
    // Somebody else's certificate is not what it shows, and nobody is answered in clear.
    assert!(curl(gateway, &Authority::new(), &[]).await.is_err());
    let clear = Client::new(&gateway.url()).get("/health").try_send().await;
    assert!(clear.is_err(), "{clear:?}");
}

/// What Envoy and the admin API show.
async fn shown(gateway: &Gateway) -> String {
    let dump = gateway.envoy_admin("/config_dump?include_eds").await;
    assert!(dump.contains("listener/certificate") && dump.contains("[redacted]"), "{dump}");
    let admin = gateway.control_client().with_bearer(ADMIN_TOKEN);
    let mut shown = dump + &gateway.envoy_admin("/certs").await;
    for path in ["/admin/config", "/admin/config/status"] {
        shown += &admin.get(path).send().await.expect_status(200).await.text().await;
    }
    shown
}

#[tokio::test]
async fn a_client_needs_a_certificate_where_one_is_demanded() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (files, known, unknown) = (Files::new(&authority), Files::new(&clients), Files::new(&authority));
    let simulator = Simulator::start();
    let builder = Gateway::builder(config::single(&simulator)).args(&files.flags());
    let gateway = builder.args(&["--tls-client-ca", clients.bundle().to_str().unwrap()]).start().await;
    let by = |files: &Files| ["--cert".to_owned(), text(&files.certificate()), "--key".to_owned(), text(&files.key())];
    until_served(&gateway, &authority, &by(&known).each_ref().map(String::as_str)).await;
    let seen = simulator.requests().len();
    assert!(curl(&gateway, &authority, &[]).await.is_err());
    assert!(curl(&gateway, &authority, &by(&unknown).each_ref().map(String::as_str)).await.is_err());
    assert_eq!(simulator.requests().len(), seen);
    assert!(statistic(&gateway, "listener.*ssl.fail_verify_no_cert").await > 0);
}

async fn another_certificate_is_taken_without_a_restart_and_a_broken_one_is_not(
    gateway: &Gateway,
    files: &Files,
    first: &Authority,
) {
    let second = Authority::new();
    let envoy = gateway.envoy_pid();

    let good = fs::read_to_string(files.key()).unwrap();
    fs::write(files.key(), "nonsense").unwrap();
    eventually(SOON, "the key is complained of", async || {
        gateway.log().contains("key.pem: there is no private key") && gateway.log().contains("--tls-key")
    })
    .await;
    curl(gateway, first, &[]).await.expect("the former one is in force");
    fs::write(files.key(), good).unwrap();

    files.write(&second.sign("localhost"));
    until_served(gateway, &second, &[]).await;
    assert!(curl(gateway, first, &[]).await.is_err());
    assert_eq!(gateway.envoy_pid(), envoy);
    assert_eq!(statistic(gateway, "listener_manager.listener_modified").await, 0);
}

#[tokio::test]
async fn a_key_that_does_not_fit_ends_the_start_with_the_flag_and_the_file() {
    let authority = Authority::new();
    let (files, other) = (Files::new(&authority), Files::new(&authority));
    let flags = ["--tls-cert".to_owned(), text(&files.certificate()), "--tls-key".to_owned(), text(&other.key())];
    let simulator = Simulator::start();
    let failure = Gateway::builder(config::single(&simulator)).args(&flags).try_start().await.expect_err("no start");
    let expected = format!("--tls-key {}: it is not the key of the certificate", text(&other.key()));
    assert!(failure.log.contains(&expected), "{failure}");
}
