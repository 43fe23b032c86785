//! A chat answer as a stream: role, content or tool-call deltas, finish, usage if asked for, `[DONE]`.

use serde_json::{Value, json};

use super::chat::{Chat, usage};
use super::conversation::{self, ToolCall, Turn};
use super::{CREATED, Reply, tokens};

pub(super) fn reply(chat: &Chat) -> Reply {
    let mut events = Vec::new();
    for index in 0..chat.n {
        match &chat.turn {
            Turn::Text(text) => text_events(chat, index, text, &mut events),
            Turn::Calls(calls) => call_events(chat, index, calls, &mut events),
        }
    }
    if chat.include_usage {
        let mut event = envelope(chat);
        event["choices"] = json!([]);
        event["usage"] = usage(chat);
        events.push(obfuscated(chat, event));
    }
    Reply::data_events(events)
}

fn text_events(chat: &Chat, index: u64, text: &str, events: &mut Vec<Value>) {
    let (pieces, cut) = conversation::limited(text, chat.max_tokens);
    let role = json!({"role": "assistant", "content": "", "refusal": null});
    events.push(delta(chat, index, &role, None));
    for piece in pieces {
        events.push(delta(chat, index, &json!({"content": piece}), None));
    }
    events.push(delta(chat, index, &json!({}), Some(if cut { "length" } else { "stop" })));
}

fn call_events(chat: &Chat, index: u64, calls: &[ToolCall], events: &mut Vec<Value>) {
    for (at, call) in calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let opening = json!([{"index": at, "id": call.id, "type": "function", "function": function}]);
        let opening = match at {
            0 => json!({"role": "assistant", "content": null, "tool_calls": opening, "refusal": null}),
            _ => json!({"tool_calls": opening}),
        };
        events.push(delta(chat, index, &opening, None));
        for piece in tokens::pieces(&call.arguments) {
            let more = json!([{"index": at, "function": {"arguments": piece}}]);
            events.push(delta(chat, index, &json!({"tool_calls": more}), None));
        }
    }
    events.push(delta(chat, index, &json!({}), Some("tool_calls")));
}

fn delta(chat: &Chat, index: u64, delta: &Value, finish: Option<&str>) -> Value {
    let mut event = envelope(chat);
    event["choices"] = json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    if chat.include_usage {
        event["usage"] = Value::Null;
    }
    obfuscated(chat, event)
}

fn envelope(chat: &Chat) -> Value {
    json!({
        "id": chat.id,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": chat.model,
        "service_tier": "default",
        "system_fingerprint": null,
    })
}

/// Pads the event to a multiple of 16 bytes, as the provider hides lengths.
fn obfuscated(chat: &Chat, mut event: Value) -> Value {
    if chat.obfuscate {
        let missing = 16 - event.to_string().len() % 16;
        event["obfuscation"] = json!("x".repeat(missing));
    }
    event
}
