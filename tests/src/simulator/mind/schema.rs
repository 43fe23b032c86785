//! Makes a value that fits a JSON schema: the arguments of a simulated tool call, or a structured reply.

use serde_json::{Map, Value, json};

/// Schemas may refer to themselves; deeper than this nothing is made.
const DEPTH_MAX: usize = 8;

/// The simplest value that fits `schema`; strings say `filler`.
pub(in super::super) fn instance(schema: &Value, filler: &str) -> Value {
    instance_at(schema, filler, DEPTH_MAX)
}

fn instance_at(schema: &Value, filler: &str, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(value) = schema["enum"].get(0) {
        return value.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return instance_at(first, filler, depth - 1);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") | None => object(schema, filler, depth),
        Some("array") => match schema.get("items") {
            Some(items) => json!([instance_at(items, filler, depth - 1)]),
            None => json!([]),
        },
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("number") => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some(_) => json!(filler),
    }
}

fn object(schema: &Value, filler: &str, depth: usize) -> Value {
    let Some(properties) = schema["properties"].as_object() else { return json!({}) };
    let fields: Map<String, Value> =
        properties.iter().map(|(name, schema)| (name.clone(), instance_at(schema, filler, depth - 1))).collect();
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_gets_a_value() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
            "days": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": ["string", "null"]}},
        }});
        let expected = json!({"city": "x", "unit": "celsius", "days": 1, "tags": ["x"]});
        assert_eq!(instance(&schema, "x"), expected);
    }

    #[test]
    fn no_schema_makes_no_fields() {
        assert_eq!(instance(&Value::Null, "x"), json!({}));
    }
}
