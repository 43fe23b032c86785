//! What clients notice when the first of two backends fails: nothing, in every way of failing before its reply begins.
//! Plain and streamed requests, many at a time.

use futures_util::future::join_all;
use std::time::Duration;

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{Gateway, ports};
use ditto_tests::simulator::{Cut, Fault, Simulator};
use ditto_tests::sse;
use serde_json::{Value, json};

use super::rig::{backend, document, statistic, streamed_chat};
use super::tls::{Authority, Terminator};
use ditto_tests::support::{SOON, chat_with, expect_error, start};

/// More at a time than Envoy lets be retried unless it is told so.
const AT_ONCE: usize = 20;

/// A way in which the first of two backends fails.
struct Case {
    /// What is said of it, and the beginning of the models that lead to it.
    name: &'static str,
    /// Where the first backend is, if that is what is wrong.
    address: Option<String>,
    first: Simulator,
    second: Simulator,
}

impl Case {
    /// A first backend that does this to each request.
    fn fault(name: &'static str, fault: Fault) -> Self {
        let case = Self { name, address: None, first: Simulator::named("first"), second: Simulator::named("second") };
        case.first.fault_always(fault);
        case
    }

    /// A first backend that is not reached.
    fn address(name: &'static str, address: String) -> Self {
        Self { address: Some(address), ..Self::fault(name, Fault::status(418)) }
    }

    /// Its two chains: of backends that differ, so that each attempt is prepared for itself, and of backends that
    /// differ in their addresses only.
    fn chains(&self) -> [String; 2] {
        ["differ", "alike"].map(|kind| format!("{}-{kind}", self.name))
    }

    fn add_to(&self, backends: &mut Vec<Value>, rules: &mut Vec<Value>) {
        let first = self.address.clone().unwrap_or_else(|| self.first.base_url());
        for (chain, credentials) in self.chains().iter().zip([["cred-a", "cred-b"], ["cred", "cred"]]) {
            let names = ["first", "second"].map(|place| format!("{place}-{chain}"));
            for (place, address) in [first.clone(), self.second.base_url()].iter().enumerate() {
                let mut backend = backend(&names[place], address, credentials[place]);
                backend["timeout_seconds"] = json!(1);
                backends.push(backend);
            }
            let [first, second] = names;
            rules.push(json!({"model_prefix": chain, "backends": [
                {"backend": first, "weight": 1.0}, {"backend": second, "weight": 1e-12}]}));
        }
    }
}

/// A gateway for all these cases.
async fn gateway_for(cases: &[Case], flags: &[&str]) -> Gateway {
    let (mut backends, mut rules) = (Vec::new(), Vec::new());
    for case in cases {
        case.add_to(&mut backends, &mut rules);
    }
    let default = format!("second-{}", cases[0].chains()[0]);
    let mut document = document(&backends, &[&default]);
    document["router"]["rules"] = json!(rules);
    start(document, flags).await
}

/// One request and all of its reply; why it was not served as it should be, if it was not.
async fn ask(client: &Client, chain: &str, streamed: bool) -> Result<(), String> {
    let body = if streamed { streamed_chat(chain, 5) } else { chat_with(chain) };
    let mut response =
        client.post("/v1/chat/completions", &body).try_send().await.map_err(|error| error.to_string())?;
    let (status, backend) = (response.status, response.header("x-ditto-backend").map(str::to_owned));
    let (chunks, broken) = response.chunks().await;
    let said: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    let whole = match streamed {
        true => sse::events(&said).last().is_some_and(|event| event.is_done()),
        false => serde_json::from_slice::<Value>(&said).is_ok_and(|said| said["object"] == "chat.completion"),
    };
    match status == 200 && backend == Some(format!("second-{chain}")) && broken.is_none() && whole {
        true => Ok(()),
        false => Err(format!("{status} of {backend:?}, {broken:?}: {}", String::from_utf8_lossy(&said))),
    }
}

/// Asserts that clients notice nothing: all is served by the second backend.
async fn nothing_is_noticed(gateway: &Gateway, chain: &str) {
    let client = gateway.client().with_bearer(TOKEN);
    let asked = join_all((0..2 * AT_ONCE).map(|at| ask(&client, chain, at % 2 == 1))).await;
    let errors: Vec<_> = asked.into_iter().filter_map(Result::err).collect();
    assert!(errors.is_empty(), "{chain}: {} of {} requests failed: {errors:#?}", errors.len(), 2 * AT_ONCE);
}

/// The same of each case and both of its chains.
async fn nothing_is_noticed_of(cases: &[Case], flags: &[&str]) {
    let gateway = gateway_for(cases, flags).await;
    for case in cases {
        for chain in case.chains() {
            case.first.forget_requests();
            case.second.forget_requests();
            nothing_is_noticed(&gateway, &chain).await;
            let reached = if case.address.is_some() { 0 } else { 2 * AT_ONCE };
            assert_eq!((case.first.requests().len(), case.second.requests().len()), (reached, 2 * AT_ONCE), "{chain}");
        }
    }
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_is_down_hangs_is_cut_or_has_no_address() {
    let cases = [
        Case::address("down", format!("http://{}/v1", ports::free())),
        Case::address("unresolved", "http://provider.invalid/v1".to_owned()),
        Case::fault("hangs", Fault::hang()),
        Case::fault("cut", Fault::cut(Cut::BeforeHeaders)),
    ];
    nothing_is_noticed_of(&cases, &[]).await;
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_answers_429_or_503() {
    let cases = [
        Case::fault("answers-429", Fault::status(429).with_header("retry-after", "17")),
        Case::fault("answers-503", Fault::status(503)),
    ];
    nothing_is_noticed_of(&cases, &["--proxy-retry"]).await;
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_with_an_invalid_certificate() {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let behind = Simulator::named("first");
    let other_name = Terminator::start(&behind, authority.sign("other.example"), &["h2"]).await;
    let other_authority = Terminator::start(&behind, unknown.sign("localhost"), &["h2"]).await;
    let cases = [("other-name", other_name.port), ("other-authority", other_authority.port)];
    let cases = cases.map(|(name, port)| Case::address(name, format!("https://localhost:{port}/v1")));
    nothing_is_noticed_of(&cases, &authority.flags().each_ref().map(String::as_str)).await;
    assert!(behind.requests().is_empty());
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_is_ejected() {
    let cases = [Case::fault("ejected", Fault::cut(Cut::BeforeHeaders))];
    let (first, chain) = (&cases[0].first, &cases[0].chains()[0]);
    let gateway = gateway_for(&cases, &["--proxy-circuit-breaker"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for _ in 0..3 {
        ask(&client, chain, false).await.unwrap();
    }
    assert_eq!(first.requests().len(), 3);
    // Envoy ejects in one thread and serves in another, which hears of it a moment later.
    eventually(SOON, "the first is ejected, and not asked", async || {
        let before = first.requests().len();
        ask(&client, chain, false).await.unwrap();
        let name = format!("cluster.first-{chain}.outlier_detection.ejections_active");
        statistic(&gateway, &name).await == 1 && first.requests().len() == before
    })
    .await;
    let before = first.requests().len();
    nothing_is_noticed(&gateway, chain).await;
    assert_eq!(first.requests().len(), before, "an ejected backend is left alone");
}

#[tokio::test]
async fn a_reply_that_has_begun_is_not_begun_again() {
    let cases = [Case::fault("begun", Fault::hang())];
    let (Case { first, second, .. }, chain) = (&cases[0], &cases[0].chains()[0]);
    let gateway = gateway_for(&cases, &["--proxy-retry"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for (streamed, cut) in [(true, Cut::AfterEvents(2)), (true, Cut::AfterBytes(1)), (false, Cut::AfterBytes(1))] {
        first.clear_faults();
        first.fault_always(Fault::cut(cut));
        let error = ask(&client, chain, streamed).await.unwrap_err();
        assert!(error.starts_with("200 of Some(\"first-begun-differ\"), Some("), "it breaks off: {error}");
    }
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn more_requests_than_the_first_backend_may_have_are_refused_and_not_sent_elsewhere() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let slow = Fault::scripted("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]);
    first.fault_next(1, slow.with_chunk_delay(Duration::from_secs(30)));
    let backends = [backend("first", &first.base_url(), "cred-a"), backend("second", &second.base_url(), "cred-b")];
    let mut document = document(&backends, &["first", "second"]);
    document["backends"][0]["max_in_flight"] = json!(1);
    let gateway = start(document, &["--proxy-retry"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let mut held = client.post("/v1/chat/completions", &chat_with("any")).send().await.expect_status(200).await;
    held.chunk().await.expect("the stream has begun");
    for body in [chat_with("any"), streamed_chat("any", 5)] {
        let refused = client.post("/v1/chat/completions", &body).send().await;
        assert_eq!(refused.header("retry-after"), Some("1"));
        expect_error(refused, 429, "inflight_limit_backend").await;
    }
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));
}
