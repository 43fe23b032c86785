//! `GET /admin/budgets` and `GET /admin/costs`: a row for each key.
//!
//! The keys in force come first, by id, used or not; then deleted keys that the books still know, so that the rows add
//! up to all that was charged.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use ditto_ledger::{Scope, ScopeKind};
use ditto_policy::document::VirtualKey;

use super::LedgerAccess;
use super::measure::{Measure, Row, key_row};
use crate::admin::ApiError;
use crate::admin::query::{Parameters, each, limit, number, text};
use crate::keys::directory::{KeyDirectory, KeyFilter};
use crate::ledger::books::PAGE;

/// Rows on one page, at most and by default.
pub(super) const LIMIT_MAX: usize = 10_000;

/// What is asked for.
struct KeysQuery {
    key_prefix: Option<String>,
    limit: usize,
    offset: usize,
}

fn parse(parameters: Parameters) -> Result<KeysQuery, ApiError> {
    let mut query = KeysQuery { key_prefix: None, limit: LIMIT_MAX, offset: 0 };
    each(parameters, "key_prefix, limit, offset", |name, value| {
        match name {
            "key_prefix" => query.key_prefix = Some(text(name, value)?),
            "limit" => query.limit = limit(name, value, LIMIT_MAX)?,
            "offset" => query.offset = number(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(query)
}

pub(super) async fn list(
    measure: Measure,
    ledger: LedgerAccess,
    directory: Arc<KeyDirectory>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let query = parse(parameters)?;
    let filter = KeyFilter { id_prefix: query.key_prefix.clone(), ..KeyFilter::default() };
    let (keys, total) = directory.list(&filter, query.offset, query.limit);
    let names: Vec<String> = keys.iter().map(|key| account_of(&key.id)).collect();
    let accounts = ledger.books.read(&names).await?;
    let mut rows: Vec<Row> =
        keys.iter().zip(&accounts).map(|(key, account)| key_row(measure, &key.id, Some(key), account)).collect();
    let room = query.limit.saturating_sub(rows.len());
    if room > 0 {
        let prefix = account_of(query.key_prefix.as_deref().unwrap_or_default());
        let skip = query.offset.saturating_sub(total);
        rows.extend(deleted(measure, &ledger, &directory, &prefix, skip, room).await?);
    }
    Ok(Json(rows).into_response())
}

/// Rows of deleted keys whose accounts begin with `prefix`: `limit` of them after the first `skip`.
async fn deleted(
    measure: Measure,
    ledger: &LedgerAccess,
    directory: &KeyDirectory,
    prefix: &str,
    mut skip: usize,
    limit: usize,
) -> Result<Vec<Row>, ApiError> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = ledger.books.page(prefix, after.as_deref()).await?;
        for (name, account) in &page {
            let Some(id) = key_of(name).filter(|id| directory.get(id).is_none()) else { continue };
            if skip > 0 {
                skip -= 1;
            } else if rows.len() < limit {
                rows.push(key_row(measure, &id, None, account));
            }
        }
        after = page.last().map(|(name, _)| name.clone());
        if page.len() < PAGE || rows.len() >= limit {
            return Ok(rows);
        }
    }
}

/// The name of a key's account. That of a prefix of its id is a prefix of it.
pub(super) fn account_of(key_id: &str) -> String {
    Scope { kind: ScopeKind::Key, tenant: None, id: key_id.to_owned() }.account()
}

/// The id of the key that an account belongs to.
pub(super) fn key_of(account: &str) -> Option<String> {
    Scope::of_account(account).filter(|scope| scope.kind == ScopeKind::Key).map(|scope| scope.id)
}

/// A group's key, if there is one.
pub(super) fn find(directory: &KeyDirectory, account: &str) -> Option<Arc<VirtualKey>> {
    directory.get(&key_of(account)?)
}
