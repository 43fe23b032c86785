//! What the tests of keys share.

use std::sync::Arc;

use ditto_policy::document::{Budget, Guardrails, KeyCache, Limits, Passthrough, VirtualKey};
use ditto_policy::key::{KeyPolicy, TokenHash};
use ditto_policy::secret::Secret;

use super::directory::KeyDirectory;
use super::hub::Hub;
use super::store::KeyStore;

/// A key with every default and no token.
pub(crate) fn key(id: &str) -> VirtualKey {
    VirtualKey {
        id: id.into(),
        token: Secret::default(),
        enabled: true,
        tenant_id: None,
        project_id: None,
        user_id: None,
        tenant_budget: None,
        project_budget: None,
        user_budget: None,
        tenant_limits: None,
        project_limits: None,
        user_limits: None,
        limits: Limits::default(),
        budget: Budget::default(),
        cache: KeyCache::default(),
        guardrails: Guardrails::default(),
        passthrough: Passthrough::default(),
        route: None,
        budget_mode: None,
    }
}

/// A key as a document has it.
pub(crate) fn file_key(id: &str, token: &str) -> VirtualKey {
    VirtualKey { token: Secret::new(token), ..key(id) }
}

/// The hash of a token.
pub(crate) fn hash(token: &str) -> TokenHash {
    TokenHash::of(token.as_bytes())
}

/// What the data plane knows of a plain key.
pub(crate) fn policy(id: &str) -> KeyPolicy {
    KeyPolicy { id: id.into(), enabled: true, ..KeyPolicy::default() }
}

/// A directory with a hub of its own, which already has its (empty) credentials.
pub(crate) async fn directory(store: Arc<dyn KeyStore>, file_keys: Vec<VirtualKey>) -> (Arc<KeyDirectory>, Arc<Hub>) {
    let hub = Hub::new().unwrap();
    hub.set_credentials(Default::default());
    let directory = KeyDirectory::load(store, file_keys, false, hub.clone()).await.unwrap();
    (directory, hub)
}
