//! The gateway and its Envoy as processes: deaths, and orderly ends.

use std::time::Duration;

use ditto_tests::client::Response;
use ditto_tests::eventually::{eventually, eventually_some};
use ditto_tests::harness::{Gateway, config, config::TOKEN, ports};
use ditto_tests::process::{Family, Signal, signal_process};
use ditto_tests::simulator::{Fault, Simulator};

use super::rig::{pause, streamed_chat};
use ditto_tests::support::{SOON, chat, new_key, start};

/// A stream of five events, about 300 ms apart, that has begun.
async fn stream(gateway: &Gateway, simulator: &Simulator) -> Response {
    simulator.fault_next_on("/v1/chat/completions", 1, Fault::chunk_delay(Duration::from_millis(300)));
    let client = gateway.client().with_bearer(TOKEN);
    let mut response =
        client.post("/v1/chat/completions", &streamed_chat("m", 5)).send().await.expect_status(200).await;
    response.chunk().await.expect("the stream has begun");
    response
}

async fn rest_is_whole(mut response: Response) {
    let rest = response.text().await;
    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
}

async fn exit_code(gateway: &mut Gateway) -> Option<i32> {
    eventually_some(SOON, "the gateway ends", async || gateway.exit_status()).await.code()
}

/// Threads of a process that is no more may hold its sockets for another moment.
async fn until_free(gateway: &Gateway) {
    eventually(SOON, "nobody listens any more", async || ports::is_free(gateway.address())).await;
}

/// Each thread stops when it is scheduled the next time.
fn is_stopped(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let state = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("stat")).unwrap();
    threads.flatten().map(state).all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

#[tokio::test]
async fn a_killed_envoy_is_started_again_and_knows_the_keys() {
    let simulator = Simulator::start();
    let gateway = start(config::single(&simulator), &[]).await;
    gateway
        .admin()
        .post("/admin/keys", &new_key("made", "sk-made-by-the-api-0123456789"))
        .send()
        .await
        .expect_status(201)
        .await;
    // Until the gateway has seen it serve, a death is a failed start.
    eventually(SOON, "the gateway is up", async || gateway.log().contains("the gateway serves on")).await;
    let mut former = Vec::new();
    for _ in 0..2 {
        let pid = gateway.envoy_pid().unwrap();
        assert!(!former.contains(&pid), "another process each time");
        former.push(pid);
        signal_process(pid, Signal::Kill);
        eventually(SOON, "it serves again", async || {
            let keys = [TOKEN, "sk-made-by-the-api-0123456789"];
            let asked = keys.map(|key| gateway.client().post("/v1/chat/completions", &chat()).bearer(key).try_send());
            let served = futures_util::future::join_all(asked).await;
            gateway.envoy_pid() != Some(pid)
                && served.iter().all(|reply| matches!(reply, Ok(reply) if reply.status == 200))
        })
        .await;
    }
    let log = gateway.log();
    let waits: Vec<_> = log.lines().filter(|line| line.contains("Envoy died and will be restarted")).collect();
    assert!(waits.len() == 2 && waits[0].contains("500ms") && waits[1].contains("backoff=1s"), "{waits:#?}");
    gateway.client().get("/v1/files").bearer("sk-nobody's").send().await.expect_status(401).await;
}

#[tokio::test]
async fn no_envoy_outlives_a_killed_gateway() {
    let simulator = Simulator::start();
    let mut gateway = start(config::single(&simulator), &[]).await;
    let envoy = Family::of(gateway.pid());
    assert!(!envoy.alive().is_empty());
    gateway.signal(Signal::Kill);
    exit_code(&mut gateway).await;
    assert!(envoy.wait_gone(SOON), "{:?}", envoy.alive());
    until_free(&gateway).await;
}

#[tokio::test]
async fn a_told_gateway_lets_requests_finish_and_ends_well() {
    let simulator = Simulator::start();
    for signal in [Signal::Terminate, Signal::Interrupt] {
        let mut gateway = start(config::single(&simulator), &[]).await;
        let stream = stream(&gateway, &simulator).await;
        gateway.signal(signal);
        eventually(SOON, "it says so", async || gateway.log().contains("stopping: requests under way may finish"))
            .await;
        assert!(gateway.is_running());
        rest_is_whole(stream).await;
        assert_eq!(exit_code(&mut gateway).await, Some(0), "{}", gateway.log());
        assert!(gateway.client().connect().await.is_err(), "nobody listens any more");
        let left = Family::of(gateway.pid());
        assert!(left.wait_gone(SOON), "{:?}", left.alive());
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let simulator = Simulator::start();
    let mut gateway = start(config::single(&simulator), &[]).await;
    simulator.fault_next(1, Fault::hang());
    let client = gateway.client().with_bearer(TOKEN);
    let hanging = tokio::spawn(client.post("/v1/chat/completions", &chat()).try_send());
    eventually(SOON, "a request is under way", async || !simulator.requests().is_empty()).await;
    gateway.signal(Signal::Terminate);
    eventually(SOON, "it waits for the request", async || gateway.log().contains("may finish")).await;
    // Long enough to see that it waits, and far from the twenty seconds that it would.
    pause(300).await;
    assert!(gateway.is_running());
    let told = std::time::Instant::now();
    gateway.signal(Signal::Interrupt);
    assert_eq!(exit_code(&mut gateway).await, Some(0), "{}", gateway.log());
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    assert!(hanging.await.unwrap().is_err());
    until_free(&gateway).await;
}

#[tokio::test]
async fn a_signal_that_comes_during_the_start_is_not_lost() {
    let simulator = Simulator::start();
    for wait in [5, 40] {
        let mut gateway = start(config::single(&simulator), &[]).await;
        // About when the gateway sees for the first time that it serves.
        pause(wait).await;
        gateway.signal(Signal::Terminate);
        assert_eq!(exit_code(&mut gateway).await, Some(0), "{}", gateway.log());
    }
}

#[tokio::test]
async fn an_envoy_that_is_stopped_for_a_while_is_no_dead_one() {
    let simulator = Simulator::start();
    let gateway = start(config::single(&simulator), &[]).await;
    let pid = gateway.envoy_pid().unwrap();
    let client = gateway.client().with_bearer(TOKEN);
    signal_process(pid, Signal::Stop);
    eventually(SOON, "every thread has stopped", async || is_stopped(pid)).await;
    let waiting = tokio::spawn(client.post("/v1/chat/completions", &chat()).send());
    pause(500).await;
    assert!(!waiting.is_finished());
    signal_process(pid, Signal::Continue);
    waiting.await.unwrap().expect_status(200).await;
    assert_eq!(gateway.envoy_pid(), Some(pid));
}
