//! Statuses after which the next candidate is tried, and what becomes of the last one.

use ditto_tests::client::Client;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{Gateway, ports};
use ditto_tests::simulator::{Cut, Fault, Simulator};
use serde_json::{Value, json};

use super::rig::{backend, document, streamed_chat};
use ditto_tests::support::{chat, chat_with, expect_error, start};

/// Three simulators and a gateway that prefers them in their order.
struct Three {
    simulators: [Simulator; 3],
    gateway: Gateway,
    client: Client,
}

impl Three {
    async fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, |_| ()).await
    }

    async fn start_with(flags: &[&str], change: impl FnOnce(&mut Value)) -> Self {
        let simulators = ["one", "two", "three"].map(Simulator::named);
        let names = ["one", "two", "three"];
        let backends: Vec<_> =
            simulators.iter().zip(names).map(|(simulator, name)| backend(name, &simulator.base_url(), name)).collect();
        let mut document = document(&backends, &names);
        change(&mut document);
        let gateway = start(document, flags).await;
        let client = gateway.client().with_bearer(TOKEN);
        Self { simulators, gateway, client }
    }

    /// Has the simulators answer with these statuses; 200 is a proper answer.
    fn answer(&self, statuses: [u16; 3]) {
        for (simulator, status) in self.simulators.iter().zip(statuses) {
            simulator.clear_faults();
            simulator.forget_requests();
            if status != 200 {
                let fault = Fault::status(status).with_body(format!("{{\"said\": {status}}}"));
                simulator.fault_always(fault.with_header("retry-after", "17").with_header("x-own", "kept"));
            }
        }
    }

    /// Status, backend and attempts of one plain and one streamed request, which must be the same.
    async fn outcome(&self) -> (u16, String, String) {
        let mut outcomes = Vec::new();
        for body in [chat(), streamed_chat("gpt-4o-mini", 3)] {
            let mut reply = self.client.post("/v1/chat/completions", &body).send().await;
            let header = |name| reply.header(name).unwrap_or_default().to_owned();
            outcomes.push((reply.status, header("x-ditto-backend"), header("x-ditto-attempts")));
            if reply.status != 200 {
                assert_eq!((header("retry-after"), header("x-own")), ("17".to_owned(), "kept".to_owned()));
                assert_eq!(reply.text().await, format!("{{\"said\": {}}}", reply.status), "as it came");
            }
        }
        assert_eq!(outcomes[0], outcomes[1]);
        outcomes.remove(0)
    }

    /// How many of the two requests of [`Three::outcome`] each simulator got.
    fn asked(&self) -> [usize; 3] {
        self.simulators.each_ref().map(|simulator| simulator.requests().len())
    }
}

fn told(status: u16, backend: &str, attempts: usize) -> (u16, String, String) {
    (status, backend.to_owned(), attempts.to_string())
}

#[tokio::test]
async fn without_the_flag_a_status_is_the_clients_and_a_dead_backend_is_not() {
    let Three { simulators, gateway, client } = Three::start(&[]).await;
    let three = Three { simulators, gateway, client };
    for status in [429, 500, 502, 503, 504] {
        three.answer([status, 200, 200]);
        assert_eq!(three.outcome().await, told(status, "one", 1));
        assert_eq!(three.asked(), [2, 0, 0]);
    }
    three.answer([200, 200, 200]);
    three.simulators[0].fault_always(Fault::cut(Cut::BeforeHeaders));
    assert_eq!(three.outcome().await, told(200, "two", 2));
}

#[tokio::test]
async fn with_it_the_usual_statuses_go_to_each_other_backend_once_and_others_do_not() {
    let nowhere = format!("http://{}/v1", ports::free());
    let three = Three::start_with(&["--proxy-retry"], |document| {
        let backends = document["backends"].as_array_mut().unwrap();
        backends.push(backend("down", &nowhere, "down"));
        document["router"]["rules"] = json!([
            {"model_prefix": "alone", "backend": "one"},
            {"model_prefix": "last-is-down", "backends": [
                {"backend": "one", "weight": 1.0}, {"backend": "two", "weight": 1e-12},
                {"backend": "down", "weight": 1e-24}]},
        ]);
    })
    .await;
    for status in [429, 500, 502, 503, 504] {
        three.answer([status, status, 200]);
        assert_eq!(three.outcome().await, told(200, "three", 3));
        assert_eq!(three.asked(), [2, 2, 2], "{status}");
    }
    for status in [400, 401, 403, 404, 408, 409, 422, 501] {
        three.answer([status, 200, 200]);
        assert_eq!(three.outcome().await, told(status, "one", 1));
    }
    // The last failure is passed on as it came, though it was not the first.
    three.answer([429, 500, 503]);
    assert_eq!(three.outcome().await, told(503, "three", 3));
    assert_eq!(three.asked(), [2, 2, 2]);
    three.answer([503, 404, 200]);
    assert_eq!(three.outcome().await, told(404, "two", 2));
    // A last attempt that reaches nobody is told in the client's shape.
    three.answer([503, 429, 200]);
    let reply = three.client.post("/v1/chat/completions", &chat_with("last-is-down")).send().await;
    assert_eq!(three.asked(), [1, 1, 0]);
    expect_error(reply, 502, "backend_error").await;
    // A backend alone is asked once.
    three.answer([503, 200, 200]);
    three.client.post("/v1/chat/completions", &chat_with("alone")).send().await.expect_status(503).await;
    assert_eq!(three.asked(), [1, 0, 0]);
}

#[tokio::test]
async fn attempts_are_bounded_and_statuses_chosen() {
    let three = Three::start(&["--proxy-retry-max-attempts", "2"]).await;
    three.answer([500, 503, 200]);
    assert_eq!(three.outcome().await, told(503, "two", 2));
    let three = Three::start(&["--proxy-retry-max-attempts", "1"]).await;
    three.answer([503, 200, 200]);
    assert_eq!(three.outcome().await, told(503, "one", 1));
    let three = Three::start(&["--proxy-retry-status-codes", "418,503", "--proxy-retry-max-attempts", "99"]).await;
    three.answer([418, 503, 200]);
    assert_eq!(three.outcome().await, told(200, "three", 3));
    three.answer([500, 200, 200]);
    assert_eq!(three.outcome().await, told(500, "one", 1));
    let three = Three::start(&["--proxy-fallback-status-codes", "404"]).await;
    three.answer([404, 503, 200]);
    assert_eq!(three.outcome().await, told(503, "two", 2));
}

#[tokio::test]
async fn failures_are_passed_on_where_that_is_asked_for() {
    let short = |document: &mut Value| document["backends"][0]["timeout_seconds"] = json!(1);
    let actions = ["--proxy-timeout-error-action", "none", "--proxy-network-error-action", "none"];
    for (flags, refused) in [(&actions[..2], false), (&actions[..], true)] {
        let three = Three::start_with(flags, |document| {
            document["backends"].as_array_mut().unwrap().truncate(2);
            document["router"]["default_backends"].as_array_mut().unwrap().truncate(2);
            document["backends"][1]["timeout_seconds"] = json!(1);
            short(document);
        })
        .await;
        three.simulators[0].fault_always(Fault::hang());
        let reply = three.client.post("/v1/chat/completions", &chat()).send().await;
        expect_error(reply, 504, "backend_timeout").await;
        assert_eq!(three.asked(), [1, 0, 0]);
        three.answer([200, 200, 200]);
        three.simulators[0].fault_always(Fault::cut(Cut::BeforeHeaders));
        let reply = three.client.post("/v1/chat/completions", &chat()).send().await;
        match refused {
            true => drop(expect_error(reply, 502, "backend_error").await),
            false => assert_eq!((reply.status, reply.header("x-ditto-backend")), (200, Some("two"))),
        }
    }
}
