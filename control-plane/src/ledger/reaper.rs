//! Leases that nobody renews: settled when their time is over, forgotten when nobody can come back to them, and given
//! back at an operator's word.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ditto_ledger::{Amounts, Expired, LeaseState};
use serde::Serialize;
use tokio::time::Instant;

use super::batch::{self, Changed};
use super::desk::{Core, LedgerDesk};
use super::guard::{STORE_TIMEOUT, Standing, jittered};
use super::store::{Keys, Missing, StoreError, Table};

/// How often it is looked for leases that are due.
const INTERVAL: Duration = Duration::from_secs(1);
/// Leases in one step.
const STEP_MAX: usize = 256;
/// How long a settled lease is kept for a late report of its worker, in milliseconds.
const KEPT_MS: u64 = 24 * 3_600_000;
/// How long the store must have been back before the fail-open allowance is whole again, in milliseconds.
const REFILL_MS: u64 = 60_000;
/// Leases that one call of [`LedgerDesk::reap`] looks at.
const SCAN_MAX: usize = 100_000;
/// Workers that one line of the log names.
const WORKERS_LOGGED: usize = 16;

/// What [`LedgerDesk::reap`] did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReapReport {
    /// Leases that have not been renewed since the cutoff.
    pub scanned: usize,
    /// Those of them from which something was given back.
    pub reaped: usize,
    /// What was held and is free again.
    pub released: Amounts,
    /// What had been charged when they expired, and is free again.
    pub refunded: Amounts,
    /// Milliseconds since the Unix epoch.
    pub cutoff_ms: u64,
}

/// Runs until it is aborted.
pub(super) async fn run(core: Arc<Core>) {
    loop {
        tokio::time::sleep(jittered(INTERVAL)).await;
        housekeep(&core).await;
    }
}

/// What is to be done every second.
pub(super) async fn housekeep(core: &Core) {
    core.queue().recalls.prune(Instant::now());
    let Standing::Good { epoch } = core.guard.standing() else { return };
    // What the store has lost is noticed where nobody claims anything too, and before others have moved the books on.
    if let Err(error) = within(core.store.check()).await {
        core.counters.store_errors.add(1);
        return core.guard.failed(&error);
    }
    let good_for_ms = core.guard.good_for_ms().unwrap_or(0);
    if good_for_ms >= REFILL_MS
        && let Some(allowance) = &mut core.queue().allowance
    {
        allowance.refill();
    }
    // Workers that could not renew their leases, because the store or this process was away, are heard first.
    if good_for_ms < core.options.policy.lease_ms {
        return;
    }
    let outcome = async {
        settle_due(core, &epoch).await?;
        forget_old(core, &epoch).await
    };
    if let Err(error) = outcome.await {
        core.counters.store_errors.add(1);
        core.guard.failed(&error);
    }
}

/// Settles the leases whose time is over.
async fn settle_due(core: &Core, epoch: &str) -> Result<(), StoreError> {
    loop {
        let ids = within(core.store.due_leases(core.clock.now_ms(), STEP_MAX)).await?;
        if ids.is_empty() {
            return Ok(());
        }
        let settled =
            step(core, epoch, &ids, |ids, table, now_ms| batch::settle(ids, table, now_ms, &core.options.policy))
                .await?;
        core.counters.expired.add(settled.leases.len() as u64);
        for (lease, _) in &settled.leases {
            core.queue().holders.forget(lease);
        }
        report_settled(&settled.leases);
        core.came_back(&settled.lowered);
        // Others settle too; what is still due then comes with the next look.
        if ids.len() < STEP_MAX || settled.leases.is_empty() {
            return Ok(());
        }
    }
}

/// One line of the log.
fn report_settled(settled: &[(String, Expired)]) {
    if settled.is_empty() {
        return;
    }
    let worker = |lease: &str| lease.split_once('/').map_or(lease, |(worker, _)| worker).to_owned();
    let workers: BTreeSet<String> = settled.iter().map(|(lease, _)| worker(lease)).collect();
    let sum = |amounts: fn(&Expired) -> &Amounts| {
        settled.iter().fold(Amounts::default(), |sum, (_, expired)| sum.plus(amounts(expired)))
    };
    let (charged, released) = (sum(|expired| &expired.charged), sum(|expired| &expired.released));
    let first: Vec<_> = workers.iter().take(WORKERS_LOGGED).collect();
    let (leases, workers) = (settled.len(), workers.len());
    tracing::warn!(leases, workers, ?first, ?charged, ?released, "leases were not renewed and are settled");
}

/// Forgets settled leases of which nobody will say anything any more.
async fn forget_old(core: &Core, epoch: &str) -> Result<(), StoreError> {
    let before_ms = core.clock.now_ms().saturating_sub(KEPT_MS);
    let old = within(core.store.old_leases(before_ms, STEP_MAX)).await?;
    let is_settled = |state| state == LeaseState::Expired;
    let ids: Vec<String> = old.into_iter().filter(|(_, lease)| is_settled(lease.state)).map(|(id, _)| id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    step(core, epoch, &ids, |ids, table, _| {
        for id in ids {
            let Some(row) = table.leases.get_mut(id) else { continue };
            if row.as_ref().is_some_and(|lease| is_settled(lease.state) && lease.renewed_at_ms < before_ms) {
                *row = None;
            }
        }
        Ok(Changed::<()>::default())
    })
    .await?;
    Ok(())
}

impl LedgerDesk {
    /// Gives back what is held by, or was charged for, leases that have not been renewed for `older_than`: an
    /// operator's word that it was not used. At most `limit` leases; with `dry_run`, nothing is changed.
    ///
    /// A worker of such a lease that is heard of after all is charged for what it says.
    ///
    /// # Errors
    /// The store cannot be used now.
    pub async fn reap(&self, older_than: Duration, limit: usize, dry_run: bool) -> Result<ReapReport, StoreError> {
        let core = self.core();
        let older_than_ms = u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX);
        let cutoff_ms = core.clock.now_ms().saturating_sub(older_than_ms);
        let old = within(core.store.old_leases(cutoff_ms, SCAN_MAX)).await?;
        let mut report = ReapReport { scanned: old.len(), cutoff_ms, ..ReapReport::default() };
        let gives = old.into_iter().filter(|(_, lease)| !lease.hold().is_zero() || !lease.forfeited.is_zero());
        let gives: Vec<_> = gives.take(limit).collect();
        if dry_run {
            for (_, lease) in &gives {
                report.add(lease.hold(), lease.forfeited);
            }
            return Ok(report);
        }
        let Standing::Good { epoch } = core.guard.standing() else {
            let source = core.guard.show().1.unwrap_or_default().into();
            return Err(StoreError::Unavailable { doing: "reaping leases", source });
        };
        let ids: Vec<String> = gives.into_iter().map(|(id, _)| id).collect();
        for ids in ids.chunks(STEP_MAX) {
            let given =
                step(core, &epoch, ids, |ids, table, now_ms| batch::release(ids, cutoff_ms, table, now_ms)).await?;
            for (lease, back) in given.leases {
                report.add(back.released, back.refunded);
                core.queue().holders.forget(&lease);
            }
            core.came_back(&given.lowered);
        }
        tracing::warn!(?report, "leases were reaped");
        Ok(report)
    }

    /// Does at once what is otherwise done every second.
    #[cfg(test)]
    pub(super) async fn housekeep(&self) {
        housekeep(self.core()).await;
    }
}

impl ReapReport {
    fn add(&mut self, released: Amounts, refunded: Amounts) {
        self.reaped = self.reaped.saturating_add(1);
        self.released = self.released.plus(&released);
        self.refunded = self.refunded.plus(&refunded);
    }
}

/// One step on the leases in `ids`.
async fn step<T: Send>(
    core: &Core,
    epoch: &str,
    ids: &[String],
    work: impl Fn(&[String], &mut Table, u64) -> Result<Changed<T>, Missing> + Send + Sync,
) -> Result<Changed<T>, StoreError> {
    let mut changed = Changed { leases: Vec::new(), lowered: BTreeSet::new() };
    let mut apply = |table: &mut Table| {
        changed = work(ids, table, core.clock.now_ms())?;
        Ok(())
    };
    let keys = Keys { leases: ids.iter().cloned().collect(), accounts: BTreeSet::new() };
    let revision = within(core.store.transact(epoch, keys, &mut apply)).await?;
    core.guard.booked(revision);
    Ok(changed)
}

async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(STORE_TIMEOUT, work).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable {
            doing: "looking after leases",
            source: format!("no answer within {} s", STORE_TIMEOUT.as_secs()).into(),
        })
    })
}
