//! A backend's error, read into the canonical form.

use crate::failure::{Failure, FailureKind};

/// Reads an error: <https://docs.cohere.com/reference/errors> (seen 2026-11).
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    let mut failure = Failure::of_message(status, body);
    match status {
        // A token that is not known; the request was ended by the client's side.
        498 => failure.kind = FailureKind::Authentication,
        499 => failure.kind = FailureKind::Timeout,
        _ => {}
    }
    failure
}
