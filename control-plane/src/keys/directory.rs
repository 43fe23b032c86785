//! The keys in force: the document's, overlaid by the stored ones.
//!
//! A stored key replaces the document's key of the same id, and a deletion through the API leaves a tombstone, so
//! that neither a restart nor a reload brings a revoked key back. No two ids may share a token. That there has been a
//! key, of the document or a stored one, is kept as well: an open relay closes once and for good.
//!
//! Every change goes store first, then memory, then hub, on a blocking thread that nobody can cancel half-way: a
//! client that hangs up cannot leave memory and store apart. One change runs at a time.

use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;
use ditto_policy::secret::Secret;
use tokio::sync::Mutex;

use super::hub::{Access, Hub};
use super::store::{KeyStore, Record, StoredKey};

mod overlay;
#[cfg(test)]
mod tests;
mod types;

use overlay::{Entry, Overlay};
pub use types::{DirectoryError, KeyFilter, TokenChoice, Upserted};

/// Keys in force at once, at most. It bounds memory, here and in every worker.
pub const KEYS_MAX: usize = 1_000_000;

/// What begins a token that the gateway has made.
const TOKEN_PREFIX: &str = "sk-ditto-";

/// The keys in force, and the only way to change them.
pub struct KeyDirectory {
    shared: Arc<Shared>,
    /// Held through a whole change, blocking thread included.
    writer: Arc<Mutex<()>>,
}

/// What the blocking threads need.
struct Shared {
    store: Arc<dyn KeyStore>,
    hub: Arc<Hub>,
    overlay: RwLock<Overlay>,
    require_keys: bool,
}

impl fmt::Debug for KeyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDirectory")
            .field("store", &self.shared.store)
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

impl KeyDirectory {
    /// Loads the store, lays it over the document's keys and tells the hub. With `require_virtual_keys` access is
    /// keyed even without any key.
    ///
    /// # Errors
    /// The store cannot be read, or the keys contradict each other (a shared token, an id twice, no token).
    pub async fn load(
        store: Arc<dyn KeyStore>,
        file_keys: Vec<VirtualKey>,
        require_virtual_keys: bool,
        hub: Arc<Hub>,
    ) -> Result<Arc<Self>, DirectoryError> {
        let overlay = RwLock::new(Overlay::default());
        let shared = Arc::new(Shared { store, hub, overlay, require_keys: require_virtual_keys });
        let directory = Arc::new(Self { shared, writer: Arc::default() });
        directory
            .change(move |shared| {
                let (mut stored, mut tombstones) = (Vec::new(), Vec::new());
                shared.store.load(&mut |record| match record {
                    Record::Key(key) => stored.push(*key),
                    Record::Tombstone(id) => tombstones.push(id),
                })?;
                let stored = stored.into_iter().map(Entry::stored);
                shared.adopt(Overlay::build(shared.store.keyed()?, file_keys, stored, tombstones)?)
            })
            .await?;
        Ok(directory)
    }

    /// Takes the keys of a changed document in place of the former document's; stored keys and tombstones stay.
    ///
    /// # Errors
    /// The keys contradict each other or the stored ones, or the store failed; nothing has changed then.
    pub async fn replace_file_keys(&self, file_keys: Vec<VirtualKey>) -> Result<(), DirectoryError> {
        self.change(move |shared| {
            let overlay = shared.read().reload(file_keys)?;
            shared.adopt(overlay)
        })
        .await
    }

    /// Creates the key or replaces the key of the same id, durably. The `token` of `key` is ignored.
    ///
    /// # Errors
    /// Another key has the token, a new key has none to keep, or the store failed; nothing has changed then.
    pub async fn upsert(&self, key: VirtualKey, token: TokenChoice) -> Result<Upserted, DirectoryError> {
        self.change(move |shared| shared.upsert(key, token)).await
    }

    /// Deletes a key, durably; false if there is none of this id.
    ///
    /// # Errors
    /// The store failed; nothing has changed then.
    pub async fn delete(&self, id: &str) -> Result<bool, DirectoryError> {
        let id = id.to_owned();
        self.change(move |shared| shared.delete(&id)).await
    }

    /// The key of this id; its `token` is blank.
    pub fn get(&self, id: &str) -> Option<Arc<VirtualKey>> {
        self.shared.read().entries.get(id).map(|entry| entry.key.clone())
    }

    /// The key that has this token; its `token` is blank.
    pub fn find_by_token(&self, hash: &TokenHash) -> Option<Arc<VirtualKey>> {
        let overlay = self.shared.read();
        let id = overlay.by_hash.get(hash)?;
        overlay.entries.get(id).map(|entry| entry.key.clone())
    }

    /// The keys that `filter` admits, sorted by id: `limit` of them after the first `offset`, and how many there are.
    pub fn list(&self, filter: &KeyFilter, offset: usize, limit: usize) -> (Vec<Arc<VirtualKey>>, usize) {
        let overlay = self.shared.read();
        let prefix = filter.id_prefix.as_deref().unwrap_or_default();
        let (mut page, mut total) = (Vec::new(), 0);
        let from = (Bound::Included(prefix), Bound::Unbounded);
        for (id, entry) in overlay.entries.range::<str, _>(from) {
            if !id.starts_with(prefix) {
                break;
            }
            if !filter.admits(&entry.key) {
                continue;
            }
            if total >= offset && page.len() < limit {
                page.push(entry.key.clone());
            }
            total += 1;
        }
        (page, total)
    }

    /// How many keys are in force.
    pub fn len(&self) -> usize {
        self.shared.read().entries.len()
    }

    /// Whether no key is in force.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a proxied request needs a virtual key.
    pub fn access(&self) -> Access {
        self.shared.hub.access()
    }

    /// The store's name in readiness checks.
    pub fn store_name(&self) -> &'static str {
        self.shared.store.name()
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn check_store(&self) -> Result<(), DirectoryError> {
        self.change(|shared| Ok(shared.store.check()?)).await
    }

    /// Runs one change to its end on a blocking thread, even if the caller goes away. Callers wait here, not on
    /// blocking threads.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Shared) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let turn = self.writer.clone().lock_owned().await;
        let shared = self.shared.clone();
        let work = move || {
            let _turn = turn;
            change(&shared)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => Err(DirectoryError::Internal(error.to_string())),
        }
    }
}

impl Shared {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self, overlay: &Overlay) -> Access {
        if self.require_keys || overlay.known { Access::Keyed } else { Access::Open }
    }

    /// Makes a whole overlay the one in force. The document's keys are not stored; that there are any is.
    fn adopt(&self, overlay: Overlay) -> Result<(), DirectoryError> {
        if overlay.known && !self.store.keyed()? {
            self.store.mark_keyed()?;
        }
        self.hub.replace_keys(overlay.policies(), self.access(&overlay));
        *self.write() = overlay;
        Ok(())
    }

    fn upsert(&self, mut key: VirtualKey, token: TokenChoice) -> Result<Upserted, DirectoryError> {
        key.token = Secret::default();
        let (stored, former, generated) = {
            let overlay = self.read();
            let former = overlay.entries.get(key.id.as_str());
            if former.is_none() && overlay.entries.len() >= KEYS_MAX {
                return Err(DirectoryError::Full);
            }
            let (token_hash, generated) = choose_token(&key.id, token, former)?;
            if let Some(other) = overlay.by_hash.get(&token_hash).filter(|other| ***other != *key.id) {
                return Err(DirectoryError::Conflict { id: key.id, other: other.as_ref().to_owned() });
            }
            let now = now_ms();
            let created_at_ms = former.and_then(|former| former.stored_at_ms).unwrap_or(now);
            let stored = StoredKey { key, token_hash, created_at_ms, updated_at_ms: now };
            (stored, former.map(|former| former.hash), generated)
        };
        self.store.put(&stored)?;
        let token_hash = stored.token_hash;
        let (key, access) = {
            let mut overlay = self.write();
            let key = overlay.put(Entry::stored(stored));
            (key, self.access(&overlay))
        };
        let removal = former.filter(|former| *former != token_hash);
        self.hub.apply(removal, Some((token_hash, overlay::policy(&key))), access);
        Ok(Upserted { key, created: former.is_none(), generated })
    }

    fn delete(&self, id: &str) -> Result<bool, DirectoryError> {
        let from_file = {
            let overlay = self.read();
            if !overlay.entries.contains_key(id) {
                return Ok(false);
            }
            overlay.file_ids.contains(id)
        };
        if from_file {
            self.store.bury(id, now_ms())?
        } else {
            self.store.remove(id)?
        }
        let (hash, access) = {
            let mut overlay = self.write();
            (overlay.remove(id), self.access(&overlay))
        };
        self.hub.apply(hash, None, access);
        Ok(true)
    }
}

/// The hash of the token that a key is to have, and the token itself if it has just been made.
fn choose_token(
    id: &str,
    choice: TokenChoice,
    former: Option<&Entry>,
) -> Result<(TokenHash, Option<Secret>), DirectoryError> {
    match (choice, former) {
        (TokenChoice::Set(hash), _) => Ok((hash, None)),
        (TokenChoice::Keep | TokenChoice::KeepOrGenerate, Some(former)) => Ok((former.hash, None)),
        (TokenChoice::Keep, None) => Err(DirectoryError::NoToken(id.to_owned())),
        (TokenChoice::KeepOrGenerate, None) => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|error| DirectoryError::Internal(error.to_string()))?;
            let token = format!("{TOKEN_PREFIX}{}", hex::encode(bytes));
            Ok((TokenHash::of(token.as_bytes()), Some(Secret::new(token))))
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
