//! JSON Schema, as far as providers differ in it.

use serde_json::Value;

use crate::json::Raw;

/// Whether every object in it is closed and all its members are required: what OpenAI wants of a schema that is to be
/// followed exactly (<https://platform.openai.com/docs/guides/structured-outputs>, seen 2026-11). Anthropic follows
/// every schema exactly.
pub(super) fn is_closed(schema: &Raw<'_>) -> bool {
    closed(&schema.value())
}

fn closed(schema: &Value) -> bool {
    match schema {
        Value::Array(list) => list.iter().all(closed),
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            let required: Vec<&str> = match members.get("required") {
                Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let is_object = members.get("type").and_then(Value::as_str) == Some("object");
            let is_closed = members.get("additionalProperties") == Some(&Value::Bool(false));
            let all_required =
                properties.is_none_or(|names| names.keys().all(|name| required.contains(&name.as_str())));
            (!is_object || is_closed) && all_required && members.values().all(closed)
        }
        _ => true,
    }
}

/// The schema with every object closed that says nothing about it, because Anthropic takes no other:
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs> (seen 2026-11).
pub(super) fn close(schema: &Raw<'_>) -> Option<Raw<'static>> {
    let mut value = schema.value();
    close_value(&mut value);
    Raw::of(&value)
}

fn close_value(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(close_value),
        Value::Object(members) => {
            members.values_mut().for_each(close_value);
            if members.get("type").and_then(Value::as_str) == Some("object") {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        _ => {}
    }
}
