//! The ledger's side: one claim, booked and answered.
//!
//! `exchange` is the only place where amounts are granted, and `book` the only one where they are booked. A store
//! loads the rows, calls [`exchange`], and saves them, all in one atomic step.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{Account, MINUTE_MS};
use crate::amounts::{Amounts, Unit};
use crate::claim::{Claim, Refusal, Reply};
use crate::lease::{Lease, LeaseState};
use crate::terms::{Scope, ScopeKind, Terms};

mod refusal;
mod window;

/// Where the operator has a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a lease lasts without being renewed, in milliseconds.
    pub lease_ms: u64,
    /// One grant takes at most this part of what is left (one over it), unless a single request needs more.
    pub share: u64,
    /// What was held by a lease that nobody renewed goes back instead of being charged.
    pub release_expired: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { lease_ms: 30_000, share: 8, release_expired: false }
    }
}

/// The rows that one exchange reads and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The claim's lease, if there is one.
    pub lease: Option<Lease>,
    /// All of [`accounts_needed`]. One that is missing here is taken for new, and saving it would overwrite its past.
    pub accounts: BTreeMap<String, Account>,
}

/// One grant takes at most this part of what is left of a minute (one over it): what is lost of it with a worker is
/// lost for a minute only, and at the edge of a minute small grants would cost a call for each request.
const WINDOW_SHARE: u64 = 2;

/// Units in the order in which they are checked: limits before budgets.
const CHECKED: [Unit; 4] = [Unit::WindowRequests, Unit::WindowTokens, Unit::Tokens, Unit::PicoUsd];

/// Books a claim and grants what it asks for, as far as the accounts allow.
///
/// `terms` are the key's at this moment; `None` for a key that is gone.
pub fn exchange(rows: &mut Rows, terms: Option<&Terms>, claim: &Claim, now_ms: u64, policy: &Policy) -> Reply {
    let Some(mut lease) = rows.lease.take().or_else(|| open(terms, claim, now_ms)) else {
        return Reply { lease: claim.lease.clone(), state: LeaseState::Closed, ..Reply::default() };
    };
    let minute = rows.minute(&mut lease, terms, now_ms);
    rows.book(&mut lease, claim, minute, now_ms);
    let mut refusal = None;
    match terms {
        Some(terms) if lease.state == LeaseState::Open && terms.names() == lease.accounts => {
            refusal = rows.grant(&mut lease, terms, claim, now_ms, policy).err();
        }
        _ if lease.state == LeaseState::Open => lease.state = LeaseState::Closed,
        _ => {}
    }
    if lease.state != LeaseState::Expired {
        lease.renewed_at_ms = now_ms.max(lease.renewed_at_ms);
        lease.expires_at_ms = now_ms.saturating_add(policy.lease_ms).max(lease.expires_at_ms);
    }
    let reply = Reply {
        lease: claim.lease.clone(),
        state: lease.state,
        granted: lease.granted,
        minute,
        expires_in_ms: policy.lease_ms,
        minute_ends_in_ms: minute.saturating_add(1).saturating_mul(MINUTE_MS).saturating_sub(now_ms),
        refusal: refusal.map(|refusal| *refusal),
    };
    if claim.last {
        rows.close(&lease, now_ms);
    } else {
        rows.lease = Some(lease);
    }
    reply
}

/// Names of the accounts that [`exchange`] needs in its rows: those of the claim's lease, if there is one, and of the
/// key's terms. Without both, as when a deleted key's worker reports for the first time, the key's own.
pub fn accounts_needed(lease: Option<&Lease>, terms: Option<&Terms>, claim: &Claim) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = terms.iter().flat_map(|terms| terms.names()).collect();
    names.extend(lease.iter().flat_map(|lease| lease.accounts.iter().cloned()));
    if names.is_empty() {
        names.insert(own_account(&claim.key_id));
    }
    names
}

fn own_account(key_id: &str) -> String {
    Scope { kind: ScopeKind::Key, tenant: None, id: key_id.to_owned() }.account()
}

/// A lease that the ledger does not know. `None` when there is nothing to know: the claim's last word is all booked.
///
/// A claim that says it was granted something is believed: the store has lost it, or it was granted while the store
/// was away, and in either case it was or will be used.
fn open(terms: Option<&Terms>, claim: &Claim, now_ms: u64) -> Option<Lease> {
    if claim.last {
        return None;
    }
    Some(Lease {
        key_id: claim.key_id.clone(),
        accounts: terms.map_or_else(|| vec![own_account(&claim.key_id)], Terms::names),
        opened_at_ms: now_ms,
        ..Lease::default()
    })
}

impl Rows {
    /// Takes the claim's totals into the lease, and the difference into its accounts.
    fn book(&mut self, lease: &mut Lease, claim: &Claim, minute: u64, now_ms: u64) {
        self.close_window(lease, claim, minute);
        // Numbers of another minute than the lease's say nothing about this one.
        let same_minute = claim.minute == lease.minute && claim.minute != 0;
        let told = |total: &Amounts| if same_minute { *total } else { total.without_window() };
        let hold_before = lease.hold();
        let spent_before = lease.spent;
        lease.granted = lease.granted.or_more(&told(&claim.granted));
        lease.spent = lease.spent.or_more(&told(&claim.spent));
        lease.returned = lease.returned.or_more(&told(&claim.returned));
        let mut spent = lease.spent.minus(&spent_before);
        // What expiry has charged already is not charged again.
        let charged = Amounts::by_unit(|unit| spent.get(unit).min(lease.forfeited.get(unit)));
        lease.forfeited = lease.forfeited.minus(&charged);
        spent = spent.minus(&charged);
        let hold = lease.hold();
        let counts_before = lease.counts;
        lease.counts = lease.counts.or_more(&claim.counts);
        let counts = lease.counts.minus(&counts_before);
        for account in self.of(lease) {
            account.spent = account.spent.plus(&spent);
            account.held = account.held.plus(&hold).minus(&hold_before);
            account.counts = account.counts.plus(&counts);
            account.updated_at_ms = now_ms.max(account.updated_at_ms);
        }
    }

    /// Raises the lease's hold towards what the claim wants, in all units or in none.
    fn grant(
        &mut self,
        lease: &mut Lease,
        terms: &Terms,
        claim: &Claim,
        now_ms: u64,
        policy: &Policy,
    ) -> Result<(), Box<Refusal>> {
        // Relative to the claim's own totals, so that a repeated claim is granted nothing twice.
        let same_minute = claim.minute == lease.minute;
        let base = claim.spent.plus(&claim.returned);
        let base = if same_minute { base } else { base.with_window_of(&lease.spent.plus(&lease.returned)) };
        let least = base.plus(&claim.least).minus(&lease.granted);
        let want = base.plus(&claim.want.or_more(&claim.least)).minus(&lease.granted);
        let mut give = Amounts::default();
        for unit in CHECKED.into_iter().filter(|&unit| terms.limits(unit)) {
            // What was spent beyond the grants raises the total, but takes nothing from the accounts again.
            let overspent = lease.spent.plus(&lease.returned).minus(&lease.granted).get(unit);
            let (least, want) = (least.get(unit), want.get(unit));
            let needed = least.saturating_sub(overspent);
            let room = self.room(terms, unit, now_ms);
            if needed > room {
                return Err(Box::new(self.refusal(lease, terms, unit, claim.least.get(unit), needed, now_ms)));
            }
            let part = if unit.is_window() { policy.share.min(WINDOW_SHARE) } else { policy.share };
            let share = needed.max(room / part.max(1));
            *give.get_mut(unit) = want.min(overspent.saturating_add(share)).max(least);
        }
        let before = lease.hold();
        lease.granted = lease.granted.plus(&give);
        let added = lease.hold().minus(&before);
        for account in self.of(lease) {
            account.held = account.held.plus(&added);
            account.updated_at_ms = now_ms.max(account.updated_at_ms);
        }
        Ok(())
    }

    /// What is left in the tightest account.
    fn room(&self, terms: &Terms, unit: Unit, now_ms: u64) -> u64 {
        let rooms = terms.accounts.iter().filter_map(|(name, limits)| {
            let used = self.accounts.get(name).map_or(0, |account| account.used(unit, now_ms));
            Some(limits.get(unit)?.saturating_sub(used))
        });
        rooms.min().unwrap_or(u64::MAX)
    }

    /// The lease's worker is done with it: what it holds goes back, and so does what its expiry charged for nothing.
    fn close(&mut self, lease: &Lease, now_ms: u64) {
        let (hold, forfeited) = (lease.hold(), lease.forfeited);
        for account in self.of(lease) {
            account.held = account.held.minus(&hold);
            account.spent = account.spent.minus(&forfeited);
            account.updated_at_ms = now_ms.max(account.updated_at_ms);
        }
    }

    pub(crate) fn of(&mut self, lease: &Lease) -> impl Iterator<Item = &mut Account> {
        self.accounts.iter_mut().filter(|(name, _)| lease.accounts.contains(name)).map(|(_, account)| account)
    }
}

#[cfg(test)]
mod tests;
