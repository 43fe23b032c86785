//! What clients notice when the first of two backends fails: nothing, in every way of failing before its reply begins.
//! Plain and streamed requests, many at a time.

use futures_util::future::join_all;
use std::time::Duration;

use ditto_tests::client::Client;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{Gateway, ports};
use ditto_tests::simulator::{Cut, Fault, Simulator};
use ditto_tests::sse;
use serde_json::{Value, json};

use super::rig::{backend, document, statistic, streamed_chat};
use super::tls::{Authority, Terminator};
use ditto_tests::support::{chat_with, expect_error, start};

/// More at a time than Envoy lets be retried unless it is told so.
const AT_ONCE: usize = 20;

/// Two backends that differ, so that each attempt is prepared for itself, or only in their addresses.
fn chain(first: &str, second: &str, differ: bool) -> Value {
    let credential = |name: &str| if differ { format!("cred-{name}") } else { "cred".to_owned() };
    let mut backends = [backend("first", first, &credential("a")), backend("second", second, &credential("b"))];
    backends[0]["timeout_seconds"] = json!(1);
    backends[1]["timeout_seconds"] = json!(1);
    document(&backends, &["first", "second"])
}

/// One request and all of its reply; why it was not served as it should be, if it was not.
async fn ask(client: &Client, streamed: bool) -> Result<(), String> {
    let body = if streamed { streamed_chat("any", 5) } else { chat_with("any") };
    let mut response =
        client.post("/v1/chat/completions", &body).try_send().await.map_err(|error| error.to_string())?;
    let (status, backend) = (response.status, response.header("x-ditto-backend").map(str::to_owned));
    let (chunks, broken) = response.chunks().await;
    let said: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    let whole = match streamed {
        true => sse::events(&said).last().is_some_and(|event| event.is_done()),
        false => serde_json::from_slice::<Value>(&said).is_ok_and(|said| said["object"] == "chat.completion"),
    };
    match status == 200 && backend.as_deref() == Some("second") && broken.is_none() && whole {
        true => Ok(()),
        false => Err(format!("{status} of {backend:?}, {broken:?}: {}", String::from_utf8_lossy(&said))),
    }
}

/// Asserts that clients notice nothing: all is served by the second backend.
async fn nothing_is_noticed(gateway: &Gateway) {
    let client = gateway.client().with_bearer(TOKEN);
    let asked = join_all((0..2 * AT_ONCE).map(|at| ask(&client, at % 2 == 1))).await;
    let errors: Vec<_> = asked.into_iter().filter_map(Result::err).collect();
    assert!(errors.is_empty(), "{} of {} requests failed: {errors:#?}", errors.len(), 2 * AT_ONCE);
}

/// The same of a first backend that is spoiled by `fault`, for both kinds of chains.
async fn nothing_is_noticed_of(fault: Fault, flags: &[&str]) {
    for differ in [true, false] {
        let (first, second) = (Simulator::named("first"), Simulator::named("second"));
        first.fault_always(fault.clone());
        let gateway = start(chain(&first.base_url(), &second.base_url(), differ), flags).await;
        nothing_is_noticed(&gateway).await;
        assert_eq!((first.requests().len(), second.requests().len()), (2 * AT_ONCE, 2 * AT_ONCE));
    }
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_is_down() {
    let second = Simulator::named("second");
    let nobody = format!("http://{}/v1", ports::free());
    for differ in [true, false] {
        let gateway = start(chain(&nobody, &second.base_url(), differ), &[]).await;
        nothing_is_noticed(&gateway).await;
    }
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_hangs() {
    nothing_is_noticed_of(Fault::hang(), &[]).await;
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_is_cut_before_the_first_byte() {
    nothing_is_noticed_of(Fault::cut(Cut::BeforeHeaders), &[]).await;
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_answers_429() {
    nothing_is_noticed_of(Fault::status(429).with_header("retry-after", "17"), &["--proxy-retry"]).await;
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_answers_503() {
    nothing_is_noticed_of(Fault::status(503), &["--proxy-retry"]).await;
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_resolves_to_nothing() {
    let second = Simulator::named("second");
    for differ in [true, false] {
        let gateway = start(chain("http://provider.invalid/v1", &second.base_url(), differ), &[]).await;
        nothing_is_noticed(&gateway).await;
    }
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_with_an_invalid_certificate() {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let certificates = [authority.sign("other.example"), unknown.sign("localhost")];
    for certificate in certificates {
        let terminator = Terminator::start(&first, certificate, &["h2"]).await;
        let document = chain(&format!("https://localhost:{}/v1", terminator.port), &second.base_url(), true);
        let gateway = start(document, &authority.flags().each_ref().map(String::as_str)).await;
        nothing_is_noticed(&gateway).await;
    }
    assert!(first.requests().is_empty());
}

#[tokio::test]
async fn nothing_is_noticed_of_a_first_backend_that_is_ejected() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    first.fault_always(Fault::cut(Cut::BeforeHeaders));
    let gateway = start(chain(&first.base_url(), &second.base_url(), true), &["--proxy-circuit-breaker"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for _ in 0..3 {
        ask(&client, false).await.unwrap();
    }
    assert_eq!(statistic(&gateway, "cluster.first.outlier_detection.ejections_active").await, 1);
    nothing_is_noticed(&gateway).await;
    assert_eq!(first.requests().len(), 3, "an ejected backend is left alone");
}

#[tokio::test]
async fn a_reply_that_has_begun_is_not_begun_again() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let gateway = start(chain(&first.base_url(), &second.base_url(), true), &["--proxy-retry"]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for (streamed, cut) in [(true, Cut::AfterEvents(2)), (true, Cut::AfterBytes(1)), (false, Cut::AfterBytes(1))] {
        first.clear_faults();
        first.fault_always(Fault::cut(cut));
        let error = ask(&client, streamed).await.unwrap_err();
        assert!(error.starts_with("200 of Some(\"first\"), Some("), "it breaks off: {error}");
    }
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn more_requests_than_the_first_backend_may_have_are_refused_and_not_sent_elsewhere() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let slow = Fault::scripted("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]);
    first.fault_next(1, slow.with_chunk_delay(Duration::from_secs(30)));
    let mut document = chain(&first.base_url(), &second.base_url(), true);
    document["backends"][0]["max_in_flight"] = json!(1);
    document["backends"][0]["timeout_seconds"] = json!(60);
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
