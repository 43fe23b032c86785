//! A reply that does not come whole, or cannot be read, is never charged less than what was delivered of it.

use ditto_tests::client::Response;
use ditto_tests::simulator::{Cut, Fault, Simulator};
use ditto_tests::sse::{Decoder, Event};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{CHAT, COMPLETIONS, PLENTY, RESPONSES, Rig, document, key, number, prompt, streamed};

const PATHS: [(&str, &str); 3] = [("chat", CHAT), ("responses", RESPONSES), ("completions", COMPLETIONS)];

struct Case {
    /// Of its key.
    id: String,
    path: &'static str,
    body: Value,
    fault: String,
    /// The client hangs up when it has seen so many tokens.
    hangs_up_after: u64,
}

/// A reply of 50 tokens, read to whatever end it has.
fn case(id: String, path: &'static str, body: Value, fault: &str) -> Case {
    Case { id, path, body, fault: format!("tokens=50;{fault}"), hangs_up_after: u64::MAX }
}

/// As many tokens as an event has in it.
fn tokens(event: &Event) -> u64 {
    if event.is_done() {
        return 0;
    }
    let event = event.json();
    let said = match event["type"].as_str() {
        Some(kind) => kind == "response.output_text.delta",
        None => [&event["choices"][0]["delta"]["content"], &event["choices"][0]["text"]]
            .iter()
            .any(|text| text.as_str().is_some_and(|text| !text.is_empty())),
    };
    u64::from(said)
}

/// Reads a stream to its end, however it ends, or until enough tokens were seen. Returns how many.
async fn read(mut reply: Response, enough: u64) -> u64 {
    let (mut decoder, mut seen) = (Decoder::default(), 0);
    while let Ok(Some(chunk)) = reply.try_chunk().await {
        seen += decoder.push(&chunk.bytes).iter().map(tokens).sum::<u64>();
        if seen >= enough {
            break;
        }
    }
    seen
}

/// Sends all requests at once, and returns how many tokens each client saw.
async fn send(rig: &Rig, cases: &[Case]) -> Vec<u64> {
    join_all(cases.iter().map(async |case| {
        let request = rig.post(&case.id, case.path, &case.body, &case.fault);
        match request.try_send().await {
            Ok(reply) if case.fault.contains("gzip") => {
                let mut reply = reply;
                drop(reply.chunks().await);
                0
            }
            Ok(reply) => read(reply, case.hangs_up_after).await,
            Err(_) => 0,
        }
    }))
    .await
}

/// Asserts that each key is charged no less than was delivered to it, nor much more than was made.
async fn assert_covered(rig: &Rig, cases: &[Case], seen: &[u64]) {
    for (Case { id, fault, hangs_up_after, .. }, seen) in cases.iter().zip(seen) {
        let row = rig.books.booked(id, 1).await;
        let delivered = rig.delivered(id);
        let (input, output) = (number(&row, "input_tokens"), number(&row, "output_tokens"));
        assert_eq!(number(&row, "spent_tokens"), input + output, "{id}: {row}");
        // What a client that hung up left unread may not have come as far as the gateway.
        let sent = if *hangs_up_after < u64::MAX { *seen } else { delivered.delivered_tokens };
        assert!(output >= *seen && output >= sent, "{id}: {seen} {delivered:?} {row}");
        assert!(
            fault.contains("gzip") || output <= delivered.generated_tokens * 3 / 2 + 2,
            "{id}: {delivered:?} {row}"
        );
        // Nobody has counted the prompt: it is estimated.
        let prompt = delivered.prompt_tokens;
        assert!((prompt * 2 / 3..=prompt * 3 / 2 + 6).contains(&input), "{id}: {delivered:?} {row}");
    }
}

/// Asserts that nothing stays reserved.
async fn assert_settled(rig: &Rig, cases: &[Case]) {
    for Case { id, .. } in cases {
        let row = rig.books.settled(id).await;
        assert_eq!(row["requests"], 1, "{row}");
    }
}

async fn rig(cases: &[Case]) -> Rig {
    Rig::start(cases.iter().map(|case| key(&case.id, PLENTY)), &[]).await
}

#[tokio::test]
async fn a_client_that_hangs_up_pays_for_what_it_saw() {
    let mut cases = Vec::new();
    for (name, path) in PATHS {
        for after in [1, 20] {
            for (way, fault) in
                [("stalled", "stall=30"), ("slow", "chunk-delay=20ms"), ("told", "chunk-delay=20ms;running-usage")]
            {
                let case = case(format!("{name}.{way}.{after}"), path, streamed(prompt(path)), fault);
                cases.push(Case { hangs_up_after: after, ..case });
            }
        }
    }
    let rig = rig(&cases).await;
    let seen = send(&rig, &cases).await;
    assert!(cases.iter().zip(&seen).all(|(case, seen)| *seen >= case.hangs_up_after), "{seen:?}");
    assert_covered(&rig, &cases, &seen).await;
    assert_settled(&rig, &cases).await;
}

#[tokio::test]
async fn a_reply_that_the_backend_breaks_off_is_charged_as_far_as_it_came() {
    let cuts = [
        "close=after-headers",
        "close=after-1-events",
        "close=after-7-events",
        "close=after-45-events",
        "close=after-700",
        "close=after-3001;bytewise",
        "close=after-20-events;running-usage",
        "close=after-20-events;no-usage",
    ];
    let mut cases = Vec::new();
    for (name, path) in PATHS {
        for (number, cut) in cuts.iter().enumerate() {
            cases.push(case(format!("{name}.{number}"), path, streamed(prompt(path)), cut));
        }
        // Of a plain reply that is cut, the client has the first bytes, and all that was made is charged by nobody.
        cases.push(case(format!("{name}.plain"), path, prompt(path), "close=after-300"));
    }
    let rig = rig(&cases).await;
    let seen = send(&rig, &cases).await;
    assert_covered(&rig, &cases, &seen).await;
}

/// Without a JSON type, a request is not read, and its stream is not made to tell usage.
#[tokio::test]
async fn a_request_that_hides_what_it_is_pays_nevertheless() {
    let rig = Rig::start(["stream", "plain"].map(|id| key(id, PLENTY)), &[]).await;
    for (id, body) in [("stream", streamed(prompt(CHAT))), ("plain", prompt(CHAT))] {
        let request = rig.post(id, CHAT, &body, "tokens=50").header("content-type", "text/plain");
        request.send().await.expect_status(200).await.bytes().await;
        let (row, delivered) = (rig.books.booked(id, 1).await, rig.delivered(id));
        assert_eq!(delivered.delivered_tokens, 50);
        assert!(number(&row, "output_tokens") >= 50, "{id}: {row}");
        assert!(number(&row, "input_tokens") >= delivered.prompt_tokens, "{id}: {row}");
    }
}

/// Some providers tell usage before a word of the reply.
#[tokio::test]
async fn a_count_that_came_too_early_does_not_make_a_broken_stream_cheap() {
    let rig = Rig::start([key("a", PLENTY)], &[]).await;
    let early = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}});
    let word = json!({"choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": null}]});
    let pieces = [early].into_iter().chain(vec![word; 30]).map(|event| format!("data: {event}\n\n"));
    let broken = Fault::scripted("text/event-stream", pieces).with_cut(Cut::AfterEvents(26));
    rig.simulator.fault_next(1, broken);
    let reply = rig.client("a").post(CHAT, &streamed(prompt(CHAT))).send().await.expect_status(200).await;
    assert_eq!(read(reply, u64::MAX).await, 25);
    let row = rig.books.booked("a", 1).await;
    assert!(number(&row, "output_tokens") >= 25 && row["input_tokens"] == 9, "{row}");
}

#[tokio::test]
async fn a_reply_whose_usage_cannot_be_read_is_charged_by_what_came() {
    let mut cases = Vec::new();
    for (name, path) in PATHS {
        for (way, fault) in [
            ("silent", "no-usage"),
            ("gzip", "gzip"),
            ("gzip-long", "gzip;tokens=400"),
            ("gzip-bytewise", "gzip;bytewise"),
        ] {
            cases.push(case(format!("{name}.streamed.{way}"), path, streamed(prompt(path)), fault));
            cases.push(case(format!("{name}.plain.{way}"), path, prompt(path), fault));
        }
    }
    let rig = rig(&cases).await;
    let seen = send(&rig, &cases).await;
    assert_covered(&rig, &cases, &seen).await;
}

#[tokio::test]
async fn a_reply_that_takes_too_long_is_charged_as_far_as_it_came() {
    let mut cases = Vec::new();
    for (name, path) in PATHS {
        cases.push(case(format!("{name}.stalled"), path, streamed(prompt(path)), "stall=25"));
        cases.push(case(format!("{name}.slow"), path, streamed(prompt(path)), "chunk-delay=70ms"));
        cases.push(case(format!("{name}.never"), path, streamed(prompt(path)), "stall=0"));
    }
    let simulator = Simulator::start();
    let mut document = document(&simulator, cases.iter().map(|case| key(&case.id, PLENTY)));
    document["backends"][0]["timeout_seconds"] = json!(1);
    let rig = Rig::with_document(simulator, document, &[]).await;
    let seen = send(&rig, &cases).await;
    assert_covered(&rig, &cases, &seen).await;
    assert_settled(&rig, &cases).await;
}
