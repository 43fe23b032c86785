//! Keys for as long as the process lives: the store of a gateway that was given none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KeyStore, Mark, Record, StoreError, StoredKey};

/// A store that forgets everything when the process ends.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Mutex<BTreeMap<String, Record>>,
    keyed: AtomicBool,
}

impl MemoryStore {
    fn records(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for MemoryStore {
    fn name(&self) -> &'static str {
        "store.memory"
    }

    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<Mark, StoreError> {
        self.records().values().cloned().for_each(each);
        Ok(Mark::default())
    }

    fn keyed(&self) -> Result<bool, StoreError> {
        Ok(self.keyed.load(Ordering::SeqCst))
    }

    fn mark_keyed(&self) -> Result<(), StoreError> {
        self.keyed.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn put(&self, at: &Mark, key: &StoredKey) -> Result<Mark, StoreError> {
        let mut records = self.records();
        let holder = records.values().find_map(|record| match record {
            Record::Key(other) if other.token_hash == key.token_hash && other.key.id != key.key.id => {
                Some(other.key.id.clone())
            }
            _ => None,
        });
        if let Some(other) = holder {
            return Err(StoreError::Taken { id: key.key.id.clone(), other });
        }
        let mut key = key.clone();
        key.key.token = Default::default();
        self.mark_keyed()?;
        records.insert(key.key.id.clone(), Record::Key(Box::new(key)));
        Ok(at.clone())
    }

    fn remove(&self, at: &Mark, id: &str) -> Result<Mark, StoreError> {
        self.records().remove(id);
        Ok(at.clone())
    }

    fn bury(&self, at: &Mark, id: &str, _at_ms: i64) -> Result<Mark, StoreError> {
        self.records().insert(id.to_owned(), Record::Tombstone(id.to_owned()));
        Ok(at.clone())
    }

    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
