//! Keys for as long as the process lives: the store of a gateway that was given none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KeyStore, Record, StoreError, StoredKey};

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

    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        self.records().values().cloned().for_each(each);
        Ok(())
    }

    fn keyed(&self) -> Result<bool, StoreError> {
        Ok(self.keyed.load(Ordering::SeqCst))
    }

    fn mark_keyed(&self) -> Result<(), StoreError> {
        self.keyed.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn put(&self, key: &StoredKey) -> Result<(), StoreError> {
        let mut records = self.records();
        let holder = records.values().find_map(|record| match record {
            Record::Key(other) if other.token_hash == key.token_hash && other.key.id != key.key.id => {
                Some(other.key.id.clone())
            }
            _ => None,
        });
        if let Some(other) = holder {
            let reason = format!("its token belongs to `{other}`");
            return Err(StoreError::Record { id: key.key.id.clone(), reason });
        }
        let mut key = key.clone();
        key.key.token = Default::default();
        self.mark_keyed()?;
        records.insert(key.key.id.clone(), Record::Key(Box::new(key)));
        Ok(())
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.records().remove(id);
        Ok(())
    }

    fn bury(&self, id: &str, _at_ms: i64) -> Result<(), StoreError> {
        self.records().insert(id.to_owned(), Record::Tombstone(id.to_owned()));
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
