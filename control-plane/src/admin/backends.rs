//! The backends that a key can be pinned to.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// The names of the backends in force, shared with whoever loads the configuration.
#[derive(Debug, Clone, Default)]
pub struct BackendNames(Arc<RwLock<BTreeSet<String>>>);

impl BackendNames {
    /// Starts with these names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(RwLock::new(names.into_iter().collect())))
    }

    /// Takes the names of a changed configuration; every clone sees them.
    pub fn replace(&self, names: impl IntoIterator<Item = String>) {
        let names = names.into_iter().collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Whether a backend of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}
