//! Thinking and its signatures.

use serde_json::{Value, json};

use super::super::with;
use super::{ask, events, hello, refused, say, start, user, weather_tool};

fn thoughtful(request: Value) -> Value {
    with(request, json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}))
}

#[tokio::test]
async fn a_thought_comes_first_and_is_counted() {
    let (_simulator, client) = start();
    let body = ask(&client, &thoughtful(say("[[think One two three.]][[say Four.]]"))).await;
    assert_eq!(
        (&body["content"][0]["thinking"], &body["content"][1]["text"]),
        (&json!("One two three."), &json!("Four."))
    );
    assert_eq!(body["usage"]["output_tokens"], 4);
    assert_eq!(body["usage"]["output_tokens_details"], json!({"thinking_tokens": 3}));
    let plain = ask(&client, &say("[[think One two three.]][[say Four.]]")).await;
    assert_eq!(plain["content"].as_array().unwrap().len(), 1, "nothing is thought unless asked for");
}

#[tokio::test]
async fn the_signature_comes_last_in_a_stream_and_alone_when_thoughts_are_omitted() {
    let (_simulator, client) = start();
    let shown = events(&client, &thoughtful(hello())).await;
    let deltas = |events: &[Value]| -> Vec<String> {
        let of_first = events.iter().filter(|event| event["index"] == 0 && event["type"] == "content_block_delta");
        of_first.map(|event| event["delta"]["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(deltas(&shown).last().unwrap(), "signature_delta");
    let mut request = thoughtful(hello());
    request["thinking"]["display"] = json!("omitted");
    assert_eq!(deltas(&events(&client, &request).await), ["signature_delta"]);
    let body = ask(&client, &request).await;
    assert_eq!(body["content"][0]["thinking"], "");
}

#[tokio::test]
async fn a_loop_of_tools_keeps_its_thought_untouched() {
    let (_simulator, client) = start();
    let tools = json!({"tools": [weather_tool("w")]});
    let question = thoughtful(with(say("[[think Hm.]][[call w]]"), tools));
    let said = ask(&client, &question).await["content"].clone();
    let answered = |assistant: Value| {
        let result = json!([{"type": "tool_result", "tool_use_id": said[1]["id"], "content": "sunny"}]);
        let messages = json!([question["messages"][0], {"role": "assistant", "content": assistant}, user(result)]);
        with(question.clone(), json!({"messages": messages}))
    };
    ask(&client, &answered(said.clone())).await;
    let mut omitted = said.clone();
    omitted[0]["thinking"] = json!("");
    ask(&client, &answered(omitted)).await;

    let mut changed = said.clone();
    changed[0]["thinking"] = json!("Ha.");
    let message = refused(&client, &answered(changed), 400, "invalid_request_error").await;
    assert!(message.starts_with("messages.1.content.0.thinking: Invalid `signature`"), "{message}");
    let without = json!([said[1]]);
    let message = refused(&client, &answered(without.clone()), 400, "invalid_request_error").await;
    assert!(message.contains("found `tool_use`"), "{message}");
    let adaptive = with(answered(without), json!({"model": "claude-opus-4-7", "thinking": {"type": "adaptive"}}));
    ask(&client, &adaptive).await;
}

#[tokio::test]
async fn thinking_excludes_what_steers_the_model() {
    let (_simulator, client) = start();
    let tools = json!([weather_tool("w")]);
    let cases = [
        (json!({"max_tokens": 1024}), "`max_tokens` must be greater"),
        (json!({"temperature": 0.5}), "`temperature`"),
        (json!({"top_p": 0.5}), "`top_p`"),
        (json!({"top_k": 5}), "`top_k`"),
        (json!({"tools": tools, "tool_choice": {"type": "any"}}), "forces tool use"),
        (json!({"tools": tools, "tool_choice": {"type": "tool", "name": "w"}}), "forces tool use"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 1000}}), "thinking.enabled.budget_tokens: "),
        (json!({"thinking": {"type": "enabled"}}), "thinking.enabled.budget_tokens: Field required"),
        (json!({"thinking": {"type": "adaptive"}}), "adaptive thinking is not supported"),
        (json!({"model": "claude-opus-4-7"}), "\"thinking.type.enabled\" is not supported"),
    ];
    for (fields, expected) in cases {
        let message = refused(&client, &with(thoughtful(hello()), fields), 400, "invalid_request_error").await;
        assert!(message.contains(expected), "{message}");
    }
    ask(
        &client,
        &with(thoughtful(hello()), json!({"temperature": 1, "tool_choice": {"type": "auto"}, "tools": tools})),
    )
    .await;
}
