//! Which fault the next request gets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fault::Fault;

/// Rules in the order they were added; the first that matches and has uses left applies.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    rules: Mutex<Vec<Rule>>,
}

#[derive(Debug)]
struct Rule {
    path: Option<String>,
    uses_left: Option<u64>,
    fault: Fault,
}

impl FaultPlan {
    pub(super) fn add(&self, path: Option<&str>, uses: Option<u64>, fault: Fault) {
        self.lock().push(Rule { path: path.map(str::to_owned), uses_left: uses, fault });
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// The fault of a request to `path`, counted as used.
    pub(super) fn take(&self, path: &str) -> Fault {
        let mut rules = self.lock();
        let Some(rule) = rules.iter_mut().find(|rule| rule.uses_left != Some(0) && rule.matches(path)) else {
            return Fault::none();
        };
        if let Some(uses) = &mut rule.uses_left {
            *uses -= 1;
        }
        rule.fault.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        match self.path.as_deref() {
            None => true,
            Some(pattern) => match pattern.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => path == pattern,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_apply_in_order_and_run_out() {
        let plan = FaultPlan::default();
        plan.add(Some("/v1/chat/*"), Some(1), Fault::status(503));
        plan.add(None, Some(1), Fault::status(500));
        assert_eq!(plan.take("/v1/chat/completions").status, Some(503));
        assert_eq!(plan.take("/v1/chat/completions").status, Some(500));
        assert_eq!(plan.take("/v1/chat/completions"), Fault::none());
    }

    #[test]
    fn a_path_without_star_matches_itself_only() {
        let plan = FaultPlan::default();
        plan.add(Some("/v1/models"), None, Fault::status(503));
        assert_eq!(plan.take("/v1/models/x"), Fault::none());
        assert_eq!(plan.take("/v1/models").status, Some(503));
        assert_eq!(plan.take("/v1/models").status, Some(503), "no count means for ever");
    }
}
