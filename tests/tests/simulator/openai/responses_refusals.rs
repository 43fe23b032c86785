//! Responses that the provider refuses.

use serde_json::{Value, json};

use super::super::{start, with};
use super::{RESPONSES, each_refused, refused, user};

fn input(items: Value) -> Value {
    json!({"model": "m", "input": items})
}

#[tokio::test]
async fn fields_that_do_not_fit_are_named() {
    let (_simulator, client) = start();
    let hello = |fields: Value| with(input(json!("Hi")), fields);
    let (unknown, value) = (json!("unknown_parameter"), json!("invalid_value"));
    each_refused(
        &client,
        RESPONSES,
        &[
            (hello(json!({"messages": []})), "messages", unknown.clone()),
            (hello(json!({"max_tokens": 5})), "max_tokens", unknown.clone()),
            (hello(json!({"reasoning": {"budget": 5}})), "reasoning.budget", unknown.clone()),
            (hello(json!({"reasoning": {"effort": "huge"}})), "reasoning.effort", value.clone()),
            (hello(json!({"include": ["everything"]})), "include[0]", value.clone()),
            (hello(json!({"max_output_tokens": 15})), "max_output_tokens", json!("integer_below_min_value")),
            (hello(json!({"temperature": 3})), "temperature", json!("decimal_above_max_value")),
            (
                hello(json!({"previous_response_id": "resp_1"})),
                "previous_response_id",
                json!("previous_response_not_found"),
            ),
            (
                hello(json!({"tools": [{"type": "function", "function": {"name": "f"}}]})),
                "tools[0].name",
                json!("missing_required_parameter"),
            ),
            (hello(json!({"tools": [{"type": "teleport"}]})), "tools[0].type", value),
            (
                hello(json!({"text": {"format": {"type": "json_schema", "name": "x"}}})),
                "text.format.schema",
                json!("missing_required_parameter"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn items_that_do_not_fit_are_named() {
    let (_simulator, client) = start();
    let value = json!("invalid_value");
    each_refused(
        &client,
        RESPONSES,
        &[
            (input(json!([{"type": "thought"}])), "input[0].type", value.clone()),
            (input(json!([{"content": "x"}])), "input[0].type", json!("missing_required_parameter")),
            (input(json!([{"role": "tool", "content": "x"}])), "input[0].role", value.clone()),
            (input(json!([user(json!([{"type": "text", "text": "x"}]))])), "input[0].content[0].type", value.clone()),
            (
                input(json!([{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}])),
                "input[0].content[0].type",
                value,
            ),
            (
                input(json!([{"role": "user", "content": "x", "name": "y"}])),
                "input[0].name",
                json!("unknown_parameter"),
            ),
            (
                input(json!([{"type": "function_call", "name": "f", "arguments": "{}"}])),
                "input[0].call_id",
                json!("missing_required_parameter"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn calls_outputs_and_thoughts_belong_together() {
    let (_simulator, client) = start();
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "a", "output": "x"});
    let thought = |mark: &str| json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": mark});
    let cases = [
        (json!([user(json!("Hi")), call]), "No tool output found for function call a"),
        (json!([user(json!("Hi")), output]), "No tool call found for function call output"),
        (json!([thought("AAAA"), call, output]), "could not be verified"),
        (json!([thought("AAAA"), user(json!("Hi"))]), "without its required following item"),
    ];
    for (items, expected) in cases {
        let error = refused(&client, RESPONSES, &input(items)).await;
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
}
