//! Schemas in requests to Gemini: what is refused, and what they mean as JSON schemas.

use serde_json::{Map, Value, json};

use super::super::google_error::GoogleError;
use super::check::list;

/// All function declarations of a request.
pub(super) fn declarations(body: &Value) -> impl Iterator<Item = &Value> {
    list(&body["tools"]).iter().flat_map(|tool| list(&tool["functionDeclarations"]))
}

/// Checks the functions a request declares.
pub(super) fn tools(body: &Value) -> Result<(), GoogleError> {
    let mut known: Vec<&str> = Vec::new();
    for (at, tool) in list(&body["tools"]).iter().enumerate() {
        for (index, declaration) in list(&tool["functionDeclarations"]).iter().enumerate() {
            let path = format!("GenerateContentRequest.tools[{at}].function_declarations[{index}]");
            let name = declaration["name"].as_str().unwrap_or_default();
            if !is_name(name) {
                let rule = "Invalid function name. Must start with a letter or an underscore. Must be alphameric \
                            (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum \
                            length of 64.";
                return Err(GoogleError::rule(&format!("{path}.name"), rule));
            }
            if known.contains(&name) {
                return Err(GoogleError::invalid(format!("Duplicate function declaration found: {name}")));
            }
            known.push(name);
            match (declaration.get("parameters"), declaration.get("parametersJsonSchema")) {
                (Some(_), Some(_)) => {
                    let rule = "parameters and parameters_json_schema may not both be set";
                    return Err(GoogleError::rule(&path, rule));
                }
                (Some(schema), None) => {
                    let path = format!("{path}.parameters");
                    if schema["type"] != "OBJECT" {
                        return Err(GoogleError::rule(&format!("{path}.type"), "schema should be of type OBJECT"));
                    }
                    check(schema, &path)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Checks what a request says of the reply's form.
pub(super) fn reply(config: &Value) -> Result<(), GoogleError> {
    let path = "GenerateContentRequest.generation_config";
    let mime = config["responseMimeType"].as_str().unwrap_or("text/plain");
    if !matches!(mime, "text/plain" | "application/json" | "text/x.enum") {
        let rule = "allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and \
                    `text/x.enum`.";
        return Err(GoogleError::rule(&format!("{path}.response_mime_type"), rule));
    }
    let json_schema = config.get("responseJsonSchema").or_else(|| config.get("ResponseJsonSchema"));
    match (config.get("responseSchema"), json_schema) {
        (Some(_), Some(_)) => {
            Err(GoogleError::rule(path, "response_schema and response_json_schema may not both be set"))
        }
        (None, None) => Ok(()),
        _ if mime == "text/plain" => Err(GoogleError::rule(
            &format!("{path}.response_mime_type"),
            "a schema of the response needs the mimetype `application/json` or `text/x.enum`.",
        )),
        (Some(schema), None) => check(schema, &format!("{path}.response_schema")),
        (None, Some(_)) => Ok(()),
    }
}

fn check(schema: &Value, path: &str) -> Result<(), GoogleError> {
    let kind = schema["type"].as_str().unwrap_or_default();
    if kind == "ARRAY" && schema.get("items").is_none() {
        return Err(GoogleError::rule(&format!("{path}.items"), "missing field."));
    }
    if schema.get("enum").is_some() && kind != "STRING" {
        return Err(GoogleError::rule(&format!("{path}.enum"), "only allowed for STRING type"));
    }
    if kind == "STRING" && !matches!(schema["format"].as_str(), None | Some("" | "enum" | "date-time")) {
        let rule = "only 'enum' and 'date-time' are supported for STRING type";
        return Err(GoogleError::rule(&format!("{path}.format"), rule));
    }
    let properties = schema["properties"].as_object();
    for (at, name) in list(&schema["required"]).iter().enumerate() {
        let defined = name.as_str().is_some_and(|name| properties.is_some_and(|known| known.contains_key(name)));
        if !defined {
            return Err(GoogleError::rule(&format!("{path}.required[{at}]"), "property is not defined"));
        }
    }
    for (name, property) in properties.into_iter().flatten() {
        check(property, &format!("{path}.properties[{name}]"))?;
    }
    for (at, choice) in list(&schema["anyOf"]).iter().enumerate() {
        check(choice, &format!("{path}.any_of[{at}]"))?;
    }
    schema.get("items").map_or(Ok(()), |items| check(items, &format!("{path}.items")))
}

fn is_name(name: &str) -> bool {
    let first = |first: char| first.is_ascii_alphabetic() || first == '_';
    let other = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | ':' | '-');
    name.starts_with(first) && name.chars().all(other) && name.len() <= 64
}

/// The JSON schema that one of Gemini's own means: types in small letters.
pub(super) fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let converted: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| {
            let value = match (name.as_str(), value) {
                ("type", Value::String(kind)) => json!(kind.to_ascii_lowercase()),
                ("items", _) => to_json_schema(value),
                ("anyOf", Value::Array(choices)) => choices.iter().map(to_json_schema).collect(),
                ("properties", Value::Object(properties)) => Value::Object(
                    properties.iter().map(|(name, schema)| (name.clone(), to_json_schema(schema))).collect(),
                ),
                _ => value.clone(),
            };
            (name.clone(), value)
        })
        .collect();
    Value::Object(converted)
}
