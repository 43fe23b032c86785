//! A backend's error, in any of the shapes that servers of the dialect have for it.

use serde_json::Value;

use crate::failure::{Failure, FailureKind};

/// Reads the value of `error`, or a whole body that is an error. `status`: of the reply; `None`: in a stream.
pub(super) fn read(status: Option<u16>, value: &Value) -> Option<Failure> {
    let error = match value {
        // Google's compatible endpoint wraps it in a list.
        Value::Array(list) => return read(status, list.first()?),
        Value::Object(members) => match members.get("error") {
            Some(inner @ (Value::Object(_) | Value::String(_))) => inner,
            _ => value,
        },
        Value::String(_) => value,
        _ => return None,
    };
    let message = message(error)?;
    let code = word(error.get("code")).or_else(|| word(error.get("status")));
    let kind_word = word(error.get("type"));
    let number = code.as_deref().and_then(|code| code.parse::<u16>().ok()).filter(|code| (400..600).contains(code));
    let kind = kind(code.as_deref(), kind_word.as_deref());
    let status = status.or(number).or_else(|| kind.map(FailureKind::status)).unwrap_or(500);
    let mut failure = Failure::new(status, message);
    failure.kind = kind.unwrap_or(failure.kind);
    failure.code = code.filter(|_| number.is_none());
    failure.param = word(error.get("param"));
    Some(failure)
}

/// The words: `message`, or `detail` as FastAPI has it, or the error itself where it is a string.
fn message(error: &Value) -> Option<String> {
    if let Value::String(text) = error {
        return Some(text.clone());
    }
    let said = ["message", "detail", "error_description", "error"].into_iter().find_map(|name| error.get(name))?;
    let said = match said {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        // A list of what is wrong where.
        other => other.to_string(),
    };
    // OpenRouter: the words of the provider behind it.
    match error.get("metadata").and_then(|metadata| metadata.get("raw")) {
        Some(Value::String(raw)) => Some(format!("{said}: {raw}")),
        _ => Some(said),
    }
}

fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What kind of failure a code and a type mean, where they say more than a status does.
fn kind(code: Option<&str>, kind: Option<&str>) -> Option<FailureKind> {
    let of_word = |word: &str| {
        Some(match word {
            "insufficient_quota" | "billing_hard_limit_reached" | "insufficient_balance" => FailureKind::Billing,
            "rate_limit_exceeded" | "rate_limit_error" | "RESOURCE_EXHAUSTED" => FailureKind::RateLimited,
            "invalid_api_key" | "authentication_error" | "UNAUTHENTICATED" => FailureKind::Authentication,
            "permission_error" | "permission_denied" | "PERMISSION_DENIED" => FailureKind::Permission,
            "model_not_found" | "not_found_error" | "NOT_FOUND" => FailureKind::NotFound,
            "overloaded_error" | "overloaded" | "server_overloaded" | "UNAVAILABLE" => FailureKind::Overloaded,
            "context_length_exceeded" | "invalid_request_error" | "BadRequestError" | "INVALID_ARGUMENT" => {
                FailureKind::InvalidRequest
            }
            "timeout" | "timeout_error" | "DEADLINE_EXCEEDED" => FailureKind::Timeout,
            "server_error" | "api_error" | "internal_error" | "INTERNAL" => FailureKind::Server,
            _ => return None,
        })
    };
    code.and_then(of_word).or_else(|| kind.and_then(of_word))
}
