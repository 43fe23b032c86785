//! The overlay itself: plain data, no store and no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use ditto_policy::document::VirtualKey;
use ditto_policy::key::{KeyPolicy, TokenHash};
use ditto_policy::secret::Secret;
use ditto_policy::terms::{fingerprint, limited, terms};

use super::{DirectoryError, KEYS_MAX};
use crate::keys::store::{Change, Record, StoredKey};

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
///
/// What is in force depends on the document, the stored records and nothing else: not on the order in which they came.
/// The one exception is a token that both have, see [`Overlay::apply`].
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// By id.
    pub(super) entries: BTreeMap<Arc<str>, Entry>,
    /// Token → id.
    pub(super) by_hash: HashMap<TokenHash, Arc<str>>,
    /// The document's keys, in force or not.
    pub(super) file: BTreeMap<Arc<str>, Entry>,
    /// Ids of the document that have been deleted.
    tombstones: HashSet<Arc<str>>,
    /// Ids of the document whose token is meanwhile a stored key's.
    displaced: BTreeSet<Arc<str>>,
    /// Whether any key has ever existed: the gateway does not reopen by a deletion, nor by a document without keys.
    pub(super) known: bool,
}

/// What to do with a key of the document whose token a stored key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clash {
    /// Whoever brings the document is there to hear of it.
    Refuse,
    /// The stored key is in force elsewhere already: the document's gives way.
    Displace,
}

impl Overlay {
    /// Lays `stored` over `file_keys`. `known` says whether there has been a key before.
    pub(super) fn build(
        known: bool,
        file_keys: Vec<VirtualKey>,
        stored: impl IntoIterator<Item = Entry>,
        tombstones: impl IntoIterator<Item = impl Into<Arc<str>>>,
    ) -> Result<Self, DirectoryError> {
        let mut file = BTreeMap::new();
        for key in file_keys {
            let id: Arc<str> = key.id.as_str().into();
            if file.contains_key(&id) {
                return Err(DirectoryError::Twice(key.id));
            }
            file.insert(id, Entry::of_file(key)?);
        }
        Self::lay(known, file, stored, tombstones, Clash::Refuse)
    }

    /// The same stored keys and tombstones over another document's keys.
    pub(super) fn reload(&self, file_keys: Vec<VirtualKey>) -> Result<Self, DirectoryError> {
        let stored = self.entries.values().filter(|entry| entry.stored_at_ms.is_some()).cloned();
        Self::build(self.known, file_keys, stored, self.tombstones.iter().cloned())
    }

    /// Other stored keys and tombstones over the same document's keys.
    pub(super) fn restock(
        &self,
        stored: impl IntoIterator<Item = Entry>,
        tombstones: impl IntoIterator<Item = impl Into<Arc<str>>>,
    ) -> Result<Self, DirectoryError> {
        Self::lay(true, self.file.clone(), stored, tombstones, Clash::Displace)
    }

    fn lay(
        known: bool,
        file: BTreeMap<Arc<str>, Entry>,
        stored: impl IntoIterator<Item = Entry>,
        tombstones: impl IntoIterator<Item = impl Into<Arc<str>>>,
        clash: Clash,
    ) -> Result<Self, DirectoryError> {
        let mut overlay = Self { tombstones: tombstones.into_iter().map(Into::into).collect(), ..Self::default() };
        for entry in stored {
            overlay.add(entry)?;
        }
        for (id, entry) in &file {
            if overlay.tombstones.contains(id) || overlay.entries.contains_key(id) {
                continue;
            }
            match overlay.add(entry.clone()) {
                Err(DirectoryError::Conflict { id, .. }) if clash == Clash::Displace => overlay.displace(id.into()),
                added => added?,
            }
        }
        overlay.known = known || !overlay.entries.is_empty() || !file.is_empty();
        overlay.file = file;
        Ok(overlay)
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

    /// Puts a key in force whose id and token no other key in force has.
    fn put(&mut self, entry: Entry) {
        let id: Arc<str> = entry.key.id.as_str().into();
        self.by_hash.insert(entry.hash, id.clone());
        self.entries.insert(id, entry);
    }

    fn take(&mut self, id: &str) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.by_hash.remove(&entry.hash);
        Some(entry)
    }

    fn displace(&mut self, id: Arc<str>) {
        tracing::error!(key = &*id, "the document's key is out of force: a stored key has its token");
        self.displaced.insert(id);
    }

    /// Takes over what the store now has under some ids, each of them once, and returns the tokens whose keys may have
    /// changed.
    ///
    /// A stored key whose token is one of the document's puts that out of force: it was created where the document is
    /// another one, and is in force there. When the token becomes free, the document's key comes back.
    ///
    /// # Errors
    /// There would be more than [`KEYS_MAX`]; nothing has changed then.
    pub(super) fn apply(&mut self, changes: Vec<Change>) -> Result<HashSet<TokenHash>, DirectoryError> {
        let new = changes.iter().filter(|change| match change {
            Change::Record(Record::Key(key)) => !self.entries.contains_key(key.key.id.as_str()),
            _ => false,
        });
        if self.entries.len() + new.count() > KEYS_MAX {
            return Err(DirectoryError::Full);
        }
        self.known |= !changes.is_empty();
        let mut touched = HashSet::new();
        // All of them go before any comes: a token may have moved from one to another.
        for id in changes.iter().filter_map(Change::id) {
            self.tombstones.remove(id);
            touched.extend(self.take(id).map(|entry| entry.hash));
        }
        for change in changes {
            match change {
                Change::Record(Record::Key(key)) => {
                    touched.insert(key.token_hash);
                    if let Some(other) = self.by_hash.get(&key.token_hash).cloned() {
                        self.take(&other);
                        self.displace(other);
                    }
                    self.put(Entry::stored(*key));
                }
                Change::Record(Record::Tombstone(id)) => {
                    self.tombstones.insert(id.into());
                }
                // The document's key comes back, if it has one.
                Change::Removed(id) => {
                    self.displaced.insert(id.into());
                }
                Change::Keyed => {}
            }
        }
        for id in std::mem::take(&mut self.displaced) {
            let Some(entry) = self.file.get(&id) else { continue };
            if self.tombstones.contains(&id) || self.entries.contains_key(&id) {
                continue;
            }
            if self.by_hash.contains_key(&entry.hash) || self.entries.len() >= KEYS_MAX {
                self.displaced.insert(id);
            } else {
                touched.insert(entry.hash);
                self.put(entry.clone());
            }
        }
        Ok(touched)
    }

    /// What the data plane needs to know of all keys.
    pub(super) fn policies(&self) -> HashMap<TokenHash, KeyPolicy> {
        self.entries.values().map(|entry| (entry.hash, policy(&entry.key))).collect()
    }

    /// The same of the keys that have these tokens, and the tokens that no key has.
    pub(super) fn policies_of(
        &self,
        hashes: impl IntoIterator<Item = TokenHash>,
    ) -> (Vec<(TokenHash, KeyPolicy)>, Vec<TokenHash>) {
        let (mut held, mut free) = (Vec::new(), Vec::new());
        for hash in hashes {
            match self.by_hash.get(&hash).and_then(|id| self.entries.get(id)) {
                Some(entry) => held.push((hash, policy(&entry.key))),
                None => free.push(hash),
            }
        }
        (held, free)
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
