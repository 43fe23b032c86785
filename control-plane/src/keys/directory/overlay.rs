//! The overlay itself: plain data, no store and no clock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ditto_policy::document::VirtualKey;
use ditto_policy::key::{KeyPolicy, TokenHash};
use ditto_policy::secret::Secret;
use ditto_policy::terms::{fingerprint, limited, terms};

use super::{DirectoryError, KEYS_MAX};
use crate::keys::store::StoredKey;

/// A key in force.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its `token` is blank.
    pub(super) key: Arc<VirtualKey>,
    pub(super) hash: TokenHash,
    /// When it was first stored, in milliseconds since the Unix epoch; `None` for a key of the document.
    pub(super) stored_at_ms: Option<i64>,
}

impl Entry {
    pub(super) fn stored(stored: StoredKey) -> Self {
        let StoredKey { key, token_hash, created_at_ms, .. } = stored;
        Self { key: Arc::new(key), hash: token_hash, stored_at_ms: Some(created_at_ms) }
    }

    fn of_file(mut key: VirtualKey) -> Result<Self, DirectoryError> {
        let Some(hash) = key.token_hash() else { return Err(DirectoryError::NoToken(key.id)) };
        key.token = Secret::default();
        Ok(Self { key: Arc::new(key), hash, stored_at_ms: None })
    }
}

/// The keys in force and what is needed to change them.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// By id.
    pub(super) entries: BTreeMap<Arc<str>, Entry>,
    /// Token → id.
    pub(super) by_hash: HashMap<TokenHash, Arc<str>>,
    /// Ids that the document has, in force or not.
    pub(super) file_ids: HashSet<Arc<str>>,
    /// Ids of the document that have been deleted.
    tombstones: HashSet<Arc<str>>,
    /// Whether any key has ever existed: the gateway does not reopen by a deletion, nor by a document without keys.
    pub(super) known: bool,
}

impl Overlay {
    /// Lays `stored` over `file_keys`. `known` says whether there has been a key before.
    pub(super) fn build(
        known: bool,
        file_keys: Vec<VirtualKey>,
        stored: impl IntoIterator<Item = Entry>,
        tombstones: impl IntoIterator<Item = impl Into<Arc<str>>>,
    ) -> Result<Self, DirectoryError> {
        let mut overlay = Self { tombstones: tombstones.into_iter().map(Into::into).collect(), ..Self::default() };
        for entry in stored {
            overlay.add(entry)?;
        }
        for key in file_keys {
            let id: Arc<str> = key.id.as_str().into();
            if !overlay.file_ids.insert(id.clone()) {
                return Err(DirectoryError::Twice(key.id));
            }
            if overlay.tombstones.contains(&id) || overlay.entries.contains_key(&id) {
                continue;
            }
            overlay.add(Entry::of_file(key)?)?;
        }
        overlay.known = known || !overlay.entries.is_empty() || !overlay.file_ids.is_empty();
        Ok(overlay)
    }

    /// The same stored keys and tombstones over another document's keys.
    pub(super) fn reload(&self, file_keys: Vec<VirtualKey>) -> Result<Self, DirectoryError> {
        let stored = self.entries.values().filter(|entry| entry.stored_at_ms.is_some()).cloned();
        Self::build(self.known, file_keys, stored, self.tombstones.iter().cloned())
    }

    fn add(&mut self, entry: Entry) -> Result<(), DirectoryError> {
        if self.entries.len() >= KEYS_MAX {
            return Err(DirectoryError::Full);
        }
        if let Some(other) = self.by_hash.get(&entry.hash) {
            return Err(DirectoryError::Conflict { id: entry.key.id.clone(), other: other.as_ref().to_owned() });
        }
        self.put(entry);
        Ok(())
    }

    /// Adds a key in place of the key or tombstone of its id. Its token must not be another key's.
    pub(super) fn put(&mut self, entry: Entry) -> Arc<VirtualKey> {
        let id: Arc<str> = entry.key.id.as_str().into();
        let key = entry.key.clone();
        self.tombstones.remove(&id);
        if let Some(former) = self.entries.get(&id) {
            self.by_hash.remove(&former.hash);
        }
        self.by_hash.insert(entry.hash, id.clone());
        self.entries.insert(id, entry);
        self.known = true;
        key
    }

    /// Takes a key out of force and returns the hash of its token.
    pub(super) fn remove(&mut self, id: &str) -> Option<TokenHash> {
        let (id, entry) = self.entries.remove_entry(id)?;
        self.by_hash.remove(&entry.hash);
        if self.file_ids.contains(&id) {
            self.tombstones.insert(id);
        }
        Some(entry.hash)
    }

    /// What the data plane needs to know of all keys.
    pub(super) fn policies(&self) -> HashMap<TokenHash, KeyPolicy> {
        self.entries.values().map(|entry| (entry.hash, policy(&entry.key))).collect()
    }
}

/// What the data plane needs to know of a key.
pub(super) fn policy(key: &VirtualKey) -> KeyPolicy {
    let terms = terms(key);
    KeyPolicy {
        id: key.id.clone(),
        enabled: key.enabled,
        route: key.route.clone(),
        tenant_id: key.tenant_id.clone(),
        project_id: key.project_id.clone(),
        user_id: key.user_id.clone(),
        limited: limited(&terms),
        budget_mode: key.budget_mode,
        terms: fingerprint(&terms),
    }
}
