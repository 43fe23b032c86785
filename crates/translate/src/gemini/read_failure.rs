//! A backend's errors: <https://google.aip.dev/193> and <https://ai.google.dev/gemini-api/docs/troubleshooting> (seen
//! 2026-11).

use serde::Deserialize;

use crate::failure::{Failure, FailureKind};
use crate::json::{self, Raw, TextOr};
use crate::text::Text;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Error<'a> {
    code: Option<u16>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    details: Option<Vec<Raw<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    field_violations: Option<Vec<Violation<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Violation<'a> {
    #[serde(borrow)]
    field: Option<Text<'a>>,
}

/// Reads an error. Streams without events have it in a list.
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    of_body(Some(status), body).unwrap_or_else(|| Failure::of_other(status, body))
}

/// An error in a stream, which has no status of its own.
pub(super) fn in_stream(data: &[u8]) -> Failure {
    of_body(None, data).unwrap_or_else(Failure::unreadable)
}

fn of_body(status: Option<u16>, body: &[u8]) -> Option<Failure> {
    let bodies: TextOr<'_, Body<'_>> = json::read_reply(body)?;
    let TextOr::List(bodies) = bodies else { return None };
    let error = bodies.into_iter().find_map(|body| body.error)?;
    let word = error.status.as_deref().unwrap_or_default();
    let kind = kind(word);
    let known = status.or(error.code.filter(|code| (400..600).contains(code)));
    let status = known.or(kind.map(FailureKind::status)).unwrap_or(500);
    let message = error.message.filter(|message| !message.is_empty());
    let message = message.map_or_else(|| format!("The backend answered with status {status}."), Text::into_string);
    let mut failure = Failure::new(status, message);
    if let Some(kind) = kind {
        failure.kind = kind;
    }
    for detail in error.details.unwrap_or_default() {
        let Ok(detail) = serde_json::from_str::<Detail<'_>>(detail.get()) else { continue };
        failure.code = failure.code.or(detail.reason.map(Text::into_string));
        let field = detail.field_violations.unwrap_or_default().into_iter().find_map(|violation| violation.field);
        failure.param = failure.param.or(field.map(Text::into_string));
    }
    failure.code = failure.code.or(Some(word.to_owned()).filter(|word| !word.is_empty()));
    Some(refine(failure))
}

/// Google's words for kinds that it gives no status of their own.
fn refine(mut failure: Failure) -> Failure {
    if failure.code.as_deref() == Some("API_KEY_INVALID") {
        failure.kind = FailureKind::Authentication;
        failure.status = 401;
    }
    if failure.kind == FailureKind::InvalidRequest && failure.message.contains("input token count") {
        failure.code = Some("context_length_exceeded".to_owned());
    }
    failure
}

/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto> (seen 2026-11).
fn kind(word: &str) -> Option<FailureKind> {
    Some(match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => FailureKind::InvalidRequest,
        "UNAUTHENTICATED" => FailureKind::Authentication,
        "PERMISSION_DENIED" => FailureKind::Permission,
        "NOT_FOUND" => FailureKind::NotFound,
        "RESOURCE_EXHAUSTED" => FailureKind::RateLimited,
        "UNAVAILABLE" => FailureKind::Overloaded,
        "DEADLINE_EXCEEDED" => FailureKind::Timeout,
        "UNIMPLEMENTED" => FailureKind::Unsupported,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => FailureKind::Server,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_errors_keep_their_words() {
        let body = br#"[{"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "x", "reason": "RATE_LIMIT_EXCEEDED", "metadata": {"a": "b"}}]}}]"#;
        let failure = read_failure(429, body);
        assert_eq!((failure.status, failure.kind), (429, FailureKind::RateLimited));
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("Slow down.", Some("RATE_LIMIT_EXCEEDED")));
        assert_eq!(in_stream(body).status, 429);
    }

    #[test]
    fn a_key_that_is_wrong_is_no_wrong_request() {
        let body = br#"{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID"}]}}"#;
        let failure = read_failure(400, body);
        assert_eq!((failure.status, failure.kind), (401, FailureKind::Authentication));
    }

    #[test]
    fn a_field_is_named_and_other_bodies_have_their_status() {
        let body = br#"{"error": {"message": "m", "status": "INVALID_ARGUMENT",
            "details": [{"fieldViolations": [{"field": "contents", "description": "d"}]}]}}"#;
        assert_eq!(read_failure(400, body).param.as_deref(), Some("contents"));
        assert_eq!(read_failure(503, b"<html>").kind, FailureKind::Overloaded);
        assert_eq!(in_stream(b"{}").status, 502);
    }
}
