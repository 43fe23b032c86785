//! Where providers survive a restart: one text with a revision.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keys::store::StoreError;

mod redis;
mod sqlite;

pub use self::redis::RedisProviders;
pub use sqlite::SqliteProviders;

/// A text and its revision, which grows by one with each change. Blocking; each call returns when its effect is durable.
pub trait ProviderStore: Send + Sync + fmt::Debug {
    /// The text and its revision, if that is another than `revision`.
    ///
    /// # Errors
    /// The store cannot be read.
    fn read_after(&self, revision: u64) -> Result<Option<(u64, String)>, StoreError>;

    /// Replaces the text of this revision; 0 is that of a store in which nothing was ever kept. Returns the new one.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if it has another revision; else the change is not durable.
    fn write_after(&self, revision: u64, text: &str) -> Result<u64, StoreError>;
}

/// A store that forgets everything when the process ends.
#[derive(Debug, Default)]
pub struct MemoryProviders(Mutex<(u64, String)>);

impl MemoryProviders {
    fn kept(&self) -> MutexGuard<'_, (u64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProviderStore for MemoryProviders {
    fn read_after(&self, revision: u64) -> Result<Option<(u64, String)>, StoreError> {
        let kept = self.kept();
        Ok((kept.0 != revision).then(|| kept.clone()))
    }

    fn write_after(&self, revision: u64, text: &str) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        if kept.0 != revision {
            return Err(StoreError::Moved);
        }
        *kept = (revision.saturating_add(1), text.to_owned());
        Ok(kept.0)
    }
}
