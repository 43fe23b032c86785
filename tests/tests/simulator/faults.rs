//! What can go wrong, goes wrong as ordered.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ditto_tests::client::raw::RawConnection;
use ditto_tests::simulator::{Cut, Fault, Outcome};
use ditto_tests::sse;
use serde_json::json;

use super::{hello, start, with};

const PATH: &str = "/v1/chat/completions";
const SHORT: Duration = Duration::from_millis(60);

fn streamed() -> serde_json::Value {
    with(hello(), json!({"stream": true}))
}

#[tokio::test]
async fn a_status_fails_with_an_error_body() {
    let (simulator, client) = start();
    simulator.fault_next(2, Fault::status(429).with_header("retry-after", "7"));
    simulator.fault_next(1, Fault::status(503).with_body("upstream is down").with_header("content-type", "text/plain"));
    for _ in 0..2 {
        let mut response = client.post(PATH, &hello()).send().await.expect_status(429).await;
        assert_eq!(response.header("retry-after"), Some("7"));
        assert_eq!(response.json().await["error"]["code"], "rate_limit_exceeded");
    }
    let mut response = client.post(PATH, &hello()).send().await.expect_status(503).await;
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.text().await, "upstream is down");
    client.post(PATH, &hello()).send().await.expect_status(200).await;
}

#[tokio::test]
async fn a_path_fails_until_cleared() {
    let (simulator, client) = start();
    simulator.fault_on("/v1/chat/*", Fault::status(500));
    for _ in 0..3 {
        client.post(PATH, &hello()).send().await.expect_status(500).await;
    }
    client.get("/v1/models").send().await.expect_status(200).await;
    simulator.clear_faults();
    client.post(PATH, &hello()).send().await.expect_status(200).await;
}

#[tokio::test]
async fn delays_come_before_the_head_and_between_pieces() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault { delay: SHORT, ..Fault::chunk_delay(SHORT) });
    let mut response = client.post(PATH, &streamed()).send().await;
    assert!(response.head_after >= SHORT);
    let events = response.events().await;
    for pair in events.windows(2) {
        // Timers may be a little early relative to arrival of the one before; a margin of half is plenty.
        assert!(pair[1].at - pair[0].at >= SHORT / 2, "events are spread");
    }
}

#[tokio::test]
async fn connections_break_where_told() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::cut(Cut::BeforeHeaders));
    assert!(client.post(PATH, &hello()).try_send().await.is_err());
    assert_eq!(simulator.last_request().outcome, Outcome::Broken);

    for request in [hello(), streamed()] {
        for (cut, bytes) in [(Cut::AfterHeaders, 0), (Cut::AfterBytes(100), 100)] {
            simulator.fault_next(1, Fault::cut(cut));
            let mut response = client.post(PATH, &request).send().await.expect_status(200).await;
            let (chunks, error) = response.chunks().await;
            let received: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
            assert_eq!(received, bytes, "{cut:?}");
            assert!(error.is_some(), "the client can tell that something is missing");
            assert_eq!(simulator.last_request().outcome, Outcome::Broken);
        }
    }
}

#[tokio::test]
async fn pieces_can_be_of_any_size() {
    let (simulator, client) = start();
    let mut untouched = client.post(PATH, &streamed()).send().await;
    let expected = sse::events(&untouched.bytes().await).len();
    for fault in [Fault::bytewise(), Fault::chunk_sizes(&[1, 7, 300])] {
        simulator.fault_next(1, fault.clone());
        let mut response = client.post(PATH, &streamed()).send().await;
        let (chunks, error) = response.chunks().await;
        assert!(error.is_none());
        let whole: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        assert_eq!(sse::events(&whole).len(), expected);
        if fault == Fault::bytewise() {
            assert!(chunks.iter().all(|chunk| chunk.bytes.len() == 1), "each byte is a chunk of its own");
        }
    }
    simulator.fault_next(1, Fault::bytewise());
    client.post(PATH, &hello()).send().await.json().await;
}

#[tokio::test]
async fn bodies_can_be_compressed() {
    let (simulator, client) = start();
    for request in [hello(), streamed()] {
        simulator.fault_next(1, Fault::gzip());
        let mut response = client.post(PATH, &request).send().await;
        assert_eq!(response.header("content-encoding"), Some("gzip"));
        let compressed = response.bytes().await;
        let mut text = String::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
        assert!(text.contains("chat.completion"));
    }
}

#[tokio::test]
async fn a_scripted_reply_is_sent_as_written() {
    let (simulator, client) = start();
    let pieces = ["data: {\"a\"", ":1}\n\nda", "ta: [DONE]\n\n"].map(Bytes::from);
    simulator.fault_next(1, Fault::scripted("text/event-stream", pieces));
    let mut response = client.post(PATH, &streamed()).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(response.events().await.len(), 2);
}

#[tokio::test]
async fn a_hanging_request_never_ends() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::hang());
    let request = client.post(PATH, &hello());
    assert!(tokio::time::timeout(5 * SHORT, request.send()).await.is_err());
    assert!(simulator.last_request().complete);
}

#[tokio::test]
async fn an_ignored_body_stays_unread() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::ignore_body());
    // Far more than all buffers on the way hold.
    let request = client.request(http::Method::POST, PATH).body(vec![b'x'; 64 << 20]);
    assert!(tokio::time::timeout(5 * SHORT, request.send()).await.is_err());
    assert_eq!(simulator.last_request().received, 0);

    simulator.fault_next(1, Fault { ignore_body: true, ..Fault::status(413) });
    let mut connection = RawConnection::open(simulator.address()).await.unwrap();
    connection.write("POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc").await.unwrap();
    let reply = connection.read_until("\r\n\r\n", Duration::from_secs(10)).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
}

#[tokio::test]
async fn a_request_can_ask_for_its_own_fault() {
    let (_simulator, client) = start();
    let ask = |fault: &str| client.post(PATH, &hello()).header("x-simulator-fault", fault).send();
    ask("status=502").await.expect_status(502).await;
    let started = Instant::now();
    ask("delay=60ms; gzip").await.expect_status(200).await;
    assert!(started.elapsed() >= SHORT);
    let body = ask("explode").await.expect_status(400).await.json().await;
    assert_eq!(body["error"]["param"], "x-simulator-fault");
}
