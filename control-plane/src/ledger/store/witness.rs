//! What this process knows of a store's past, to notice when the store has lost it.
//!
//! A store that forgot steps (a failover to a replica that lags, a restored backup, an emptied server) would let
//! budgets be spent again. It cannot know that itself; who has seen a later state can. The memory is this process's
//! own: a store that loses its past while no gateway runs is not noticed, and neither is one that was moved on, by
//! gateways that had seen less, beyond what this one saw, before this one looked again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::StoreError;

/// Remembers the epoch and the highest revision that were seen.
#[derive(Debug, Default)]
pub(super) struct Witness {
    seen: Mutex<Option<Seen>>,
}

/// What was known at some moment: nothing, or the highest revision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before(Option<u64>);

impl Before {
    /// This state of the books at least.
    pub(super) fn at_least(revision: u64) -> Self {
        Self(Some(revision))
    }

    /// Whether any books were known.
    pub(super) fn is_known(self) -> bool {
        self.0.is_some()
    }
}

#[derive(Debug)]
struct Seen {
    epoch: String,
    revision: u64,
    /// The revision that the store went back to. It stays noted when the store moves on from there.
    went_back: Option<u64>,
}

impl Witness {
    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known before reading, to judge what is read by: while one reply is under way, another may tell of a
    /// later state.
    pub(super) fn before(&self) -> Before {
        Before(self.seen().as_ref().map(|seen| seen.revision))
    }

    /// Takes in what was read, and remembers the books if none are remembered.
    ///
    /// # Errors
    /// They are not those of before, or in an earlier state.
    pub(super) fn see(&self, before: Before, epoch: Option<&str>, revision: u64) -> Result<(), StoreError> {
        let mut guard = self.seen();
        let Some(seen) = guard.as_mut() else {
            *guard = epoch.map(|epoch| Seen { epoch: epoch.to_owned(), revision, went_back: None });
            return Ok(());
        };
        if before.0.is_none() && epoch.is_none() {
            // Somebody else has begun the books since.
            return Ok(());
        }
        if epoch != Some(seen.epoch.as_str()) {
            return Err(StoreError::EpochChanged { expected: seen.epoch.clone(), found: epoch.map(str::to_owned) });
        }
        if before.0.is_some_and(|floor| revision < floor) && seen.went_back.is_none() {
            seen.went_back = Some(revision);
        }
        if let Some(found) = seen.went_back {
            return Err(StoreError::WentBack { seen: seen.revision, found });
        }
        seen.revision = seen.revision.max(revision);
        Ok(())
    }

    /// Whatever is seen next is right.
    pub(super) fn forget(&self) {
        *self.seen() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_that_move_on_are_the_same() {
        let witness = Witness::default();
        assert!(!witness.before().is_known());
        for revision in [3, 3, 7] {
            witness.see(witness.before(), Some("a"), revision).unwrap();
        }
        assert!(witness.before().is_known());
    }

    #[test]
    fn a_reply_that_was_overtaken_is_no_loss() {
        let witness = Witness::default();
        let empty = witness.before();
        witness.see(witness.before(), Some("a"), 6).unwrap();
        witness.see(empty, None, 0).unwrap();
        let before = witness.before();
        witness.see(before, Some("a"), 8).unwrap();
        witness.see(before, Some("a"), 7).unwrap();
        let error = witness.see(witness.before(), Some("a"), 7).unwrap_err();
        assert!(matches!(error, StoreError::WentBack { seen: 8, found: 7 }), "{error}");
    }

    #[test]
    fn a_store_that_went_back_stays_suspect_until_it_is_accepted() {
        let witness = Witness::default();
        witness.see(witness.before(), Some("a"), 8).unwrap();
        for revision in [5, 9] {
            let error = witness.see(witness.before(), Some("a"), revision).unwrap_err();
            assert!(matches!(error, StoreError::WentBack { seen: 8, found: 5 }), "{error}");
        }
        witness.forget();
        witness.see(witness.before(), Some("a"), 5).unwrap();
        witness.see(Before::at_least(6), Some("a"), 6).unwrap();
    }

    #[test]
    fn other_books_and_none_are_a_loss() {
        let witness = Witness::default();
        witness.see(witness.before(), None, 0).unwrap();
        assert!(!witness.before().is_known(), "an empty store is no memory");
        witness.see(witness.before(), Some("a"), 8).unwrap();
        for epoch in [None, Some("b")] {
            let error = witness.see(witness.before(), epoch, 9).unwrap_err();
            assert!(matches!(error, StoreError::EpochChanged { .. }), "{error}");
        }
        witness.see(witness.before(), Some("a"), 8).unwrap();
    }
}
