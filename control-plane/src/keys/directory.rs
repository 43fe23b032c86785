//! The keys in force: the document's, overlaid by the stored ones.
//!
//! A stored key replaces the document's key of the same id, and a deletion through the API leaves a tombstone, so
//! that neither a restart nor a reload brings a revoked key back. No two ids may share a token. That there has been a
//! key, of the document or a stored one, is kept as well: an open relay closes once and for good.
//!
//! Every change goes store first, then memory, then hub, on a blocking thread that nobody can cancel half-way: a
//! client that hangs up cannot leave memory and store apart. One change runs at a time.
//!
//! Other gateways may change the store as well. [`KeyDirectory::refresh`] takes over what they did. A change is decided
//! by what the directory knows and refused by the store if that is not the latest; it is then decided anew.

use std::collections::HashSet;
use std::fmt;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;
use ditto_policy::secret::Secret;
use tokio::sync::Mutex;

use super::hub::{Access, Hub};
use super::store::{Change, KeyStore, Mark, Record, StoreError, StoredKey};

mod overlay;
#[cfg(test)]
mod tests;
mod types;

use overlay::{Entry, Overlay};
pub use types::{DirectoryError, KeyFilter, TokenChoice, Upserted};

/// Keys in force at once, at most. It bounds memory, here and in every worker.
pub const KEYS_MAX: usize = 1_000_000;

/// How often a change is decided anew because another gateway was faster.
const TRIES_MAX: usize = 100;

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
    /// How much of the store the overlay shows.
    mark: SyncMutex<Mark>,
    /// The store is known to know that there has been a key.
    noted: AtomicBool,
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
        let shared = Arc::new(Shared {
            store,
            hub,
            overlay: RwLock::default(),
            mark: SyncMutex::default(),
            noted: AtomicBool::new(false),
            require_keys: require_virtual_keys,
        });
        let directory = Arc::new(Self { shared, writer: Arc::default() });
        directory
            .change(move |shared| {
                let (stored, tombstones) = shared.load()?;
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

    /// Takes over what other gateways have changed in the store; true if there was something.
    ///
    /// # Errors
    /// The store cannot be read, or has lost its past; what is in force stays in force then.
    pub async fn refresh(&self) -> Result<bool, DirectoryError> {
        self.change(Shared::refresh).await
    }

    /// The store's revision up to which its changes are in force here.
    pub fn store_revision(&self) -> u64 {
        self.shared.mark().revision
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

    /// Whether the store answers, and is still the one that is known here.
    ///
    /// # Errors
    /// It does not, or has lost its past.
    pub async fn check_store(&self) -> Result<(), DirectoryError> {
        let check = |shared: &Shared| {
            shared.store.check()?;
            shared.refresh()
        };
        self.change(check).await.map(drop)
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

    fn mark(&self) -> Mark {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_mark(&self, mark: Mark) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
    }

    /// All keys and tombstones of the store.
    fn load(&self) -> Result<(Vec<Entry>, Vec<String>), DirectoryError> {
        let (mut stored, mut tombstones) = (Vec::new(), Vec::new());
        let mark = self.store.load(&mut |record| match record {
            Record::Key(key) => stored.push(Entry::stored(*key)),
            Record::Tombstone(id) => tombstones.push(id),
        })?;
        self.set_mark(mark);
        Ok((stored, tombstones))
    }

    /// Makes a whole overlay the one in force. The document's keys are not stored; that there are any is.
    fn adopt(&self, overlay: Overlay) -> Result<(), DirectoryError> {
        if overlay.known && !self.noted.load(Ordering::SeqCst) {
            if !self.store.keyed()? {
                self.store.mark_keyed()?;
            }
            self.noted.store(true, Ordering::SeqCst);
        }
        self.hub.replace_keys(overlay.policies(), self.access(&overlay));
        *self.write() = overlay;
        Ok(())
    }

    fn refresh(&self) -> Result<bool, DirectoryError> {
        let (known, mut changes) = (self.mark(), Vec::new());
        let Some(mark) = self.store.changes(&known, &mut |change| changes.push(change))? else {
            let (stored, tombstones) = self.load()?;
            let overlay = self.read().restock(stored, tombstones)?;
            return self.adopt(overlay).map(|()| true);
        };
        if mark == known {
            return Ok(false);
        }
        self.apply(changes)?;
        self.set_mark(mark);
        Ok(true)
    }

    /// Puts in force what the store now has under some ids.
    fn apply(&self, changes: Vec<Change>) -> Result<(), DirectoryError> {
        let (held, free, access) = {
            let mut overlay = self.write();
            let touched: HashSet<TokenHash> = overlay.apply(changes)?;
            let (held, free) = overlay.policies_of(touched);
            (held, free, self.access(&overlay))
        };
        self.hub.apply(free, held, access);
        Ok(())
    }

    /// Makes a change that depends on what is known, after catching up with the store as often as that is not the
    /// latest.
    fn decide<T>(&self, mut attempt: impl FnMut(&Mark) -> Result<T, DirectoryError>) -> Result<T, DirectoryError> {
        for _ in 1..TRIES_MAX {
            match attempt(&self.mark()) {
                Err(DirectoryError::Store(StoreError::Moved)) => self.refresh()?,
                outcome => return outcome,
            };
        }
        attempt(&self.mark())
    }

    fn upsert(&self, mut key: VirtualKey, token: TokenChoice) -> Result<Upserted, DirectoryError> {
        key.token = Secret::default();
        self.decide(|at| self.upsert_at(at, key.clone(), token.clone()))
    }

    fn upsert_at(&self, at: &Mark, key: VirtualKey, token: TokenChoice) -> Result<Upserted, DirectoryError> {
        let (stored, created, generated) = {
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
            (stored, former.is_none(), generated)
        };
        let mark = self.store.put(at, &stored)?;
        self.noted.store(true, Ordering::SeqCst);
        let key = Arc::new(stored.key.clone());
        self.apply(vec![Change::Record(Record::Key(Box::new(stored)))])?;
        self.set_mark(mark);
        Ok(Upserted { key, created, generated })
    }

    fn delete(&self, id: &str) -> Result<bool, DirectoryError> {
        self.decide(|at| {
            let from_file = {
                let overlay = self.read();
                if !overlay.entries.contains_key(id) {
                    return Ok(false);
                }
                overlay.file.contains_key(id)
            };
            let (mark, change) = if from_file {
                (self.store.bury(at, id, now_ms())?, Change::Record(Record::Tombstone(id.to_owned())))
            } else {
                (self.store.remove(at, id)?, Change::Removed(id.to_owned()))
            };
            self.apply(vec![change])?;
            self.set_mark(mark);
            Ok(true)
        })
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
