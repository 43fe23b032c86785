//! What goes into the directory and comes out of it.

use std::sync::Arc;

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;
use ditto_policy::secret::Secret;

use super::KEYS_MAX;
use crate::keys::store::StoreError;

/// Which token a key is to have.
#[derive(Debug, Clone)]
pub enum TokenChoice {
    /// The one it has; a new key gets a generated one.
    KeepOrGenerate,
    /// The one it has; an error for a new key.
    Keep,
    /// This one.
    Set(TokenHash),
}

/// What [`KeyDirectory::upsert`](super::KeyDirectory::upsert) did.
#[derive(Debug)]
pub struct Upserted {
    /// The key as it is now in force; its `token` is blank.
    pub key: Arc<VirtualKey>,
    /// Whether there was no key of this id before.
    pub created: bool,
    /// The token, if it was made here. It is known to nobody else and kept nowhere.
    pub generated: Option<Secret>,
}

/// Which keys to list; absent fields do not restrict.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Keys of this tenant.
    pub tenant_id: Option<String>,
    /// Keys of this project.
    pub project_id: Option<String>,
    /// Keys of this user.
    pub user_id: Option<String>,
    /// Enabled keys, or disabled ones.
    pub enabled: Option<bool>,
    /// Keys whose id starts so.
    pub id_prefix: Option<String>,
}

impl KeyFilter {
    /// Whether the key is to be listed; `id_prefix` is not looked at.
    pub(super) fn admits(&self, key: &VirtualKey) -> bool {
        let equal = |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
        equal(&self.tenant_id, &key.tenant_id)
            && equal(&self.project_id, &key.project_id)
            && equal(&self.user_id, &key.user_id)
            && self.enabled.is_none_or(|enabled| enabled == key.enabled)
    }
}

/// Why the directory refused.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Two keys would share a token.
    #[error("the token of key `{id}` belongs to key `{other}`")]
    Conflict {
        /// The key that was to be added or changed.
        id: String,
        /// The key that has the token.
        other: String,
    },
    /// The document has two keys of one id.
    #[error("there are two keys `{0}`")]
    Twice(String),
    /// A key of the document without a token, or a new key that was to keep its token.
    #[error("key `{0}` has no token")]
    NoToken(String),
    /// [`KEYS_MAX`] is reached.
    #[error("there can be at most {KEYS_MAX} keys")]
    Full,
    /// The change is not durable and has not been made.
    #[error(transparent)]
    Store(StoreError),
    /// The operating system has no randomness, or the blocking thread failed.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { id, other } => Self::Conflict { id, other },
            error => Self::Store(error),
        }
    }
}
