//! Versions for as long as the process lives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Entry, Version, VersionId, VersionStore};
use crate::keys::store::StoreError;
use crate::modules::ModuleInfo;

/// A store that forgets everything when the process ends.
#[derive(Debug, Default)]
pub struct MemoryVersions {
    entries: Mutex<BTreeMap<VersionId, Entry>>,
    modules: Mutex<BTreeMap<String, (ModuleInfo, Vec<u8>)>>,
}

impl MemoryVersions {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<VersionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_modules(&self) -> MutexGuard<'_, BTreeMap<String, (ModuleInfo, Vec<u8>)>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn modules(&self) -> Result<Vec<ModuleInfo>, StoreError> {
        Ok(self.kept_modules().values().map(|(info, _)| info.clone()).collect())
    }

    fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept_modules().get(sha256).map(|(_, module)| module.clone()))
    }

    fn keep_module(&self, info: &ModuleInfo, module: &[u8], leaving: &[String]) -> Result<(), StoreError> {
        let mut modules = self.kept_modules();
        modules.retain(|sha256, _| !leaving.contains(sha256));
        modules.insert(info.sha256.clone(), (info.clone(), module.to_vec()));
        Ok(())
    }
}
