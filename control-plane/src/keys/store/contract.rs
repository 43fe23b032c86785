//! What every store must do, run on each of them.

use std::collections::BTreeMap;

use ditto_policy::key::TokenHash;

use super::{Change, KeyStore, Mark, MemoryStore, Record, SqliteStore, StoreError, StoredKey};
use crate::keys::testing::key;

/// A stored key whose token is `token`.
pub(super) fn stored(id: &str, token: &str) -> StoredKey {
    StoredKey { key: key(id), token_hash: TokenHash::of(token.as_bytes()), created_at_ms: 10, updated_at_ms: 20 }
}

/// Everything in the store, by id, and how far that is.
pub(super) fn load(store: &dyn KeyStore) -> (BTreeMap<String, Record>, Mark) {
    let mut records = BTreeMap::new();
    let mark = store.load(&mut |record| {
        assert!(records.insert(record.id().to_owned(), record).is_none(), "an id comes once");
    });
    (records, mark.unwrap())
}

/// Everything in the store, by id.
pub(super) fn records(store: &dyn KeyStore) -> BTreeMap<String, Record> {
    load(store).0
}

/// Puts a key by one who knows all that is in the store.
pub(super) fn put(store: &dyn KeyStore, key: &StoredKey) -> Result<Mark, StoreError> {
    store.put(&load(store).1, key)
}

/// Removes a key by one who knows all that is in the store.
pub(super) fn remove(store: &dyn KeyStore, id: &str) -> Result<Mark, StoreError> {
    store.remove(&load(store).1, id)
}

/// Buries a key by one who knows all that is in the store.
pub(super) fn bury(store: &dyn KeyStore, id: &str, at_ms: i64) -> Result<Mark, StoreError> {
    store.bury(&load(store).1, id, at_ms)
}

fn kept(key: &StoredKey) -> Record {
    Record::Key(Box::new(key.clone()))
}

fn an_empty_store_has_nothing(store: &dyn KeyStore) {
    assert!(records(store).is_empty());
    store.check().unwrap();
    remove(store, "nobody").unwrap();
}

fn a_key_comes_back_as_it_was_put(store: &dyn KeyStore) {
    let mut key = stored("a", "token-a");
    key.key.tenant_id = Some("tenant \"quoted\" ü".into());
    key.key.limits.rpm = Some(u64::MAX);
    key.key.guardrails.banned_phrases = vec!["x".into(), String::new()];
    put(store, &key).unwrap();
    assert_eq!(records(store), BTreeMap::from([("a".into(), kept(&key))]));
}

fn a_key_replaces_the_key_of_its_id(store: &dyn KeyStore) {
    put(store, &stored("a", "old")).unwrap();
    put(store, &stored("b", "other")).unwrap();
    let mut key = stored("a", "new");
    key.key.enabled = false;
    key.updated_at_ms = 30;
    put(store, &key).unwrap();
    assert_eq!(records(store)["a"], kept(&key));
    assert_eq!(records(store).len(), 2);
    // The old token is free again.
    put(store, &stored("c", "old")).unwrap();
}

fn two_ids_cannot_have_one_token(store: &dyn KeyStore) {
    put(store, &stored("a", "shared")).unwrap();
    put(store, &stored("b", "own")).unwrap();
    assert!(put(store, &stored("b", "shared")).is_err());
    assert!(put(store, &stored("c", "shared")).is_err());
    assert_eq!(records(store)["b"], kept(&stored("b", "own")), "a refused change leaves nothing behind");
    assert_eq!(records(store).len(), 2);
}

fn a_removed_key_is_gone_and_its_token_is_free(store: &dyn KeyStore) {
    put(store, &stored("a", "token")).unwrap();
    remove(store, "a").unwrap();
    assert!(records(store).is_empty());
    put(store, &stored("b", "token")).unwrap();
}

fn a_tombstone_stays_until_a_key_takes_its_place(store: &dyn KeyStore) {
    bury(store, "never-stored", 1).unwrap();
    put(store, &stored("a", "token")).unwrap();
    bury(store, "a", 2).unwrap();
    bury(store, "a", 3).unwrap();
    assert_eq!(records(store)["a"], Record::Tombstone("a".into()));
    assert_eq!(records(store)["never-stored"], Record::Tombstone("never-stored".into()));
    put(store, &stored("b", "token")).unwrap();
    put(store, &stored("a", "again")).unwrap();
    assert_eq!(records(store)["a"], kept(&stored("a", "again")));
}

fn that_there_was_a_key_is_never_forgotten(store: &dyn KeyStore) {
    remove(store, "nobody").unwrap();
    assert!(!store.keyed().unwrap());
    put(store, &stored("a", "token")).unwrap();
    assert!(store.keyed().unwrap());
    remove(store, "a").unwrap();
    assert!(records(store).is_empty() && store.keyed().unwrap());
}

fn keys_kept_elsewhere_can_be_noted(store: &dyn KeyStore) {
    store.mark_keyed().unwrap();
    store.mark_keyed().unwrap();
    assert!(records(store).is_empty() && store.keyed().unwrap());
    put(store, &stored("a", "token")).unwrap();
    remove(store, "a").unwrap();
    assert!(store.keyed().unwrap());
}

fn ids_are_compared_exactly(store: &dyn KeyStore) {
    for (at, id) in ["a", "A", "a ", "ä", "a'; DROP TABLE virtual_keys; --"].into_iter().enumerate() {
        put(store, &stored(id, &at.to_string())).unwrap();
    }
    assert_eq!(records(store).len(), 5);
}

fn what_changed_after_a_mark_is_told(store: &dyn KeyStore) {
    put(store, &stored("a", "token-a")).unwrap();
    let (mut known, mark) = load(store);
    for id in ["b", "c", "d"] {
        put(store, &stored(id, id)).unwrap();
    }
    put(store, &stored("b", "other")).unwrap();
    remove(store, "c").unwrap();
    bury(store, "a", 7).unwrap();
    let mut told = BTreeMap::new();
    let reached = store.changes(&mark, &mut |change| {
        assert!(told.insert(change.id().map(str::to_owned), change).is_none(), "an id comes once");
    });
    let reached = reached.unwrap().unwrap();
    for change in told.into_values() {
        match change {
            Change::Record(record) => drop(known.insert(record.id().to_owned(), record)),
            Change::Removed(id) => drop(known.remove(&id)),
            Change::Keyed => {}
        }
    }
    let (now, at) = load(store);
    assert_eq!(reached, at);
    // Where nobody else can change anything, nothing is told.
    if at != Mark::default() {
        assert_eq!(known, now);
    }
    let again = store.changes(&at, &mut |change| panic!("nothing has changed: {change:?}"));
    assert_eq!(again.unwrap(), Some(at));
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
        mod redis {
            $(#[test] fn $name() {
                let place = crate::keys::store::redis::testing::Place::new();
                super::$name(&place.open("ditto"));
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
    what_changed_after_a_mark_is_told,
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

    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<Mark, StoreError> {
        self.inner.load(each)
    }

    fn keyed(&self) -> Result<bool, StoreError> {
        self.inner.keyed()
    }

    fn mark_keyed(&self) -> Result<(), StoreError> {
        self.working()?.mark_keyed()
    }

    fn put(&self, at: &Mark, key: &StoredKey) -> Result<Mark, StoreError> {
        self.working()?.put(at, key)
    }

    fn remove(&self, at: &Mark, id: &str) -> Result<Mark, StoreError> {
        self.working()?.remove(at, id)
    }

    fn bury(&self, at: &Mark, id: &str, at_ms: i64) -> Result<Mark, StoreError> {
        self.working()?.bury(at, id, at_ms)
    }

    fn check(&self) -> Result<(), StoreError> {
        self.working()?.check()
    }
}
