//! Checks objects of a request against tables of their fields, and names what does not fit as the provider does.

use serde_json::Value;

use super::super::fields::{self, Kind, Message, Misfit, MisfitKind, Spelling, Step};
use super::error::ApiError;

/// Refuses the first thing in `value` that does not fit; `path` is where it stands in the request.
pub(super) fn object(value: &Value, table: &'static Message, path: &str) -> Result<(), ApiError> {
    let (_, misfits) = fields::read(value, table, Spelling::Exact);
    misfits.into_iter().next().map_or(Ok(()), |misfit| Err(refusal(misfit, path)))
}

/// Refuses the first field of a chat request that does not fit: fields it does not know, it has a sentence of its own
/// for.
pub(super) fn chat_request(body: &Value, table: &'static Message) -> Result<(), ApiError> {
    let (_, misfits) = fields::read(body, table, Spelling::Exact);
    match misfits.into_iter().next() {
        None => Ok(()),
        Some(Misfit { path, kind: MisfitKind::Unknown(name, _) }) if path.is_empty() => {
            Err(ApiError::unrecognized(&name))
        }
        Some(misfit) => Err(refusal(misfit, "")),
    }
}

fn refusal(misfit: Misfit, path: &str) -> ApiError {
    let path = misfit.path.iter().fold(path.to_owned(), |path, step| match step {
        Step::Field(name) => join(&path, name),
        Step::At(at) => format!("{path}[{at}]"),
    });
    match misfit.kind {
        MisfitKind::Unknown(name, _) => ApiError::unknown(&join(&path, &name)),
        MisfitKind::Missing(name) => ApiError::missing(&join(&path, name)),
        MisfitKind::Wrong(Value::String(_), Kind::Word(words)) => ApiError::invalid_value(&path, &quoted(words)),
        MisfitKind::Wrong(_, kind) => ApiError::wrong_type(&path, wanted(kind)),
        MisfitKind::NotRepeated(_) | MisfitKind::Choice => ApiError::wrong_type(&path, "a single value"),
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Bytes | Kind::Word(_) | Kind::TextOr(_) => "a string",
        Kind::Flag => "a boolean",
        Kind::Integer => "an integer",
        Kind::Number => "a number",
        Kind::List(_) => "an array",
        Kind::Any | Kind::Struct | Kind::Map(_) | Kind::Message(_) => "an object",
    }
}

/// A number of the request that must be within bounds.
pub(super) fn range(body: &Value, name: &str, least: f64, most: f64) -> Result<Option<f64>, ApiError> {
    match body[name].as_f64() {
        Some(number) if number < least => Err(ApiError::out_of_range(name, "decimal_below_min_value", least, number)),
        Some(number) if number > most => Err(ApiError::out_of_range(name, "decimal_above_max_value", most, number)),
        number => Ok(number),
    }
}

/// Names of functions and formats have letters, digits, `_` and `-` only.
pub(super) fn name(value: &Value, path: &str) -> Result<String, ApiError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match value {
        Value::Null => Err(ApiError::missing(path)),
        Value::String(name) if (1..=64).contains(&name.len()) && name.bytes().all(fits) => Ok(name.clone()),
        Value::String(_) => Err(ApiError::pattern(path, "^[a-zA-Z0-9_-]{1,64}$")),
        _ => Err(ApiError::wrong_type(path, "a string")),
    }
}

/// A schema that is kept strictly has no other fields than it names, and needs them all.
pub(super) fn strict_schema(schema: &Value) -> Result<(), String> {
    if schema["type"] == "object" || schema["properties"].is_object() {
        if schema["additionalProperties"] != false {
            return Err("'additionalProperties' is required to be supplied and to be false.".to_owned());
        }
        let properties = schema["properties"].as_object();
        for (name, inner) in properties.into_iter().flatten() {
            let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|given| given == name));
            if !required {
                return Err(format!("'required' must name every property, and lacks '{name}'."));
            }
            strict_schema(inner)?;
        }
    }
    match schema.get("items") {
        Some(items) => strict_schema(items),
        None => Ok(()),
    }
}
