//! What is counted: limits that are kept, usage that is true, and the book of what was delivered.

use std::time::Duration;

use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::simulator::{Cut, Delivery, Fault, Manner, Outcome, Simulator};
use ditto_tests::sse;
use serde_json::{Value, json};

use super::{hello, start, with};

const SOON: Duration = Duration::from_secs(10);
const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

fn streamed(request: Value) -> Value {
    with(request, json!({"stream": true, "stream_options": {"include_usage": true}}))
}

async fn ask(client: &Client, path: &str, request: &Value) -> Value {
    client.post(path, request).send().await.expect_status(200).await.json().await
}

/// The data of a stream's events, without the marker at its end.
async fn chunks(client: &Client, path: &str, request: &Value) -> Vec<Value> {
    let events = client.post(path, request).send().await.expect_status(200).await.events().await;
    events.iter().map(|timed| &timed.event).filter(|event| !event.is_done()).map(sse::Event::json).collect()
}

/// The entry of the request that was sent last.
fn last(simulator: &Simulator) -> Delivery {
    simulator.deliveries().pop().expect("something was delivered")
}

fn tokens_of(delivery: &Delivery) -> (u64, u64, Option<u64>) {
    (delivery.generated_tokens, delivery.delivered_tokens, delivery.usage_tokens)
}

#[tokio::test]
async fn a_reply_has_as_many_tokens_as_ordered() {
    let (simulator, client) = start();
    simulator.fault_always(Fault::tokens(200));
    let body = ask(&client, CHAT, &hello()).await;
    assert_eq!(body["usage"]["completion_tokens"], 200);
    assert_eq!(body["choices"][0]["message"]["content"].as_str().unwrap().split(' ').count(), 200);
    let body = ask(&client, CHAT, &with(hello(), json!({"max_completion_tokens": 150}))).await;
    assert_eq!(
        (&body["usage"]["completion_tokens"], &body["choices"][0]["finish_reason"]),
        (&json!(150), &json!("length"))
    );
    let body = ask(&client, RESPONSES, &json!({"model": "m", "input": "Hi", "max_output_tokens": 20})).await;
    assert_eq!((&body["usage"]["output_tokens"], &body["status"]), (&json!(20), &json!("incomplete")));
    let body = ask(&client, "/v1/completions", &json!({"model": "m", "prompt": "Hi", "max_tokens": 30})).await;
    assert_eq!(
        (&body["usage"]["completion_tokens"], &body["choices"][0]["finish_reason"]),
        (&json!(30), &json!("length"))
    );
}

#[tokio::test]
async fn a_limit_can_be_ignored() {
    let (simulator, client) = start();
    simulator.fault_always(Manner { tokens: Some(50), ignore_cap: true, ..Manner::default() }.into());
    let body = ask(&client, CHAT, &with(hello(), json!({"max_tokens": 10}))).await;
    assert_eq!(
        (&body["usage"]["completion_tokens"], &body["choices"][0]["finish_reason"]),
        (&json!(50), &json!("stop"))
    );
    let body = ask(&client, "/v1/completions", &json!({"model": "m", "prompt": "Hi", "max_tokens": 10})).await;
    assert_eq!(body["usage"]["completion_tokens"], 50);
}

#[tokio::test]
async fn calls_of_tools_keep_the_limit_too() {
    let (simulator, client) = start();
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "day": {"type": "string"}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": schema}});
    let message = json!([{"role": "user", "content": "Use every tool."}]);
    let request = json!({"model": "m", "messages": message, "tools": [tool("a"), tool("b")]});
    let all = ask(&client, CHAT, &request).await["usage"]["completion_tokens"].as_u64().unwrap();
    for cap in 1..=all {
        let body = ask(&client, CHAT, &with(request.clone(), json!({"max_tokens": cap}))).await;
        let used = body["usage"]["completion_tokens"].as_u64().unwrap();
        assert!(used <= cap, "{used} of {cap}");
        assert_eq!(body["choices"][0]["finish_reason"], if cap < all { "length" } else { "tool_calls" });
        let plain = tokens_of(&last(&simulator));
        let chunks = chunks(&client, CHAT, &streamed(with(request.clone(), json!({"max_tokens": cap})))).await;
        assert_eq!(chunks.last().unwrap()["usage"], body["usage"]);
        assert_eq!(tokens_of(&last(&simulator)), plain);
        assert_eq!(plain, (used, used, Some(used)));
    }
}

#[tokio::test]
async fn reasoning_is_counted_under_the_limit_and_not_shown() {
    let (simulator, client) = start();
    let manner = Manner { tokens: Some(20), reasoning_tokens: 30, ..Manner::default() };
    simulator.fault_always(manner.into());
    let request = with(hello(), json!({"n": 2, "max_completion_tokens": 40}));
    let body = ask(&client, CHAT, &request).await;
    assert_eq!(body["usage"]["completion_tokens"], 80);
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 60);
    assert_eq!(body["choices"][1]["message"]["content"].as_str().unwrap().split(' ').count(), 10);
    assert_eq!(tokens_of(&last(&simulator)), (80, 20, Some(80)));
    let chunks = chunks(&client, CHAT, &streamed(request)).await;
    assert_eq!(chunks.last().unwrap()["usage"], body["usage"]);
    assert_eq!(tokens_of(&last(&simulator)), (80, 20, Some(80)));

    let body = ask(&client, RESPONSES, &json!({"model": "m", "input": "Hi", "max_output_tokens": 25})).await;
    assert_eq!(body["usage"]["output_tokens"], 25);
    assert_eq!(body["usage"]["output_tokens_details"]["reasoning_tokens"], 25);
    assert_eq!((&body["status"], &body["output"][0]["content"][0]["text"]), (&json!("incomplete"), &json!("")));
}

#[tokio::test]
async fn cached_tokens_and_the_tier_are_told() {
    let (simulator, client) = start();
    simulator.fault_always(Manner { cached_tokens: 5, ..Manner::default() }.into());
    let body = ask(&client, CHAT, &with(hello(), json!({"service_tier": "priority"}))).await;
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 5);
    assert_eq!(body["service_tier"], "priority");
    let seen = last(&simulator);
    assert_eq!((seen.prompt_tokens, seen.cached_tokens, seen.service_tier.as_deref()), (8, 5, Some("priority")));
    let request = json!({"model": "m", "input": "Hi", "service_tier": "flex", "stream": true});
    let events = chunks(&client, RESPONSES, &request).await;
    let response = &events.last().unwrap()["response"];
    assert_eq!(
        (&response["service_tier"], &response["usage"]["input_tokens_details"]),
        (&json!("flex"), &json!({"cached_tokens": 5, "cache_write_tokens": 0}))
    );
    let body = ask(&client, CHAT, &with(hello(), json!({"service_tier": "auto"}))).await;
    assert_eq!(body["service_tier"], "default");

    simulator.clear_faults();
    simulator.fault_always(Manner { cached_tokens: 1000, ..Manner::default() }.into());
    let body = ask(&client, CHAT, &hello()).await;
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 8, "never more than there are");
}

#[tokio::test]
async fn usage_can_be_left_out() {
    let (simulator, client) = start();
    simulator.fault_always(Manner { no_usage: true, ..Manner::default() }.into());
    assert_eq!(ask(&client, CHAT, &hello()).await.get("usage"), None);
    let told = chunks(&client, CHAT, &streamed(hello())).await;
    assert!(told.iter().all(|chunk| chunk.get("usage").is_none() && chunk["choices"] != json!([])));
    assert_eq!(ask(&client, RESPONSES, &json!({"model": "m", "input": "Hi"})).await["usage"], Value::Null);
    assert_eq!(ask(&client, "/v1/embeddings", &json!({"model": "m", "input": "Hi"})).await.get("usage"), None);
    assert_eq!(ask(&client, "/v1/completions", &json!({"model": "m", "prompt": "Hi"})).await.get("usage"), None);
    let totals = simulator.totals();
    assert_eq!((totals.metered, totals.with_usage), (5, 0));
}

#[tokio::test]
async fn usage_can_run_along() {
    let (simulator, client) = start();
    simulator.fault_always(Manner { tokens: Some(3), running_usage: true, ..Manner::default() }.into());
    let told = chunks(&client, CHAT, &streamed(hello())).await;
    let counts: Vec<u64> = told.iter().map(|chunk| chunk["usage"]["completion_tokens"].as_u64().unwrap()).collect();
    assert_eq!(counts, [0, 1, 2, 3, 3, 3], "role, three words, finish, usage");
    simulator.clear_faults();
    let fault =
        Fault { cut: Some(Cut::AfterEvents(3)), ..Fault::from(Manner { running_usage: true, ..Manner::tokens(9) }) };
    simulator.fault_always(fault);
    client.post(CHAT, &streamed(hello())).send().await.try_bytes().await.unwrap_err();
    assert_eq!(tokens_of(&last(&simulator)), (2, 2, Some(2)));
}

#[tokio::test]
async fn the_best_of_many_are_all_counted() {
    let (simulator, client) = start();
    simulator.fault_always(Fault::tokens(4));
    let request = json!({"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 5});
    let body = ask(&client, "/v1/completions", &request).await;
    assert_eq!(body["choices"].as_array().unwrap().len(), 4);
    assert_eq!(body["usage"]["completion_tokens"], 4 * 2 * 5);
    assert_eq!(tokens_of(&last(&simulator)), (40, 16, Some(40)));
    let streamed = with(request, json!({"stream": true}));
    client.post("/v1/completions", &streamed).send().await.expect_status(400).await;
}

#[tokio::test]
async fn the_book_has_every_endpoint() {
    let (simulator, client) = start();
    let requests = [
        (CHAT, hello()),
        (CHAT, streamed(hello())),
        (RESPONSES, json!({"model": "m", "input": "Hi"})),
        (RESPONSES, json!({"model": "m", "input": "Hi", "stream": true})),
        ("/v1/completions", json!({"model": "m", "prompt": "Hi"})),
        ("/v1/completions", streamed(json!({"model": "m", "prompt": "Hi"}))),
        ("/v1/embeddings", json!({"model": "m", "input": ["one two", "three"]})),
    ];
    for (path, request) in &requests {
        let request = client.post(path, request).header("x-simulator-tag", "t").header("x-request-id", "id-1");
        request.send().await.expect_status(200).await.bytes().await;
    }
    let book = simulator.deliveries();
    assert_eq!(book.len(), requests.len());
    for (delivery, (path, request)) in book.iter().zip(&requests) {
        assert_eq!((delivery.path.as_str(), delivery.status, delivery.outcome), (*path, 200, Outcome::Answered));
        assert_eq!((delivery.tag.as_deref(), delivery.request_id.as_deref()), (Some("t"), Some("id-1")));
        assert_eq!(delivery.stream, request["stream"] == true);
        assert_eq!(delivery.model, request["model"].as_str().unwrap());
        assert_eq!(delivery.usage_tokens, Some(delivery.generated_tokens), "{delivery:?}");
        assert_eq!(delivery.delivered_tokens, delivery.generated_tokens);
    }
    for pair in book[..6].chunks(2) {
        assert!(pair[0].generated_tokens > 0);
        assert_eq!(tokens_of(&pair[0]), tokens_of(&pair[1]), "streamed as plain");
        assert_eq!(pair[0].prompt_tokens, pair[1].prompt_tokens);
    }
    assert_eq!((book[6].prompt_tokens, book[6].generated_tokens), (3, 0));
    let totals = simulator.totals();
    assert_eq!((totals.requests, totals.answered, totals.with_usage), (7, 7, 7));
    assert_eq!(totals.delivered_tokens, book.iter().map(|delivery| delivery.delivered_tokens).sum::<u64>());
    assert_eq!(simulator.totals_by_tag()["t"], totals);
    simulator.forget_deliveries();
    assert_eq!(simulator.totals().requests, 0);
}

#[tokio::test]
async fn a_stream_cut_after_any_event_delivered_what_was_sent() {
    let (simulator, client) = start();
    let whole = chunks(&client, CHAT, &streamed(hello())).await.len() + 1;
    for count in 0..=whole {
        for gzip in [false, true] {
            simulator.fault_next(1, Fault { gzip, chunk_sizes: vec![7], ..Fault::cut(Cut::AfterEvents(count)) });
            let (got, error) = client.post(CHAT, &streamed(hello())).send().await.chunks().await;
            assert!(error.is_some());
            let got: Vec<u8> = got.into_iter().flat_map(|chunk| chunk.bytes).collect();
            let delivery = last(&simulator);
            assert_eq!((delivery.outcome, delivery.prompt_tokens), (Outcome::Broken, 8));
            if !gzip {
                let mut decoder = sse::Decoder::default();
                let events = decoder.push(&got);
                assert_eq!(events.len(), count);
                let said = |event: &&sse::Event| !event.is_done() && is_content(&event.json());
                assert_eq!(delivery.delivered_tokens, events.iter().filter(said).count() as u64);
                assert_eq!(delivery.usage_tokens.is_some(), count + 1 >= whole, "{count} of {whole}");
            }
            assert_eq!(delivery.delivered_tokens, delivery.generated_tokens);
        }
    }
}

fn is_content(chunk: &Value) -> bool {
    chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|content| !content.is_empty())
}

#[tokio::test]
async fn a_plain_reply_is_made_whole_but_delivered_only_whole() {
    let (simulator, client) = start();
    simulator.fault_always(Fault::tokens(30).with_cut(Cut::AfterBytes(100)));
    client.post(CHAT, &hello()).send().await.try_bytes().await.unwrap_err();
    assert_eq!(tokens_of(&last(&simulator)), (30, 0, None));
}

#[tokio::test]
async fn nothing_is_delivered_by_a_failure() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(500));
    client.post(CHAT, &hello()).send().await.expect_status(500).await;
    simulator.fault_next(1, "status=503;body=".parse().unwrap());
    assert_eq!(client.post(CHAT, &hello()).send().await.expect_status(503).await.bytes().await, "");
    simulator.fault_next(1, Fault::cut(Cut::BeforeHeaders));
    assert!(client.post(CHAT, &hello()).try_send().await.is_err());
    let outcomes: Vec<_> = simulator.deliveries().iter().map(|delivery| (delivery.status, delivery.outcome)).collect();
    assert_eq!(outcomes, [(500, Outcome::Answered), (503, Outcome::Answered), (0, Outcome::Broken)]);
    let totals = simulator.totals();
    assert_eq!((totals.metered, totals.prompt_tokens, totals.generated_tokens), (0, 0, 0));
}

#[tokio::test]
async fn a_stream_can_stall_and_counts_when_it_is_left() {
    let (simulator, client) = start();
    simulator.fault_always(Fault::stall(3));
    let mut response = client.post(CHAT, &streamed(hello())).send().await.expect_status(200).await;
    let mut decoder = sse::Decoder::default();
    let mut events = Vec::new();
    while events.len() < 3 {
        events.extend(decoder.push(&response.chunk().await.unwrap().bytes));
    }
    let silence = tokio::time::timeout(Duration::from_millis(100), response.chunk()).await;
    assert!(silence.is_err(), "nothing more comes");
    assert_eq!(simulator.totals().in_progress, 1);
    drop(response);
    eventually(SOON, "the loss is noticed", async || simulator.totals().abandoned == 1).await;
    assert_eq!(tokens_of(&last(&simulator)), (2, 2, None));
}

#[tokio::test]
async fn what_should_not_come_is_counted_when_it_does() {
    let (simulator, client) = start();
    simulator.forbid("sk-virtual");
    client.post(CHAT, &hello()).send().await.bytes().await;
    assert_eq!(simulator.leaks(), 0);
    client.post(CHAT, &hello()).bearer("sk-virtual").send().await.bytes().await;
    client.post(CHAT, &with(hello(), json!({"user": "sk-virtual"}))).send().await.bytes().await;
    client.get("/v1/models?key=sk-virtual").send().await.bytes().await;
    simulator.forget_requests();
    assert_eq!(simulator.leaks(), 3);
}

#[tokio::test]
async fn all_of_it_works_over_http() {
    let (simulator, client) = start();
    let order = client.request(http::Method::POST, "/__simulator/faults?path=/v1/chat/%2A&count=1");
    order.header("x-simulator-fault", "tokens=77").send().await.expect_status(200).await;
    for _ in 0..2 {
        client.post(CHAT, &hello()).header("x-simulator-tag", "a").send().await.bytes().await;
    }
    let book = client.get("/__simulator/deliveries").send().await.json().await;
    assert_eq!(book["deliveries"][0]["delivered_tokens"], 77);
    assert_eq!(book["deliveries"][0]["outcome"], "answered");
    assert_ne!(book["deliveries"][1]["delivered_tokens"], 77, "once was ordered");
    assert_eq!(book["totals"]["requests"], 2);
    assert_eq!(book["by_tag"]["a"], book["totals"]);
    assert_eq!(book["leaks"], 0);
    client.delete("/__simulator/deliveries").send().await.expect_status(200).await;
    assert_eq!(client.get("/__simulator/totals").send().await.json().await["totals"]["requests"], 0);
    assert_eq!(simulator.totals().requests, 0);

    for (query, header) in [("", "nonsense"), ("?count=x", "hang")] {
        let order = client.request(http::Method::POST, &format!("/__simulator/faults{query}"));
        order.header("x-simulator-fault", header).send().await.expect_status(400).await;
    }
    client.request(http::Method::POST, "/__simulator/faults").send().await.expect_status(400).await;
    simulator.fault_always(Fault::status(500));
    client.delete("/__simulator/faults").send().await.expect_status(200).await;
    client.post(CHAT, &hello()).send().await.expect_status(200).await;
}
