//! What the provider refuses, it refuses here.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::super::with;
use super::{PATH, PNG, ask, hello, refused, say, start, user, weather_tool};

const INVALID: &str = "invalid_request_error";

async fn each_refused(client: &Client, cases: &[(Value, &str)]) {
    for (request, expected) in cases {
        let message = refused(client, request, 400, INVALID).await;
        assert!(message.starts_with(expected), "{message} instead of {expected}");
    }
}

fn without(mut request: Value, field: &str) -> Value {
    request.as_object_mut().unwrap().remove(field);
    request
}

#[tokio::test]
async fn bad_fields_are_named() {
    let (_simulator, client) = start();
    let sonnet = |fields: Value| with(hello(), fields);
    each_refused(
        &client,
        &[
            (without(hello(), "max_tokens"), "max_tokens: Field required"),
            (without(hello(), "model"), "model: Field required"),
            (without(hello(), "messages"), "messages: Field required"),
            (sonnet(json!({"max_tokens": -1})), "max_tokens: Input should be greater than or equal to 0"),
            (sonnet(json!({"max_tokens": "7"})), "max_tokens: Input should be a valid integer"),
            (sonnet(json!({"n": 2})), "n: Extra inputs are not permitted"),
            (sonnet(json!({"context_management": {}})), "context_management: Extra inputs are not permitted"),
            (sonnet(json!({"temperature": 1.5})), "temperature: Input should be less than or equal to 1"),
            (sonnet(json!({"top_p": -0.5})), "top_p: Input should be greater than or equal to 0"),
            (sonnet(json!({"top_k": -1})), "top_k: Input should be greater than or equal to 0"),
            (sonnet(json!({"temperature": 0.5, "top_p": 0.5})), "`temperature` and `top_p` cannot both"),
            (sonnet(json!({"model": "claude-opus-4-7", "temperature": 0.5})), "`temperature` is deprecated"),
            (sonnet(json!({"stream": "yes"})), "stream: Input should be a valid boolean"),
            (sonnet(json!({"stop_sequences": [" \n"]})), "stop_sequences: each stop sequence must"),
            (sonnet(json!({"service_tier": "flex"})), "service_tier: Input should be 'auto' or"),
            (sonnet(json!({"metadata": {"team": "a"}})), "metadata.team: Extra inputs"),
            (sonnet(json!({"system": 7})), "system: Input should be a valid list"),
            (sonnet(json!({"system": [{"type": "text", "text": ""}]})), "system.0.text.text: text content blocks"),
            (sonnet(json!({"output_config": {"effort": "none"}})), "output_config.effort: Input should be 'low'"),
        ],
    )
    .await;
    client
        .post(PATH, &with(hello(), json!({"context_management": {}})))
        .header("anthropic-beta", "other,context-management-2025-06-27")
        .send()
        .await
        .expect_status(200)
        .await;
}

#[tokio::test]
async fn bad_messages_are_named() {
    let (_simulator, client) = start();
    let messages = |messages: Value| with(hello(), json!({"messages": messages}));
    let content = |content: Value| messages(json!([user(content)]));
    let image = |source: Value| content(json!([{"type": "image", "source": source}]));
    each_refused(
        &client,
        &[
            (messages(json!([])), "messages: at least one"),
            (
                messages(json!([{"role": "assistant", "content": "Hi"}])),
                "messages: first message must use the \"user\" role",
            ),
            (messages(json!([{"role": "system", "content": "Hi"}])), "messages: use the top-level `system`"),
            (messages(json!([{"role": "tool", "content": "Hi"}])), "messages.0.role: Input should be"),
            (messages(json!([{"role": "user"}])), "messages.0.content: Field required"),
            (messages(json!([{"role": "user", "content": "Hi", "name": "x"}])), "messages.0.name: Extra inputs"),
            (
                messages(json!([user(json!("Hi")), {"role": "assistant", "content": "Well "}])),
                "messages: final assistant",
            ),
            (content(json!("")), "messages.0: all messages must have non-empty content"),
            (content(json!([])), "messages.0: all messages must have non-empty content"),
            (
                content(json!([{"type": "text", "text": ""}])),
                "messages.0.content.0.text.text: text content blocks must",
            ),
            (content(json!([{"type": "input_text", "text": "x"}])), "messages.0.content.0: Input tag 'input_text'"),
            (content(json!([{"type": "text", "text": "x", "id": 1}])), "messages.0.content.0.text.id: Extra inputs"),
            (
                image(json!({"type": "base64", "media_type": "image/bmp", "data": PNG})),
                "messages.0.content.0.image.source.base64.media_type: Input should be",
            ),
            (
                image(json!({"type": "base64", "media_type": "image/png", "data": "@@"})),
                "messages.0.content.0.image.source.base64.data: Invalid base64",
            ),
            (
                image(json!({"type": "base64", "media_type": "image/jpeg", "data": PNG})),
                "messages.0.content.0.image.source.base64: the image is said",
            ),
            (
                image(json!({"type": "base64", "media_type": "image/png", "data": "AAAA"})),
                "messages.0.content.0.image.source.base64: Could not process image",
            ),
        ],
    )
    .await;
    let merged = json!([user(json!("One")), user(json!("Two")), {"role": "assistant", "content": "Three"}]);
    ask(&client, &messages(merged.clone())).await;
    let newer = with(messages(merged), json!({"model": "claude-opus-4-6"}));
    assert!(refused(&client, &newer, 400, INVALID).await.contains("prefill"));
}

#[tokio::test]
async fn every_call_needs_its_result_next() {
    let (_simulator, client) = start();
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "w", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    let text = json!({"type": "text", "text": "x"});
    let chat = |calls: Value, next: Value| {
        let messages = json!([user(json!("Hi")), {"role": "assistant", "content": calls}, user(next)]);
        with(hello(), json!({"messages": messages, "tools": [weather_tool("w")]}))
    };
    each_refused(
        &client,
        &[
            (chat(json!([call("a")]), json!("Well?")), "messages.1: `tool_use` ids were found without `tool_result`"),
            (
                chat(json!([call("a"), call("b")]), json!([result("a")])),
                "messages.1: `tool_use` ids were found without",
            ),
            (chat(json!([call("a")]), json!([text, result("a")])), "messages.1: `tool_use` ids were found without"),
            (chat(json!([text]), json!([result("a")])), "messages.2.content.0: unexpected `tool_use_id` found"),
            (chat(json!([call("a")]), json!([result("a"), result("a")])), "messages.2.content.1: each `tool_use`"),
            (chat(json!([call("a"), call("a")]), json!([result("a")])), "messages.1: `tool_use` ids must be unique"),
            (
                chat(json!([call("a b")]), json!([result("a b")])),
                "messages.1.content.0.tool_use.id: String should match",
            ),
            (
                chat(json!([{"type": "tool_use", "id": "a", "name": "w", "input": "{}"}]), json!([result("a")])),
                "messages.1.content.0.tool_use.input: Input should be",
            ),
            (
                with(hello(), json!({"messages": [user(json!([call("a")]))]})),
                "messages.0.content.0: `tool_use` blocks can only",
            ),
        ],
    )
    .await;
    ask(&client, &chat(json!([call("a"), call("b")]), json!([result("b"), result("a"), text]))).await;
}

#[tokio::test]
async fn bad_tools_are_named() {
    let (_simulator, client) = start();
    let tools = |tools: Value| with(hello(), json!({"tools": tools}));
    let choice = |choice: Value| with(tools(json!([weather_tool("w")])), json!({"tool_choice": choice}));
    each_refused(
        &client,
        &[
            (tools(json!([{"name": "w"}])), "tools.0.custom.input_schema: Field required"),
            (tools(json!([weather_tool("get weather")])), "tools.0.custom.name: String should match pattern"),
            (tools(json!([weather_tool("w"), weather_tool("w")])), "tools: Tool names must be unique"),
            (
                tools(json!([with(weather_tool("w"), json!({"parameters": {}}))])),
                "tools.0.custom.parameters: Extra inputs",
            ),
            (
                tools(json!([{"name": "w", "input_schema": {"properties": {}}}])),
                "tools.0.custom.input_schema.type: Field",
            ),
            (tools(json!([{"type": "function", "function": {"name": "w"}}])), "tools.0: Input tag 'function'"),
            (tools(json!([{"type": "function", "name": "w"}])), "tools.0: Input tag 'function'"),
            (choice(json!("auto")), "tool_choice: Input should be a valid dictionary"),
            (choice(json!({"type": "required"})), "tool_choice: Input tag 'required'"),
            (choice(json!({"type": "tool"})), "tool_choice.tool.name: Field required"),
            (choice(json!({"type": "tool", "name": "x"})), "Tool 'x' not found"),
            (with(hello(), json!({"tool_choice": {"type": "auto"}})), "tool_choice: may only be specified"),
        ],
    )
    .await;
    ask(&client, &tools(json!([{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]))).await;
}

#[tokio::test]
async fn schemas_of_the_output_are_closed() {
    let (_simulator, client) = start();
    let format =
        |schema: Value| with(hello(), json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}));
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let nested = json!({"type": "object", "properties": {"a": open}, "additionalProperties": false});
    each_refused(
        &client,
        &[
            (format(open), "output_config.format.schema: For 'object' type"),
            (format(nested), "output_config.format.schema: For 'object' type"),
            (
                with(hello(), json!({"output_config": {"format": {"type": "json_object"}}})),
                "output_config.format: Input tag",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn breakpoints_are_limited_and_ordered() {
    let (_simulator, client) = start();
    let block = |ttl: &str| json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": ttl}});
    let blocks = |ttls: &[&str]| {
        let content: Vec<Value> = ttls.iter().map(|ttl| block(ttl)).collect();
        with(hello(), json!({"messages": [user(json!(content))]}))
    };
    each_refused(
        &client,
        &[
            (blocks(&["5m"; 5]), "A maximum of 4 blocks with cache_control"),
            (blocks(&["5m", "1h"]), "messages.0.content.1.text.cache_control.ephemeral: a ttl='1h'"),
            (blocks(&["2h"]), "messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be"),
        ],
    )
    .await;
    ask(&client, &blocks(&["1h", "1h", "5m", "5m"])).await;
}

#[tokio::test]
async fn keys_and_versions_are_checked() {
    let config =
        SimulatorConfig { api_key: Some("sk-right".to_owned()), strict_models: true, ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let nobody = Client::new(&simulator.url()).with_header("anthropic-version", "2023-06-01");
    refused(&nobody, &hello(), 401, "authentication_error").await;
    let wrong = nobody.clone().with_header("x-api-key", "sk-wrong");
    assert_eq!(refused(&wrong, &hello(), 401, "authentication_error").await, "invalid x-api-key");
    let right = nobody.with_header("x-api-key", "sk-right");
    assert!(refused(&right, &hello(), 404, "not_found_error").await.contains("claude-sonnet-4-5"));
    ask(&right, &with(hello(), json!({"model": "gpt-4.1"}))).await;

    let versionless = Client::new(&simulator.url()).with_header("x-api-key", "sk-right");
    assert_eq!(refused(&versionless, &hello(), 400, INVALID).await, "anthropic-version: header is required");
    let future = versionless.with_header("anthropic-version", "2030-01-01");
    assert!(refused(&future, &hello(), 400, INVALID).await.contains("2030-01-01"));
}

#[tokio::test]
async fn what_is_no_json_or_no_endpoint_is_refused() {
    let (_simulator, client) = start();
    let request = client.request(http::Method::POST, PATH).header("content-type", "application/json");
    let body = request.body("{\"model\":").send().await.expect_status(400).await.json().await;
    assert_eq!(body["error"]["type"], INVALID);
    let body = client.post("/v1/messages/nothing", &say("x")).send().await.expect_status(404).await.json().await;
    assert_eq!(body["error"]["type"], "not_found_error");
}

#[tokio::test]
async fn the_newer_version_has_no_sampling_and_no_misplaced_content() {
    let (simulator, older) = start();
    let newer = Client::new(&simulator.url()).with_header("anthropic-version", "2026-10-21");
    let cited = json!({"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0,
        "end_char_index": 1, "document_title": null});
    let text = json!({"type": "text", "text": "x", "citations": [cited]});
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}});
    let answered = json!([user(json!("Hi")), {"role": "assistant", "content": [document]}, user(json!("Well?"))]);
    let cases = [
        (json!({"temperature": 1.0}), "temperature: Extra inputs"),
        (json!({"top_p": 1.0}), "top_p: Extra inputs"),
        (json!({"top_k": 5}), "top_k: Extra inputs"),
        (json!({"messages": [user(json!([text]))]}), "messages.0.content.0.text.citations: "),
        (json!({"messages": answered}), "messages.1.content.0: `document` blocks"),
    ];
    for (fields, expected) in cases {
        let request = with(hello(), fields);
        ask(&older, &request).await;
        let message = refused(&newer, &request, 400, INVALID).await;
        assert!(message.starts_with(expected), "{message}");
    }
    let own = json!([user(json!("Hi")), {"role": "assistant", "content": [text]}, user(json!("Well?"))]);
    ask(&newer, &with(hello(), json!({"messages": own}))).await;
}
