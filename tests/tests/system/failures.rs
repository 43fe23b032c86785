//! What clients hear when a backend fails or a limit is reached: the gateway's words, in the client's own shape.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::ports;
use ditto_tests::simulator::{Cut, Fault, Simulator};
use futures_util::future::join_all;
use serde_json::{Value, json};

use ditto_tests::support::{SOON, chat, chat_with, expect_anthropic_error, expect_error, start};

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
async fn expect_failure(client: &Client, model: &str, status: u16, code: &str, anthropic: &str) {
    let openai = ["/v1/chat/completions", "/chat/completions", "/v1/embeddings"];
    let openai = openai.map(|path| client.post(path, &chat_with(model)).send());
    let messages = ["/v1/messages", "/messages"].map(|path| client.post(path, &chat_with(model)).send());
    let (openai, messages) = tokio::join!(join_all(openai), join_all(messages));
    for reply in openai {
        expect_error(reply, status, code).await;
    }
    for reply in messages {
        expect_anthropic_error(reply, status, anthropic).await;
    }
}

#[tokio::test]
async fn a_backend_that_is_not_reached_or_hangs_up_is_a_502_and_one_that_does_not_answer_a_504() {
    let nobody = || format!("http://{}/v1", ports::free());
    let (cut, hanging) = ([Simulator::start(), Simulator::start()], [Simulator::start(), Simulator::start()]);
    cut.iter().for_each(|simulator| simulator.fault_always(Fault::cut(Cut::BeforeHeaders)));
    hanging.iter().for_each(|simulator| simulator.fault_always(Fault::hang()));
    let nowhere = || "http://no-such-host.invalid/v1".to_owned();
    let ways = [
        ("down", nobody(), nobody()),
        ("cut", cut[0].base_url(), cut[1].base_url()),
        ("unresolved", nowhere(), nowhere()),
        ("hanging", hanging[0].base_url(), hanging[1].base_url()),
    ];
    // Each alone on a route of its own, and in a chain with another of its kind.
    let (mut backends, mut rules) = (Vec::new(), Vec::new());
    for (way, first, second) in &ways {
        let names = [format!("{way}-one"), format!("{way}-two")];
        backends.extend([backend(&names[0], first), backend(&names[1], second)]);
        rules.push(json!({"model_prefix": format!("{way}-alone"), "backend": names[0]}));
        let both = names.map(|name| json!({"backend": name}));
        rules.push(json!({"model_prefix": format!("{way}-both"), "backends": both}));
    }
    let mut document = document(&backends[..1]);
    document["backends"] = json!(backends);
    document["router"]["rules"] = json!(rules);
    let gateway = start(document, &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for way in ["down-alone", "down-both", "cut-alone", "cut-both", "unresolved-alone", "unresolved-both"] {
        let started = Instant::now();
        expect_failure(&client, way, 502, "backend_error", "api_error").await;
        assert!(started.elapsed() < SOON, "{way}");
    }
    // Without a model a request goes to the default, which is down.
    expect_error(client.get("/v1/files").send().await, 502, "backend_error").await;

    let started = Instant::now();
    expect_failure(&client, "hanging-alone", 504, "backend_timeout", "timeout_error").await;
    assert!((Duration::from_millis(900)..SOON).contains(&started.elapsed()), "{:?}", started.elapsed());
    hanging.iter().for_each(Simulator::forget_requests);
    let reply = client.post("/v1/chat/completions", &chat_with("hanging-both")).send().await;
    expect_error(reply, 504, "backend_timeout").await;
    assert_eq!(hanging.each_ref().map(|simulator| simulator.requests().len()), [1, 1]);
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
    let mut document = document(&[backend("one", &one.base_url()), backend("two", &two.base_url())]);
    document["router"]["rules"] = json!([{"model_prefix": "alone", "backend": "one"}]);
    let gateway = start(document, &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for model in ["alone", "both"] {
        for status in [400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504] {
            let odd = "{ \"odd\":\t[1e0, \"\\u00e9\"] }\n\n";
            let fault =
                Fault::status(status).with_body(odd).with_header("content-type", "application/problem+json; v=1");
            let fault = fault.with_header("retry-after", "17");
            one.fault_always(fault.clone());
            two.fault_always(fault);
            for path in ["/v1/chat/completions", "/v1/embeddings"] {
                let mut reply = client.post(path, &chat_with(model)).send().await.expect_status(status).await;
                assert_eq!(reply.header("content-type"), Some("application/problem+json; v=1"));
                assert_eq!(reply.header("retry-after"), Some("17"), "{status}");
                assert_eq!(reply.text().await, odd, "{status}");
            }
            one.clear_faults();
            two.clear_faults();
        }
    }
}
