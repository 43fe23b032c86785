//! What every store must do, run on each of them.

use std::collections::BTreeMap;

use ditto_policy::key::TokenHash;

use super::{KeyStore, MemoryStore, Record, SqliteStore, StoreError, StoredKey};
use crate::keys::testing::key;

/// A stored key whose token is `token`.
pub(super) fn stored(id: &str, token: &str) -> StoredKey {
    StoredKey { key: key(id), token_hash: TokenHash::of(token.as_bytes()), created_at_ms: 10, updated_at_ms: 20 }
}

/// Everything in the store, by id.
pub(super) fn records(store: &dyn KeyStore) -> BTreeMap<String, Record> {
    let mut records = BTreeMap::new();
    store
        .load(&mut |record| {
            let id = match &record {
                Record::Key(key) => key.key.id.clone(),
                Record::Tombstone(id) => id.clone(),
            };
            assert!(records.insert(id, record).is_none(), "an id comes once");
        })
        .unwrap();
    records
}

fn kept(key: &StoredKey) -> Record {
    Record::Key(Box::new(key.clone()))
}

fn an_empty_store_has_nothing(store: &dyn KeyStore) {
    assert!(records(store).is_empty());
    store.check().unwrap();
    store.remove("nobody").unwrap();
}

fn a_key_comes_back_as_it_was_put(store: &dyn KeyStore) {
    let mut key = stored("a", "token-a");
    key.key.tenant_id = Some("tenant \"quoted\" ü".into());
    key.key.limits.rpm = Some(u64::MAX);
    key.key.guardrails.banned_phrases = vec!["x".into(), String::new()];
    store.put(&key).unwrap();
    assert_eq!(records(store), BTreeMap::from([("a".into(), kept(&key))]));
}

fn a_key_replaces_the_key_of_its_id(store: &dyn KeyStore) {
    store.put(&stored("a", "old")).unwrap();
    store.put(&stored("b", "other")).unwrap();
    let mut key = stored("a", "new");
    key.key.enabled = false;
    key.updated_at_ms = 30;
    store.put(&key).unwrap();
    assert_eq!(records(store)["a"], kept(&key));
    assert_eq!(records(store).len(), 2);
    // The old token is free again.
    store.put(&stored("c", "old")).unwrap();
}

fn two_ids_cannot_have_one_token(store: &dyn KeyStore) {
    store.put(&stored("a", "shared")).unwrap();
    store.put(&stored("b", "own")).unwrap();
    assert!(store.put(&stored("b", "shared")).is_err());
    assert!(store.put(&stored("c", "shared")).is_err());
    assert_eq!(records(store)["b"], kept(&stored("b", "own")), "a refused change leaves nothing behind");
    assert_eq!(records(store).len(), 2);
}

fn a_removed_key_is_gone_and_its_token_is_free(store: &dyn KeyStore) {
    store.put(&stored("a", "token")).unwrap();
    store.remove("a").unwrap();
    assert!(records(store).is_empty());
    store.put(&stored("b", "token")).unwrap();
}

fn a_tombstone_stays_until_a_key_takes_its_place(store: &dyn KeyStore) {
    store.bury("never-stored", 1).unwrap();
    store.put(&stored("a", "token")).unwrap();
    store.bury("a", 2).unwrap();
    store.bury("a", 3).unwrap();
    assert_eq!(records(store)["a"], Record::Tombstone("a".into()));
    assert_eq!(records(store)["never-stored"], Record::Tombstone("never-stored".into()));
    store.put(&stored("b", "token")).unwrap();
    store.put(&stored("a", "again")).unwrap();
    assert_eq!(records(store)["a"], kept(&stored("a", "again")));
}

fn that_there_was_a_key_is_never_forgotten(store: &dyn KeyStore) {
    store.remove("nobody").unwrap();
    assert!(!store.keyed().unwrap());
    store.put(&stored("a", "token")).unwrap();
    assert!(store.keyed().unwrap());
    store.remove("a").unwrap();
    assert!(records(store).is_empty() && store.keyed().unwrap());
}

fn keys_kept_elsewhere_can_be_noted(store: &dyn KeyStore) {
    store.mark_keyed().unwrap();
    store.mark_keyed().unwrap();
    assert!(records(store).is_empty() && store.keyed().unwrap());
    store.put(&stored("a", "token")).unwrap();
    store.remove("a").unwrap();
    assert!(store.keyed().unwrap());
}

fn ids_are_compared_exactly(store: &dyn KeyStore) {
    for (at, id) in ["a", "A", "a ", "ä", "a'; DROP TABLE virtual_keys; --"].into_iter().enumerate() {
        store.put(&stored(id, &at.to_string())).unwrap();
    }
    assert_eq!(records(store).len(), 5);
}

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&super::MemoryStore::default()); })+
        }
        mod sqlite {
            $(#[test] fn $name() {
                let directory = tempfile::tempdir().unwrap();
                super::$name(&super::SqliteStore::open(&directory.path().join("keys.db")).unwrap());
            })+
        }
    };
}

contract!(
    an_empty_store_has_nothing,
    a_key_comes_back_as_it_was_put,
    a_key_replaces_the_key_of_its_id,
    two_ids_cannot_have_one_token,
    a_removed_key_is_gone_and_its_token_is_free,
    a_tombstone_stays_until_a_key_takes_its_place,
    that_there_was_a_key_is_never_forgotten,
    keys_kept_elsewhere_can_be_noted,
    ids_are_compared_exactly,
);

/// A store that fails when told to, for the layers above.
#[derive(Debug, Default)]
pub(crate) struct FailingStore {
    inner: MemoryStore,
    /// While set, every write and check fails.
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

impl FailingStore {
    fn working(&self) -> Result<&MemoryStore, StoreError> {
        match self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err(StoreError::Unusable("disk full at /secret/place".into())),
            false => Ok(&self.inner),
        }
    }
}

impl KeyStore for FailingStore {
    fn name(&self) -> &'static str {
        "store.failing"
    }

    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        self.inner.load(each)
    }

    fn keyed(&self) -> Result<bool, StoreError> {
        self.inner.keyed()
    }

    fn mark_keyed(&self) -> Result<(), StoreError> {
        self.working()?.mark_keyed()
    }

    fn put(&self, key: &StoredKey) -> Result<(), StoreError> {
        self.working()?.put(key)
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.working()?.remove(id)
    }

    fn bury(&self, id: &str, at_ms: i64) -> Result<(), StoreError> {
        self.working()?.bury(id, at_ms)
    }

    fn check(&self) -> Result<(), StoreError> {
        self.working()?.check()
    }
}
