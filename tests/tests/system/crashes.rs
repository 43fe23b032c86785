//! Whoever is killed comes back where it was, and nobody else notices. What the books make of it is tested elsewhere.

use ditto_tests::eventually::eventually;
use ditto_tests::harness::envoy::Envoy;
use ditto_tests::harness::{Gateway, config, ports};
use ditto_tests::simulator::Simulator;

use ditto_tests::support::{SOON, chat};

/// A worker that has just begun says 503 until it knows the keys.
async fn serves(gateway: &Gateway) {
    eventually(SOON, "requests are served", async || answers(gateway).await).await;
}

async fn answers(gateway: &Gateway) -> bool {
    let client = gateway.client().with_bearer(config::TOKEN);
    let sent = client.post("/v1/chat/completions", &chat()).try_send().await;
    matches!(sent, Ok(response) if response.status == 200)
}

#[tokio::test]
async fn of_two_gateways_one_is_killed_and_comes_back() {
    let simulator = Simulator::start();
    let (first, second) =
        tokio::join!(Gateway::start(config::single(&simulator), &[]), Gateway::start(config::single(&simulator), &[]));
    let mut first = first;
    assert_ne!(first.address(), second.address());
    assert_ne!(first.control(), second.control());
    serves(&first).await;
    serves(&second).await;

    let (address, envoy) = (first.address(), first.envoy_pid().unwrap());
    first.kill();
    eventually(SOON, "its Envoy went with it", async || ports::is_free(address)).await;
    assert!(!answers(&first).await && answers(&second).await);

    first.restart().await;
    assert_eq!(first.address(), address);
    assert_ne!(first.envoy_pid(), Some(envoy));
    serves(&first).await;
    assert!(answers(&second).await);
    let log = first.log();
    assert!(log.len() > first.output().text().len() && log.ends_with(&first.output().text()), "both lives are in it");
    let (status, _) = first.stop();
    assert!(status.success());
}

#[tokio::test]
async fn a_killed_envoy_is_replaced() {
    let simulator = Simulator::start();
    let mut gateway = Gateway::start(config::single(&simulator), &[]).await;
    // An Envoy that ends before the gateway has seen it serve is a failed start.
    eventually(SOON, "the gateway has begun", async || gateway.log().contains("the gateway serves on")).await;
    let killed = gateway.kill_envoy();
    assert_ne!(gateway.other_envoy(killed).await, killed);
    serves(&gateway).await;
}

#[tokio::test]
async fn an_envoy_of_its_own_outlives_the_control_plane() {
    let simulator = Simulator::start();
    let mut gateway = Gateway::start(config::single(&simulator), &["--no-envoy"]).await;
    let mut envoy = Envoy::start(&gateway).await;
    serves(&gateway).await;
    let before = envoy.pid();
    gateway.kill();
    assert!(answers(&gateway).await, "served from what its workers know");
    gateway.restart().await;
    envoy.restart().await;
    assert_ne!(envoy.pid(), before);
    serves(&gateway).await;
}
