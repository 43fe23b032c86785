//! Chains of backends that differ: what the next one gets when the first cannot be reached.

use std::time::Duration;

use ditto_tests::client::{Client, Response};
use ditto_tests::harness::config::TOKEN;
use ditto_tests::harness::{Gateway, ports};
use ditto_tests::simulator::{Cut, Fault, RecordedRequest, Simulator};
use ditto_tests::sse;
use serde_json::{Value, json};

use super::rig::{change, document, streamed_chat};
use ditto_tests::support::{chat_with, expect_anthropic_error, expect_error, start};

/// Two backends that have nothing in common.
fn chain(first: &str, second: &str) -> Value {
    let first = json!({
        "name": "first",
        "base_url": format!("{first}/first/v1"),
        "headers": {"authorization": "Bearer cred-first", "x-only-first": "1", "x-both": "first"},
        "query_params": {"api-version": "first", "only-first": "1"},
        "model_map": {"asked": "a-name-that-is-longer-than-the-one-asked-for"},
        "timeout_seconds": 2,
    });
    let second = json!({
        "name": "second",
        "base_url": format!("{second}/v1"),
        "headers": {"authorization": "Bearer cred-second", "x-both": "second"},
        "query_params": {"api-version": "second"},
        "model_map": {"asked": "m2", "*": "any2"},
        "timeout_seconds": 4,
    });
    document(&[first, second], &["first", "second"])
}

fn check_second(request: &RecordedRequest, model: &str) {
    assert_eq!(request.target, "/v1/chat/completions?client=1&api-version=second");
    assert_eq!(request.header_values("authorization").collect::<Vec<_>>(), ["Bearer cred-second"]);
    assert_eq!(request.header_values("x-both").collect::<Vec<_>>(), ["second"]);
    assert_eq!(request.header("x-only-first"), None);
    assert_eq!(request.header("x-client"), Some("kept"));
    assert!(!request.mentions(TOKEN) && !request.mentions("cred-first"), "{:?}", request.headers);
    assert_eq!(request.json()["model"], model);
    if let Some(length) = request.header("content-length") {
        assert_eq!(length, request.body.len().to_string());
    }
}

async fn ask(client: &Client, body: &Value) -> Response {
    let request = client.post("/v1/chat/completions?client=1", body).header("x-client", "kept");
    let response = request.send().await.expect_status(200).await;
    assert_eq!(response.header("x-ditto-backend"), Some("second"));
    response
}

/// Plain, streaming and large requests, each of which the second backend has to serve.
async fn serve_all(gateway: &Gateway, second: &Simulator) {
    let client = gateway.client().with_bearer(TOKEN);
    let reply = ask(&client, &chat_with("asked")).await.json().await;
    assert_eq!(reply["model"], "m2");
    check_second(&second.last_request(), "m2");
    let stream = ask(&client, &streamed_chat("asked", 5)).await.bytes().await;
    assert!(sse::events(&stream).last().unwrap().is_done());
    check_second(&second.last_request(), "m2");
    let mut large = chat_with("another");
    large["metadata"] = json!({"padding": "y".repeat(5 << 20)});
    ask(&client, &large).await;
    check_second(&second.last_request(), "any2");
    large["model"] = json!("any2");
    assert_eq!(second.last_request().json(), large, "nothing else has changed");
    assert_eq!(second.requests().len(), 3);
}

/// A chain whose second backend has a way to go on where the first has none.
struct Pair {
    first: Simulator,
    second: Simulator,
    gateway: Gateway,
}

impl Pair {
    /// Begins anew with a first backend that does this.
    fn first_does(&self, fault: Fault) {
        for simulator in [&self.first, &self.second] {
            simulator.clear_faults();
            simulator.forget_requests();
        }
        self.first.fault_always(fault);
    }

    fn client(&self) -> Client {
        self.gateway.client().with_bearer(TOKEN)
    }
}

#[tokio::test]
async fn a_backend_that_does_not_reply_is_passed_over_and_one_that_has_begun_is_not() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let gateway = start(chain(&first.url(), &second.url()), &[]).await;
    let pair = Pair { first, second, gateway };
    one_that_hangs_up_is_passed_over(&pair).await;
    uploads_and_requests_without_a_body_are_passed_on_too(&pair).await;
    a_stream_that_has_begun_is_not_tried_again(&pair).await;
    one_that_never_answers_gives_way(&pair).await;

    let nobody = format!("http://{}", ports::free());
    change(&pair.gateway, &chain(&nobody, &pair.second.url())).await;
    pair.first_does(Fault::status(418));
    serve_all(&pair.gateway, &pair.second).await;

    change(&pair.gateway, &chain(&pair.first.url(), &nobody)).await;
    when_no_backend_answers_the_caller_is_told_in_its_own_shape(&pair).await;
}

async fn one_that_hangs_up_is_passed_over(pair: &Pair) {
    pair.first_does(Fault::cut(Cut::BeforeHeaders));
    serve_all(&pair.gateway, &pair.second).await;
    let models: Vec<_> = pair.first.requests().iter().map(|request| request.json()["model"].clone()).collect();
    assert_eq!(
        models,
        ["a-name-that-is-longer-than-the-one-asked-for", "a-name-that-is-longer-than-the-one-asked-for", "another"]
    );
    for request in pair.first.requests() {
        assert_eq!(request.target, "/first/v1/chat/completions?client=1&api-version=first&only-first=1");
        assert_eq!(request.header_values("authorization").collect::<Vec<_>>(), ["Bearer cred-first"]);
        assert_eq!(request.header("content-length").unwrap(), request.body.len().to_string());
    }
}

async fn uploads_and_requests_without_a_body_are_passed_on_too(pair: &Pair) {
    pair.first_does(Fault::cut(Cut::BeforeHeaders));
    let (client, second) = (pair.client(), &pair.second);
    second.fault_always(Fault::scripted("application/json", ["{}"]));
    let get = client.get("/v1/files?client=1").send().await.expect_status(200).await;
    assert_eq!(get.header("x-ditto-backend"), Some("second"));
    assert_eq!(second.last_request().target, "/v1/files?client=1&api-version=second");
    let upload =
        client.request(http::Method::POST, "/v1/files").header("content-type", "multipart/form-data; boundary=b");
    let body = format!("--b\r\ncontent-disposition: form-data; name=\"f\"\r\n\r\n{}\r\n--b--\r\n", "z".repeat(300_000));
    let response = upload.body(body.clone()).send().await.expect_status(200).await;
    assert_eq!(response.header("x-ditto-backend"), Some("second"));
    assert!(second.last_request().body == body);
}

async fn a_stream_that_has_begun_is_not_tried_again(pair: &Pair) {
    let reply = Fault::scripted("text/event-stream", ["data: {}\n\n", "data: {}\n\n", "data: {}\n\n"]);
    pair.first_does(reply.with_cut(Cut::AfterBytes(15)));
    let client = pair.client();
    let mut response = client.post("/v1/chat/completions", &streamed_chat("asked", 5)).send().await;
    assert_eq!((response.status, response.header("x-ditto-backend")), (200, Some("first")));
    assert!(response.chunks().await.1.is_some(), "it breaks off");
    assert!(pair.second.requests().is_empty());
    // Nor is a reply that the first backend gave, whatever it says.
    pair.first_does(Fault::status(500));
    client.post("/v1/chat/completions", &chat_with("asked")).send().await.expect_status(500).await;
    assert!(pair.second.requests().is_empty());
}

async fn one_that_never_answers_gives_way(pair: &Pair) {
    pair.first_does(Fault::hang());
    let client = pair.client();
    let response = ask(&client, &chat_with("asked")).await;
    assert!(response.head_after > Duration::from_millis(1_900), "{:?}", response.head_after);
    check_second(&pair.second.last_request(), "m2");
    // If none of them answers, that is a timeout.
    pair.second.fault_always(Fault::hang());
    expect_error(client.post("/v1/chat/completions", &chat_with("asked")).send().await, 504, "backend_timeout").await;
}

async fn when_no_backend_answers_the_caller_is_told_in_its_own_shape(pair: &Pair) {
    pair.first_does(Fault::cut(Cut::BeforeHeaders));
    let client = pair.client();
    let reply = client.post("/v1/chat/completions", &chat_with("asked")).send().await;
    assert!(reply.header("x-ditto-request-id").is_some());
    let message = expect_error(reply, 502, "backend_error").await;
    assert!(!message.contains("cred-") && !message.contains("127.0.0.1"), "{message}");
    let messages = json!({"model": "asked", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]});
    expect_anthropic_error(client.post("/v1/messages", &messages).send().await, 502, "api_error").await;
}
