//! The query of `GET /admin/keys`.

use crate::admin::ApiError;
use crate::admin::query::{Parameters, each, flag, limit, number, text};
use crate::keys::directory::KeyFilter;

/// Keys on one page, at most and by default.
const LIMIT_MAX: usize = 10_000;
const KNOWN: &str = "include_tokens, tenant_id, project_id, user_id, enabled, id_prefix, limit, offset";

/// What is asked for.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) filter: KeyFilter,
    pub(super) include_tokens: bool,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

/// Reads the parameters.
pub(super) fn parse(parameters: Parameters) -> Result<ListQuery, ApiError> {
    let mut query = ListQuery { filter: KeyFilter::default(), include_tokens: false, limit: LIMIT_MAX, offset: 0 };
    each(parameters, KNOWN, |name, value| {
        match name {
            "include_tokens" => query.include_tokens = flag(name, value)?,
            "enabled" => query.filter.enabled = Some(flag(name, value)?),
            "tenant_id" => query.filter.tenant_id = Some(text(name, value)?),
            "project_id" => query.filter.project_id = Some(text(name, value)?),
            "user_id" => query.filter.user_id = Some(text(name, value)?),
            "id_prefix" => query.filter.id_prefix = Some(text(name, value)?),
            "offset" => query.offset = number(name, value)?,
            "limit" => query.limit = limit(name, value, LIMIT_MAX)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(query)
}
