//! What a response can have.

use ditto_tests::simulator::Fault;
use serde_json::{Value, json};

use super::super::{start, with};
use super::{PNG, RESPONSES, ask, events, user};

fn say(text: &str) -> Value {
    json!({"model": "m", "input": text})
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}})
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn thoughts_texts_and_calls_come_as_items_in_order() {
    let (simulator, client) = start();
    let request = with(
        say("[[think Hm hm.]][[say Wait.]][[call f {\"a\": 1}]]"),
        json!({"tools": [tool("f")], "reasoning": {"effort": "low", "summary": "auto"}}),
    );
    let plain = ask(&client, RESPONSES, &request).await;
    let output = plain["output"].as_array().unwrap();
    assert_eq!(output.iter().map(|item| &item["type"]).collect::<Vec<_>>(), ["reasoning", "message", "function_call"]);
    assert_eq!(output[0]["summary"], json!([{"type": "summary_text", "text": "Hm hm."}]));
    assert!(output[0]["encrypted_content"].is_string());
    assert_eq!(plain["usage"]["output_tokens_details"]["reasoning_tokens"], 2);

    let events = events(&client, RESPONSES, &request).await;
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds(&events), expected);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at);
    }
    let done: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"])
        .collect();
    let last = events.last().unwrap();
    assert_eq!(json!(done), last["response"]["output"]);
    assert_eq!(last["response"]["usage"], plain["usage"]);
    let delivery = simulator.deliveries().pop().unwrap();
    assert_eq!(delivery.usage_tokens, plain["usage"]["output_tokens"].as_u64());
    assert_eq!(delivery.generated_tokens, delivery.delivered_tokens);
}

#[tokio::test]
async fn a_thought_without_summary_is_counted_and_not_shown() {
    let (simulator, client) = start();
    let request = say("[[think Hm hm.]][[say Yes.]]");
    let body = ask(&client, RESPONSES, &request).await;
    assert_eq!(body["output"][0]["summary"], json!([]));
    assert_eq!(body["usage"]["output_tokens"], 3);
    let plain = simulator.deliveries().pop().unwrap();
    assert_eq!((plain.generated_tokens, plain.delivered_tokens), (3, 1));
    events(&client, RESPONSES, &request).await;
    let streamed = simulator.deliveries().pop().unwrap();
    assert_eq!((streamed.generated_tokens, streamed.delivered_tokens), (3, 1));
}

#[tokio::test]
async fn a_loop_of_tools_can_be_given_whole_or_continued() {
    let (_simulator, client) = start();
    let first = with(say("[[think Hm.]][[call f {}]][[call f {}]]"), json!({"tools": [tool("f")]}));
    let body = ask(&client, RESPONSES, &first).await;
    let output = body["output"].as_array().unwrap();
    let results: Vec<Value> = output[1..]
        .iter()
        .map(|call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}))
        .collect();
    let whole: Vec<Value> =
        [user(first["input"].clone())].into_iter().chain(output.clone()).chain(results.clone()).collect();
    let text = |body: &Value| body["output"][0]["content"][0]["text"].as_str().unwrap().to_owned();
    let given = text(&ask(&client, RESPONSES, &json!({"model": "m", "input": whole})).await);
    assert!(given.ends_with("The tool said: sunny The tool said: sunny"), "{given}");
    let next = json!({"model": "m", "input": results, "previous_response_id": body["id"]});
    let continued = ask(&client, RESPONSES, &next).await;
    assert!(text(&continued).ends_with("The tool said: sunny The tool said: sunny"));
    assert_eq!(continued["previous_response_id"], body["id"]);
}

#[tokio::test]
async fn all_content_is_seen() {
    let (_simulator, client) = start();
    let content = json!([
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PNG, "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ]);
    let body = ask(&client, RESPONSES, &json!({"model": "m", "input": [user(content)]})).await;
    let text = body["output"][0]["content"][0]["text"].as_str().unwrap();
    for seen in ["image/png 70 bytes", "application/pdf 8 bytes", "file at https://example.com/a.pdf"] {
        assert!(text.contains(seen), "{seen}: {text}");
    }
}

#[tokio::test]
async fn refusals_and_formats_have_their_shape() {
    let (_simulator, client) = start();
    let request = say("[[refuse No.]]");
    let body = ask(&client, RESPONSES, &request).await;
    assert_eq!(body["output"][0]["content"], json!([{"type": "refusal", "refusal": "No."}]));
    let events = events(&client, RESPONSES, &request).await;
    assert!(kinds(&events).windows(2).any(|pair| pair == ["response.refusal.delta", "response.refusal.done"]));
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false});
    let format = json!({"text": {"format": {"type": "json_schema", "name": "x", "strict": true, "schema": schema}}});
    let body = ask(&client, RESPONSES, &with(say("Hi"), format)).await;
    assert_eq!(body["output"][0]["content"][0]["text"], "{\"a\":1}");
    let likely = json!({"include": ["message.output_text.logprobs"], "top_logprobs": 1});
    let body = ask(&client, RESPONSES, &with(say("[[say a b]]"), likely)).await;
    assert_eq!(body["output"][0]["content"][0]["logprobs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stream_can_fail_in_its_middle() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::stream_error(5, 429));
    let events = events(&client, RESPONSES, &say("Hello!")).await;
    assert_eq!(events.len(), 6);
    let error = &events[5];
    assert_eq!((&error["type"], &error["sequence_number"]), (&json!("error"), &json!(5)));
    assert_eq!(error["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn a_custom_tool_is_called_with_text() {
    let (_simulator, client) = start();
    let request = with(say("[[call run \"ls -l\"]]"), json!({"tools": [{"type": "custom", "name": "run"}]}));
    let item = ask(&client, RESPONSES, &request).await["output"][0].clone();
    assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!("\"ls -l\"")));
    let events = events(&client, RESPONSES, &request).await;
    let (delta, done) = ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done");
    assert!(kinds(&events).windows(2).any(|pair| pair == [delta, done]));
    let result = json!({"type": "custom_tool_call_output", "call_id": item["call_id"], "output": "a.txt"});
    let next = json!({"model": "m", "input": [user(json!("Hi")), item, result]});
    let text = ask(&client, RESPONSES, &next).await["output"][0]["content"][0]["text"].clone();
    assert!(text.as_str().unwrap().ends_with("The tool said: a.txt"), "{text}");
}
