use serde_json::{Value, json};

use super::super::write_request;
use crate::client::Client;
use crate::loss::{Losses, Refusal};
use crate::messages;
use crate::target::{Host, Target};

const NOVA: &str = "eu.amazon.nova-pro-v1:0";
const CLAUDE: &str = "my-claude";

fn written(body: &Value, model: &str, lossy: bool) -> Result<(String, Value, Vec<String>), Refusal> {
    let body = body.to_string();
    let mut losses = Losses::new(Client::Messages, lossy);
    let request = messages::read_request(body.as_bytes(), &mut losses)?;
    let target = Target { model, host: Host::Own, default_max_output: 4_096 };
    let outgoing = write_request(&request, &target, &mut losses)?;
    let lost = losses.dropped().iter().map(|loss| loss.field.to_string()).collect();
    Ok((outgoing.path, serde_json::from_slice(&outgoing.body).unwrap(), lost))
}

fn base(more: Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
    let all = body.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    body
}

fn conversation() -> Value {
    base(json!({
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": " "},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
                {"type": "document", "title": "Q3 report.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
                {"type": "text", "text": "Look."},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "ditto.c.U0lH"},
                {"type": "thinking", "thinking": "Other.", "signature": "own"},
                {"type": "tool_use", "id": "toolu_1__sig__abc", "name": "read", "input": {"path": "/"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "gone", "is_error": true},
                {"type": "text", "text": "Go on."},
            ]},
        ],
        "tools": [{"name": "read", "description": "", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"}, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "stop_sequences": ["END"],
        "stream": true,
    }))
}

#[test]
fn a_conversation_is_written() {
    let (path, body, lost) = written(&conversation(), CLAUDE, false).unwrap();
    assert_eq!(path, "/model/my-claude/converse-stream");
    let expected = json!({
        "messages": [
            {"role": "user", "content": [
                {"image": {"format": "png", "source": {"bytes": "iVBORw0="}}},
                {"document": {"format": "pdf", "name": "Q3 report pdf", "source": {"bytes": "JVBERg=="}}},
                {"text": "Look."},
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "U0lH"}}},
                {"toolUse": {"toolUseId": "toolu_1", "name": "read", "input": {"path": "/"}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "toolu_1", "content": [{"text": "gone"}], "status": "error"}},
                {"text": "Go on."},
            ]},
        ],
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "toolConfig": {"tools": [{"toolSpec": {"name": "read", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"any": {}}},
        "additionalModelRequestFields": {"top_k": 7},
    });
    assert_eq!(body, expected);
    assert_eq!(lost, ["messages.content.thinking"]);
}

#[test]
fn models_differ_in_what_they_take() {
    let (path, body, lost) = written(&conversation(), NOVA, false).unwrap();
    assert_eq!(path, "/model/eu.amazon.nova-pro-v1%3A0/converse-stream");
    assert_eq!(body["additionalModelRequestFields"], json!({"inferenceConfig": {"topK": 7}}));
    assert_eq!(body["system"][1], json!({"cachePoint": {"type": "default"}}));
    assert!(lost.contains(&"cache_control".to_owned()), "{lost:?}");
    let (_, body, lost) = written(&conversation(), "meta.llama4", false).unwrap();
    assert_eq!(body["system"], json!([{"text": "Be brief."}]));
    assert!(lost.contains(&"top_k".to_owned()) && body.get("additionalModelRequestFields").is_none());
    let thinks = base(json!({"max_tokens": 8_000, "thinking": {"type": "enabled", "budget_tokens": 2_000}}));
    let more = |model: &str| written(&thinks, model, false).unwrap().1["additionalModelRequestFields"].clone();
    assert_eq!(more(CLAUDE), json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}}));
    assert_eq!(more("openai.gpt-oss-120b-1:0"), json!({"reasoning_effort": "low"}));
    assert_eq!(
        more("us.amazon.nova-2-lite-v1:0"),
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}})
    );
    assert_eq!(written(&thinks, NOVA, false).unwrap().2, ["thinking"]);
}

/// The service refuses calls in a conversation without declarations.
#[test]
fn tools_of_former_calls_are_declared() {
    let mut body = conversation();
    body.as_object_mut().unwrap().retain(|name, _| !name.starts_with("tool"));
    let (_, body, lost) = written(&body, CLAUDE, false).unwrap();
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "read");
    assert!(lost.contains(&"tools".to_owned()), "{lost:?}");
}

#[test]
fn a_model_that_may_not_call_gets_no_tools() {
    let tools = json!([{"name": "read", "input_schema": {"type": "object"}}]);
    let none = json!({"tools": tools, "tool_choice": {"type": "none"}});
    assert!(written(&base(none.clone()), CLAUDE, false).unwrap().1.get("toolConfig").is_none());
    let mut called = conversation();
    called["tool_choice"] = none["tool_choice"].clone();
    assert_eq!(written(&called, CLAUDE, false).unwrap_err().field, "tool_choice");
}

#[test]
fn a_schema_is_written_as_text() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let body = base(json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}));
    let (_, body, _) = written(&body, CLAUDE, false).unwrap();
    let definition = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(serde_json::from_str::<Value>(definition["schema"].as_str().unwrap()).unwrap(), schema);
}

#[test]
fn what_matters_is_refused_by_its_name() {
    let image =
        json!([{"type": "image", "source": {"type": "url", "url": "https://h/a.png"}}, {"type": "text", "text": "a"}]);
    let body = base(json!({"messages": [{"role": "user", "content": image}]}));
    assert_eq!(written(&body, CLAUDE, false).unwrap_err().field, "messages.content.image");
    let (_, body, lost) = written(&body, CLAUDE, true).unwrap();
    assert_eq!((body["messages"][0]["content"].clone(), lost.len()), (json!([{"text": "a"}]), 1));
}
