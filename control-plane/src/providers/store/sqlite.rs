//! Providers in a SQLite file of the operator's choosing.

use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::ProviderStore;
use crate::keys::store::StoreError;
use crate::sqlite::{Schema, SharedConnection};

/// The one row of providers. Published steps are never edited.
const SCHEMA: Schema = Schema {
    component: "providers",
    steps: &["
    CREATE TABLE providers (
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        content  TEXT NOT NULL
    ) STRICT;
"],
};

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteProviders(SharedConnection);

impl SqliteProviders {
    /// Opens the file, creates it if there is none, and brings its table up to date.
    ///
    /// # Errors
    /// The file cannot be used, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(SharedConnection::open(path, &SCHEMA)?))
    }
}

impl ProviderStore for SqliteProviders {
    fn read_after(&self, revision: u64) -> Result<Option<(u64, String)>, StoreError> {
        let read = "SELECT revision, content FROM providers WHERE revision <> ?1";
        let connection = self.0.lock();
        let row = connection.query_row(read, [revision], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        row.map_err(StoreError::sqlite("read the providers"))
    }

    fn write_after(&self, revision: u64, text: &str) -> Result<u64, StoreError> {
        let next = revision.saturating_add(1);
        // One statement each: nobody else's change fits in between.
        let write = match revision {
            0 => "INSERT INTO providers (id, revision, content) VALUES (1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING ?1",
            _ => "UPDATE providers SET revision = ?2, content = ?3 WHERE revision = ?1 RETURNING id",
        };
        let connection = self.0.lock();
        let kept = connection.query_row(write, params![revision, next, text], |_| Ok(())).optional();
        kept.map_err(StoreError::sqlite("keep the providers"))?.map(|()| next).ok_or(StoreError::Moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::store::MemoryProviders;

    #[test]
    fn stores_agree_on_what_follows_what() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("gateway.db");
        let sqlite = SqliteProviders::open(&path).unwrap();
        for store in [&sqlite as &dyn ProviderStore, &MemoryProviders::default()] {
            assert_eq!(store.read_after(0).unwrap(), None);
            assert!(matches!(store.write_after(3, "x"), Err(StoreError::Moved)));
            assert_eq!(store.write_after(0, "a").unwrap(), 1);
            assert!(matches!(store.write_after(0, "b"), Err(StoreError::Moved)));
            assert_eq!(store.write_after(1, "c").unwrap(), 2);
            assert_eq!(store.read_after(1).unwrap(), Some((2, "c".to_owned())));
            assert_eq!(store.read_after(2).unwrap(), None);
        }
        let again = SqliteProviders::open(&path).unwrap();
        assert_eq!(again.read_after(0).unwrap(), Some((2, "c".to_owned())));
    }
}
