//! An error as Anthropic's clients expect it.

use serde::Serialize;

use crate::failure::{Failure, FailureKind};
use crate::json;

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Error<'a>,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

/// Status and body: <https://platform.claude.com/docs/en/api/errors> (seen 2026-11). An overloaded provider is 529
/// there.
pub fn write_failure(failure: &Failure) -> (u16, Vec<u8>) {
    let status = match failure.kind {
        FailureKind::Overloaded => 529,
        FailureKind::Server if failure.status >= 500 => failure.status,
        kind => kind.status(),
    };
    (status, body(failure))
}

/// The body alone, which is also an event of streams.
pub(super) fn body(failure: &Failure) -> Vec<u8> {
    let error = Error { kind: word(failure.kind), message: &failure.message };
    json::write(&Body { kind: "error", error, request_id: None })
}

fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest | FailureKind::Unsupported => "invalid_request_error",
        FailureKind::Authentication => "authentication_error",
        FailureKind::Billing => "billing_error",
        FailureKind::Permission => "permission_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::TooLarge => "request_too_large",
        FailureKind::RateLimited => "rate_limit_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Server => "api_error",
    }
}
