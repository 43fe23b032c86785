//! Versions in a SQLite file of the operator's choosing.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{Entry, Version, VersionId, VersionStore, decode, encode};
use crate::keys::store::StoreError;
use crate::modules::ModuleInfo;
use crate::sqlite::{Schema, SharedConnection};

/// The tables of versions. Published steps are never edited.
const SCHEMA: Schema = Schema {
    component: "configuration versions",
    steps: &[
        "
    CREATE TABLE config_versions (
        id       INTEGER PRIMARY KEY NOT NULL,
        version  TEXT NOT NULL,
        document TEXT NOT NULL
    ) STRICT;
",
        "
    CREATE TABLE filter_modules (
        sha256 TEXT PRIMARY KEY NOT NULL,
        info   TEXT NOT NULL,
        module BLOB NOT NULL
    ) STRICT;
",
    ],
};

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteVersions(SharedConnection);

impl SqliteVersions {
    /// Opens the file, creates it if there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// The file cannot be used, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(SharedConnection::open(path, &SCHEMA)?))
    }
}

const READ: &str = "read the configuration's versions";
const KEEP: &str = "keep a version of the configuration";
const READ_MODULE: &str = "read a filter module";
const KEEP_MODULE: &str = "keep a filter module";

fn newest(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM config_versions", [], |row| row.get(0))
}

impl VersionStore for SqliteVersions {
    fn newest(&self) -> Result<VersionId, StoreError> {
        newest(&self.0.lock()).map(VersionId).map_err(StoreError::sqlite(READ))
    }

    fn list(&self) -> Result<Vec<Version>, StoreError> {
        let connection = self.0.lock();
        let mut statement = connection
            .prepare_cached("SELECT version FROM config_versions ORDER BY id DESC")
            .map_err(StoreError::sqlite(READ))?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(StoreError::sqlite(READ))?;
        rows.map(|row| decode(&row.map_err(StoreError::sqlite(READ))?)).collect()
    }

    fn get(&self, id: VersionId) -> Result<Option<Entry>, StoreError> {
        let Ok(id) = i64::try_from(id.0) else { return Ok(None) };
        let row = self
            .0
            .lock()
            .query_row("SELECT version, document FROM config_versions WHERE id = ?1", [id], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?))
            })
            .optional()
            .map_err(StoreError::sqlite(READ))?;
        row.map(|(version, document)| Ok(Entry { version: decode(&version)?, document })).transpose()
    }

    fn append(&self, entry: &Entry) -> Result<(), StoreError> {
        let id = entry.version.id;
        let version = encode(&entry.version)?;
        let keep = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if VersionId(newest(&transaction)?).next() != id {
                return Ok(false);
            }
            let insert = "INSERT INTO config_versions (id, version, document) VALUES (?1, ?2, ?3)";
            transaction.execute(insert, params![id.0, version, entry.document])?;
            transaction.execute("DELETE FROM config_versions WHERE id <= ?1", [id.evicts()])?;
            transaction.commit().map(|()| true)
        };
        let kept = keep(&mut self.0.lock()).map_err(StoreError::sqlite(KEEP))?;
        if kept { Ok(()) } else { Err(StoreError::Moved) }
    }

    fn modules(&self) -> Result<Vec<ModuleInfo>, StoreError> {
        let connection = self.0.lock();
        let mut statement =
            connection.prepare_cached("SELECT info FROM filter_modules").map_err(StoreError::sqlite(READ_MODULE))?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(StoreError::sqlite(READ_MODULE))?;
        rows.map(|row| decode(&row.map_err(StoreError::sqlite(READ_MODULE))?)).collect()
    }

    fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let select = "SELECT module FROM filter_modules WHERE sha256 = ?1";
        self.0.lock().query_row(select, [sha256], |row| row.get(0)).optional().map_err(StoreError::sqlite(READ_MODULE))
    }

    fn keep_module(&self, info: &ModuleInfo, module: &[u8], leaving: &[String]) -> Result<(), StoreError> {
        let text = encode(info)?;
        let keep = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for sha256 in leaving {
                transaction.execute("DELETE FROM filter_modules WHERE sha256 = ?1", [sha256])?;
            }
            let insert = "INSERT OR REPLACE INTO filter_modules (sha256, info, module) VALUES (?1, ?2, ?3)";
            transaction.execute(insert, params![info.sha256, text, module])?;
            transaction.commit()
        };
        keep(&mut self.0.lock()).map_err(StoreError::sqlite(KEEP_MODULE))
    }
}
