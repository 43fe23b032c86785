//! Request bodies: large ones, those over the limit, and what follows on the connection.

use std::time::Duration;

use bytes::Bytes;
use ditto_tests::client::raw::RawConnection;
use ditto_tests::client::{Client, Outgoing};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::simulator::Simulator;
use http::Method;
use serde_json::{Value, json};

use super::rig::{answering, backend, document, resident_bytes};
use ditto_tests::support::{SOON, expect_error, start};

const CHAT: &str = "/v1/chat/completions";

fn mapped(simulator: &Simulator) -> Value {
    let mut backend = backend("one", &simulator.base_url(), "cred");
    backend["model_map"] = json!({"asked": "a-longer-name-of-the-backend's"});
    document(&[backend], &["one"])
}

/// The same bytes, with their length told beforehand and without.
fn both_ways(client: &Client, body: &str) -> [(&'static str, Outgoing); 2] {
    let post = || client.request(Method::POST, CHAT).header("content-type", "application/json");
    let pieces = body.as_bytes().chunks(1 << 20).map(|piece| (Duration::ZERO, Bytes::copy_from_slice(piece)));
    [("whole", post().body(body.to_owned())), ("chunked", post().pieces(pieces.collect()))]
}

#[tokio::test]
async fn bodies_of_every_size_and_kind_arrive_as_they_are_sent() {
    let simulator = answering("one");
    let gateway = start(mapped(&simulator), &[]).await;
    // First, because it looks at how much memory Envoy takes.
    a_large_upload_streams_through_without_being_held(&gateway, &simulator).await;
    forty_mebibytes_of_json_arrive_with_the_model_replaced_wherever_it_stands(&gateway, &simulator).await;
    an_upload_arrives_as_it_is_sent(&gateway, &simulator).await;
    a_client_that_asks_before_it_sends_its_body_is_told_to_go_on(&gateway, &simulator).await;
    trailers_of_a_request_do_no_harm(&gateway, &simulator).await;
    simulator.clear_faults();
    requests_one_behind_the_other_are_answered_in_order(&gateway).await;
}

async fn forty_mebibytes_of_json_arrive_with_the_model_replaced_wherever_it_stands(
    gateway: &Gateway,
    simulator: &Simulator,
) {
    let client = gateway.client().with_bearer(TOKEN);
    let padding = "0123456789abcdef".repeat(40 << 16);
    for (place, body) in [
        ("front", format!("{{\"model\": \"asked\", \"padding\": \"{padding}\"}}")),
        ("end", format!("{{\"padding\": \"{padding}\", \"model\" : \"asked\" }}")),
    ] {
        let expected = body.replace("\"asked\"", "\"a-longer-name-of-the-backend's\"");
        for (way, request) in both_ways(&client, &body) {
            request.send().await.expect_status(200).await;
            let request = simulator.last_request();
            let declared = request.header("content-length").map(|length| length.parse().unwrap());
            assert!(request.body == expected, "{place} {way}: {} of {} bytes", request.body.len(), expected.len());
            assert_eq!(declared.unwrap_or(expected.len()), expected.len(), "{place} {way}");
            simulator.forget_requests();
        }
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let simulator = answering("one");
    let gateway = start(mapped(&simulator), &["--proxy-max-body-bytes", "100000"]).await;
    the_limit_of_json_bodies_is_exact_and_told_in_the_callers_shape(&gateway, &simulator).await;
    simulator.forget_requests();
    after_a_refusal_the_connection_serves_on_or_is_closed(&gateway).await;
    assert!(simulator.requests_to(CHAT).is_empty());
}

async fn the_limit_of_json_bodies_is_exact_and_told_in_the_callers_shape(gateway: &Gateway, simulator: &Simulator) {
    const LIMIT: usize = 100_000;
    let client = gateway.client().with_bearer(TOKEN);
    let body_of = |length: usize| {
        let frame = "{\"model\":\"other\",\"padding\":\"\"}".len();
        format!("{{\"model\":\"other\",\"padding\":\"{}\"}}", "x".repeat(length - frame))
    };
    for (way, request) in both_ways(&client, &body_of(LIMIT)) {
        request.send().await.expect_status(200).await;
        assert_eq!(simulator.last_request().body.len(), LIMIT, "{way}");
    }
    simulator.forget_requests();
    // Far beyond the limit Envoy's own bound comes into play; the reply is the same.
    for length in [LIMIT + 1, LIMIT + 70_000, 4 << 20] {
        for (_, request) in both_ways(&client, &body_of(length)) {
            let message = expect_error(request.send().await, 413, "request_too_large").await;
            assert!(message.contains("100000"), "{message}");
        }
    }
    let plain = client.request(Method::POST, CHAT).header("content-type", "text/plain");
    plain.body(body_of(LIMIT + 1)).send().await.expect_status(200).await;
    assert_eq!(simulator.requests().len(), 1, "the limit is for JSON alone");
}

async fn a_large_upload_streams_through_without_being_held(gateway: &Gateway, simulator: &Simulator) {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 100;
    simulator.forget_requests();
    let envoy = gateway.envoy_pid().unwrap();
    let client = gateway.client().with_bearer(TOKEN);
    let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let pieces = std::iter::once(Bytes::from(head)).chain(std::iter::repeat_n(piece, PIECES));
    let pieces = pieces.chain([Bytes::from("\r\n--b--\r\n")]).map(|piece| (Duration::ZERO, piece));
    let upload = client.request(Method::POST, "/v1/files").header("content-type", "multipart/form-data; boundary=b");
    let before = resident_bytes(envoy);
    let sending = tokio::spawn(upload.pieces(pieces.collect()).send());
    let mut highest = before;
    while !sending.is_finished() {
        highest = highest.max(resident_bytes(envoy));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sending.await.unwrap().expect_status(200).await;
    assert!(simulator.last_request().received > PIECE * PIECES);
    let growth = (highest - before) >> 20;
    assert!(growth < 60, "Envoy grew by {growth} MiB");
}

async fn an_upload_arrives_as_it_is_sent(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    let mut connection = RawConnection::open(gateway.address()).await.unwrap();
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: 3000\r\n\r\n"
    );
    connection.write(head).await.unwrap();
    for sent in [1_000, 2_000] {
        connection.write("x".repeat(1_000)).await.unwrap();
        eventually(SOON, "what was sent arrives", async || {
            simulator.requests().first().is_some_and(|request| request.received == sent && !request.complete)
        })
        .await;
    }
    connection.write("x".repeat(1_000)).await.unwrap();
    assert!(connection.read_until("\"from\"", SOON).await.unwrap().starts_with("HTTP/1.1 200"));
}

async fn a_client_that_asks_before_it_sends_its_body_is_told_to_go_on(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    for content_type in ["application/json", "text/plain"] {
        let mut connection = RawConnection::open(gateway.address()).await.unwrap();
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\nexpect: 100-continue\r\n\
             content-type: {content_type}\r\ncontent-length: 17\r\n\r\n"
        );
        connection.write(head).await.unwrap();
        assert_eq!(connection.read_until("\r\n\r\n", SOON).await.unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
        connection.write("{\"model\":\"asked\"}").await.unwrap();
        assert!(connection.read_until("\"from\"", SOON).await.unwrap().starts_with("HTTP/1.1 200"));
    }
    assert_eq!(simulator.requests_to(CHAT)[0].body, "{\"model\":\"a-longer-name-of-the-backend's\"}");
}

async fn trailers_of_a_request_do_no_harm(gateway: &Gateway, simulator: &Simulator) {
    simulator.forget_requests();
    for content_type in ["application/json", "text/plain"] {
        let mut connection = RawConnection::open(gateway.address()).await.unwrap();
        let request = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ntransfer-encoding: chunked\r\n\
             content-type: {content_type}\r\ntrailer: x-after\r\n\r\n\
             11\r\n{{\"model\":\"asked\"}}\r\n0\r\nx-after: y\r\n\r\n"
        );
        connection.write(request).await.unwrap();
        assert!(connection.read_until("\"from\"", SOON).await.unwrap().starts_with("HTTP/1.1 200"));
        assert!(simulator.last_request().complete);
    }
}

async fn after_a_refusal_the_connection_serves_on_or_is_closed(gateway: &Gateway) {
    let body = "x".repeat(300_000);
    for (status, key) in [(401, "sk-nobody's-0123456789abcdef"), (413, TOKEN)] {
        // The first request's body is on its way when it is refused; the second stands right behind it.
        let requests = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}GET /v1/files HTTP/1.1\r\nhost: x\r\n\
             authorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut connection = RawConnection::open(gateway.address()).await.unwrap();
        // A connection that is closed early may not take all of it.
        let sent = connection.write(&requests).await;
        let Ok(replies) = connection.read_to_end(SOON).await else {
            assert!(sent.is_err(), "only a client that could not finish may lose the reply");
            continue;
        };
        let replies = String::from_utf8_lossy(&replies).into_owned();
        assert!(replies.starts_with(&format!("HTTP/1.1 {status}")), "{replies}");
        let statuses: Vec<_> = replies.match_indices("HTTP/1.1 ").map(|(at, _)| &replies[at + 9..at + 12]).collect();
        match statuses.as_slice() {
            [_] => assert!(replies.to_lowercase().contains("connection: close"), "{replies}"),
            [_, "200"] => assert!(replies.contains("\"from\""), "{replies}"),
            _ => panic!("{replies}"),
        }
    }
}

async fn requests_one_behind_the_other_are_answered_in_order(gateway: &Gateway) {
    let get = |path: &str, last: bool| {
        let connection = if last { "close" } else { "keep-alive" };
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\nconnection: {connection}\r\n\r\n")
    };
    let mut connection = RawConnection::open(gateway.address()).await.unwrap();
    let requests = [get("/v1/models/gpt-4.1", false), get("/v1/unheard-of", false), get("/v1/models/whisper-1", true)];
    connection.write(requests.concat()).await.unwrap();
    let replies = String::from_utf8(connection.read_to_end(SOON).await.unwrap()).unwrap();
    let statuses: Vec<_> = replies.match_indices("HTTP/1.1 ").map(|(at, _)| &replies[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{replies}");
    assert!(replies.find("gpt-4.1").unwrap() < replies.find("whisper-1").unwrap());
}
