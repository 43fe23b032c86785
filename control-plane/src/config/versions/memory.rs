//! Versions for as long as the process lives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Entry, Version, VersionId, VersionStore};
use crate::keys::store::StoreError;

/// A store that forgets everything when the process ends.
#[derive(Debug, Default)]
pub struct MemoryVersions(Mutex<BTreeMap<VersionId, Entry>>);

impl MemoryVersions {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<VersionId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VersionStore for MemoryVersions {
    fn newest(&self) -> Result<VersionId, StoreError> {
        Ok(self.entries().keys().next_back().copied().unwrap_or_default())
    }

    fn list(&self) -> Result<Vec<Version>, StoreError> {
        Ok(self.entries().values().rev().map(|entry| entry.version.clone()).collect())
    }

    fn get(&self, id: VersionId) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries().get(&id).cloned())
    }

    fn append(&self, entry: &Entry) -> Result<(), StoreError> {
        let mut entries = self.entries();
        let newest = entries.keys().next_back().copied().unwrap_or_default();
        if entry.version.id != newest.next() {
            return Err(StoreError::Moved);
        }
        entries.insert(entry.version.id, entry.clone());
        entries.remove(&VersionId(entry.version.id.evicts()));
        Ok(())
    }
}
