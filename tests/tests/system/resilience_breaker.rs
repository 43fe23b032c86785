//! A backend that fails again and again is left alone for a while.

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::simulator::{Cut, Fault, Simulator};
use serde_json::json;

use super::rig::{backend, document, statistic};
use ditto_tests::support::{SOON, chat, chat_with, start};

/// Two simulators, and a gateway that prefers the first. The model `alone` has no other candidate.
struct Two {
    first: Simulator,
    second: Simulator,
    gateway: Gateway,
    client: Client,
}

impl Two {
    async fn start(flags: &[&str]) -> Self {
        let (first, second) = (Simulator::named("first"), Simulator::named("second"));
        let backends =
            [backend("first", &first.base_url(), "cred-first"), backend("second", &second.base_url(), "cred-second")];
        let mut document = document(&backends, &["first", "second"]);
        document["router"]["rules"] = json!([{"model_prefix": "alone", "backend": "first"}]);
        let gateway = start(document, flags).await;
        let client = gateway.client().with_bearer(TOKEN);
        Self { first, second, gateway, client }
    }

    /// Status and backend of one request.
    async fn ask(&self) -> (u16, String) {
        let reply = self.client.post("/v1/chat/completions", &chat()).send().await;
        (reply.status, reply.header("x-ditto-backend").unwrap_or_default().to_owned())
    }

    async fn ejected(&self, backend: &str) -> bool {
        statistic(&self.gateway, &format!("cluster.{backend}.outlier_detection.ejections_active")).await == 1
    }

    /// Waits until the first is left alone: Envoy ejects in one thread and serves in another, which hears of it a moment
    /// later.
    async fn first_is_left_alone(&self) {
        eventually(SOON, "the first is ejected", async || self.ejected("first").await).await;
        eventually(SOON, "it is not asked", async || {
            let before = self.first.requests().len();
            self.ask().await == served(200, "second") && self.first.requests().len() == before
        })
        .await;
    }
}

fn served(status: u16, backend: &str) -> (u16, String) {
    (status, backend.to_owned())
}

#[tokio::test]
async fn a_backend_that_fails_three_times_in_a_row_is_left_alone_until_its_pause_is_over() {
    let two = Two::start(&["--proxy-cb-cooldown-secs", "2"]).await;
    // Two failures and a success, again and again, are not three in a row.
    for _ in 0..3 {
        two.first.fault_next(2, Fault::status(500));
        assert_eq!([two.ask().await.0, two.ask().await.0, two.ask().await.0], [500, 500, 200]);
    }
    assert!(!two.ejected("first").await);
    // A broken connection and a status count together.
    two.first.fault_next(1, Fault::cut(Cut::BeforeHeaders));
    assert_eq!(two.ask().await, served(200, "second"));
    two.first.fault_always(Fault::status(503));
    assert_eq!([two.ask().await, two.ask().await], [served(503, "first"), served(503, "first")]);
    two.first_is_left_alone().await;
    let before = two.first.requests().len();
    for _ in 0..5 {
        assert_eq!(two.ask().await, served(200, "second"));
    }
    assert_eq!(two.first.requests().len(), before);
    // Who has no other candidate is served nevertheless.
    let alone = two.client.post("/v1/chat/completions", &chat_with("alone")).send().await;
    assert_eq!((alone.status, two.first.requests().len()), (503, before + 1));
    two.first.clear_faults();
    eventually(SOON, "it is used again", async || two.ask().await == served(200, "first")).await;
}

#[tokio::test]
async fn only_failures_count_and_more_of_them_if_they_are_named() {
    let two = Two::start(&["--proxy-circuit-breaker"]).await;
    for status in [400, 404, 429] {
        two.first.fault_next(4, Fault::status(status));
        for _ in 0..4 {
            assert_eq!(two.ask().await, served(status, "first"));
        }
    }
    assert!(!two.ejected("first").await);
    let flags = ["--proxy-cb-failure-threshold", "2", "--proxy-cb-failure-status-codes", "404"];
    let two = Two::start(&flags).await;
    for status in [404, 500] {
        two.first.fault_next(1, Fault::status(status));
        assert_eq!(two.ask().await, served(status, "first"));
    }
    two.first_is_left_alone().await;
    // What is tried again counts too.
    let two = Two::start(&["--proxy-retry", "--proxy-circuit-breaker"]).await;
    two.first.fault_always(Fault::status(429));
    for asked in 1..=3 {
        assert_eq!(two.ask().await, served(200, "second"));
        assert_eq!(two.first.requests().len(), asked);
    }
    two.first_is_left_alone().await;
}

#[tokio::test]
async fn what_is_not_to_count_does_not() {
    let network = ["--proxy-circuit-breaker", "--proxy-cb-no-network-errors", "--proxy-cb-no-timeout-errors"];
    let two = Two::start(&network).await;
    two.first.fault_next(4, Fault::cut(Cut::BeforeHeaders));
    for _ in 0..4 {
        assert_eq!(two.ask().await, served(200, "second"));
    }
    assert!(!two.ejected("first").await);
    two.first.fault_always(Fault::status(502));
    for _ in 0..3 {
        assert_eq!(two.ask().await, served(502, "first"));
    }
    two.first_is_left_alone().await;

    let two = Two::start(&["--proxy-circuit-breaker", "--proxy-cb-no-server-errors"]).await;
    two.first.fault_next(4, Fault::status(502));
    for _ in 0..4 {
        assert_eq!(two.ask().await, served(502, "first"));
    }
    two.first.fault_always(Fault::cut(Cut::BeforeHeaders));
    for asked in 5..=7 {
        assert_eq!(two.ask().await, served(200, "second"));
        assert_eq!(two.first.requests().len(), asked);
    }
    two.first_is_left_alone().await;
}

#[tokio::test]
async fn when_all_are_left_alone_all_are_tried() {
    let two = Two::start(&["--proxy-retry", "--proxy-circuit-breaker"]).await;
    for simulator in [&two.first, &two.second] {
        simulator.fault_always(Fault::status(503));
    }
    for _ in 0..3 {
        assert_eq!(two.ask().await, served(503, "second"));
    }
    assert!(two.ejected("first").await && two.ejected("second").await);
    // Whichever is back serves all requests, also those that began with the other.
    for back in ["first", "second"] {
        two.first.clear_faults();
        two.second.clear_faults();
        let other = if back == "first" { &two.second } else { &two.first };
        other.fault_always(Fault::status(503));
        for _ in 0..10 {
            assert_eq!(two.ask().await, served(200, back));
        }
    }
}
