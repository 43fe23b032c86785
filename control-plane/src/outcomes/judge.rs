//! Whether a staged configuration does well: errors of the nodes that work by it, since it was staged.

use std::sync::{Arc, Mutex, PoisonError};

use ditto_proto::outcome::{Outcome, OutcomeReport};

use crate::config::ConfigManager;
use crate::xds::{Snapshot, SnapshotCache};

/// Has a staged configuration taken back when too many of its requests fail.
#[derive(Debug)]
pub struct Judge {
    manager: Arc<ConfigManager>,
    cache: Arc<SnapshotCache>,
    case: Mutex<Option<Case>>,
}

/// What is known of one staging.
#[derive(Debug)]
struct Case {
    snapshot: Arc<Snapshot>,
    requests: u64,
    errors: u64,
}

impl Judge {
    /// Judges what `cache` has staged, and tells `manager`.
    pub fn new(manager: Arc<ConfigManager>, cache: Arc<SnapshotCache>) -> Self {
        Self { manager, cache, case: Mutex::default() }
    }

    /// Hears a report that is not known yet.
    pub fn hear(&self, report: &OutcomeReport) {
        let Some(snapshot) = self.cache.staged_at(&report.node) else { return };
        let (requests, errors) = weigh(snapshot.version(), &report.outcomes);
        if requests == 0 {
            return;
        }
        let mut case = self.case.lock().unwrap_or_else(PoisonError::into_inner);
        // The same document may be staged twice, and is judged anew then.
        let is_same = case.as_ref().is_some_and(|case| Arc::ptr_eq(&case.snapshot, &snapshot));
        if !is_same {
            *case = None;
        }
        let case = case.get_or_insert(Case { snapshot, requests: 0, errors: 0 });
        case.requests = case.requests.saturating_add(requests);
        case.errors = case.errors.saturating_add(errors);
        self.manager.judge_staged(case.snapshot.version(), case.requests, case.errors);
    }
}

/// The requests that were decided by a snapshot of this version, and how many of them failed. Of those that the gateway
/// answered by itself only failures count: refusals say nothing of a configuration, and would hide what does.
fn weigh(version: &str, outcomes: &[Outcome]) -> (u64, u64) {
    let is_of = |outcome: &&Outcome| {
        let rest = version.strip_prefix(&outcome.version);
        !outcome.version.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    outcomes.iter().filter(is_of).fold((0, 0), |(requests, errors), outcome| {
        let counted = if outcome.backend.is_empty() { outcome.errors } else { outcome.requests };
        (requests + counted, errors + outcome.errors)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(version: &str, backend: &str, requests: u64, errors: u64) -> Outcome {
        Outcome { version: version.into(), backend: backend.into(), requests, errors, fallbacks: 0 }
    }

    #[test]
    fn requests_of_the_version_count_and_refusals_do_not() {
        let outcomes = [
            outcome("aa", "one", 10, 1),
            outcome("aa", "two", 5, 5),
            outcome("aa", "", 1_000, 3),
            outcome("a", "one", 100, 100),
            outcome("bb", "one", 100, 100),
            outcome("", "one", 100, 100),
        ];
        assert_eq!(weigh("aa-0123", &outcomes), (18, 9));
        assert_eq!(weigh("cc-0123", &outcomes), (0, 0));
    }
}
