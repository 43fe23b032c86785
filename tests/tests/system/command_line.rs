//! The command line: what is refused before anything is started, and the commands beside running.

use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use ditto_tests::harness::locate::Part;
use ditto_tests::harness::{Gateway, GatewayBuilder, config, config::TOKEN};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rig::document;
use ditto_tests::support::ready;

fn run(args: &[&str]) -> Output {
    Command::new(Part::Gateway.expect()).args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn written(text: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.json");
    std::fs::write(&path, text).unwrap();
    (directory, path.to_string_lossy().into_owned())
}

/// Asserts that a gateway does not start, fails, and says why.
async fn refuses(gateway: GatewayBuilder, reasons: &[&str]) {
    let failure = gateway.try_start().await.expect_err("it must not start");
    let code = failure.status.and_then(|status| status.code());
    assert!(code.is_some_and(|code| code != 0), "{failure}");
    for reason in reasons {
        assert!(failure.log.contains(reason), "{reason:?} is not told: {}", failure.log);
    }
    assert!(!failure.log.contains("panicked"), "{}", failure.log);
}

#[test]
fn check_prints_every_problem_with_its_path() {
    let (_directory, path) = written(
        &json!({
            "backends": [{"name": "a", "base_url": "ftp://h"}, {"name": "a", "base_url": "http://h", "header": {}}],
            "virtual_keys": [{"id": "k", "token": "${NOT_SET_ANYWHERE}", "enabled": true}],
            "router": {"default_backends": [{"backend": "b", "weight": 1}], "rules": []},
        })
        .to_string(),
    );
    let output = run(&["check", &path]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output);
    for place in [
        "backends[0].base_url",
        "backends[1].name",
        "backends[1].header",
        "virtual_keys[0].token",
        "router.default_backends[0]",
    ] {
        assert!(printed.contains(place), "{place} is missing: {printed}");
    }
    assert!(printed.lines().all(|line| line.starts_with("error: ") || line.starts_with("warning: ")), "{printed}");
}

#[test]
fn check_accepts_what_is_right_and_reads_a_dotenv_file() {
    let simulator = Simulator::start();
    let mut right = config::single(&simulator);
    right["backends"][0]["headers"]["authorization"] = json!("Bearer ${ONLY_IN_THE_FILE}");
    let (directory, path) = written(&right.to_string());
    assert_eq!(run(&["check", &path]).status.code(), Some(1));
    let dotenv = directory.path().join("env");
    std::fs::write(&dotenv, "ONLY_IN_THE_FILE=sk-secret-of-the-file\n").unwrap();
    let output = run(&["check", &path, "--dotenv", &dotenv.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("no problems") && !text(&output).contains("sk-secret"), "{}", text(&output));
    assert_eq!(run(&["check", "/nowhere/at-all.json"]).status.code(), Some(1));
}

#[test]
fn help_and_version_are_printed() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    for flag in ["--listen", "--no-envoy", "--sqlite", "check", "bootstrap"] {
        assert!(text(&help).contains(flag), "{}", text(&help));
    }
    assert!(!text(&help).contains("--retire-grace-ms"));
    let version = run(&["--version"]);
    assert!(version.status.success() && text(&version).starts_with("ditto-gateway "), "{}", text(&version));
}

#[test]
fn flags_that_are_unknown_or_of_later_versions_are_refused_by_name() {
    for (args, reasons) in [
        (vec!["g.json", "--no-such-flag"], vec!["--no-such-flag"]),
        (
            vec!["g.json", "--pg=postgres://h", "--proxy-cache"],
            vec!["--pg", "--proxy-cache", "not part of this version"],
        ),
        (vec!["g.json", "--listen", "nowhere"], vec!["--listen"]),
        (vec!["g.json", "--proxy-max-body-bytes", "0"], vec!["--proxy-max-body-bytes"]),
        (vec![], vec!["<CONFIG>"]),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?} {}", text(&output));
        for reason in reasons {
            assert!(text(&output).contains(reason), "{args:?} {}", text(&output));
        }
    }
}

#[tokio::test]
async fn what_is_missing_or_taken_is_told_before_anything_is_served() {
    let simulator = Simulator::start();
    let gateway = |args: &[&str]| Gateway::builder(config::single(&simulator)).args(args);
    refuses(gateway(&["--filter=/nowhere/filter.wasm"]), &["/nowhere/filter.wasm", "--filter"]).await;
    let no_module = tempfile::NamedTempFile::new().unwrap();
    refuses(gateway(&[&format!("--filter={}", no_module.path().display())]), &["Envoy"]).await;
    let no_envoy = ["--envoy-bin=/nowhere/envoy"];
    refuses(gateway(&no_envoy), &["no Envoy at /nowhere/envoy"]).await;
    refuses(gateway(&["--envoy-bin=/bin/true"]), &["/bin/true", "which Envoy"]).await;
    refuses(gateway(&["--sqlite", "/nowhere/keys.db"]), &["--sqlite", "/nowhere/keys.db"]).await;
    refuses(gateway(&["--admin-token-env", "NOT_SET_ANYWHERE"]), &["NOT_SET_ANYWHERE"]).await;
    refuses(gateway(&["--admin-token=short"]), &["admin token"]).await;
    refuses(Gateway::builder(document(&[], &["nobody"])), &["router.default_backends[0]"]).await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let simulator = Simulator::start();
    let gateway = ready(Gateway::start(config::single(&simulator), &[]).await).await;
    let (_directory, path) = written(&config::single(&simulator).to_string());
    let (listen, control) = (gateway.address().to_string(), gateway.control().to_string());
    let filter = Part::Filter.expect().to_string_lossy().into_owned();
    let envoy = Part::Envoy.expect().to_string_lossy().into_owned();
    let common = [path.as_str(), "--filter", &filter, "--envoy-bin", &envoy];
    for (flag, address, other) in
        [("--listen", &listen, "--control-listen"), ("--control-listen", &control, "--listen")]
    {
        let output = run(&[&common[..], &[flag, address, other, "127.0.0.1:0"]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let printed = text(&output);
        assert!(printed.contains(&format!("{flag} {address}")) && printed.contains("in use"), "{printed}");
    }
    gateway.client().get("/v1/models").bearer(TOKEN).send().await.expect_status(200).await;
}

#[tokio::test]
async fn a_socket_file_that_nobody_serves_is_replaced_and_one_that_is_served_is_not() {
    let simulator = Simulator::start();
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    // Dropped, the listener leaves its file behind.
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let address = format!("--control-listen=unix:{}", socket.display());
    let gateway = ready(Gateway::start(config::single(&simulator), &[&address]).await).await;
    gateway.client().get("/v1/models").bearer(TOKEN).send().await.expect_status(200).await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let other = Gateway::builder(config::single(&simulator)).args(&[&address]);
    refuses(other, &["another process serves this socket"]).await;
    gateway.client().get("/v1/models").bearer(TOKEN).send().await.expect_status(200).await;
}

#[tokio::test]
async fn json_logs_are_one_object_a_line_with_one_event_for_each_request_and_no_secrets() {
    let simulator = Simulator::start();
    let gateway = ready(Gateway::start(config::single(&simulator), &["--json-logs"]).await).await;
    let client = gateway.client().with_bearer(TOKEN);
    for number in 0..5 {
        let path = format!("/v1/models?number={number}&key={TOKEN}&password=hunter2");
        client.get(&path).header("x-request-id", &format!("asked-{number}")).send().await.expect_status(200).await;
    }
    gateway.client().get("/v1/files").bearer("sk-wrong-key-0123456789").header("x-request-id", "asked-5").send().await;
    let (_, log) = gateway.stop();
    let mut answered = Vec::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let payload = &event["payload"];
        if event["event"] == "proxy.response"
            && payload["request_id"].as_str().is_some_and(|id| id.starts_with("asked-"))
        {
            assert_eq!(payload["method"], "GET");
            assert!(["/v1/models", "/v1/files"].map(Value::from).contains(&payload["path"]), "{line}");
            assert!(payload["duration_ms"].is_number() && payload["response_len"].is_number(), "{line}");
            answered.push((payload["request_id"].as_str().unwrap().to_owned(), payload["status"].clone()));
        }
    }
    answered.sort_by(|one, other| one.0.cmp(&other.0));
    let expected: Vec<_> = (0..6).map(|at| (format!("asked-{at}"), json!(if at < 5 { 200 } else { 401 }))).collect();
    assert_eq!(answered, expected);
    for secret in
        [TOKEN, config::PROVIDER_KEY, "sk-wrong-key", "hunter2", ditto_tests::harness::ADMIN_TOKEN, "password="]
    {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}
