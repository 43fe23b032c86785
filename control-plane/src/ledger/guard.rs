//! Whether the store can be used: it answers, and its books are those that this process knows.
//!
//! One task looks after a store that is away, however many claims wait for it. A store that has lost its past is not
//! used any more: with empty books, every budget would begin anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::options::{Clock, OnLoss};
use super::status::LedgerState;
use super::store::{Identity, LedgerStore, StoreError};

/// The first wait before a store is asked again; it doubles up to the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// See [`BACKOFF_MIN`].
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A store that takes longer to answer is away.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// What to do with claims now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Book them, in the books of this epoch.
    Good {
        /// Names the books.
        epoch: Arc<str>,
    },
    /// Turn them away: the store does not answer.
    Away {
        /// Why, for logs.
        why: String,
    },
    /// Turn them away: the store has lost its past.
    Halted {
        /// Why, for logs.
        why: String,
    },
}

/// Watches over one store.
#[derive(Debug)]
pub(super) struct Guard {
    store: Arc<dyn LedgerStore>,
    clock: Arc<dyn Clock>,
    on_loss: OnLoss,
    state: Mutex<State>,
    /// Rings when the store has become away, or good.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    standing: Standing,
    /// The books that were there before.
    epoch: Option<Arc<str>>,
    revision: u64,
    good_since_ms: u64,
    /// The loss is to be accepted as soon as the store answers.
    accept: bool,
}

impl Guard {
    /// Nothing is known of the store before [`Guard::look`].
    pub(super) fn new(store: Arc<dyn LedgerStore>, clock: Arc<dyn Clock>, on_loss: OnLoss) -> Self {
        let standing = Standing::Away { why: "the ledger has not been looked at yet".into() };
        let state = State { standing, epoch: None, revision: 0, good_since_ms: 0, accept: false };
        Self { store, clock, on_loss, state: Mutex::new(state), changed: Notify::new() }
    }

    pub(super) fn standing(&self) -> Standing {
        self.state().standing.clone()
    }

    /// State, reason, epoch and revision, to show.
    pub(super) fn show(&self) -> (LedgerState, Option<String>, Option<String>, u64) {
        let state = self.state();
        let epoch = state.epoch.as_deref().map(str::to_owned);
        let (word, reason) = match &state.standing {
            Standing::Good { .. } => (LedgerState::Ok, None),
            Standing::Away { why } => (LedgerState::Away, Some(why.clone())),
            Standing::Halted { why } => (LedgerState::Halted, Some(why.clone())),
        };
        (word, reason, epoch, state.revision)
    }

    /// For how many milliseconds the store has been good without a break; `None` if it is not.
    pub(super) fn good_for_ms(&self) -> Option<u64> {
        let state = self.state();
        match state.standing {
            Standing::Good { .. } => Some(self.clock.now_ms().saturating_sub(state.good_since_ms)),
            Standing::Away { .. } | Standing::Halted { .. } => None,
        }
    }

    /// A step was done.
    pub(super) fn booked(&self, revision: u64) {
        let mut state = self.state();
        state.revision = state.revision.max(revision);
    }

    /// A step failed.
    pub(super) fn failed(&self, error: &StoreError) {
        match error {
            StoreError::Unavailable { .. } => self.away(error.to_string()),
            // A step that was under way when other books were accepted.
            StoreError::EpochChanged { expected, .. } if !self.knows(expected) => {}
            StoreError::EpochChanged { .. } | StoreError::WentBack { .. } => self.lost(error.to_string()),
            // The store is there; this one step could not be done.
            StoreError::Conflict { .. } | StoreError::Unusable(_) => {
                tracing::warn!(%error, "a step on the ledger failed");
            }
        }
    }

    /// The store does not answer.
    pub(super) fn away(&self, why: String) {
        let mut state = self.state();
        if matches!(state.standing, Standing::Good { .. }) {
            tracing::warn!(store = self.store.name(), why, "the ledger's store is away");
            state.standing = Standing::Away { why };
            self.changed.notify_waiters();
        }
    }

    fn knows(&self, epoch: &str) -> bool {
        self.state().epoch.as_deref() == Some(epoch)
    }

    fn lost(&self, why: String) {
        let mut state = self.state();
        if matches!(state.standing, Standing::Halted { .. }) || state.accept {
            return;
        }
        let store = self.store.name();
        if self.on_loss == OnLoss::Continue {
            tracing::warn!(store, why, "the ledger's store has lost its past; going on with what is there, as told");
            state.accept = true;
            state.standing = Standing::Away { why };
        } else {
            tracing::error!(
                store,
                why,
                "the ledger's store has lost its past: budgets are refused until that is accepted"
            );
            state.standing = Standing::Halted { why };
        }
        self.changed.notify_waiters();
    }

    /// Asks the store once.
    pub(super) async fn look(&self) {
        // Steps that end meanwhile may be beyond what the store answers.
        let (accept, revision) = {
            let state = self.state();
            (state.accept, state.revision)
        };
        if accept {
            self.store.accept_loss();
        }
        match self.identity().await {
            Ok(identity) => self.judge(&identity, revision),
            Err(Some(error)) if matches!(error, StoreError::EpochChanged { .. } | StoreError::WentBack { .. }) => {
                self.lost(error.to_string());
            }
            Err(error) => {
                let mut state = self.state();
                if let Standing::Away { why } = &mut state.standing {
                    *why = error.map_or_else(too_slow, |error| error.to_string());
                }
            }
        }
    }

    /// `Err(None)`: no answer in time.
    async fn identity(&self) -> Result<Identity, Option<StoreError>> {
        match tokio::time::timeout(STORE_TIMEOUT, self.store.identity()).await {
            Ok(identity) => identity.map_err(Some),
            Err(_) => Err(None),
        }
    }

    fn judge(&self, identity: &Identity, revision: u64) {
        {
            let mut state = self.state();
            let known = state.epoch.as_deref();
            let is_same = known.is_none_or(|known| known == identity.epoch);
            if state.accept || (is_same && identity.revision >= revision) {
                self.settle_on(&mut state, identity);
                return;
            }
        }
        self.lost(format!(
            "the ledger is now {} at revision {}, which is not what was there before",
            identity.epoch, identity.revision
        ));
    }

    /// These are the books from now on.
    fn settle_on(&self, state: &mut State, identity: &Identity) {
        let revision = if state.accept { identity.revision } else { state.revision.max(identity.revision) };
        state.revision = revision;
        state.accept = false;
        state.epoch = Some(identity.epoch.as_str().into());
        if matches!(state.standing, Standing::Good { .. }) {
            return;
        }
        let (epoch, created) = (&identity.epoch, identity.created);
        tracing::info!(store = self.store.name(), epoch, revision, created, "the ledger is open");
        state.standing = Standing::Good { epoch: identity.epoch.as_str().into() };
        state.good_since_ms = self.clock.now_ms();
        self.changed.notify_waiters();
    }

    /// An operator's word: whatever the store holds now is right.
    ///
    /// # Errors
    /// The store does not answer, or its past is not lost.
    pub(super) async fn accept_loss(&self) -> Result<(), String> {
        {
            let mut state = self.state();
            if !matches!(state.standing, Standing::Halted { .. }) {
                return Err("the ledger has not lost anything".into());
            }
            state.accept = true;
            tracing::warn!(store = self.store.name(), "the loss of the ledger's past is accepted");
        }
        self.store.accept_loss();
        let found = self.identity().await;
        let mut state = self.state();
        match found {
            Ok(identity) => {
                self.settle_on(&mut state, &identity);
                Ok(())
            }
            Err(error) => {
                state.accept = false;
                Err(error.map_or_else(too_slow, |error| error.to_string()))
            }
        }
    }

    /// Rings at the next change from good to something else, or back. What happened before the call is not told.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Looks after the store for as long as the process lives. Calls `back` whenever it is good again.
    pub(super) async fn watch(&self, back: impl Fn()) {
        let mut backoff = BACKOFF_MIN;
        loop {
            let changed = self.changed();
            match self.standing() {
                Standing::Good { .. } => {
                    changed.await;
                    backoff = BACKOFF_MIN;
                }
                // The books that were there before may come back, when an operator restores them.
                Standing::Halted { .. } => {
                    if tokio::time::timeout(jittered(BACKOFF_MAX), changed).await.is_err() {
                        self.look().await;
                    }
                }
                Standing::Away { .. } => {
                    tokio::time::sleep(jittered(backoff)).await;
                    backoff = BACKOFF_MAX.min(backoff.saturating_mul(2));
                    self.look().await;
                }
            }
            if matches!(self.standing(), Standing::Good { .. }) {
                back();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_slow() -> String {
    format!("no answer within {} s", STORE_TIMEOUT.as_secs())
}

/// Between three quarters of `wait` and the whole: gateways that lost the same store come back one after the other.
pub(super) fn jittered(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness, all wait for the longest.
    let part = getrandom::fill(&mut byte).map_or(255, |()| u32::from(byte[0]));
    wait.saturating_mul(768_u32.saturating_add(part)) / 1024
}
