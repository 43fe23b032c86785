//! The query of `GET /admin/keys`.

use std::str::FromStr;

use crate::admin::ApiError;
use crate::keys::directory::KeyFilter;

/// Keys on one page, at most and by default.
const LIMIT_MAX: usize = 10_000;

/// What is asked for.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) filter: KeyFilter,
    pub(super) include_tokens: bool,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

/// Reads the parameters. One that is unknown is refused rather than ignored: a misspelt filter would list every key.
pub(super) fn parse(pairs: &[(String, String)]) -> Result<ListQuery, ApiError> {
    let mut query = ListQuery { filter: KeyFilter::default(), include_tokens: false, limit: LIMIT_MAX, offset: 0 };
    for (at, (name, value)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(refused(name, "it is given twice"));
        }
        match name.as_str() {
            "include_tokens" => query.include_tokens = flag(name, value)?,
            "enabled" => query.filter.enabled = Some(flag(name, value)?),
            "tenant_id" => query.filter.tenant_id = Some(text(name, value)?),
            "project_id" => query.filter.project_id = Some(text(name, value)?),
            "user_id" => query.filter.user_id = Some(text(name, value)?),
            "id_prefix" => query.filter.id_prefix = Some(text(name, value)?),
            "offset" => query.offset = number(name, value)?,
            "limit" => {
                query.limit = number(name, value)?;
                if query.limit > LIMIT_MAX {
                    return Err(refused(name, &format!("it is at most {LIMIT_MAX}")));
                }
            }
            _ => {
                let known = "include_tokens, tenant_id, project_id, user_id, enabled, id_prefix, limit, offset";
                return Err(refused(name, &format!("there is no such parameter; there are {known}")));
            }
        }
    }
    Ok(query)
}

fn refused(name: &str, why: &str) -> ApiError {
    let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    ApiError::invalid_request(format!("query parameter `{name}`: {why}"))
}

fn flag(name: &str, value: &str) -> Result<bool, ApiError> {
    bool::from_str(value).map_err(|_| refused(name, "it is `true` or `false`"))
}

fn number(name: &str, value: &str) -> Result<usize, ApiError> {
    usize::from_str(value).map_err(|_| refused(name, "it is a whole number, 0 or more"))
}

fn text(name: &str, value: &str) -> Result<String, ApiError> {
    let value = value.trim();
    if value.is_empty() { Err(refused(name, "it is blank; leave it out instead")) } else { Ok(value.to_owned()) }
}
