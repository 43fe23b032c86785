//! Replies that come in pieces: when they arrive, that nothing is changed, and how they break off.

use std::io::Read;

use ditto_tests::client::{Client, Response};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Cut, Fault, Outcome, Simulator};
use serde_json::{Value, json};

use super::hand::Upstream;
use super::rig::{backend, document, streamed_chat};
use ditto_tests::support::{SOON, chat_with, start};

/// Models of these names take a plain route and a chain whose attempts are prepared one by one.
const WAYS: [&str; 2] = ["plain", "chain"];

/// Everything goes to `base_url`; what begins with "chain" does so over a chain.
fn two_ways(base_url: &str) -> Value {
    let other = backend("other", "http://127.0.0.1:9/other", "cred-other");
    let mut document = document(&[backend("first", base_url, "cred-first"), other], &["first"]);
    document["router"]["rules"] = json!([{"model_prefix": "chain", "backends": [
        {"backend": "first", "weight": 1.0}, {"backend": "other", "weight": 1e-12}]}]);
    document
}

async fn gateway_before(base_url: &str) -> (Gateway, Client) {
    let gateway = start(two_ways(base_url), &[]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    (gateway, client)
}

async fn next_data(response: &mut Response) -> String {
    let chunk = tokio::time::timeout(SOON, response.chunk()).await.expect("the event does not arrive");
    String::from_utf8(chunk.expect("the stream goes on").bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn each_event_passes_at_once_and_each_end_hears_of_the_other() {
    let upstream = Upstream::start().await;
    let (_gateway, client) = gateway_before(&upstream.base_url()).await;
    each_event_arrives_before_the_next_is_sent(&upstream, &client).await;
    a_client_that_hangs_up_is_noticed_by_the_backend(&upstream, &client).await;
}

#[tokio::test]
async fn a_reply_arrives_as_it_is_sent() {
    let simulator = Simulator::start();
    let (_gateway, client) = gateway_before(&simulator.base_url()).await;
    however_a_stream_is_cut_into_pieces_its_bytes_are_the_same(&simulator, &client).await;
    compressed_and_binary_replies_pass_unchanged(&simulator, &client).await;
    a_stream_that_the_backend_breaks_off_does_not_end_properly(&simulator, &client).await;
    a_client_that_does_not_wait_for_a_reply_is_noticed_by_the_backend(&simulator, &client).await;
}

async fn each_event_arrives_before_the_next_is_sent(upstream: &Upstream, client: &Client) {
    for model in WAYS {
        let request = client.post("/v1/chat/completions", &streamed_chat(model, 1)).send();
        let answer = async {
            let mut exchange = upstream.accept().await;
            exchange.begin_events().await;
            exchange
        };
        let (mut response, mut exchange) = tokio::join!(request, answer);
        assert_eq!(response.header("content-type"), Some("text/event-stream"));
        for number in 0..20 {
            exchange.event(&format!("{{\"number\":{number}}}")).await;
            assert_eq!(next_data(&mut response).await, format!("data: {{\"number\":{number}}}\n\n"));
        }
        exchange.end().await;
        assert_eq!(response.chunk().await, None, "a proper end");
    }
}

async fn however_a_stream_is_cut_into_pieces_its_bytes_are_the_same(simulator: &Simulator, client: &Client) {
    let text: String =
        (0..400).map(|number| format!("data: {{\"n\":{number},\"t\":\"h\u{e9}llo \u{1f600}\"}}\r\n\n")).collect();
    for sizes in [&[1][..], &[1, 5, 200], &[4095, 1, 16384, 7]] {
        for model in WAYS {
            let reply = Fault {
                chunk_sizes: sizes.to_vec(),
                ..Fault::scripted("text/event-stream", [text.clone(), ": end".into()])
            };
            simulator.fault_next(1, reply);
            let mut response = client.post("/v1/chat/completions", &streamed_chat(model, 1)).send().await;
            assert_eq!(response.bytes().await, format!("{text}: end"), "{model} {sizes:?}");
        }
    }
}

async fn a_stream_that_the_backend_breaks_off_does_not_end_properly(simulator: &Simulator, client: &Client) {
    simulator.forget_requests();
    for model in WAYS {
        for (cut, least) in [(Cut::AfterBytes(1_000), 1), (Cut::AfterHeaders, 0)] {
            simulator.fault_next(1, Fault::cut(cut));
            let mut response = client.post("/v1/chat/completions", &streamed_chat(model, 30)).send().await;
            assert_eq!(response.status, 200);
            let (chunks, error) = response.chunks().await;
            assert!(error.is_some() && chunks.len() >= least, "{model} {cut:?} {chunks:?}");
        }
    }
    assert_eq!(simulator.requests().len(), 4, "what has begun is not tried again");
}

async fn a_client_that_hangs_up_is_noticed_by_the_backend(upstream: &Upstream, client: &Client) {
    for model in WAYS {
        let request = client.post("/v1/chat/completions", &streamed_chat(model, 1)).send();
        let answer = async {
            let mut exchange = upstream.accept().await;
            exchange.begin_events().await;
            exchange.event("first").await;
            exchange
        };
        let (mut response, mut exchange) = tokio::join!(request, answer);
        next_data(&mut response).await;
        drop(response);
        exchange.until_closed().await;
    }
}

async fn a_client_that_does_not_wait_for_a_reply_is_noticed_by_the_backend(simulator: &Simulator, client: &Client) {
    simulator.forget_requests();
    simulator.fault_always(Fault::hang());
    let waiting = tokio::spawn(client.post("/v1/chat/completions", &chat_with("plain")).send());
    eventually(SOON, "the request has arrived", async || simulator.requests().len() == 1).await;
    waiting.abort();
    eventually(SOON, "the backend is left", async || simulator.last_request().outcome == Outcome::Abandoned).await;
}

async fn compressed_and_binary_replies_pass_unchanged(simulator: &Simulator, client: &Client) {
    let direct = Client::new(&simulator.url());
    for model in WAYS {
        let body = streamed_chat(model, 40);
        let expected = direct.post("/v1/chat/completions", &body).send().await.bytes().await.len();
        simulator.fault_next(1, Fault::gzip());
        let request = client.post("/v1/chat/completions", &body).header("accept-encoding", "gzip, br");
        let mut response = request.send().await.expect_status(200).await;
        assert_eq!(response.header("content-encoding"), Some("gzip"));
        // What it used must be readable; a backend that compresses all the same is passed on.
        assert_eq!(simulator.last_request().header("accept-encoding"), Some("identity"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&response.bytes().await[..]).read_to_string(&mut text).unwrap();
        assert!(text.ends_with("data: [DONE]\n\n") && text.len().abs_diff(expected) < expected / 10, "{text}");

        let speech = json!({"model": model, "voice": "alloy", "input": "x".repeat(2_000), "response_format": "opus"});
        let mut expected = direct.post("/v1/audio/speech", &speech).send().await;
        let mut sound = client.post("/v1/audio/speech", &speech).send().await.expect_status(200).await;
        assert_eq!(sound.header("content-type"), Some("audio/opus"));
        let (sound, expected) = (sound.bytes().await, expected.bytes().await);
        assert!(sound == expected && sound.len() == 800_000, "{} bytes", sound.len());
    }
}
