//! Chats that the provider refuses.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::super::{start, with};
use super::{CHAT, ask, chat, each_refused, refused, say, user};

fn hello(fields: Value) -> Value {
    with(say("Hello!"), fields)
}

#[tokio::test]
async fn unknown_fields_are_named() {
    let (_simulator, client) = start();
    let error = refused(&client, CHAT, &hello(json!({"top_k": 5}))).await;
    assert_eq!(error["message"], "Unrecognized request argument supplied: top_k");
    assert_eq!((&error["param"], &error["code"]), (&Value::Null, &Value::Null));
    let code = json!("unknown_parameter");
    each_refused(
        &client,
        CHAT,
        &[
            (
                chat(json!([{"role": "user", "content": "x", "cache_control": {}}])),
                "messages[0].cache_control",
                code.clone(),
            ),
            (
                chat(json!([user(json!([{"type": "text", "text": "x", "id": 1}]))])),
                "messages[0].content[0].id",
                code.clone(),
            ),
            (hello(json!({"stream": true, "stream_options": {"usage": true}})), "stream_options.usage", code.clone()),
            (
                hello(json!({"tools": [{"type": "function", "function": {"name": "f", "input_schema": {}}}]})),
                "tools[0].function.input_schema",
                code,
            ),
        ],
    )
    .await;
    let config = SimulatorConfig { open_fields: true, ..SimulatorConfig::default() };
    let open = Simulator::start_with(config).unwrap();
    ask(&Client::new(&open.url()), CHAT, &hello(json!({"top_k": 5}))).await;
}

#[tokio::test]
async fn values_that_do_not_fit_are_named() {
    let (_simulator, client) = start();
    let (kind, value) = (json!("invalid_type"), json!("invalid_value"));
    each_refused(&client, CHAT, &[
        (hello(json!({"temperature": "warm"})), "temperature", kind.clone()),
        (hello(json!({"temperature": 2.5})), "temperature", json!("decimal_above_max_value")),
        (hello(json!({"top_p": -1})), "top_p", json!("decimal_below_min_value")),
        (hello(json!({"n": 129})), "n", json!("decimal_above_max_value")),
        (hello(json!({"seed": 1.5})), "seed", kind.clone()),
        (hello(json!({"stop": ["a", "b", "c", "d", "e"]})), "stop", json!("array_above_max_length")),
        (hello(json!({"top_logprobs": 2})), "top_logprobs", Value::Null),
        (hello(json!({"reasoning_effort": "huge"})), "reasoning_effort", value.clone()),
        (hello(json!({"service_tier": "slow"})), "service_tier", value.clone()),
        (hello(json!({"max_tokens": 5, "max_completion_tokens": 5})), "max_tokens", json!("invalid_parameter_combination")),
        (hello(json!({"model": "gpt-5-nano", "max_tokens": 5})), "max_tokens", json!("unsupported_parameter")),
        (hello(json!({"model": "o3", "temperature": 0.5})), "temperature", json!("unsupported_value")),
        (hello(json!({"response_format": {"type": "xml"}})), "response_format.type", value.clone()),
        (hello(json!({"response_format": {"type": "json_object"}})), "messages", Value::Null),
        (hello(json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}})), "response_format.json_schema.name", json!("missing_required_parameter")),
        (hello(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": {"type": "object"}}}})), "response_format", json!("invalid_json_schema")),
    ])
    .await;
}

#[tokio::test]
async fn content_that_does_not_fit_is_named() {
    let (_simulator, client) = start();
    let parts = |part: Value| chat(json!([user(json!([part]))]));
    let image = |url: &str| parts(json!({"type": "image_url", "image_url": {"url": url}}));
    let value = json!("invalid_value");
    each_refused(&client, CHAT, &[
        (chat(json!([user(Value::Null)])), "messages[0].content", json!("invalid_type")),
        (chat(json!([user(json!([]))])), "messages[0].content", json!("empty_array")),
        (parts(json!({"type": "image", "source": {}})), "messages[0].content[0].type", value.clone()),
        (parts(json!({"type": "image_url", "image_url": "https://example.com"})), "messages[0].content[0].image_url", json!("invalid_type")),
        (image("file:///etc/passwd"), "messages[0].content[0].image_url.url", value.clone()),
        (image("data:image/png;base64,@@"), "messages[0].content[0].image_url.url", json!("invalid_base64")),
        (image("data:image/tiff;base64,AAAA"), "messages[0].content[0].image_url.url", json!("invalid_image_format")),
        (parts(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}})), "messages[0].content[0].input_audio.format", value.clone()),
        (parts(json!({"type": "file", "file": {}})), "messages[0].content[0].file.file_id", json!("missing_required_parameter")),
        (chat(json!([{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a.b"}}]}])), "messages[0].content[0].type", value),
        (chat(json!([user(json!("x")), {"role": "assistant", "content": null}])), "messages[1].content", json!("invalid_type")),
    ])
    .await;
}

#[tokio::test]
async fn calls_and_their_results_belong_together() {
    let (_simulator, client) = start();
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let assistant = |calls: Value| json!({"role": "assistant", "content": null, "tool_calls": calls});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    let hello = user(json!("Hi"));
    let cases = [
        (json!([hello, assistant(json!([call("a")]))]), "messages.[2].role"),
        (json!([hello, assistant(json!([call("a")])), hello]), "messages.[2].role"),
        (json!([hello, assistant(json!([call("a"), call("b")])), result("a"), hello]), "messages.[2].role"),
        (json!([hello, result("a")]), "messages.[1].role"),
        (json!([hello, assistant(json!([call("a")])), result("b")]), "messages.[2].role"),
        (json!([hello, assistant(json!([call("a")])), result("a"), result("a")]), "messages.[3].role"),
    ];
    for (messages, param) in cases {
        let error = refused(&client, CHAT, &chat(messages)).await;
        assert_eq!(error["param"], param, "{}", error["message"]);
    }
    let nameless = json!({"id": "a", "type": "function", "function": {"name": "get weather", "arguments": "{}"}});
    let messages = json!([hello, assistant(json!([nameless])), result("a")]);
    each_refused(&client, CHAT, &[(chat(messages), "messages[1].tool_calls[0].function.name", json!("invalid_value"))])
        .await;
    let whole = json!([hello, assistant(json!([call("a"), call("b")])), result("b"), result("a"), hello]);
    ask(&client, CHAT, &chat(whole)).await;
}

#[tokio::test]
async fn tools_that_do_not_fit_are_named() {
    let (_simulator, client) = start();
    let tools = |tools: Value| hello(json!({"tools": tools}));
    let function = |function: Value| tools(json!([{"type": "function", "function": function}]));
    let choice = |choice: Value| with(function(json!({"name": "f"})), json!({"tool_choice": choice}));
    let value = json!("invalid_value");
    each_refused(
        &client,
        CHAT,
        &[
            (tools(json!([])), "tools", json!("empty_array")),
            (tools(json!([{"name": "f", "input_schema": {}}])), "tools[0].type", json!("missing_required_parameter")),
            (tools(json!([{"type": "web_search"}])), "tools[0].type", value.clone()),
            (function(json!({"name": "get weather"})), "tools[0].function.name", value.clone()),
            (function(json!({"name": "f", "parameters": "{}"})), "tools[0].function.parameters", json!("invalid_type")),
            (
                function(json!({"name": "f", "strict": true, "parameters": {"type": "object", "properties": {}}})),
                "tools[0].function.parameters",
                json!("invalid_function_parameters"),
            ),
            (choice(json!("any")), "tool_choice", value.clone()),
            (choice(json!({"type": "tool", "name": "f"})), "tool_choice.type", value),
            (choice(json!({"type": "function", "function": {"name": "g"}})), "tool_choice", Value::Null),
            (hello(json!({"parallel_tool_calls": false})), "parallel_tool_calls", Value::Null),
        ],
    )
    .await;
}
