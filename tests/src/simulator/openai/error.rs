//! Refusals in the provider's shape: `{"error": {"message", "type", "param", "code"}}`.

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::super::reply::Reply;

/// One refusal.
#[derive(Debug, Clone)]
pub(in super::super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), param: None, code: None }
    }

    pub(in super::super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(in super::super) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(super) fn missing(param: &str) -> Self {
        Self::invalid(format!("The parameter '{param}' is required.")).param(param).code("missing_required_parameter")
    }

    pub(super) fn wrong_type(param: &str, wanted: &str) -> Self {
        Self::invalid(format!("The parameter '{param}' must be {wanted}.")).param(param).code("invalid_type")
    }

    pub(super) fn invalid_value(param: &str, wanted: &str) -> Self {
        Self::invalid(format!("The value of '{param}' is not supported: use {wanted}."))
            .param(param)
            .code("invalid_value")
    }

    pub(super) fn below_minimum(param: &str, minimum: u64, got: i64) -> Self {
        Self::invalid(format!("The parameter '{param}' must be at least {minimum}, and is {got}."))
            .param(param)
            .code("integer_below_min_value")
    }

    /// A field of the request itself that there is not.
    pub(super) fn unrecognized(name: &str) -> Self {
        Self::invalid(format!("Unrecognized request argument supplied: {name}"))
    }

    /// A field that there is not, further inside, or of the Responses API.
    pub(super) fn unknown(param: &str) -> Self {
        Self::invalid(format!("Unknown parameter: '{param}'.")).param(param).code("unknown_parameter")
    }

    pub(super) fn out_of_range(param: &str, code: &'static str, bound: f64, got: f64) -> Self {
        let message = format!("The parameter '{param}' is out of range: the bound is {bound}, and it is {got}.");
        Self::invalid(message).param(param).code(code)
    }

    pub(super) fn pattern(param: &str, pattern: &str) -> Self {
        Self::invalid(format!("The parameter '{param}' must match '{pattern}'.")).param(param).code("invalid_value")
    }

    pub(super) fn model_not_found(model: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::invalid(format!("There is no model `{model}` that this key may use.")).code("model_not_found")
        }
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(format!("There is no {what} '{id}'.")).param("id") }
    }

    pub(super) fn no_such_endpoint(method: &Method, path: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(format!("There is no endpoint {method} {path}.")) }
    }

    pub(super) fn wrong_signature(message: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, ..Self::invalid(message) }
    }

    pub(super) fn missing_api_key() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::invalid("No API key was given: send it as a bearer token in the Authorization header.")
        }
    }

    /// The key is quoted as the provider quotes it: its ends only.
    pub(super) fn wrong_api_key(token: &str) -> Self {
        let quoted = match (token.get(..3), token.len().checked_sub(4).and_then(|at| token.get(at..))) {
            (Some(head), Some(tail)) if token.len() > 12 => format!("{head}***{tail}"),
            _ => "***".to_owned(),
        };
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::invalid(format!("The API key is not valid: {quoted}.")).code("invalid_api_key")
        }
    }

    /// What a provider says with a bare status.
    pub(super) fn of_status(status: StatusCode, message: String) -> Self {
        let (kind, code) = match status.as_u16() {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            429 => ("requests", Some("rate_limit_exceeded")),
            400..=499 => ("invalid_request_error", None),
            _ => ("server_error", None),
        };
        Self { code, ..Self::new(status, kind, message) }
    }

    /// What another provider words in its own way.
    pub(super) fn into_message(self) -> String {
        self.message
    }

    /// The error as it stands in a body, and in a stream of chat chunks.
    pub(super) fn into_json(self) -> Value {
        json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code})
    }

    /// The error as an event of the Responses API.
    /// <https://platform.openai.com/docs/api-reference/responses-streaming/error> (seen 2026-11).
    pub(super) fn into_event(self, sequence_number: usize) -> Value {
        let code = self.code.unwrap_or(self.kind);
        json!({
            "type": "error", "sequence_number": sequence_number,
            "code": code, "message": self.message, "param": self.param,
        })
    }

    pub(in super::super) fn into_reply(self) -> Reply {
        let status = self.status;
        let mut reply = Reply::json(status, &json!({"error": self.into_json()}));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"OpenAI API\"");
            reply.set_header(HeaderName::from_static("www-authenticate"), challenge);
        }
        reply
    }
}
