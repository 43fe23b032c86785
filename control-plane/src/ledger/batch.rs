//! One step of the store for many claims: which rows it needs, and what it does with them.

use std::collections::{BTreeMap, BTreeSet};

use ditto_ledger::{
    Account, Amounts, Claim, Expired, LeaseState, MINUTE_MS, Policy, Reply, Rows, Scope, ScopeKind, Terms, Unit,
    exchange, expire,
};

use super::store::{Keys, Missing, Table};

/// A claim with the terms of its key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) claim: Claim,
    pub(super) terms: Option<Terms>,
}

/// What became of one claim.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) reply: Reply,
    /// The lease's accounts; empty if there is no lease any more.
    pub(super) accounts: Vec<String>,
    /// What the lease holds now.
    pub(super) hold: Amounts,
    /// Requests that were not counted before.
    pub(super) requests: u64,
}

/// What became of a step.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// In the order of the claims.
    pub(super) booked: Vec<Booked>,
    /// Accounts that have more room than before.
    pub(super) lowered: BTreeSet<String>,
}

/// The rows that are known to be needed, before any lease has been seen.
pub(super) fn keys(entries: &[Entry]) -> Keys {
    Keys {
        leases: entries.iter().map(|entry| entry.claim.lease.clone()).collect(),
        accounts: entries.iter().flat_map(named).collect(),
    }
}

/// The accounts that the key itself calls for.
fn named(entry: &Entry) -> Vec<String> {
    match &entry.terms {
        Some(terms) => terms.names(),
        // As `exchange` opens the books of a key that is gone.
        None => vec![Scope { kind: ScopeKind::Key, tenant: None, id: entry.claim.key_id.clone() }.account()],
    }
}

/// Books all claims in their order. Each lease must be there once.
pub(super) fn apply(entries: &[Entry], table: &mut Table, now_ms: u64, policy: &Policy) -> Result<Applied, Missing> {
    let names: Vec<BTreeSet<String>> = entries
        .iter()
        .map(|entry| {
            let lease = table.leases.get(&entry.claim.lease).and_then(Option::as_ref);
            named(entry).into_iter().chain(lease.iter().flat_map(|lease| lease.accounts.clone())).collect()
        })
        .collect();
    missing(table, names.iter().flatten())?;
    let before = used(&table.accounts, now_ms);
    let mut applied = Applied::default();
    for (entry, names) in entries.iter().zip(&names) {
        let mut rows = take(table, &entry.claim.lease, names);
        let counted = rows.lease.as_ref().map_or(0, |lease| lease.counts.requests);
        let reply = exchange(&mut rows, entry.terms.as_ref(), &entry.claim, now_ms, policy);
        let lease = rows.lease.as_ref();
        // A last word adds nothing that was not counted, or the worker would not say it.
        let requests = lease.map_or(0, |lease| lease.counts.requests.saturating_sub(counted));
        applied.booked.push(Booked {
            reply,
            accounts: lease.map(|lease| lease.accounts.clone()).unwrap_or_default(),
            hold: lease.map(ditto_ledger::Lease::hold).unwrap_or_default(),
            requests,
        });
        put(table, &entry.claim.lease, rows);
    }
    applied.lowered = lowered(&before, &used(&table.accounts, now_ms));
    Ok(applied)
}

/// What became of leases.
#[derive(Debug, Default)]
pub(super) struct Changed<T> {
    /// Those that changed, and how.
    pub(super) leases: Vec<(String, T)>,
    /// Accounts that have more room than before.
    pub(super) lowered: BTreeSet<String>,
}

/// What was given back of a lease.
#[derive(Debug)]
pub(super) struct GivenBack {
    /// It was held.
    pub(super) released: Amounts,
    /// It had been charged when the lease expired.
    pub(super) refunded: Amounts,
}

/// Settles those of the leases in `ids` whose time is over.
pub(super) fn settle(
    ids: &[String],
    table: &mut Table,
    now_ms: u64,
    policy: &Policy,
) -> Result<Changed<Expired>, Missing> {
    change(ids, table, now_ms, |rows| expire(rows, now_ms, policy))
}

/// Gives back what the leases in `ids` hold or have been charged for nothing, by an operator's word that it was not
/// used.
pub(super) fn release(
    ids: &[String],
    renewed_before_ms: u64,
    table: &mut Table,
    now_ms: u64,
) -> Result<Changed<GivenBack>, Missing> {
    let minute = now_ms / MINUTE_MS;
    change(ids, table, now_ms, |rows| {
        let lease = rows.lease.as_mut().filter(|lease| lease.renewed_at_ms < renewed_before_ms)?;
        let (hold, forfeited) = (lease.hold(), lease.forfeited);
        if hold.is_zero() && forfeited.is_zero() && lease.state == LeaseState::Expired {
            return None;
        }
        let was = lease.minute;
        for name in &lease.accounts {
            let Some(account) = rows.accounts.get_mut(name) else { continue };
            account.roll(minute);
            // A window that is over decays by itself.
            let of_now = |amounts: Amounts| if account.minute == was { amounts } else { amounts.without_window() };
            account.held = account.held.minus(&of_now(hold));
            account.spent = account.spent.minus(&of_now(forfeited));
            account.updated_at_ms = now_ms.max(account.updated_at_ms);
        }
        // It stays, so that a late report of its worker is booked against what was booked before.
        lease.state = LeaseState::Expired;
        lease.returned = lease.returned.plus(&hold).plus(&forfeited);
        lease.forfeited = Amounts::default();
        Some(GivenBack { released: hold, refunded: forfeited })
    })
}

/// Applies `edit` to each lease with its accounts, and says which it has changed and where room came back.
fn change<T>(
    ids: &[String],
    table: &mut Table,
    now_ms: u64,
    mut edit: impl FnMut(&mut Rows) -> Option<T>,
) -> Result<Changed<T>, Missing> {
    let names: Vec<BTreeSet<String>> = ids
        .iter()
        .map(|id| {
            let lease = table.leases.get(id).and_then(Option::as_ref);
            lease.iter().flat_map(|lease| lease.accounts.clone()).collect()
        })
        .collect();
    missing(table, names.iter().flatten())?;
    let before = used(&table.accounts, now_ms);
    let mut leases = Vec::new();
    for (id, names) in ids.iter().zip(&names) {
        let mut rows = take(table, id, names);
        if let Some(result) = edit(&mut rows) {
            leases.push((id.clone(), result));
        }
        put(table, id, rows);
    }
    Ok(Changed { leases, lowered: lowered(&before, &used(&table.accounts, now_ms)) })
}

/// Says which of `names` have not been loaded.
fn missing<'a>(table: &Table, names: impl Iterator<Item = &'a String>) -> Result<(), Missing> {
    let accounts: BTreeSet<String> = names.filter(|name| !table.accounts.contains_key(*name)).cloned().collect();
    if accounts.is_empty() { Ok(()) } else { Err(Missing { accounts, ..Missing::default() }) }
}

/// The rows of one lease, out of the table. [`put`] must follow.
fn take(table: &mut Table, lease: &str, names: &BTreeSet<String>) -> Rows {
    let accounts = names.iter().filter_map(|name| Some((name.clone(), table.accounts.get_mut(name)?.take()?)));
    Rows { accounts: accounts.collect(), lease: table.leases.get_mut(lease).and_then(Option::take) }
}

fn put(table: &mut Table, lease: &str, rows: Rows) {
    table.leases.insert(lease.to_owned(), rows.lease);
    table.accounts.extend(rows.accounts.into_iter().map(|(name, account)| (name, Some(account))));
}

/// What counts against limits, account by account.
fn used(accounts: &BTreeMap<String, Option<Account>>, now_ms: u64) -> BTreeMap<String, Amounts> {
    let accounts = accounts.iter().filter_map(|(name, account)| Some((name, account.as_ref()?)));
    let used = accounts.map(|(name, account)| {
        let mut account = account.clone();
        account.roll(now_ms / MINUTE_MS);
        (name.clone(), Amounts::by_unit(|unit: Unit| account.used(unit, now_ms)))
    });
    used.collect()
}

fn lowered(before: &BTreeMap<String, Amounts>, after: &BTreeMap<String, Amounts>) -> BTreeSet<String> {
    let lowered = before.iter().filter(|(name, before)| {
        let after = after.get(*name).copied().unwrap_or_default();
        !after.covers(before)
    });
    lowered.map(|(name, _)| name.clone()).collect()
}
