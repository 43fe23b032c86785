//! A backend's error.

use serde::Deserialize;

use super::failure_code::kind_of;
use super::wire_reply::{Error, Response};
use crate::failure::{Failure, FailureKind};
use crate::json::{self, Raw};

#[derive(Debug, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Error<'a>,
}

/// Reads the body of an error, or of a response that says that it failed, whatever its status.
pub fn read_failure(status: u16, body: &[u8]) -> Failure {
    let is_error = status >= 400;
    match json::read_reply::<Body<'_>>(body) {
        Some(Body { error }) => of_error(Some(status).filter(|_| is_error), error),
        None if is_error => Failure::of_other(status, body),
        None => json::read_reply::<Response<'_>>(body).map_or_else(Failure::unreadable, of_response),
    }
}

/// The failure of a response that did not come to its end.
pub(super) fn of_response(response: Response<'_>) -> Failure {
    match response.error {
        Some(error) => of_error(None, error),
        None => {
            let status = response.status.as_deref().unwrap_or("nothing");
            Failure::new(502, format!("The backend's response did not complete: its status is {status:?}."))
        }
    }
}

/// The failure that an error tells of; without a status, its code says which it would have been.
pub(super) fn of_error(status: Option<u16>, error: Error<'_>) -> Failure {
    let code = error.code.as_ref().and_then(word);
    let said = code.as_deref().and_then(kind_of).or_else(|| error.kind.as_deref().and_then(kind_of));
    let status = status.unwrap_or_else(|| said.map_or(502, FailureKind::status));
    let message = error.message.filter(|message| !message.is_empty());
    let message = message.map_or_else(|| format!("The backend answered with status {status}."), |m| m.into_string());
    let mut failure = Failure::new(status, message);
    // A status that says less than the code.
    if let (Some(kind), 200..=400 | 429 | 500..) = (said, status) {
        failure.kind = kind;
    }
    failure.code = code;
    failure.param = error.param.map(|param| param.into_string());
    failure
}

/// A code as a word; some servers repeat the status as a number.
fn word(code: &Raw<'_>) -> Option<String> {
    serde_json::from_str::<String>(code.get()).ok().filter(|code| !code.is_empty())
}
