//! From Gemini's own schemas, a subset of OpenAPI's, to JSON Schema.
//!
//! <https://ai.google.dev/api/caching#Schema> (seen 2026-11): types are in capitals, `nullable` stands for a union with
//! null, and limits are 64-bit integers, which may be written as strings.

use serde_json::{Map, Value};

use crate::json::Raw;

/// Members whose values are schemas by name.
const MAPS: [&str; 3] = ["properties", "defs", "$defs"];
/// Members whose values are schemas, or lists of them.
const SCHEMAS: [&str; 3] = ["items", "anyOf", "additionalProperties"];
/// Limits.
const LIMITS: [&str; 6] = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// Nested deeper, a schema is taken as it is. The reader of JSON allows 128.
const DEPTH_MAX: u32 = 128;

/// A schema as JSON Schema; what is one already stays as it is.
pub(super) fn to_json_schema(schema: Raw<'_>) -> Raw<'_> {
    let text = schema.get();
    let is_openapi = ["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "TYPE_UNSPECIFIED"]
        .iter()
        .any(|name| text.contains(name));
    let hints = ["nullable", "any_of", "propertyOrdering", "property_ordering", "min_", "max_", "example"];
    let is_openapi = is_openapi || hints.iter().any(|hint| text.contains(hint)) || has_string_limit(text);
    if !is_openapi {
        return schema;
    }
    let converted = Raw::of(&convert(schema.value(), 0));
    converted.unwrap_or(schema)
}

fn has_string_limit(text: &str) -> bool {
    LIMITS.iter().any(|name| text.contains(name))
}

fn convert(schema: Value, depth: u32) -> Value {
    let Value::Object(members) = schema else { return schema };
    if depth > DEPTH_MAX {
        return Value::Object(members);
    }
    let mut converted = Map::new();
    let mut nullable = false;
    for (name, value) in members {
        let name = canonical(&name).to_owned();
        match (name.as_str(), value) {
            ("nullable", value) => nullable = value == Value::Bool(true),
            // The order of members is Gemini's own matter.
            ("propertyOrdering", _) => {}
            ("example", value) => {
                converted.insert("examples".to_owned(), Value::Array(vec![value]));
            }
            ("type", Value::String(name)) if name == "TYPE_UNSPECIFIED" => {}
            ("type", Value::String(name)) => {
                converted.insert("type".to_owned(), Value::String(name.to_ascii_lowercase()));
            }
            (name, value) => {
                converted.insert(name.to_owned(), member(name, value, depth.saturating_add(1)));
            }
        }
    }
    if nullable {
        make_nullable(&mut converted);
    }
    Value::Object(converted)
}

fn member(name: &str, value: Value, depth: u32) -> Value {
    match value {
        Value::Object(schemas) if MAPS.contains(&name) => {
            Value::Object(schemas.into_iter().map(|(name, schema)| (name, convert(schema, depth))).collect())
        }
        Value::Array(schemas) if SCHEMAS.contains(&name) => {
            Value::Array(schemas.into_iter().map(|schema| convert(schema, depth)).collect())
        }
        value @ Value::Object(_) if SCHEMAS.contains(&name) => convert(value, depth),
        Value::String(limit) if LIMITS.contains(&name) => match limit.parse::<u64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::String(limit),
        },
        other => other,
    }
}

fn make_nullable(schema: &mut Map<String, Value>) {
    let null = Value::String("null".to_owned());
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push(null),
        Some(one) => *one = Value::Array(vec![one.take(), null]),
        None => {}
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

/// The name in camel case; those of JSON Schema itself with their `$`.
fn canonical(name: &str) -> &str {
    match name {
        "any_of" => "anyOf",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "property_ordering" => "propertyOrdering",
        "additional_properties" => "additionalProperties",
        "defs" => "$defs",
        "ref" => "$ref",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn geminis_schemas_become_json_schema() {
        let schema = json!({
            "type": "OBJECT", "required": ["type"], "property_ordering": ["type"],
            "properties": {
                "type": {"type": "STRING", "enum": ["A"], "nullable": true, "maxLength": "3"},
                "list": {"type": "ARRAY", "items": {"anyOf": [{"type": "INTEGER"}, {"type": "NULL"}]}}
            }
        });
        let raw = Raw::of(&schema).unwrap();
        let expected = json!({
            "type": "object", "required": ["type"],
            "properties": {
                "type": {"type": ["string", "null"], "enum": ["A", null], "maxLength": 3},
                "list": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
            }
        });
        assert_eq!(to_json_schema(raw).value(), expected);
    }

    #[test]
    fn what_is_json_schema_stays_as_it_is_written() {
        let text = r#"{"type": "object",  "properties": {"a": {"type": "string"}}}"#;
        assert_eq!(to_json_schema(Raw::parse(text).unwrap()).get(), text);
    }
}
