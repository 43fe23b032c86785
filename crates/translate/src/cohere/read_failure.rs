//! A backend's error, read into the canonical form.

use serde::Deserialize;

use crate::failure::{Failure, FailureKind};
use crate::text::Text;

#[derive(Debug, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    message: Text<'a>,
}

/// Reads an error: <https://docs.cohere.com/reference/errors> (seen 2026-11).
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    let mut failure = match serde_json::from_slice::<Wire<'_>>(body) {
        Ok(Wire { message }) if !message.is_empty() => Failure::new(status, message.into_string()),
        Ok(_) => Failure::of_other(status, &[]),
        Err(_) => Failure::of_other(status, body),
    };
    match status {
        // A token that is not known; the request was ended by the client's side.
        498 => failure.kind = FailureKind::Authentication,
        499 => failure.kind = FailureKind::Timeout,
        _ => {}
    }
    failure
}
