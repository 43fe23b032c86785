//! Opening the ledger as the flags say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ditto_ledger::Unit;

use crate::admin::{LedgerAccess, ReadyCheck};
use crate::keys::directory::KeyDirectory;
use crate::ledger::announce_redis::RedisAnnounce;
use crate::ledger::books::Books;
use crate::ledger::desk::LedgerDesk;
use crate::ledger::options::{Announce, SystemClock};
use crate::ledger::store::{LedgerStore, MemoryStore, RedisOptions, RedisStore, SqliteStore};
use crate::ledger::terms::{KeyTerms, any_limited};
use crate::settings::Run;
use crate::stores::SharedRedis;

/// Opens the store and the desk before it. Fails where the store is such that waiting does not help: a file that cannot
/// be opened. One that only does not answer now is waited for, and limited keys are refused meanwhile.
pub(super) async fn open(
    run: &Run,
    redis: Option<&SharedRedis>,
    directory: &Arc<KeyDirectory>,
) -> anyhow::Result<LedgerAccess> {
    let store = open_store(run, redis).await?;
    let budgets = [Unit::Tokens, Unit::PicoUsd].into_iter().any(|unit| any_limited(directory, unit));
    if budgets && !store.is_durable() {
        tracing::warn!(
            "there are budgets, and what is spent of them is forgotten when this process ends: --sqlite or --redis \
             keeps it"
        );
    }
    let options = run.limits.ledger();
    let terms = Arc::new(KeyTerms::new(Arc::clone(directory)));
    let others = redis.map(|redis| RedisAnnounce::new(redis.client.clone(), &redis.prefix)).transpose()?;
    let announce = others.clone().map(|others| Arc::new(others) as Arc<dyn Announce>);
    let desk = LedgerDesk::start(Arc::clone(&store), terms, options, Arc::new(SystemClock), announce).await;
    if let Some(others) = others {
        tokio::spawn(others.listen(Arc::downgrade(&desk)));
    }
    Ok(LedgerAccess {
        desk,
        books: Books::new(store),
        costs: run.limits.pricing_litellm.is_some(),
        lease: Duration::from_millis(options.policy.lease_ms),
    })
}

async fn open_store(run: &Run, redis: Option<&SharedRedis>) -> anyhow::Result<Arc<dyn LedgerStore>> {
    if let Some(SharedRedis { client, prefix }) = redis {
        let wait_replicas = run.limits.redis_wait.map(|wait| (wait.replicas, wait.within));
        let options = RedisOptions { wait_replicas };
        return Ok(Arc::new(RedisStore::new(client.clone(), prefix, options)?));
    }
    let Some(path) = run.sqlite.clone() else { return Ok(Arc::new(MemoryStore::default())) };
    let shown = path.display().to_string();
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path)).await?;
    Ok(Arc::new(opened.with_context(|| format!("--sqlite {shown}: the ledger"))?))
}

/// Whether budgets can be kept now.
pub(super) fn check(ledger: &LedgerAccess) -> ReadyCheck {
    let desk = Arc::clone(&ledger.desk);
    ReadyCheck::new("ledger", move || {
        let desk = Arc::clone(&desk);
        async move { desk.check().await }
    })
}
