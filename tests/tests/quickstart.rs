//! The quick start, on a stand-in for the gateway.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::ports;
use ditto_tests::process::{self, Process, Signal, children, group_members, signal_group, signal_process};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

/// A quick start that has printed its banner.
struct Run {
    child: Child,
    /// The gateway's process, which leads the group of everything under it.
    gateway: Process,
    printed: String,
    rest: BufReader<ChildStdout>,
}

fn command(state: &Path, behaviour: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    command
        .env("DITTO_STATE_DIR", state)
        .env("DITTO_GATEWAY_BIN", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fake-gateway"))
        .env("SIMULATOR", env!("CARGO_BIN_EXE_provider-simulator"))
        .env("FAKE_GATEWAY", behaviour)
        // The stand-in needs neither, but they must be there.
        .env("ENVOY_BIN", "/bin/sh")
        .env("DITTO_FILTER", "/bin/sh")
        .env_remove("OPENAI_API_KEY")
        .env_remove("PORT")
        .env("LISTEN", ports::free().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(command: Command) -> Run {
    let mut child = process::spawn(command, Signal::Kill).unwrap();
    let mut rest = BufReader::new(child.stdout.take().unwrap());
    let mut printed = String::new();
    while !printed.contains("Ctrl-C stops everything.") {
        assert!(rest.read_line(&mut printed).unwrap() > 0, "no banner: {printed} {}", errors(&mut child));
    }
    let gateway = children(child.id()).pop().expect("the gateway runs");
    Run { child, gateway, printed, rest }
}

fn errors(child: &mut Child) -> String {
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    errors
}

impl Run {
    fn interrupt(mut self, signal: Signal) -> String {
        signal_process(self.child.id(), signal);
        let mut rest = String::new();
        self.rest.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status} {}", errors(&mut self.child));
        assert_eq!(group_members(self.gateway.group), []);
        rest
    }
}

/// A test that fails leaves nothing behind either.
impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        if !group_members(self.gateway.group).is_empty() {
            signal_group(self.gateway.group, Signal::Kill);
        }
    }
}

fn config(state: &Path) -> Value {
    serde_json::from_slice(&fs::read(state.join("gateway.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn it_runs_until_interrupted_and_leaves_nothing() {
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::Reload] {
        let state = tempfile::tempdir().unwrap();
        let run = start(command(state.path(), ""));
        let config = config(state.path());
        let token = config["virtual_keys"][0]["token"].as_str().unwrap();
        assert!(run.printed.contains(&format!("Authorization: Bearer {token}")), "{}", run.printed);
        assert!(run.printed.contains("/admin/keys"));
        let provider = config["backends"][0]["base_url"].as_str().unwrap().strip_suffix("/v1").unwrap();
        let provider = Client::new(provider);
        provider.get("/v1/models").send().await.expect_status(200).await;
        provider.get("/__simulator/requests").send().await.expect_status(404).await;
        assert!(run.interrupt(signal).contains("Stopped."));
        assert!(provider.get("/v1/models").try_send().await.is_err());
    }
}

#[test]
fn what_was_pasted_yesterday_works_today() {
    let state = tempfile::tempdir().unwrap();
    let first = start(command(state.path(), ""));
    let yesterday = config(state.path());
    first.interrupt(Signal::Terminate);
    let second = start(command(state.path(), ""));
    assert_eq!(config(state.path())["virtual_keys"], yesterday["virtual_keys"]);
    let mut meanwhile = process::spawn(command(state.path(), ""), Signal::Kill).unwrap();
    assert_eq!(meanwhile.wait().unwrap().code(), Some(1));
    assert!(errors(&mut meanwhile).contains("already running"));
    second.interrupt(Signal::Terminate);
}

#[test]
fn a_key_for_openai_is_used_and_not_written_down() {
    let state = tempfile::tempdir().unwrap();
    let mut command = command(state.path(), "");
    command.env("OPENAI_API_KEY", "sk-very-secret");
    let run = start(command);
    let backend = json!({
        "name": "openai",
        "base_url": "https://api.openai.com/v1",
        "headers": {"authorization": "Bearer ${OPENAI_API_KEY}"},
    });
    assert_eq!(config(state.path())["backends"], json!([backend]));
    assert!(!run.printed.contains("sk-very-secret"));
    run.interrupt(Signal::Interrupt);
}

#[test]
fn a_taken_default_port_is_stepped_over_and_a_chosen_one_is_not() {
    // Whether this test takes it or somebody else has: it is taken.
    let _taken = TcpListener::bind("127.0.0.1:8080");
    let state = tempfile::tempdir().unwrap();
    let mut stepping = command(state.path(), "");
    stepping.env_remove("LISTEN");
    let run = start(stepping);
    assert!(run.printed.contains("Note: port 8080 is taken"), "{}", run.printed);
    run.interrupt(Signal::Interrupt);

    let address: SocketAddr = ports::free();
    let _taken = TcpListener::bind(address).unwrap();
    let mut chosen = command(state.path(), "");
    chosen.env_remove("LISTEN").env("PORT", address.port().to_string());
    let mut child = process::spawn(chosen, Signal::Kill).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(errors(&mut child).contains("cannot be listened on"));
}

#[test]
fn a_gateway_that_does_not_start_is_explained() {
    let state = tempfile::tempdir().unwrap();
    let mut child = process::spawn(command(state.path(), "fail"), Signal::Kill).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let errors = errors(&mut child);
    assert!(errors.contains("ended during its start") && errors.contains("not to my taste"), "{errors}");
}

#[test]
fn a_gateway_that_dies_is_explained_and_leaves_nothing() {
    let state = tempfile::tempdir().unwrap();
    let mut run = start(command(state.path(), "short-lived"));
    assert_eq!(run.child.wait().unwrap().code(), Some(1));
    let errors = errors(&mut run.child);
    assert!(errors.contains("ended by itself") && errors.contains("out of breath"), "{errors}");
    assert_eq!(group_members(run.gateway.group), []);
}

#[test]
fn what_a_careless_gateway_leaves_is_ended() {
    let state = tempfile::tempdir().unwrap();
    start(command(state.path(), "careless")).interrupt(Signal::Interrupt);
}

#[tokio::test]
async fn a_killed_runner_takes_everything_with_it() {
    let state = tempfile::tempdir().unwrap();
    let mut run = start(command(state.path(), ""));
    signal_process(run.child.id(), Signal::Kill);
    run.child.wait().unwrap();
    eventually(SOON, "the gateway ends too", async || group_members(run.gateway.group).is_empty()).await;
}
