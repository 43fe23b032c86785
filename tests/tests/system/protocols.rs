//! HTTP/2 clients, and websockets.

use std::future::ready;
use std::time::Duration;

use bytes::Bytes;
use ditto_policy::document::Environment;
use ditto_tests::client::websocket::WebSocket;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::simulator::{Fault, Outcome, Simulator};
use ditto_tests::sse;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::rig::{answering, backend, document, pause, streamed_chat};
use ditto_tests::support::{SOON, chat, start};

const REALTIME: &str = "/v1/realtime?model=gpt-realtime&voice=alloy";

/// Speaks HTTP/2 from its first byte.
async fn http2(gateway: &Gateway) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn post(gateway: &Gateway, key: &str, body: &Value) -> Request<Full<Bytes>> {
    Request::post(format!("{}/v1/chat/completions", gateway.url()))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap()
}

#[tokio::test]
async fn clients_may_speak_http2() {
    let simulator = Simulator::start();
    let gateway = start(config::single(&simulator), &[]).await;
    let mut sender = http2(&gateway).await;
    // Many at a time on one connection, streams and others, good keys and bad ones.
    let mut replies = Vec::new();
    for number in 0..40 {
        let body = if number % 2 == 0 { streamed_chat("m", 20) } else { chat() };
        let key = if number % 8 == 7 { "sk-nobody's-0123456789abcdef" } else { TOKEN };
        replies.push((number, sender.send_request(post(&gateway, key, &body))));
    }
    for (number, reply) in replies {
        let reply = reply.await.unwrap();
        let status = reply.status();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        match number % 8 {
            7 => assert_eq!(status, StatusCode::UNAUTHORIZED),
            0 | 2 | 4 | 6 => assert!(sse::events(&body).last().unwrap().is_done(), "{number} {status}"),
            _ => assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["object"], "chat.completion"),
        }
    }
    // A body without a declared length.
    let reply = sender.send_request(post(&gateway, TOKEN, &json!({"model": "m", "padding": "x".repeat(3 << 20)})));
    assert_eq!(reply.await.unwrap().status(), StatusCode::BAD_REQUEST, "the provider misses the messages");
    assert!(simulator.last_request().body.len() > 3 << 20);
    // One stream that is given up leaves the others alone.
    simulator.fault_next(1, Fault::hang());
    let hanging = tokio::spawn(sender.send_request(post(&gateway, TOKEN, &chat())));
    eventually(SOON, "the request has arrived", async || simulator.last_request().outcome == Outcome::InProgress).await;
    hanging.abort();
    eventually(SOON, "the provider is left", async || simulator.last_request().outcome == Outcome::Abandoned).await;
    assert_eq!(sender.send_request(post(&gateway, TOKEN, &chat())).await.unwrap().status(), StatusCode::OK);
}

/// Sends a body with trailers behind it; the client names a route. Returns the status.
async fn post_with_trailers(gateway: &Gateway, route: &str, body: &'static str) -> StatusCode {
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-after"), HeaderValue::from_static("y"))]);
    let body = Full::new(Bytes::from_static(body.as_bytes())).with_trailers(ready(Some(Ok(trailers))));
    let request = post(gateway, TOKEN, &json!(null)).map(|_| body);
    let (mut head, body) = request.into_parts();
    head.headers.insert("x-ditto-route", route.parse().unwrap());
    sender.send_request(Request::from_parts(head, body)).await.unwrap().status()
}

#[tokio::test]
async fn trailers_over_http2_end_a_body_like_any_other_end() {
    let simulators = [answering("one"), answering("two")];
    let [mut one, two] = ["one", "two"].map(|name| {
        let simulator = &simulators[usize::from(name == "two")];
        backend(name, &simulator.base_url(), name)
    });
    one["model_map"] = json!({"asked": "mapped"});
    let document = document(&[one, two], &["one"]);
    let loaded = ditto_policy::document::load(&document.to_string(), None, &NoVariables).unwrap().document;
    let options = ditto_policy::compile::Options {
        max_body_bytes: 1,
        open_relay: false,
        metering: Default::default(),
        module: None,
    };
    let compiled = ditto_policy::compile::compile(&loaded, options).unwrap();
    let foreign = &compiled.routes[compiled.filter.pins["two"]].name;
    let gateway = start(document, &[]).await;

    let body = r#"{"model":"asked"}"#;
    assert_eq!(post_with_trailers(&gateway, foreign, body).await, StatusCode::OK);
    assert_eq!(simulators[0].last_request().body, r#"{"model":"mapped"}"#);
    assert_eq!(post_with_trailers(&gateway, foreign, r#"{"model":"#).await, StatusCode::BAD_REQUEST);
    assert_eq!(post_with_trailers(&gateway, foreign, "").await, StatusCode::OK);
    assert!(simulators[1].requests().is_empty(), "the client does not choose the backend");
}

/// For documents that refer to nothing.
struct NoVariables;

impl Environment for NoVariables {
    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &str) -> Result<String, String> {
        Err("there are no files".to_owned())
    }
}

fn realtime_document(simulator: &Simulator) -> Value {
    let mut one = backend("one", &simulator.base_url(), "cred-one");
    one["model_map"] = json!({"gpt-realtime": "realtime of/one"});
    one["timeout_seconds"] = json!(1);
    let mut document = document(&[one.clone(), backend("two", &simulator.base_url(), "cred-two")], &["one"]);
    // The same by way of a chain.
    document["router"]["rules"] = json!([{"model_prefix": "chained", "backends": [
        {"backend": "one", "weight": 1.0}, {"backend": "two", "weight": 1e-12}]}]);
    document
}

#[tokio::test]
async fn a_websocket_is_served_by_its_backend_alone() {
    let simulator = Simulator::start();
    let gateway = start(realtime_document(&simulator), &[]).await;
    a_websocket_needs_a_key_and_the_providers_refusal_comes_back(&gateway, &simulator).await;
    a_websocket_passes_and_outlives_the_timeout(&gateway, &simulator).await;
    either_end_of_a_websocket_notices_that_the_other_is_gone(&gateway, simulator).await;
}

async fn a_websocket_passes_and_outlives_the_timeout(gateway: &Gateway, simulator: &Simulator) {
    let client = gateway.client().with_bearer(TOKEN);
    for (path, model, query) in [
        (REALTIME, "realtime of/one", "model=realtime%20of%2Fone&voice=alloy"),
        ("/v1/realtime?voice=alloy&model=chained-x", "chained-x", "voice=alloy&model=chained-x"),
    ] {
        let mut socket = WebSocket::open(&client, path, &[]).await.unwrap().unwrap();
        assert_eq!(socket.next_json().await.unwrap()["session"]["model"], model);
        let handshake = simulator.last_request();
        assert_eq!(handshake.query(), Some(query));
        assert_eq!(handshake.header("authorization"), Some("Bearer cred-one"));
        assert!(!handshake.mentions(TOKEN));
        socket.send(&json!({"type": "hello"})).await.unwrap();
        assert_eq!(socket.next_json().await.unwrap()["received"]["type"], "hello");
        // The backend's timeout is one second.
        pause(2_000).await;
        let binary = Message::binary((0..=255).cycle().take(200_000).collect::<Vec<u8>>());
        socket.send_message(binary.clone()).await.unwrap();
        assert_eq!(socket.next_message().await.unwrap(), Some(binary));
        socket.send(&json!({"type": "response.create"})).await.unwrap();
        for kind in ["response.created", "response.output_text.delta", "response.done"] {
            assert_eq!(socket.next_json().await.unwrap()["type"], kind);
        }
        socket.close().await.unwrap();
    }
}

async fn a_websocket_needs_a_key_and_the_providers_refusal_comes_back(gateway: &Gateway, simulator: &Simulator) {
    let refused = WebSocket::open(&gateway.client(), REALTIME, &[]).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("invalid_api_key"), "{}", refused.body);
    let wrong = gateway.client().with_bearer("sk-nobody's-0123456789abcdef");
    assert_eq!(WebSocket::open(&wrong, REALTIME, &[]).await.unwrap().unwrap_err().status, 401);
    assert!(simulator.requests().is_empty());
    // What the provider says against a handshake comes back.
    let client = gateway.client().with_bearer(TOKEN);
    let refused = WebSocket::open(&client, "/v1/realtime", &[]).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert_eq!(simulator.last_request().header("authorization"), Some("Bearer cred-one"));
}

async fn either_end_of_a_websocket_notices_that_the_other_is_gone(gateway: &Gateway, simulator: Simulator) {
    let client = gateway.client().with_bearer(TOKEN);
    let mut socket = WebSocket::open(&client, REALTIME, &[]).await.unwrap().unwrap();
    socket.next_json().await.unwrap();
    simulator.stop();
    let ended = tokio::time::timeout(Duration::from_secs(10), socket.next_message()).await.expect("nothing is noticed");
    assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
}
