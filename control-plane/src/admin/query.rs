//! Reading query parameters. One that is unknown is refused rather than ignored: a misspelt filter would list all.

use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use super::ApiError;

/// The parameters as they came, or why there are none.
pub(super) type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Gives each parameter to `take`, which says false for one that it does not know; `known` names those that it does.
pub(super) fn each(
    parameters: Parameters,
    known: &str,
    mut take: impl FnMut(&str, &str) -> Result<bool, ApiError>,
) -> Result<(), ApiError> {
    let Query(pairs) = parameters.map_err(|rejection| ApiError::invalid_request(rejection.body_text()))?;
    for (at, (name, value)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(refused(name, "it is given twice"));
        }
        if !take(name, value)? {
            return Err(refused(name, &format!("there is no such parameter; there are {known}")));
        }
    }
    Ok(())
}

fn refused(name: &str, why: &str) -> ApiError {
    let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    ApiError::invalid_request(format!("query parameter `{name}`: {why}"))
}

pub(super) fn flag(name: &str, value: &str) -> Result<bool, ApiError> {
    bool::from_str(value).map_err(|_| refused(name, "it is `true` or `false`"))
}

pub(super) fn number(name: &str, value: &str) -> Result<usize, ApiError> {
    usize::from_str(value).map_err(|_| refused(name, "it is a whole number, 0 or more"))
}

/// A number of at most `max`.
pub(super) fn limit(name: &str, value: &str, max: usize) -> Result<usize, ApiError> {
    let number = number(name, value)?;
    if number > max { Err(refused(name, &format!("it is at most {max}"))) } else { Ok(number) }
}

pub(super) fn text(name: &str, value: &str) -> Result<String, ApiError> {
    let value = value.trim();
    if value.is_empty() { Err(refused(name, "it is blank; leave it out instead")) } else { Ok(value.to_owned()) }
}
