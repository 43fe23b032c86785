//! The loop that books claims: one step of the store after the other, each for all claims that wait.

use std::sync::Arc;

use ditto_ledger::{Amounts, Claim};
use tokio::time::Instant;

use super::batch::{self, Applied, Entry};
use super::desk::Core;
use super::guard::{STORE_TIMEOUT, Standing};
use super::job::Job;
use super::queue;
use super::store::StoreError;

/// Runs until it is aborted.
pub(super) async fn run(core: Arc<Core>) {
    loop {
        match core.guard.standing() {
            Standing::Good { epoch } => {
                let round = {
                    let mut queue = core.queue();
                    queue.replay();
                    queue.next_round()
                };
                if round.is_empty() {
                    rest(&core).await;
                } else {
                    book(&core, &epoch, round).await;
                }
            }
            Standing::Away { why } => {
                let is_known = |claim: &Claim| core.terms.terms(&claim.key_id).is_some();
                core.queue().turn_away(&why, core.clock.now_ms(), is_known);
                core.bell.notified().await;
            }
            Standing::Halted { why } => {
                core.queue().turn_away(&why, core.clock.now_ms(), |_| false);
                core.bell.notified().await;
            }
        }
    }
}

/// Waits for something to do, and does what only takes time to pass.
async fn rest(core: &Core) {
    let deadline = core.queue().recalls.next_deadline();
    let until = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = core.bell.notified() => {}
        () = until => {}
    }
    let (now_ms, now) = (core.clock.now_ms(), Instant::now());
    let announcements = {
        let mut queue = core.queue();
        let announcements = queue.begin_recalls(now_ms, now);
        queue.finish_recalls(now_ms, now);
        announcements
    };
    core.announce(announcements);
}

/// One step.
async fn book(core: &Core, epoch: &str, round: Vec<Job>) {
    let entries = entries(core, &round);
    match step(core, epoch, &entries).await {
        Ok(applied) => {
            let announcements = core.queue().settle(round, applied, core.clock.now_ms(), Instant::now());
            core.announce(announcements);
            core.settled();
        }
        Err(error) => {
            core.counters.store_errors.add(1);
            core.guard.failed(&error);
            put_back(core, round, &error);
        }
    }
}

/// Each claim with its key's terms of this moment, and asking for no more than it may get.
fn entries(core: &Core, round: &[Job]) -> Vec<Entry> {
    let terms: Vec<_> = round.iter().map(|job| core.terms.terms(&job.claim.key_id)).collect();
    let queue = core.queue();
    let now = Instant::now();
    let entries = round.iter().zip(terms).map(|(job, terms)| {
        let mut claim = job.claim.clone();
        if !job.is_awaited() {
            // Nobody would know what it was granted.
            claim.want = Amounts::default();
            claim.least = Amounts::default();
        } else if queue.is_exact(terms.iter().flat_map(|terms| terms.accounts.iter().map(|(name, _)| name)), now) {
            claim.want = claim.least;
        }
        Entry { claim, terms }
    });
    entries.collect()
}

async fn step(core: &Core, epoch: &str, entries: &[Entry]) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let mut apply = |table: &mut _| {
        applied = batch::apply(entries, table, core.clock.now_ms(), &core.options.policy)?;
        Ok(())
    };
    let step = core.store.transact(epoch, batch::keys(entries), &mut apply);
    // A step that is done after all, unheard, does no harm: claims are totals, and are repeated.
    let revision = tokio::time::timeout(STORE_TIMEOUT, step).await.map_err(|_| StoreError::Unavailable {
        doing: "a step on the ledger",
        source: format!("no answer within {} s", STORE_TIMEOUT.as_secs()).into(),
    })??;
    core.counters.rounds.add(1);
    core.guard.booked(revision);
    Ok(applied)
}

/// The claims of a failed step. If the store is away, they are turned away with all others that wait.
fn put_back(core: &Core, round: Vec<Job>, error: &StoreError) {
    let mut queue = core.queue();
    match error {
        // Something in one of them cannot be used: the others need not fail with it.
        StoreError::Conflict { .. } | StoreError::Unusable(_) => match <[Job; 1]>::try_from(round) {
            Ok([job]) => {
                core.counters.unavailable.add(1);
                job.answer(Err(super::options::Away(error.to_string())));
            }
            Err(round) => queue::alone(&mut queue, round),
        },
        StoreError::Unavailable { .. } | StoreError::EpochChanged { .. } | StoreError::WentBack { .. } => {
            for job in round.into_iter().rev() {
                queue.pending.push_front(job);
            }
        }
    }
}
