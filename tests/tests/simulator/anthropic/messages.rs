//! Messages, counts and models.

use ditto_tests::client::Client;
use ditto_tests::simulator::mind::{Said, Script};
use ditto_tests::simulator::openai::{digest, tokens};
use ditto_tests::simulator::{Manner, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::super::{fields, with};
use super::{PATH, PNG, ask, hello, say, start, user, weather_tool};

#[tokio::test]
async fn a_message_has_the_fields_of_the_real_one() {
    let (simulator, client) = start();
    let mut response = client.post(PATH, &hello()).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.header("request-id").unwrap().starts_with("req_"));
    for limit in ["requests", "tokens", "input-tokens", "output-tokens"] {
        for what in ["limit", "remaining", "reset"] {
            assert!(response.header(&format!("anthropic-ratelimit-{limit}-{what}")).is_some(), "{limit} {what}");
        }
    }
    let body = response.json().await;
    let expected = ["content", "id", "model", "role", "stop_details", "stop_reason", "stop_sequence", "type", "usage"];
    assert_eq!(fields(&body), expected);
    assert!(body["id"].as_str().unwrap().starts_with("msg_01"));
    assert_eq!(
        (&body["type"], &body["role"], &body["stop_reason"]),
        (&json!("message"), &json!("assistant"), &json!("end_turn"))
    );
    let text = body["content"][0]["text"].as_str().unwrap();
    assert_eq!(
        text,
        format!("Hello from simulator: I was given one message, digest {}.", digest(&hello()["messages"]))
    );
    let usage = json!({
        "input_tokens": 3 + 4 + tokens::count("Hello!"),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": tokens::count(text),
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
        "inference_geo": "global",
    });
    assert_eq!(body["usage"], usage);
    let delivery = simulator.deliveries().pop().unwrap();
    assert_eq!((delivery.prompt_tokens, delivery.usage_tokens), (8, Some(tokens::count(text))));
    assert_eq!(delivery.generated_tokens, delivery.delivered_tokens);
}

#[tokio::test]
async fn usage_tells_what_the_cache_read_and_wrote() {
    let (simulator, client) = start();
    simulator.fault_always(Manner { cached_tokens: 3, cache_creation_tokens: 2, ..Manner::default() }.into());
    let mut request = hello();
    request["system"] =
        json!([{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let count = client.post(
        "/v1/messages/count_tokens",
        &json!({"model": "m", "messages": request["messages"], "system": request["system"]}),
    );
    let total = count.send().await.expect_status(200).await.json().await["input_tokens"].as_u64().unwrap();
    let usage = ask(&client, &request).await["usage"].clone();
    assert_eq!(usage["input_tokens"], total - 5);
    assert_eq!((&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]), (&json!(3), &json!(2)));
    assert_eq!(usage["cache_creation"], json!({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2}));
}

#[tokio::test]
async fn every_end_has_its_reason() {
    let (_simulator, client) = start();
    let cases = [
        (json!({"max_tokens": 2}), "max_tokens", Value::Null),
        (json!({"max_tokens": 0}), "max_tokens", Value::Null),
        (json!({"stop_sequences": ["digest"]}), "stop_sequence", json!("digest")),
        (json!({"tools": [weather_tool("w")], "tool_choice": {"type": "any"}}), "tool_use", Value::Null),
        (json!({"messages": [user(json!("[[refuse]]"))]}), "refusal", Value::Null),
    ];
    for (fields, reason, sequence) in cases {
        let body = ask(&client, &with(hello(), fields)).await;
        assert_eq!((&body["stop_reason"], &body["stop_sequence"]), (&json!(reason), &sequence));
        let details = if reason == "refusal" { "refusal" } else { "" };
        assert_eq!(body["stop_details"]["type"].as_str().unwrap_or_default(), details);
    }
}

#[tokio::test]
async fn tools_are_called_in_parallel_and_their_results_heard() {
    let (_simulator, client) = start();
    let tools = json!({"tools": [weather_tool("a"), weather_tool("b")]});
    let request = with(say("[[say Let me see.]] [[call a {\"city\": \"Oslo\"}]] [[call b]]"), tools.clone());
    let body = ask(&client, &request).await;
    let content = body["content"].as_array().unwrap();
    assert_eq!(content.iter().map(|block| &block["type"]).collect::<Vec<_>>(), ["text", "tool_use", "tool_use"]);
    assert_eq!(content[1]["input"], json!({"city": "Oslo"}));
    assert_eq!(fields(&content[1]), ["caller", "id", "input", "name", "type"]);
    let results = json!([
        {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "sunny"},
        {"type": "tool_result", "tool_use_id": content[2]["id"], "is_error": true,
         "content": [{"type": "text", "text": "no such city"}]},
    ]);
    let next = json!([request["messages"][0], {"role": "assistant", "content": content}, user(results)]);
    let body = ask(&client, &with(hello(), with(tools, json!({"messages": next})))).await;
    let text = body["content"][0]["text"].as_str().unwrap();
    assert!(text.ends_with(" The tool said: sunny The tool failed: no such city"), "{text}");
}

#[tokio::test]
async fn one_call_is_made_when_no_more_may_be() {
    let (_simulator, client) = start();
    let choice = json!({"type": "auto", "disable_parallel_tool_use": true});
    let fields = json!({"tools": [weather_tool("a"), weather_tool("b")], "tool_choice": choice});
    let body = ask(&client, &with(say("Use every tool."), fields)).await;
    assert_eq!(body["content"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn images_and_documents_are_seen() {
    let (_simulator, client) = start();
    let content = json!([
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "title": "T", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "text", "text": "What is this?"},
    ]);
    let body = ask(&client, &with(hello(), json!({"messages": [user(content)]}))).await;
    let text = body["content"][0]["text"].as_str().unwrap();
    for seen in
        ["image/png 70 bytes", "image at https://example.com/a.png", "application/pdf 8 bytes", "text/plain 5 bytes"]
    {
        assert!(text.contains(seen), "{seen}: {text}");
    }
}

#[tokio::test]
async fn a_schema_is_kept() {
    let (_simulator, client) = start();
    let schema = json!({
        "type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"],
        "additionalProperties": false,
    });
    let format = json!({"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}}});
    let body = ask(&client, &with(hello(), format)).await;
    let answer: Value = serde_json::from_str(body["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(answer, json!({"answer": 1}));
}

#[tokio::test]
async fn a_script_decides_what_is_said() {
    let script = Script::new(|heard| {
        let asked = heard.messages.len() == 1 && heard.system == ["Be kind."];
        asked.then(|| Said::text("Scripted.").and_call("go", &json!({"x": heard.max_tokens})))
    });
    let config = SimulatorConfig { script: Some(script), ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url()).with_header("anthropic-version", "2023-06-01");
    let body = ask(&client, &with(hello(), json!({"system": "Be kind."}))).await;
    assert_eq!((&body["content"][0]["text"], &body["content"][1]["input"]), (&json!("Scripted."), &json!({"x": 1000})));
    assert!(ask(&client, &hello()).await["content"][0]["text"].as_str().unwrap().starts_with("Hello from"));
}

#[tokio::test]
async fn tokens_are_counted_as_a_message_counts_them() {
    let (_simulator, client) = start();
    let prompt = json!({"model": "m", "messages": hello()["messages"], "tools": [weather_tool("w")], "system": "Hi."});
    let mut response = client.post("/v1/messages/count_tokens", &prompt).send().await.expect_status(200).await;
    let counted = response.json().await;
    assert_eq!(fields(&counted), ["input_tokens"]);
    let usage = ask(&client, &with(prompt, json!({"max_tokens": 9}))).await["usage"].clone();
    assert_eq!(usage["input_tokens"], counted["input_tokens"]);
    client.post("/v1/messages/count_tokens", &hello()).send().await.expect_status(400).await;
}

#[tokio::test]
async fn models_are_listed_in_pages() {
    let (_simulator, client) = start();
    let all = client.get("/v1/models").send().await.expect_status(200).await.json().await;
    assert_eq!(fields(&all), ["data", "first_id", "has_more", "last_id"]);
    for field in ["type", "id", "display_name", "created_at", "lifecycle"] {
        assert!(all["data"][0][field].is_string(), "{field}");
    }
    let first = client.get("/v1/models?limit=2").send().await.json().await;
    assert_eq!((&first["has_more"], &first["last_id"]), (&json!(true), &all["data"][1]["id"]));
    let next = client.get(&format!("/v1/models?limit=2&after_id={}", first["last_id"].as_str().unwrap()));
    assert_eq!(next.send().await.json().await["first_id"], all["data"][2]["id"]);
    let one = client.get("/v1/models/gpt-4.1").send().await.expect_status(200).await.json().await;
    assert_eq!(one["type"], "model");
    let none = client.get("/v1/models/none").send().await.expect_status(404).await.json().await;
    assert_eq!(none["error"]["type"], "not_found_error");
}

/// What Claude Code sends, by its shape.
#[tokio::test]
async fn a_request_of_a_coding_agent_is_served() {
    let (_simulator, client) = start();
    let cached = json!({"type": "ephemeral", "scope": "global"});
    let messages = json!([
        user(json!([{"type": "text", "text": "[[call w]]", "cache_control": {"type": "ephemeral"}}])),
        {"role": "system", "content": "Reminders of the day."},
    ]);
    let request = json!({
        "model": "claude-opus-4-8", "max_tokens": 64_000, "stream": true, "messages": messages,
        "system": [{"type": "text", "text": "Be an agent."}, {"type": "text", "text": "Rules.", "cache_control": cached}],
        "tools": [with(weather_tool("w"), json!({"eager_input_streaming": true}))],
        "metadata": {"user_id": "{\"device_id\":\"d\"}"},
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
    });
    let betas = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27";
    let sent = client.post("/v1/messages?beta=true", &request).header("anthropic-beta", betas).send().await;
    let events = sent.expect_status(200).await.events().await;
    let events: Vec<Value> = events.iter().map(|timed| timed.event.json()).collect();
    let opened: Vec<&Value> =
        events.iter().map(|event| &event["content_block"]["type"]).filter(|kind| kind.is_string()).collect();
    assert_eq!(opened, ["thinking", "tool_use"]);
    assert_eq!(events[events.len() - 2]["context_management"], json!({"applied_edits": []}));
}
