//! The harness, on a stand-in for the gateway.

use std::process::Command;
use std::time::Duration;

use ditto_tests::eventually::eventually;
use ditto_tests::harness::{Gateway, GatewayBuilder};
use ditto_tests::process::{self, Family, Signal, group_members};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);

fn fake(behaviour: &str) -> GatewayBuilder {
    Gateway::builder(json!({"backends": []}))
        .binary(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fake-gateway"))
        .env("SIMULATOR", env!("CARGO_BIN_EXE_provider-simulator"))
        .env("FAKE_GATEWAY", behaviour)
}

#[tokio::test]
async fn a_gateway_is_ready_when_started_and_gone_when_dropped() {
    let gateway = fake("").start().await;
    let group = gateway.pid();
    gateway.client().get("/v1/models").send().await.expect_status(200).await;
    assert!(group_members(group).len() >= 3, "the shell, its companion and the simulator");
    assert!(gateway.log().contains("fake gateway: config"));
    assert!(gateway.config_path().is_file());
    assert_eq!(gateway.envoy_pid(), None);
    drop(gateway);
    assert_eq!(group_members(group), []);
}

#[tokio::test]
async fn an_orderly_stop_tells_how_it_ended() {
    let gateway = fake("").start().await;
    let (status, log) = gateway.stop();
    assert!(status.success(), "{status} {log}");
}

#[tokio::test]
async fn a_process_left_behind_is_found() {
    let gateway = fake("careless").start().await;
    let group = gateway.pid();
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gateway.stop()));
    let message = *stopped.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("left") && message.contains("sleep"), "{message}");
    assert_eq!(group_members(group), [], "and ended all the same");
}

#[tokio::test]
async fn a_failed_start_shows_what_was_printed() {
    let failure = fake("fail").try_start().await.unwrap_err();
    assert_eq!(failure.status.unwrap().code(), Some(3));
    assert!(failure.to_string().contains("not to my taste"), "{failure}");
}

#[tokio::test]
async fn a_conflict_over_ports_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("tried");
    let gateway = fake("conflict").env("FAKE_GATEWAY_MARKER", marker.to_str().unwrap()).start().await;
    assert!(marker.exists());
    gateway.client().get("/health").send().await.expect_status(200).await;
}

#[tokio::test]
async fn a_reload_replaces_the_file_and_tells_the_process() {
    let gateway = fake("").start().await;
    gateway.reload(&json!({"backends": ["new"]}));
    eventually(SOON, "the reload is heard", async || gateway.log().contains("reload {\"backends\":[\"new\"]}")).await;
}

#[test]
fn a_child_outlives_the_thread_that_asked_for_it() {
    let mut command = Command::new("sleep");
    command.arg("1000");
    let mut child = std::thread::spawn(|| process::spawn(command, Signal::Kill).unwrap()).join().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    let family = Family::of(child.id());
    family.signal(Signal::Kill);
    child.wait().unwrap();
    assert!(family.wait_gone(SOON));
}
