//! What a chat can have.

use ditto_tests::simulator::Fault;
use ditto_tests::simulator::openai::tokens;
use serde_json::{Value, json};

use super::super::{fields, start, with};
use super::{CHAT, PNG, ask, chat, events, say, user};

/// The deltas of the first choice, their texts joined by field.
fn folded(events: &[Value], field: &str) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"][field].as_str()).collect()
}

#[tokio::test]
async fn all_content_is_seen() {
    let (_simulator, client) = start();
    let content = json!([
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]);
    let request = chat(json!([{"role": "developer", "content": "Look."}, user(content)]));
    let body = ask(&client, CHAT, &request).await;
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    for seen in [
        "image/png 70 bytes",
        "image at https://example.com/a.png",
        "audio/wav 4 bytes",
        "application/pdf 8 bytes",
        "file at file-1",
    ] {
        assert!(text.contains(seen), "{seen}: {text}");
    }
}

#[tokio::test]
async fn thoughts_are_told_as_compatible_providers_tell_them() {
    let (_simulator, client) = start();
    let request = say("[[think One two three.]][[say Four.]]");
    let body = ask(&client, CHAT, &request).await;
    let message = &body["choices"][0]["message"];
    assert_eq!((&message["reasoning_content"], &message["content"]), (&json!("One two three."), &json!("Four.")));
    assert_eq!(body["usage"]["completion_tokens"], 4);
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 3);
    let events =
        events(&client, CHAT, &with(request.clone(), json!({"stream_options": {"include_usage": true}}))).await;
    assert_eq!(folded(&events, "reasoning_content"), "One two three.");
    assert_eq!(folded(&events, "content"), "Four.");
    assert_eq!(events.last().unwrap()["usage"], body["usage"]);
    let next = chat(json!([request["messages"][0], message, user(json!("And?"))]));
    ask(&client, CHAT, &next).await;
}

#[tokio::test]
async fn text_and_parallel_calls_stream_in_pieces() {
    let (_simulator, client) = start();
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let request = with(
        say("[[say Wait.]][[call a {\"city\": \"Longyearbyen\"}]][[call b {\"n\": [1]}]]"),
        json!({"tools": [tool("a"), tool("b")]}),
    );
    let plain = ask(&client, CHAT, &request).await;
    assert_eq!(plain["choices"][0]["finish_reason"], "tool_calls");
    let message = &plain["choices"][0]["message"];
    let events = events(&client, CHAT, &request).await;
    assert_eq!(folded(&events, "content"), "Wait.");
    for (at, call) in message["tool_calls"].as_array().unwrap().iter().enumerate() {
        let deltas =
            events.iter().flat_map(|event| event["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten());
        let own: Vec<&Value> = deltas.filter(|delta| delta["index"] == at).collect();
        assert_eq!(own[0]["function"]["name"], call["function"]["name"]);
        let arguments: String = own.iter().map(|delta| delta["function"]["arguments"].as_str().unwrap()).collect();
        assert_eq!(call["function"]["arguments"], arguments);
        assert!(own.len() > 2);
    }
    let results = message["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"}));
    let messages: Vec<Value> = [request["messages"][0].clone(), message.clone()].into_iter().chain(results).collect();
    let body = ask(&client, CHAT, &chat(json!(messages))).await;
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.ends_with("The tool said: sunny The tool said: sunny"), "{text}");
    let single = with(request, json!({"parallel_tool_calls": false}));
    assert_eq!(ask(&client, CHAT, &single).await["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_no_content() {
    let (_simulator, client) = start();
    let request = say("[[refuse I would rather not.]]");
    let choice = ask(&client, CHAT, &request).await["choices"][0].clone();
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&Value::Null, &json!("stop")));
    assert_eq!(choice["message"]["refusal"], "I would rather not.");
    assert_eq!(folded(&events(&client, CHAT, &request).await, "refusal"), "I would rather not.");
}

#[tokio::test]
async fn stops_are_kept_and_not_said() {
    let (_simulator, client) = start();
    for stop in [json!("b"), json!(["x", "b"])] {
        let body = ask(&client, CHAT, &with(say("[[say a b c]]"), json!({"stop": stop}))).await;
        let choice = &body["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("a "), &json!("stop")));
    }
}

#[tokio::test]
async fn each_token_has_its_likelihood_when_asked_for() {
    let (_simulator, client) = start();
    let request = with(say("[[say a b]]"), json!({"logprobs": true, "top_logprobs": 2}));
    let body = ask(&client, CHAT, &request).await;
    let list = body["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(list.len() as u64, tokens::count("a b"));
    assert_eq!(fields(&list[0]), ["bytes", "logprob", "token", "top_logprobs"]);
    assert_eq!((&list[1]["token"], &list[1]["bytes"]), (&json!(" b"), &json!([32, 98])));
    assert_eq!(list[0]["top_logprobs"].as_array().unwrap().len(), 2);
    let streamed: Vec<Value> = events(&client, CHAT, &request)
        .await
        .iter()
        .flat_map(|event| event["choices"][0]["logprobs"]["content"].as_array().cloned().unwrap_or_default())
        .collect();
    assert_eq!(json!(streamed), json!(list));
}

#[tokio::test]
async fn a_stream_can_fail_in_its_middle() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::stream_error(3, 503));
    let events = events(&client, CHAT, &say("Hello!")).await;
    assert_eq!(events.len(), 4);
    assert_eq!(events[3]["error"]["type"], "server_error");
}

#[tokio::test]
async fn a_custom_tool_is_called_with_text() {
    let (_simulator, client) = start();
    let request =
        with(say("[[call run \"ls -l\"]]"), json!({"tools": [{"type": "custom", "custom": {"name": "run"}}]}));
    let call = ask(&client, CHAT, &request).await["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!((&call["type"], &call["custom"]), (&json!("custom"), &json!({"name": "run", "input": "\"ls -l\""})));
    let events = events(&client, CHAT, &request).await;
    let pieces =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"].as_str());
    assert_eq!(call["custom"]["input"], pieces.collect::<String>());
}
