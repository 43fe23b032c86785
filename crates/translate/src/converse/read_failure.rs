//! A backend's error, read into the canonical form.

use crate::failure::{Failure, FailureKind};

/// Reads an error: <https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>
/// (seen 2026-11). The exception's name is a header, and says no more than the status.
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    Failure::of_message(status, body)
}

/// The failure of an exception in a stream, where there is no status.
pub(super) fn of_exception(name: &str, body: &[u8]) -> Failure {
    let kind = match name {
        "throttlingException" => FailureKind::RateLimited,
        "validationException" => FailureKind::InvalidRequest,
        "modelTimeoutException" => FailureKind::Timeout,
        "serviceUnavailableException" => FailureKind::Overloaded,
        "accessDeniedException" => FailureKind::Permission,
        _ => FailureKind::Server,
    };
    Failure { kind, ..read_failure(kind.status(), body) }
}
