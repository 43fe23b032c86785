//! `GET /admin/budgets/{tenants,projects,users}`, and the same of costs: the keys' rows added up by what the keys belong
//! to now.
//!
//! Beside the sum stands the group's own account, on which its shared budget is kept. The two differ once a key has
//! moved from one group to another, or was deleted: the account keeps what was charged to the group, the sum follows
//! the keys. Keys without a group, and deleted ones, are in the group `null`, so that all rows add up to everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use ditto_ledger::{Account, Scope, ScopeKind};
use ditto_policy::document::{Budget, VirtualKey};

use super::LedgerAccess;
use super::keys::{LIMIT_MAX, account_of, find};
use super::measure::{Measure, Row, Sum};
use crate::admin::ApiError;
use crate::admin::query::{Parameters, each, limit, number};
use crate::keys::directory::{DirectoryError, KEYS_MAX, KeyDirectory, KeyFilter};
use crate::ledger::books::PAGE;

/// What keys are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    Tenants,
    Projects,
    Users,
}

/// Names a group. A project, or a user, of one tenant is not that of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct GroupId {
    tenant: Option<String>,
    id: Option<String>,
}

#[derive(Debug, Default)]
struct Group {
    sum: Sum,
    keys: usize,
    /// The lowest limit that a key states for the group.
    limit: Option<u64>,
}

type Groups = BTreeMap<GroupId, Group>;

impl Grouping {
    fn group(self, key: &VirtualKey) -> GroupId {
        let tenant = key.tenant_id.clone();
        match self {
            Self::Tenants => GroupId { tenant: None, id: tenant },
            Self::Projects => GroupId { tenant, id: key.project_id.clone() },
            Self::Users => GroupId { tenant, id: key.user_id.clone() },
        }
    }

    fn budget(self, key: &VirtualKey) -> Option<&Budget> {
        match self {
            Self::Tenants => key.tenant_budget.as_ref(),
            Self::Projects => key.project_budget.as_ref(),
            Self::Users => key.user_budget.as_ref(),
        }
    }

    /// The name of a group's account; `None` for the group of those without one.
    fn account(self, group: &GroupId) -> Option<String> {
        let kind = match self {
            Self::Tenants => ScopeKind::Tenant,
            Self::Projects => ScopeKind::Project,
            Self::Users => ScopeKind::User,
        };
        Some(Scope { kind, tenant: group.tenant.clone(), id: group.id.clone()? }.account())
    }

    fn put_ids(self, row: &mut Row, group: GroupId) {
        let name = match self {
            Self::Tenants => "tenant_id",
            Self::Projects => "project_id",
            Self::Users => "user_id",
        };
        row.insert(name.into(), group.id.into());
        if self != Self::Tenants {
            row.insert("tenant_id".into(), group.tenant.into());
        }
    }
}

pub(super) async fn list(
    measure: Measure,
    grouping: Grouping,
    ledger: LedgerAccess,
    directory: Arc<KeyDirectory>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (mut first, mut most) = (0, LIMIT_MAX);
    each(parameters, "limit, offset", |name, value| {
        match name {
            "limit" => most = limit(name, value, LIMIT_MAX)?,
            "offset" => first = number(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let charged = charged(grouping, &ledger, &directory).await?;
    // A look at every key: too long a piece of work for a thread that serves others.
    let work = move || count(measure, grouping, &directory, charged);
    let groups = tokio::task::spawn_blocking(work).await;
    let groups = groups.map_err(|error| DirectoryError::Internal(error.to_string()))?;
    let page: Vec<_> = groups.into_iter().skip(first).take(most).collect();
    let names: Vec<Option<String>> = page.iter().map(|(id, _)| grouping.account(id)).collect();
    let known: Vec<String> = names.iter().flatten().cloned().collect();
    let mut accounts = ledger.books.read(&known).await?.into_iter();
    let rows: Vec<Row> = page
        .into_iter()
        .zip(names)
        .map(|((id, group), name)| row(measure, grouping, id, &group, name.and_then(|_| accounts.next())))
        .collect();
    Ok(Json(rows).into_response())
}

/// Adds up the accounts of all keys. A deleted key counts as one of no group.
async fn charged(grouping: Grouping, ledger: &LedgerAccess, directory: &KeyDirectory) -> Result<Groups, ApiError> {
    let mut groups = Groups::new();
    let prefix = account_of("");
    let mut after: Option<String> = None;
    loop {
        let page = ledger.books.page(&prefix, after.as_deref()).await?;
        for (name, account) in &page {
            let key = find(directory, name);
            let group = groups.entry(key.as_ref().map(|key| grouping.group(key)).unwrap_or_default()).or_default();
            group.sum.add(account);
            group.keys += usize::from(key.is_none());
        }
        after = page.last().map(|(name, _)| name.clone());
        if page.len() < PAGE {
            return Ok(groups);
        }
    }
}

/// Adds the keys in force, with the limits that they state.
fn count(measure: Measure, grouping: Grouping, directory: &KeyDirectory, mut groups: Groups) -> Groups {
    let (keys, _) = directory.list(&KeyFilter::default(), 0, KEYS_MAX);
    for key in keys {
        let group = groups.entry(grouping.group(&key)).or_default();
        group.keys += 1;
        let limit = grouping.budget(&key).and_then(|budget| measure.limit(budget));
        group.limit = group.limit.into_iter().chain(limit).min();
    }
    groups
}

fn row(measure: Measure, grouping: Grouping, id: GroupId, group: &Group, account: Option<Account>) -> Row {
    let mut row = Row::new();
    grouping.put_ids(&mut row, id);
    measure.put_spent(&mut row, &group.sum.spent, &group.sum.held);
    row.insert("key_count".into(), group.keys.into());
    row.insert("updated_at_ms".into(), group.sum.updated_at_ms.into());
    group.sum.put_counts(&mut row);
    let budget = account.map(|account| {
        let mut budget = Row::new();
        measure.put_limit(&mut budget, group.limit);
        measure.put_spent(&mut budget, &account.spent, &account.held);
        budget
    });
    row.insert("budget".into(), budget.map_or(serde_json::Value::Null, Into::into));
    row
}
