//! An error to a client: <https://google.aip.dev/193> (seen 2026-11).

use serde::Serialize;

use crate::failure::{Failure, FailureKind};
use crate::json;

#[derive(Serialize)]
struct Body<'f> {
    error: Error<'f>,
}

#[derive(Serialize)]
struct Error<'f> {
    code: u16,
    message: &'f str,
    status: &'static str,
    details: [u8; 0],
}

/// The status and the body of an error.
pub fn write_failure(failure: &Failure) -> (u16, Vec<u8>) {
    let code = match failure.status {
        // Anthropic's own.
        529 => 503,
        status @ 400..=599 => status,
        _ => failure.kind.status(),
    };
    let error = Error { code, message: &failure.message, status: word(failure.kind), details: [] };
    (code, json::write(&Body { error }))
}

/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto> (seen 2026-11).
fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest | FailureKind::TooLarge => "INVALID_ARGUMENT",
        FailureKind::Authentication => "UNAUTHENTICATED",
        FailureKind::Permission => "PERMISSION_DENIED",
        FailureKind::NotFound => "NOT_FOUND",
        FailureKind::Billing | FailureKind::RateLimited => "RESOURCE_EXHAUSTED",
        FailureKind::Server => "INTERNAL",
        FailureKind::Overloaded => "UNAVAILABLE",
        FailureKind::Timeout => "DEADLINE_EXCEEDED",
        FailureKind::Unsupported => "UNIMPLEMENTED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_looks_like_googles() {
        let (status, body) = write_failure(&Failure::new(529, "Too \"busy\""));
        assert_eq!(status, 503);
        let expected = r#"{"error":{"code":503,"message":"Too \"busy\"","status":"UNAVAILABLE","details":[]}}"#;
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
