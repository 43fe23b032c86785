//! Refusals as Cohere words them: `{"id", "message"}`.
//!
//! <https://docs.cohere.com/reference/errors> (seen 2026-11).

use http::StatusCode;
use serde_json::{Value, json};

use super::super::fields::{Kind, Misfit, MisfitKind, Step};
use super::super::reply::Reply;

/// One refusal.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn invalid(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("invalid request: {message}"))
    }

    /// The first of what does not fit the fields of an endpoint.
    pub(super) fn misfit(misfit: &Misfit, endpoint: &str) -> Self {
        let help = format!("For proper usage, please refer to https://docs.cohere.com/reference/{endpoint}");
        let place = place(&misfit.path);
        let within = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let unprocessable = |message| Self::new(StatusCode::UNPROCESSABLE_ENTITY, message);
        match &misfit.kind {
            MisfitKind::Unknown(name, _) => {
                unprocessable(format!("unknown field: parameter '{name}' is not a valid field. {help}"))
            }
            MisfitKind::Missing(name) => Self::invalid(format!("{} is required. {help}", within(name))),
            MisfitKind::Wrong(value, Kind::Word(words)) if value.is_string() => {
                Self::invalid(format!("{place} must be one of {}, and is {value}. {help}", words.join(", ")))
            }
            MisfitKind::Wrong(value, kind) => unprocessable(format!(
                "invalid type: parameter {place} is of type {} but should be of type {}. {help}",
                type_of(value),
                wanted(*kind)
            )),
            MisfitKind::NotRepeated(_) | MisfitKind::Choice => Self::invalid(format!("{place} is not valid. {help}")),
        }
    }

    pub(super) fn into_reply(self, id: &str) -> Reply {
        Reply::compact(self.status, &json!({"id": id, "message": self.message}))
    }
}

fn place(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Field(name) => name.clone(),
        Step::At(at) => at.to_string(),
    });
    steps.collect::<Vec<_>>().join(".")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Bytes | Kind::Word(_) | Kind::TextOr(_) => "string",
        Kind::Flag => "boolean",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::List(_) => "array",
        Kind::Any | Kind::Struct | Kind::Map(_) | Kind::Message(_) => "object",
    }
}
