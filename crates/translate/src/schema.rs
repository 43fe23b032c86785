//! JSON Schema, as far as providers differ in it.

use serde_json::{Map, Value};

use crate::json::Raw;

/// Whether every object in it is closed and all its members are required: what OpenAI wants of a schema that is to be
/// followed exactly (<https://platform.openai.com/docs/guides/structured-outputs>, seen 2026-11). Anthropic follows
/// every schema exactly.
pub(crate) fn is_closed(schema: &Raw<'_>) -> bool {
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
            let is_object = is_object(members);
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
pub(crate) fn close(schema: &Raw<'_>) -> Option<Raw<'static>> {
    let mut value = schema.value();
    close_value(&mut value);
    Raw::of(&value)
}

/// The schema, closed, if it is one to be followed exactly then. For a dialect that follows every schema and whose
/// objects have no members but those named; one that names none may have any.
pub(crate) fn followed(schema: &Raw<'_>) -> Option<Raw<'static>> {
    let mut value = schema.value();
    if has_free_object(&value) {
        return None;
    }
    close_value(&mut value);
    if closed(&value) { Raw::of(&value) } else { None }
}

fn has_free_object(schema: &Value) -> bool {
    match schema {
        Value::Array(list) => list.iter().any(has_free_object),
        Value::Object(members) => {
            is_object(members) && !members.contains_key("properties") || members.values().any(has_free_object)
        }
        _ => false,
    }
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        _ => false,
    }
}

fn close_value(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(close_value),
        Value::Object(members) => {
            members.values_mut().for_each(close_value);
            if is_object(members) {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_names_and_requires_all_members_is_closed_to_be_followed() {
        let closed = |text: &str| followed(&Raw::parse(text).unwrap()).map(|schema| schema.get().to_owned());
        let nested =
            r#"{"type":"object","required":["a"],"properties":{"a":{"type":["object","null"],"properties":{}}}}"#;
        let closed_text = closed(nested).expect("it can be closed");
        assert_eq!(closed_text.matches(r#""additionalProperties":false"#).count(), 2, "{closed_text}");
        assert!(is_closed(&Raw::parse(&closed_text).unwrap()));
        assert_eq!(closed(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#), None, "a is optional");
        assert_eq!(closed(r#"{"type":"array","items":{"type":"object"}}"#), None, "any member is allowed");
        assert_eq!(closed(r#"{"type":"object","properties":{},"additionalProperties":true}"#), None, "it says so");
        assert_eq!(closed(r#"{"type":"string"}"#).as_deref(), Some(r#"{"type":"string"}"#));
    }
}
