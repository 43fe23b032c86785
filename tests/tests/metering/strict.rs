//! Strict mode: what a request may produce is capped where the backend sees it, and cut off where it does not heed it.

use ditto_tests::simulator::Simulator;
use ditto_tests::sse::Event;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{
    CHAT, COMPLETIONS, EMBEDDINGS, PLENTY, RESPONSES, Rig, document, key, number, prompt, streamed, with,
};

fn strict(id: &str, total_tokens: u64) -> Value {
    with(key(id, total_tokens), json!({"budget_mode": "strict"}))
}

const CAPS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// The caps that the simulator saw last.
fn caps_seen(rig: &Rig) -> Value {
    let seen = rig.simulator.last_request().json();
    CAPS.iter()
        .filter_map(|name| Some((name.to_string(), seen.get(*name)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The prompt of an endpoint that says nothing of a cap.
fn uncapped(path: &str) -> Value {
    let mut body = prompt(path);
    body.as_object_mut().expect("an object").remove("max_tokens");
    body
}

#[tokio::test]
async fn a_strict_request_reaches_its_backend_with_a_cap() {
    let keys = [
        strict("strict", PLENTY),
        key("default", PLENTY),
        with(key("lax", PLENTY), json!({"budget_mode": "estimate"})),
        json!({"id": "free", "token": super::rig::token("free"), "enabled": true}),
    ];
    for (args, by_default) in [(&[][..], false), (&["--budget-mode", "strict"][..], true)] {
        let args: Vec<&str> = args.iter().copied().chain(["--strict-output-tokens", "300"]).collect();
        let rig = Rig::start(keys.clone(), &args).await;
        for (path, model, asked, expected) in [
            (CHAT, "gpt-4o-mini", json!({}), json!({"max_tokens": 300})),
            (CHAT, "gpt-5-nano", json!({}), json!({"max_completion_tokens": 300})),
            (CHAT, "openai/o3", json!({"n": 2}), json!({"max_completion_tokens": 300})),
            (CHAT, "gpt-4o-mini", json!({"max_tokens": 40}), json!({"max_tokens": 40})),
            (CHAT, "m", json!({"max_completion_tokens": 4_000}), json!({"max_completion_tokens": 4_000})),
            (CHAT, "m", json!({"max_tokens": null, "stream": true}), json!({"max_tokens": 300})),
            (RESPONSES, "gpt-5-nano", json!({}), json!({"max_output_tokens": 300})),
            (RESPONSES, "m", json!({"max_output_tokens": 50, "stream": true}), json!({"max_output_tokens": 50})),
            (COMPLETIONS, "m", json!({}), json!({"max_tokens": 300})),
            (EMBEDDINGS, "m", json!({}), json!({})),
        ] {
            let body = with(with(uncapped(path), json!({"model": model})), asked.clone());
            for (id, is_strict) in [("strict", true), ("default", by_default), ("lax", false), ("free", false)] {
                rig.client(id).post(path, &body).send().await.expect_status(200).await.bytes().await;
                let own: serde_json::Map<String, Value> =
                    CAPS.iter().filter_map(|name| Some((name.to_string(), asked.get(*name)?.clone()))).collect();
                let expected = if is_strict { expected.clone() } else { own.into() };
                assert_eq!(caps_seen(&rig), expected, "{id} {path} {model} {asked}");
            }
        }
        for id in ["strict", "default", "lax"] {
            let row = rig.books.booked(id, 10).await;
            let served = rig.delivered(id);
            assert_eq!(row["spent_tokens"], served.prompt_tokens + served.generated_tokens, "{id}");
        }
    }
}

/// All events of a reply, which must end properly.
async fn events(rig: &Rig, id: &str, path: &str, body: &Value) -> Vec<Event> {
    let fault = "tokens=200;ignore-cap;chunk-delay=1ms";
    let mut reply = rig.post(id, path, body, fault).send().await.expect_status(200).await;
    reply.events().await.into_iter().map(|timed| timed.event).collect()
}

/// The text of each choice and why it ended.
fn choices(events: &[Event]) -> Vec<(String, Value)> {
    let mut choices: Vec<(String, Value)> = Vec::new();
    for choice in events
        .iter()
        .filter(|event| !event.is_done())
        .flat_map(|event| event.json()["choices"].as_array().cloned().expect("choices"))
    {
        let index = usize::try_from(choice["index"].as_u64().expect("an index")).expect("a small one");
        choices.resize(choices.len().max(index + 1), (String::new(), Value::Null));
        let text = choice["text"].as_str().or(choice["delta"]["content"].as_str()).unwrap_or_default();
        choices[index].0 += text;
        if !choice["finish_reason"].is_null() {
            choices[index].1 = choice["finish_reason"].clone();
        }
    }
    choices
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[tokio::test]
async fn a_stream_that_ignores_its_cap_is_ended_as_its_dialect_ends_streams() {
    let ids = ["chat", "choices", "completions", "responses", "plain"];
    let rig = Rig::start(ids.map(|id| strict(id, PLENTY)), &[]).await;
    let capped = |path, more| with(streamed(prompt(path)), more);

    for (id, path, cap) in [("chat", CHAT, 20), ("completions", COMPLETIONS, 20)] {
        let events = events(&rig, id, path, &capped(path, json!({"max_tokens": cap}))).await;
        assert!(events.last().expect("events").is_done(), "{id}: {events:?}");
        let [(text, reason)] = &choices(&events)[..] else { panic!("one choice: {events:?}") };
        assert_eq!((words(text), reason), (cap, &json!("length")), "{id}: {text:?}");
        // What the gateway adds names the same stream.
        let (first, last) = (events[0].json(), events[events.len() - 2].json());
        for member in ["id", "object", "created", "model"] {
            assert_eq!(first[member], last[member], "{id}: {last}");
        }
    }
    let events_of_two = events(&rig, "choices", CHAT, &capped(CHAT, json!({"max_tokens": 20, "n": 2}))).await;
    let ended = choices(&events_of_two);
    assert!(events_of_two.last().expect("events").is_done());
    assert!(ended.iter().map(|(text, _)| words(text)).sum::<usize>() <= 40 && !ended.is_empty(), "{ended:?}");
    assert!(ended.iter().all(|(_, reason)| reason == "length"), "{ended:?}");

    let of_response = events(&rig, "responses", RESPONSES, &capped(RESPONSES, json!({"max_output_tokens": 20}))).await;
    let last = of_response.last().expect("events");
    assert_eq!(last.name.as_deref(), Some("response.incomplete"), "{last:?}");
    let response = &last.json()["response"];
    assert_eq!(
        (&response["status"], &response["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
    assert_eq!(response["id"], of_response[0].json()["response"]["id"]);
    let deltas: Vec<Value> =
        of_response.iter().map(Event::json).filter(|event| event["type"] == "response.output_text.delta").collect();
    assert_eq!(deltas.len(), 20);
    let numbers: Vec<u64> = of_response.iter().map(|event| number(&event.json(), "sequence_number")).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");

    // A plain reply cannot be cut; its client is charged what was reserved and no more.
    let body = with(prompt(CHAT), json!({"max_tokens": 20}));
    rig.post("plain", CHAT, &body, "tokens=5000;ignore-cap").send().await.expect_status(200).await.bytes().await;

    for id in ids {
        let row = rig.books.booked(id, 1).await;
        assert!((20..1_000).contains(&number(&row, "spent_tokens")), "{id}: {row}");
    }
    assert!(rig.gateway.log().contains("more than its cap"), "the operator is told of such a backend");
}

/// What a strict request needs is bounded from its bytes, so what cannot be bounded is refused.
#[tokio::test]
async fn what_cannot_be_bounded_is_refused_in_strict_mode() {
    let simulator = Simulator::start();
    let document = document(&simulator, [strict("strict", PLENTY), key("lax", PLENTY)]);
    let rig = Rig::with_document(simulator, document, &[]).await;
    let picture = json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    let with_picture = json!({"model": "m", "messages": [{"role": "user", "content": picture}]});
    let continued = with(prompt(RESPONSES), json!({"previous_response_id": "resp_1"}));
    join_all(
        [
            (CHAT, with_picture, 400, "invalid_request"),
            (RESPONSES, continued, 400, "invalid_request"),
            ("/v1/responses/compact", prompt(RESPONSES), 400, "cost_budget_unsupported_endpoint"),
            (
                "/v1/audio/speech",
                json!({"model": "tts-1", "input": "Hi", "voice": "alloy"}),
                400,
                "cost_budget_unsupported_endpoint",
            ),
        ]
        .map(async |(path, body, status, code)| {
            let reply = rig.client("strict").post(path, &body).send().await;
            ditto_tests::support::expect_error(reply, status, code).await;
            let mut reply = rig.client("lax").post(path, &body).send().await;
            match reply.status {
                400 => assert_eq!(reply.json().await["error"]["code"], "previous_response_not_found", "the backend's"),
                status => assert!(matches!(status, 200 | 404), "{path}: {status}"),
            }
        }),
    )
    .await;
    assert_eq!(rig.delivered("strict").requests, 0);
}
