//! What clients hear when a backend fails or a limit is reached: the gateway's words, in the client's own shape.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::ports;
use ditto_tests::simulator::{Cut, Fault, Simulator};
use serde_json::{Value, json};

use ditto_tests::support::{SOON, chat, expect_anthropic_error, expect_error, start};

/// One backend, alone on a route of its own or as the first of two in a chain.
fn document(backends: &[Value]) -> Value {
    let candidates: Vec<_> = backends.iter().map(|backend| json!({"backend": backend["name"]})).collect();
    json!({
        "backends": backends,
        "virtual_keys": [config::key("harness", TOKEN)],
        "router": {"default_backends": candidates, "rules": []},
    })
}

fn backend(name: &str, base_url: &str) -> Value {
    json!({"name": name, "base_url": base_url, "timeout_seconds": 1, "headers": {"x-own": name}})
}

/// Asserts what a client of each kind hears of a failing backend.
async fn expect_failure(client: &Client, status: u16, code: &str, anthropic: &str) {
    for path in ["/v1/chat/completions", "/chat/completions", "/v1/embeddings"] {
        expect_error(client.post(path, &chat()).send().await, status, code).await;
    }
    expect_error(client.get("/v1/files").send().await, status, code).await;
    for path in ["/v1/messages", "/messages"] {
        expect_anthropic_error(client.post(path, &chat()).send().await, status, anthropic).await;
    }
}

#[tokio::test]
async fn a_backend_that_refuses_connections_is_a_502() {
    let nobody = || format!("http://{}/v1", ports::free());
    let alone = [backend("one", &nobody())];
    let both = [backend("one", &nobody()), backend("two", &nobody())];
    for backends in [&alone[..], &both[..]] {
        let gateway = start(document(backends), &[]).await;
        expect_failure(&gateway.client().with_bearer(TOKEN), 502, "backend_error", "api_error").await;
    }
}

#[tokio::test]
async fn a_backend_that_hangs_up_before_it_answers_is_a_502() {
    let (one, two) = (Simulator::start(), Simulator::start());
    one.fault_always(Fault::cut(Cut::BeforeHeaders));
    two.fault_always(Fault::cut(Cut::BeforeHeaders));
    let alone = [backend("one", &one.base_url())];
    let both = [backend("one", &one.base_url()), backend("two", &two.base_url())];
    for backends in [&alone[..], &both[..]] {
        let gateway = start(document(backends), &[]).await;
        expect_failure(&gateway.client().with_bearer(TOKEN), 502, "backend_error", "api_error").await;
    }
}

#[tokio::test]
async fn a_backend_without_an_address_is_a_502_or_503_and_no_hanging() {
    let gateway = start(document(&[backend("one", "http://no-such-host.invalid/v1")]), &[]).await;
    let started = Instant::now();
    let client = gateway.client().with_bearer(TOKEN);
    expect_error(client.post("/v1/chat/completions", &chat()).send().await, 502, "backend_error").await;
    expect_anthropic_error(client.post("/v1/messages", &chat()).send().await, 502, "api_error").await;
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_backend_that_does_not_answer_in_its_time_is_a_504() {
    let simulator = Simulator::start();
    simulator.fault_always(Fault::hang());
    let gateway = start(document(&[backend("one", &simulator.base_url())]), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let started = Instant::now();
    let (openai, anthropic) =
        tokio::join!(client.post("/v1/chat/completions", &chat()).send(), client.post("/v1/messages", &chat()).send(),);
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    assert!(started.elapsed() < SOON);
    expect_error(openai, 504, "backend_timeout").await;
    expect_anthropic_error(anthropic, 504, "timeout_error").await;
}

#[tokio::test]
async fn in_a_chain_whose_backends_all_hang_the_client_hears_a_504() {
    let (one, two) = (Simulator::start(), Simulator::start());
    one.fault_always(Fault::hang());
    two.fault_always(Fault::hang());
    let gateway = start(document(&[backend("one", &one.base_url()), backend("two", &two.base_url())]), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    expect_error(client.post("/v1/chat/completions", &chat()).send().await, 504, "backend_timeout").await;
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
}

#[tokio::test]
async fn more_requests_than_a_backend_may_have_are_a_429_until_one_ends() {
    let simulator = Simulator::start();
    simulator
        .fault_next(1, Fault::scripted("text/event-stream", ["data: 1\n\n", "data: 2\n\n"]).with_chunk_delay(SOON));
    let mut limited = backend("one", &simulator.base_url());
    limited["timeout_seconds"] = json!(60);
    limited["max_in_flight"] = json!(1);
    let gateway = start(document(&[limited]), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let mut first = client.post("/v1/chat/completions", &chat()).send().await.expect_status(200).await;
    first.chunk().await.expect("the stream has begun");
    let second = client.get("/v1/files").send().await;
    assert_eq!(second.header("retry-after"), Some("1"));
    expect_error(second, 429, "inflight_limit_backend").await;
    expect_anthropic_error(client.post("/v1/messages", &chat()).send().await, 429, "rate_limit_error").await;
    assert_eq!(simulator.requests().len(), 1);
    drop(first);
    eventually(SOON, "the next request is served", async || client.get("/v1/files").send().await.status == 200).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_with_or_without_a_declared_length() {
    let simulator = Simulator::start();
    let gateway = start(config::single(&simulator), &["--proxy-max-body-bytes", "1000"]).await;
    let client = gateway.client().with_bearer(TOKEN).with_header("content-type", "application/json");
    let body = Bytes::from(json!({"model": "m", "text": "x".repeat(2000)}).to_string());
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let declared = client.request(http::Method::POST, path).body(body.clone());
        let pieces = body.chunks(700).map(|piece| (Duration::ZERO, Bytes::copy_from_slice(piece))).collect();
        for request in [declared, client.request(http::Method::POST, path).pieces(pieces)] {
            let reply = request.header("x-request-id", "mine").send().await;
            assert_eq!(reply.headers.get_all("x-request-id").iter().collect::<Vec<_>>(), ["mine"]);
            if path == "/v1/messages" {
                expect_anthropic_error(reply, 413, "request_too_large").await;
            } else {
                assert!(expect_error(reply, 413, "request_too_large").await.contains("1000"));
            }
        }
    }
    assert_eq!(simulator.requests().len(), 0);
}

#[tokio::test]
async fn a_body_that_is_no_json_or_names_two_models_is_a_400_and_goes_nowhere() {
    let simulator = Simulator::start();
    let gateway = start(config::single(&simulator), &[]).await;
    let client = gateway.client().with_bearer(TOKEN).with_header("content-type", "application/json; charset=utf-8");
    let send = async |path: &str, body: &'static str| client.request(http::Method::POST, path).body(body).send().await;
    for body in ["{", "{\"model\":\"a\"", "nonsense", "{\"a\":01}", "{'a':1}", "{\"a\":1}x", "{\"a\":\"\n\"}", " "] {
        let message = expect_error(send("/v1/chat/completions", body).await, 400, "invalid_json").await;
        assert!(message.contains("not valid JSON"), "{message}");
        expect_anthropic_error(send("/v1/messages", body).await, 400, "invalid_request_error").await;
    }
    for body in ["{\"model\":\"a\",\"model\":\"b\"}", "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", "{\"model\":7}"] {
        expect_error(send("/v1/chat/completions", body).await, 400, "invalid_request").await;
        expect_anthropic_error(send("/v1/messages", body).await, 400, "invalid_request_error").await;
    }
    assert_eq!(simulator.requests().len(), 0);
    // Without a key nobody learns what is wrong with a body.
    let anonymous = client.post("/v1/chat/completions", &chat()).without_header("authorization").body("{");
    expect_error(anonymous.send().await, 401, "invalid_api_key").await;
}

#[tokio::test]
async fn what_a_backend_refuses_reaches_the_client_in_the_backends_words() {
    let (one, two) = (Simulator::start(), Simulator::start());
    let alone = [backend("one", &one.base_url())];
    let both = [backend("one", &one.base_url()), backend("two", &two.base_url())];
    for backends in [&alone[..], &both[..]] {
        let gateway = start(document(backends), &[]).await;
        let client = gateway.client().with_bearer(TOKEN);
        for status in [400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504] {
            let odd = "{ \"odd\":\t[1e0, \"\\u00e9\"] }\n\n";
            let fault =
                Fault::status(status).with_body(odd).with_header("content-type", "application/problem+json; v=1");
            let fault = fault.with_header("retry-after", "17");
            one.fault_always(fault.clone());
            two.fault_always(fault);
            for path in ["/v1/chat/completions", "/v1/embeddings"] {
                let mut reply = client.post(path, &chat()).send().await.expect_status(status).await;
                assert_eq!(reply.header("content-type"), Some("application/problem+json; v=1"));
                assert_eq!(reply.header("retry-after"), Some("17"), "{status}");
                assert_eq!(reply.text().await, odd, "{status}");
            }
            one.clear_faults();
            two.clear_faults();
        }
    }
}
