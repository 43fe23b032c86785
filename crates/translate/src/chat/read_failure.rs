//! A backend's error, read.

use serde_json::Value;

use super::fault;
use crate::failure::{Failure, FailureKind};

/// Reads an error: <https://platform.openai.com/docs/guides/error-codes> (seen 2026-11), and the shapes of servers that
/// are compatible with everything but this.
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    let read = serde_json::from_slice::<Value>(body).ok().and_then(|value| fault::read(Some(status), &value));
    let Some(mut failure) = read else { return Failure::of_other(status, body) };
    // OpenAI calls most things an invalid request; then the status says more.
    if failure.kind == FailureKind::InvalidRequest {
        failure.kind = FailureKind::of_status(status);
    }
    failure
}
