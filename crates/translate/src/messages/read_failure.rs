//! A backend's error, read into the canonical form.

use serde::Deserialize;

use super::wire_reply::ErrorBody;
use crate::failure::{Failure, FailureKind};
use crate::text::Text;

/// An error of Anthropic's, of Google's (Vertex) or of Amazon's (Bedrock).
#[derive(Debug, Default, Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    error: Option<ErrorBody<'a>>,
    #[serde(borrow, default, alias = "Message")]
    message: Option<Text<'a>>,
}

/// Reads an error: <https://platform.claude.com/docs/en/api/errors> (seen 2026-11).
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    let Some(wire) = parse(body) else { return Failure::of_other(status, body) };
    let (kind, message) = match wire.error {
        Some(error) => (error.kind, error.message.or(wire.message)),
        None => (None, wire.message),
    };
    let mut failure = match message {
        Some(message) => Failure::new(status, message.into_string()),
        None => Failure::of_other(status, &[]),
    };
    if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
        failure.kind = match kind_of(&kind) {
            // The status says more than the word for everything else.
            FailureKind::Server => FailureKind::of_status(status),
            kind => kind,
        };
        failure.code = Some(kind.into_string());
    }
    failure
}

/// Vertex wraps errors of streams in a list.
fn parse(body: &[u8]) -> Option<Wire<'_>> {
    match serde_json::from_slice::<Wire<'_>>(body) {
        Ok(wire) if body.trim_ascii_start().starts_with(b"{") => Some(wire),
        _ => serde_json::from_slice::<Vec<Wire<'_>>>(body).ok()?.into_iter().next(),
    }
}

/// A failure in mid-stream, where there is no status.
pub(super) fn failure_of(kind: FailureKind, body: &[u8]) -> Failure {
    let mut failure = read_failure(kind.status(), body);
    failure.kind = kind;
    failure
}

/// The kind behind a word of Anthropic's.
pub(super) fn kind_of(word: &str) -> FailureKind {
    match word {
        "invalid_request_error" => FailureKind::InvalidRequest,
        "authentication_error" => FailureKind::Authentication,
        "billing_error" => FailureKind::Billing,
        "permission_error" => FailureKind::Permission,
        "not_found_error" => FailureKind::NotFound,
        "request_too_large" => FailureKind::TooLarge,
        "rate_limit_error" => FailureKind::RateLimited,
        "timeout_error" => FailureKind::Timeout,
        "overloaded_error" => FailureKind::Overloaded,
        _ => FailureKind::Server,
    }
}
