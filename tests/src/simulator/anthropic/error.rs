//! Refusals in the provider's shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`.
//! <https://platform.claude.com/docs/en/api/errors> (seen 2026-11).

use http::StatusCode;
use serde_json::{Value, json};

use super::super::reply::Reply;

/// One refusal.
#[derive(Debug, Clone)]
pub(in super::super) struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    pub(in super::super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(in super::super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A refusal that names the field, as `messages.0.role: …`.
    pub(super) fn at(path: &str, message: impl std::fmt::Display) -> Self {
        Self::invalid(if path.is_empty() { message.to_string() } else { format!("{path}: {message}") })
    }

    pub(in super::super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    /// The type that goes with the status.
    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }

    /// What another provider words in its own way.
    pub(super) fn into_parts(self) -> (StatusCode, String) {
        (self.status, self.message)
    }

    pub(in super::super) fn into_json(self, request_id: &str) -> Value {
        let error = json!({"type": self.kind(), "message": self.message});
        json!({"type": "error", "error": error, "request_id": request_id})
    }

    pub(in super::super) fn into_reply(self, request_id: &str) -> Reply {
        Reply::compact(self.status, &self.into_json(request_id))
    }
}
