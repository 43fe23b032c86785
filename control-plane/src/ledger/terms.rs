//! What the ledger needs to know of keys: the terms of each at the moment of a claim.

use std::sync::Arc;

use ditto_ledger::{Terms, Unit};
use ditto_policy::terms::terms;

use super::options::TermsSource;
use crate::keys::directory::{KEYS_MAX, KeyDirectory, KeyFilter};

/// The terms of the keys in force. A disabled key keeps its terms: what it spent before is still to be booked, and the
/// workers refuse its requests.
#[derive(Debug, Clone)]
pub struct KeyTerms(Arc<KeyDirectory>);

impl KeyTerms {
    /// Terms from this directory's keys.
    pub fn new(directory: Arc<KeyDirectory>) -> Self {
        Self(directory)
    }
}

impl TermsSource for KeyTerms {
    fn terms(&self, key_id: &str) -> Option<Terms> {
        self.0.get(key_id).map(|key| terms(&key))
    }
}

/// Whether any key in force, or what it belongs to, has a limit in `unit`. Looks at every key: for starts and reloads.
pub fn any_limited(directory: &KeyDirectory, unit: Unit) -> bool {
    let (keys, _) = directory.list(&KeyFilter::default(), 0, KEYS_MAX);
    keys.iter().any(|key| terms(key).limits(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::directory::TokenChoice;
    use crate::keys::store::MemoryStore;
    use crate::keys::testing::{directory, file_key};

    #[tokio::test]
    async fn terms_are_those_of_the_key_in_force() {
        let (directory, _) = directory(Arc::new(MemoryStore::default()), vec![file_key("a", "token-a")]).await;
        let source = KeyTerms::new(Arc::clone(&directory));
        assert!(!source.terms("a").unwrap().limits(Unit::Tokens));
        assert!(!any_limited(&directory, Unit::Tokens));

        let mut changed = file_key("a", "");
        changed.budget.total_tokens = Some(5);
        directory.upsert(changed, TokenChoice::Keep).await.unwrap();
        assert_eq!(source.terms("a").unwrap().accounts[0].1.tokens, Some(5));
        assert!(any_limited(&directory, Unit::Tokens) && !any_limited(&directory, Unit::PicoUsd));

        assert!(directory.delete("a").await.unwrap());
        assert_eq!(source.terms("a"), None);
    }
}
