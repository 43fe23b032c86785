//! Books that several gateways share, in a Redis or Valkey server (6.2 or later), alone or as a cluster.
//!
//! **One hash tag for all.** A step takes from the accounts of a key, its project, its user and its tenant at once, and
//! a key can move from one tenant to another. On a cluster, one atomic step is only possible on keys of one slot, so
//! all keys of the books carry the tag `{<prefix>}`. That puts them on one shard, which is enough: leases keep the rate
//! of steps at about a hundredth of the rate of requests, and one step carries the claims of many workers.
//!
//! **All arithmetic is done here, none in Lua**, whose numbers are doubles: amounts in pico-dollars beyond 2^53 would
//! lose digits. A step reads its rows, decides, and sends what it read with what it wants to write; one script compares
//! and writes (`redis/commit.lua`). If a row has changed meanwhile, the step begins anew from fresh rows. Steps of one
//! process that lost once queue up, so that they lose to other processes only.
//!
//! **All rows, the epoch and the revision are fields of one hash.** Whatever takes a part of the books takes all of
//! them: they cannot be evicted, deleted or expire row by row, and the epoch's absence shows it. The indexes beside it
//! say nothing that the rows do not.
//!
//! **What can be lost.** Redis answers before a step is on disk (`appendfsync everysec` loses up to a second in a
//! crash) or on a replica (a failover loses what was not passed on). This store notices that the books went back as far
//! as its own process has seen them further: see [`StoreError::WentBack`]. To lose less, run Redis with
//! `appendonly yes` and `appendfsync always`, or let each step wait for replicas: [`RedisOptions::wait_replicas`]. The
//! memory policy must be `noeviction` or one of `volatile-*`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ditto_ledger::{Account, Lease};
use redis::{Cmd, FromRedisValue};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use super::step::{Step, new_epoch};
use super::witness::{Before, Witness};
use super::{Apply, Identity, Keys, LedgerStore, StoreError};
use crate::redis::RedisClient;

mod commit;
mod layout;
mod read;
#[cfg(test)]
mod tests;

pub use layout::{changes_channel, freed_accounts};

use commit::{Commit, Outcome};
use layout::{Layout, account_field, lease_field};
use read::Snapshot;

/// How often a step is tried against others.
const TRIES_MAX: u32 = 64;

/// For how long a step is tried against others.
const TRYING_MAX: Duration = Duration::from_secs(2);

/// The longest wait between two tries.
const PAUSE_MS_MAX: u64 = 16;

/// The longest wait for replicas: well below the time after which a command has failed.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Names that are read at a time.
const PAGE_MAX: usize = 1000;

/// Where the operator has a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedisOptions {
    /// After each step, how many replicas to wait for, and how long (at most 1 s). If fewer have it by then, the step
    /// is done all the same; it is counted by [`RedisStore::unacknowledged`] and logged. Commands of other users of
    /// the connection wait too.
    pub wait_replicas: Option<(u32, Duration)>,
}

/// A store in Redis.
#[derive(Debug)]
pub struct RedisStore {
    client: RedisClient,
    layout: Layout,
    wait: Option<(u32, Duration)>,
    witness: Witness,
    /// Held by a step that has lost against others, until it is through.
    turn: Mutex<()>,
    unacknowledged: AtomicU64,
}

impl RedisStore {
    /// The books under `prefix` on the server of `client`. Nothing is sent yet.
    ///
    /// # Errors
    /// The prefix is empty or begins with a closing brace.
    pub fn new(client: RedisClient, prefix: &str, options: RedisOptions) -> Result<Self, StoreError> {
        Ok(Self {
            client,
            layout: Layout::new(prefix)?,
            wait: options.wait_replicas.map(|(replicas, within)| (replicas, within.min(WAIT_MAX))),
            witness: Witness::default(),
            turn: Mutex::default(),
            unacknowledged: AtomicU64::new(0),
        })
    }

    /// How many steps too few replicas had acknowledged in time, of those that were to be waited for.
    pub fn unacknowledged(&self) -> u64 {
        self.unacknowledged.load(Ordering::Relaxed)
    }

    /// Sends a command that changes nothing.
    async fn query<T: FromRedisValue>(&self, doing: &'static str, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.client.connection();
        let mut result = command.query_async(&mut connection).await;
        // Servers close connections that were idle; what only reads can be sent again.
        if result.as_ref().is_err_and(redis::RedisError::is_connection_dropped) {
            result = command.query_async(&mut connection).await;
        }
        result.map_err(failed(doing))
    }

    /// The rows of `fields` as they are at one moment, of the books that are known.
    async fn snapshot(&self, fields: Vec<String>) -> Result<Snapshot, StoreError> {
        let mut command = redis::cmd("HMGET");
        command.arg(&self.layout.rows).arg(&Snapshot::META).arg(&fields);
        let known = self.witness.before();
        let values = self.query("read the ledger", &command).await?;
        let snapshot = Snapshot::new(fields, values)?;
        if known.is_known() {
            self.witness.see(known, snapshot.epoch.as_deref(), snapshot.revision)?;
        }
        Ok(snapshot)
    }

    /// Names in an index, by their scores.
    async fn by_time(&self, index: &str, until: String, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(index).arg("-inf").arg(until).arg("BYSCORE").arg("LIMIT").arg(0).arg(count(limit));
        self.query("list leases", &command).await
    }

    fn note_acknowledged(&self, acknowledged: Option<u32>) {
        let (Some((wanted, _)), Some(acknowledged)) = (self.wait, acknowledged) else { return };
        if acknowledged < wanted {
            let before = self.unacknowledged.fetch_add(1, Ordering::Relaxed);
            // The first, and then ever fewer of them.
            if before.saturating_add(1).is_power_of_two() {
                tracing::warn!(
                    acknowledged,
                    wanted,
                    steps = before.saturating_add(1),
                    "too few replicas of Redis have a step on the ledger: a failover could lose it"
                );
            }
        }
    }

    /// Before the next try: waits for its turn among this process's losers, and a moment for other processes.
    async fn pause<'a>(
        &'a self,
        turn: &mut Option<tokio::sync::MutexGuard<'a, ()>>,
        tries: u32,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        if tries >= TRIES_MAX || Instant::now() >= deadline {
            return Err(StoreError::Conflict { tries });
        }
        if turn.is_none() {
            let waited = timeout_at(deadline, self.turn.lock()).await;
            *turn = Some(waited.map_err(|_| StoreError::Conflict { tries })?);
            return Ok(());
        }
        let longest = 1_u64.checked_shl(tries).unwrap_or(PAUSE_MS_MAX).min(PAUSE_MS_MAX);
        let random = getrandom::u64().unwrap_or_default() % longest.saturating_mul(1000).max(1);
        sleep(Duration::from_micros(random)).await;
        Ok(())
    }
}

fn failed(doing: &'static str) -> impl Fn(redis::RedisError) -> StoreError {
    move |source| StoreError::Unavailable { doing, source: source.into() }
}

/// A number of rows as Redis takes it.
fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl LedgerStore for RedisStore {
    fn name(&self) -> &'static str {
        "store.redis"
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn identity(&self) -> Result<Identity, StoreError> {
        let snapshot = self.snapshot(Vec::new()).await?;
        let (created, epoch, revision) = match snapshot.epoch {
            Some(epoch) => (false, epoch, snapshot.revision),
            None => commit::begin(&mut self.client.connection(), &self.layout, &new_epoch()?)
                .await
                .map_err(failed("begin the ledger"))?,
        };
        self.witness.see(Before::at_least(revision), Some(&epoch), revision)?;
        Ok(Identity { epoch, revision, created })
    }

    fn accept_loss(&self) {
        self.witness.forget();
    }

    async fn transact(&self, epoch: &str, keys: Keys, apply: &mut Apply<'_>) -> Result<u64, StoreError> {
        let changed = |found| StoreError::EpochChanged { expected: epoch.to_owned(), found };
        let mut step = Step::new(keys);
        let (mut tries, mut turn, deadline) = (0_u32, None, Instant::now() + TRYING_MAX);
        loop {
            let before = self.snapshot(read::fields(&step.keys)).await?;
            if before.epoch.as_deref() != Some(epoch) {
                return Err(changed(before.epoch));
            }
            let table = before.table(&step.keys)?;
            let Some(changes) = step.run(&table, apply)? else { continue };
            if changes.is_empty() {
                return Ok(before.revision);
            }
            let commit = Commit::new(&self.layout, &before, &table, &changes)?;
            let outcome = commit.run(&mut self.client.connection(), self.wait).await;
            match outcome.map_err(failed("save a step on the ledger"))? {
                Outcome::Done { revision, acknowledged } => {
                    self.note_acknowledged(acknowledged);
                    self.witness.see(Before::at_least(revision), Some(epoch), revision)?;
                    return Ok(revision);
                }
                Outcome::Epoch(found) => return Err(changed(found)),
                Outcome::Back(found) => {
                    self.witness.see(Before::at_least(before.revision), Some(epoch), found)?;
                    return Err(StoreError::WentBack { seen: before.revision, found });
                }
                Outcome::Changed => tries = tries.saturating_add(1),
            }
            self.pause(&mut turn, tries, deadline).await?;
        }
    }

    async fn read_accounts(&self, names: &[String]) -> Result<Vec<Option<Account>>, StoreError> {
        let snapshot = self.snapshot(names.iter().map(|name| account_field(name)).collect()).await?;
        names.iter().zip(&snapshot.rows).map(|(name, (_, body))| read::account(name, body.as_deref())).collect()
    }

    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Account)>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.filter(|after| *after >= prefix).map(str::to_owned);
        // No text has a byte 0xff.
        let end = [b"(", prefix.as_bytes(), b"\xff"].concat();
        while found.len() < limit {
            let from = after.as_ref().map_or_else(|| format!("[{prefix}"), |after| format!("({after}"));
            let wanted = limit.saturating_sub(found.len()).min(PAGE_MAX);
            let mut command = redis::cmd("ZRANGE");
            command.arg(&self.layout.names).arg(from).arg(&end).arg("BYLEX").arg("LIMIT").arg(0).arg(count(wanted));
            let names: Vec<String> = self.query("list accounts", &command).await?;
            let accounts = self.read_accounts(&names).await?;
            after = names.last().cloned();
            let is_last = names.len() < wanted;
            // One that was deleted between the two commands leaves a place on the page.
            found.extend(names.into_iter().zip(accounts).filter_map(|(name, account)| Some((name, account?))));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn due_leases(&self, until_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        self.by_time(&self.layout.due, until_ms.to_string(), limit).await
    }

    async fn old_leases(&self, renewed_before_ms: u64, limit: usize) -> Result<Vec<(String, Lease)>, StoreError> {
        let ids = self.by_time(&self.layout.renewed, format!("({renewed_before_ms}"), limit).await?;
        let snapshot = self.snapshot(ids.iter().map(|id| lease_field(id)).collect()).await?;
        let rows = ids.into_iter().zip(&snapshot.rows);
        let leases = rows.map(|(id, (_, body))| Ok(read::lease(&id, body.as_deref())?.map(|lease| (id, lease))));
        leases.filter_map(Result::transpose).collect()
    }

    async fn count_leases(&self) -> Result<usize, StoreError> {
        self.query("count the leases", redis::cmd("ZCARD").arg(&self.layout.renewed)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.snapshot(Vec::new()).await.map(drop)
    }
}
