//! What the ledger needs to know of keys: the terms of each at the moment of a claim.

use ditto_ledger::Unit;
use ditto_policy::terms::terms;

use crate::keys::directory::{KEYS_MAX, KeyDirectory, KeyFilter};

/// Whether any key in force, or what it belongs to, has a limit in `unit`. Looks at every key: for starts and reloads.
pub fn any_limited(directory: &KeyDirectory, unit: Unit) -> bool {
    let (keys, _) = directory.list(&KeyFilter::default(), 0, KEYS_MAX);
    keys.iter().any(|key| terms(key).limits(unit))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::keys::directory::TokenChoice;
    use crate::keys::store::MemoryStore;
    use crate::keys::testing::{directory, file_key};

    #[tokio::test]
    async fn terms_are_those_of_the_key_in_force() {
        let (directory, _) = directory(Arc::new(MemoryStore::default()), vec![file_key("a", "token-a")]).await;
        assert!(!any_limited(&directory, Unit::Tokens));

        let mut changed = file_key("a", "");
        changed.budget.total_tokens = Some(5);
        directory.upsert(changed, TokenChoice::Keep).await.unwrap();
        assert!(any_limited(&directory, Unit::Tokens) && !any_limited(&directory, Unit::PicoUsd));

        assert!(directory.delete("a").await.unwrap());
        assert!(!any_limited(&directory, Unit::Tokens));
    }
}
