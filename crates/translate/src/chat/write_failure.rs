//! An error, as clients get it.

use serde::Serialize;

use crate::failure::{Failure, FailureKind};
use crate::json;

/// <https://platform.openai.com/docs/guides/error-codes> (seen 2026-11).
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    error: Error<'a>,
}

#[derive(Debug, Serialize)]
struct Error<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> From<&'a Failure> for Body<'a> {
    fn from(failure: &'a Failure) -> Self {
        let code = failure.code.as_deref().or_else(|| code(failure.kind));
        let (message, param) = (failure.message.as_str(), failure.param.as_deref());
        Self { error: Error { message, r#type: kind(failure.kind), param, code } }
    }
}

/// Writes an error: its status, and its body.
pub fn write_failure(failure: &Failure) -> (u16, Vec<u8>) {
    let status = match failure.status {
        // Anthropic's own for too much to do.
        529 => 503,
        status @ 400..=599 => status,
        _ => failure.kind.status(),
    };
    (status, json::write(&Body::from(failure)))
}

/// The same words as for the gateway's own errors.
fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest | FailureKind::NotFound | FailureKind::TooLarge | FailureKind::Unsupported => {
            "invalid_request_error"
        }
        FailureKind::Authentication => "authentication_error",
        FailureKind::Billing => "insufficient_quota",
        FailureKind::Permission => "permission_error",
        FailureKind::RateLimited => "rate_limit_error",
        FailureKind::Server | FailureKind::Overloaded | FailureKind::Timeout => "api_error",
    }
}

/// OpenAI's code, where a kind has only one.
fn code(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::Authentication => Some("invalid_api_key"),
        FailureKind::Billing => Some("insufficient_quota"),
        FailureKind::RateLimited => Some("rate_limit_exceeded"),
        _ => None,
    }
}
