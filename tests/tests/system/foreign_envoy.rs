//! An Envoy that somebody else runs, and a control plane that comes and goes beside it.

use ditto_tests::eventually::eventually;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{Gateway, config::TOKEN};
use ditto_tests::process::Signal;
use ditto_tests::simulator::Simulator;
use serde_json::Value;

use super::rig::{backend, change, document, is_settled, pause, until_status};
use super::rollout::Load;
use ditto_tests::support::{SOON, chat, expect_error, keys_are_known};

fn one(simulator: &Simulator) -> Value {
    document(&[backend("one", &simulator.base_url(), "cred-one")], &["one"])
}

/// The same and another backend, which gets everything.
fn two(simulator: &Simulator) -> Value {
    let backends = ["one", "two"].map(|name| backend(name, &simulator.base_url(), "cred"));
    document(&backends, &["two"])
}

async fn answering(gateway: &Gateway) -> String {
    let response = gateway.client().get("/v1/files").bearer(TOKEN).send().await.expect_status(200).await;
    response.header("x-ditto-backend").expect("the backend is named").to_owned()
}

#[tokio::test]
async fn an_envoy_with_the_printed_bootstrap_serves_and_follows_changes() {
    let simulator = Simulator::start();
    let gateway = Gateway::start(one(&simulator), &["--no-envoy", "--retire-grace-ms", "200"]).await;
    assert_eq!(gateway.envoy_pid(), None);
    let _envoy = Envoy::start(&gateway).await;
    keys_are_known(&gateway.client()).await;
    assert_eq!(answering(&gateway).await, "one");
    let status = until_status(&gateway, "it has everything", is_settled).await;
    assert_eq!(status["xds"]["nodes"][0]["id"], "ditto-envoy");
    change(&gateway, &two(&simulator)).await;
    assert_eq!(answering(&gateway).await, "two");
    until_status(&gateway, "it has nothing else", is_settled).await;
}

#[tokio::test]
async fn an_envoy_without_memory_refuses_requests_and_says_so() {
    let simulator = Simulator::start();
    let gateway = Gateway::start(one(&simulator), &["--no-envoy"]).await;
    let _envoy = Envoy::start_starved(&gateway).await;
    let client = gateway.client().with_bearer(TOKEN);
    let ask = async || client.post("/v1/chat/completions", &chat()).send().await;
    // It looks at its memory a few times in a second, and may serve before.
    eventually(SOON, "it notices", async || {
        let mut reply = ask().await;
        reply.status == 503 && reply.json().await["error"]["code"] == "overloaded"
    })
    .await;
    let before = simulator.requests().len();
    let reply = ask().await;
    assert_eq!(reply.header("retry-after"), Some("1"));
    expect_error(reply, 503, "overloaded").await;
    assert_eq!(simulator.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_is_killed_and_started_again_is_not_missed() {
    let simulator = Simulator::start();
    let builder = || Gateway::builder(one(&simulator)).args(&["--no-envoy", "--retire-grace-ms", "200"]);
    let mut gateway = builder().start().await;
    let _envoy = Envoy::start(&gateway).await;
    keys_are_known(&gateway.client()).await;
    let load = Load::start(&gateway.client().with_bearer(TOKEN));
    for _ in 0..2 {
        let back = builder().in_place_of(&gateway);
        gateway.signal(Signal::Kill);
        eventually(SOON, "the control plane is gone", async || !gateway.is_running()).await;
        // Time for requests without it.
        pause(500).await;
        gateway = back.start().await;
        until_status(&gateway, "Envoy is back", |status| status["xds"]["nodes"][0]["connected"] == true).await;
        change(&gateway, &two(&simulator)).await;
        assert_eq!(answering(&gateway).await, "two");
        // The next one begins with the document that the former began with.
        change(&gateway, &one(&simulator)).await;
        assert_eq!(answering(&gateway).await, "one");
        until_status(&gateway, "nothing else is left", is_settled).await;
    }
    let counts = load.finish().await;
    assert!(counts.iter().all(|&count| count > 50), "{counts:?}");
}
