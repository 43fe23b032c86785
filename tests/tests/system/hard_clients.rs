//! Clients that are slow, hang, hang up or flood: they are told so in their dialect or cut off, others are served
//! meanwhile, and nothing of them stays.

use std::time::Duration;

use ditto_tests::client::raw::RawConnection;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::simulator::{Fault, Simulator};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{backend, document, pause, resident_bytes, statistic};
use ditto_tests::support::{SOON, chat, start};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// No slow client is waited for as long as the defaults have it.
const FLAGS: [&str; 8] = [
    "--client-head-timeout-secs",
    "1",
    "--client-idle-timeout-secs",
    "2",
    "--client-request-timeout-secs",
    "3",
    "--proxy-max-body-bytes",
    "100000",
];

/// The backend's time, after which a reply that nobody reads is given up as well.
const TIMEOUT_SECONDS: u64 = 4;

fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n{headers}\r\n\r\n")
}

fn json_of(length: usize) -> String {
    format!("content-type: application/json\r\ncontent-length: {length}")
}

async fn connect(gateway: &Gateway) -> RawConnection {
    RawConnection::open(gateway.address()).await.unwrap()
}

/// Asserts a reply's status, and what its error is called in the shape of the path's dialect.
fn expect_told(reply: &str, path: &str, status: u16, openai: &str, anthropic: &str) {
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{reply}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {reply}");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {reply}"));
    let (place, name) = if path == MESSAGES { ("type", anthropic) } else { ("code", openai) };
    assert_eq!(body["error"][place], name, "{path}: {body}");
    assert_eq!(body["type"] == "error", path == MESSAGES, "{path}: {body}");
}

/// Sends its head byte by byte, and stops in the middle.
async fn sends_half_a_head(gateway: &Gateway) {
    let mut connection = connect(gateway).await;
    let head = head(CHAT, &json_of(10));
    for byte in head.as_bytes().iter().take(head.len() / 2) {
        connection.write([*byte]).await.unwrap();
    }
    let reply = connection.read_reply(SOON).await.unwrap();
    expect_told(&reply, CHAT, 408, "request_timeout", "");
    connection.read_to_end(SOON).await.unwrap();
}

/// Sends half of a body, and hangs.
async fn sends_half_a_body(gateway: &Gateway, path: &str) {
    let mut connection = connect(gateway).await;
    connection.write(head(path, &json_of(1_000))).await.unwrap();
    connection.write("{\"model\": \"m\", ").await.unwrap();
    let reply = connection.read_reply(SOON).await.unwrap();
    expect_told(&reply, path, 408, "request_timeout", "invalid_request_error");
}

/// Never stops sending, but would take for ever: `headers` say of what.
async fn drips(gateway: &Gateway, path: &str, headers: &str) {
    let mut connection = connect(gateway).await;
    connection.write(head(path, headers)).await.unwrap();
    let reply = loop {
        // Once it is refused, there is nobody to write to.
        let _ = connection.write(" ").await;
        if let Ok(reply) = connection.read_reply(Duration::from_millis(250)).await {
            break reply;
        }
    };
    expect_told(&reply, path, 408, "request_timeout", "invalid_request_error");
}

/// Sends a head of megabytes, or of thousands of headers.
async fn floods_with_its_head(gateway: &Gateway, begin: &str, piece: &str) {
    let mut connection = connect(gateway).await;
    connection.write(begin).await.unwrap();
    let reply = connection.flood(piece.as_bytes(), 4 << 20, SOON).await.unwrap();
    expect_told(&reply, CHAT, 431, "headers_too_large", "");
    assert!(reply.contains("60 KiB") && reply.contains("100 headers"), "{reply}");
}

/// Sends a body without an end.
async fn floods_with_its_body(gateway: &Gateway, path: &str) {
    let mut connection = connect(gateway).await;
    connection.write(head(path, "content-type: application/json\r\ntransfer-encoding: chunked")).await.unwrap();
    let piece = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    let reply = connection.flood(piece.as_bytes(), usize::MAX, SOON).await.unwrap();
    expect_told(&reply, path, 413, "request_too_large", "request_too_large");
}

/// Sends what is no HTTP.
async fn talks_nonsense(gateway: &Gateway) {
    let mut connection = connect(gateway).await;
    connection.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nno header at all\r\n\r\n").await.unwrap();
    let reply = connection.read_reply(SOON).await.unwrap();
    expect_told(&reply, CHAT, 400, "invalid_request", "");
}

/// Hangs up in the middle of a stream.
async fn hangs_up(gateway: &Gateway) {
    let mut connection = connect(gateway).await;
    let body = json!({"model": "endless", "stream": true, "messages": []}).to_string();
    connection.write(head(CHAT, &json_of(body.len())) + &body).await.unwrap();
    connection.read_until("data: first", SOON).await.unwrap();
}

/// Ends its side of the connection, but would read the reply. Envoy takes that for the end of both sides
/// (<https://github.com/envoyproxy/envoy/issues/2066>).
async fn ends_its_side(gateway: &Gateway) {
    let mut connection = connect(gateway).await;
    let body = json!({"model": "endless", "stream": true, "messages": []}).to_string();
    connection.write(head(CHAT, &json_of(body.len())) + &body).await.unwrap();
    connection.read_until("data: first", SOON).await.unwrap();
    connection.finish_writing().await.unwrap();
    assert_eq!(connection.read_to_end(SOON).await.unwrap_or_default(), b"");
}

/// Reads nothing of a long reply. Envoy does not keep it, and gives it up in the backend's time.
async fn does_not_read(gateway: &Gateway) {
    let mut connection = connect(gateway).await;
    connection.write(head("/v1/files", "content-length: 0")).await.unwrap();
    connection.read_until("HTTP/1.1 200", SOON).await.unwrap();
    // Of all requests, this one alone is sent whole and has a reply that comes as fast as it is taken.
    let given_up = async || statistic(gateway, "cluster.one.upstream_rq_timeout").await;
    eventually(SOON, "the reply is given up", async || given_up().await > 0).await;
    drop(connection);
}

/// Others, until the hard ones are done; how many there were.
async fn others(gateway: &Gateway, hard: impl Future<Output = ()>) -> usize {
    let client = gateway.client().with_bearer(TOKEN);
    let mut served = 0;
    let serving = async {
        loop {
            client.post("/v1/embeddings", &chat()).send().await.expect_status(200).await;
            served += 1;
            pause(10).await;
        }
    };
    tokio::select! {
        () = hard => {}
        () = serving => {}
    }
    served
}

#[tokio::test]
async fn hard_clients_are_told_or_cut_off_and_others_notice_nothing() {
    let simulator = Simulator::start();
    let small = Fault::scripted("application/json", ["{}"]);
    simulator.fault_on("/v1/embeddings", small);
    let endless = ["data: first\n\n", "data: second\n\n"];
    simulator.fault_on(CHAT, Fault::scripted("text/event-stream", endless).with_chunk_delay(Duration::from_secs(600)));
    let piece = vec![b'x'; 1 << 20];
    simulator.fault_on("/v1/files", Fault::scripted("application/octet-stream", vec![piece; 64]));
    let mut one = backend("one", &simulator.base_url(), "cred");
    one["timeout_seconds"] = json!(TIMEOUT_SECONDS);
    let gateway = start(document(&[one], &["one"]), &FLAGS).await;
    let envoy = gateway.envoy_pid().unwrap();
    let before = resident_bytes(envoy);

    let begin = format!("GET {CHAT} HTTP/1.1\r\nhost: x\r\nx-big: ");
    let upload = "content-type: multipart/form-data; boundary=b\r\ncontent-length: 1000000";
    let hard = async {
        tokio::join!(
            sends_half_a_head(&gateway),
            join_all([CHAT, MESSAGES].map(|path| sends_half_a_body(&gateway, path))),
            join_all([CHAT, MESSAGES].map(|path| drips(
                &gateway,
                path,
                "content-type: application/json\r\ncontent-length: 90000"
            ))),
            drips(&gateway, "/v1/files", upload),
            floods_with_its_head(&gateway, &begin, "xxxxxxxx"),
            floods_with_its_head(&gateway, &begin, "x\r\nx-more: "),
            join_all([CHAT, MESSAGES].map(|path| floods_with_its_body(&gateway, path))),
            talks_nonsense(&gateway),
            hangs_up(&gateway),
            ends_its_side(&gateway),
            does_not_read(&gateway),
        );
    };
    let served = others(&gateway, hard).await;
    assert!(served > 20, "{served}");

    for gauge in ["cluster.one.upstream_rq_active", "http.gateway.downstream_rq_active"] {
        eventually(SOON, gauge, async || statistic(&gateway, gauge).await == 0).await;
    }
    eventually(SOON, "no connection is left", async || {
        statistic(&gateway, "http.gateway.downstream_cx_active").await == 0
    })
    .await;
    let growth = resident_bytes(envoy).saturating_sub(before) >> 20;
    assert!(growth < 60, "Envoy grew by {growth} MiB");
}
