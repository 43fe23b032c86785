//! Opening the ledger as the flags say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ditto_ledger::Unit;

use crate::admin::{LedgerAccess, ReadyCheck};
use crate::keys::directory::KeyDirectory;
use crate::ledger::books::Books;
use crate::ledger::desk::LedgerDesk;
use crate::ledger::options::SystemClock;
use crate::ledger::store::{LedgerStore, MemoryStore, SqliteStore};
use crate::ledger::terms::{KeyTerms, any_limited};
use crate::settings::Run;

/// Opens the store and the desk before it. Fails where the store is such that waiting does not help: a file that cannot
/// be opened. One that only does not answer now is waited for, and limited keys are refused meanwhile.
pub(super) async fn open(run: &Run, directory: &Arc<KeyDirectory>) -> anyhow::Result<LedgerAccess> {
    let store = open_store(run).await?;
    let budgets = [Unit::Tokens, Unit::PicoUsd].into_iter().any(|unit| any_limited(directory, unit));
    if budgets && !store.is_durable() {
        tracing::warn!(
            "there are budgets, and what is spent of them is forgotten when this process ends: --sqlite keeps it"
        );
    }
    let options = run.limits.ledger();
    let terms = Arc::new(KeyTerms::new(Arc::clone(directory)));
    let desk = LedgerDesk::start(Arc::clone(&store), terms, options, Arc::new(SystemClock), None).await;
    Ok(LedgerAccess {
        desk,
        books: Books::new(store),
        costs: run.limits.pricing_litellm.is_some(),
        lease: Duration::from_millis(options.policy.lease_ms),
    })
}

async fn open_store(run: &Run) -> anyhow::Result<Arc<dyn LedgerStore>> {
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
