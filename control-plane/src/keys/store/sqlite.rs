//! Keys in a SQLite file of the operator's choosing.

use std::path::{Path, PathBuf};

use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;
use rusqlite::{Connection, Row, params};

use super::{KeyStore, Mark, Record, StoreError, StoredKey};
use crate::sqlite::SharedConnection;

mod migrations;
#[cfg(test)]
mod tests;

/// Notes that there has been a key.
const MARK_KEYED: &str = "INSERT INTO keys_meta (name, value) VALUES ('keyed', 'true') ON CONFLICT DO NOTHING";

/// Keeps a key, in place of what was there.
const PUT: &str = "INSERT INTO virtual_keys (id, token_sha256, body, created_at_ms, updated_at_ms)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (id) DO UPDATE SET token_sha256 = excluded.token_sha256, body = excluded.body,
        created_at_ms = excluded.created_at_ms, updated_at_ms = excluded.updated_at_ms";

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: SharedConnection,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// The file cannot be created or opened, is not a database, lies on a file system without a write-ahead log, or
    /// was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = SharedConnection::open(path, &migrations::SCHEMA)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl KeyStore for SqliteStore {
    fn name(&self) -> &'static str {
        "store.sqlite"
    }

    fn load(&self, each: &mut dyn FnMut(Record)) -> Result<Mark, StoreError> {
        let connection = self.connection.lock();
        let mut statement = connection
            .prepare_cached("SELECT id, token_sha256, body, created_at_ms, updated_at_ms FROM virtual_keys")
            .map_err(StoreError::sqlite("read the keys"))?;
        let mut rows = statement.query([]).map_err(StoreError::sqlite("read the keys"))?;
        while let Some(row) = rows.next().map_err(StoreError::sqlite("read the keys"))? {
            each(record(row)?);
        }
        Ok(Mark::default())
    }

    fn keyed(&self) -> Result<bool, StoreError> {
        self.connection
            .lock()
            .query_row("SELECT EXISTS (SELECT 1 FROM keys_meta WHERE name = 'keyed')", [], |row| row.get(0))
            .map_err(StoreError::sqlite("read whether there has been a key"))
    }

    fn mark_keyed(&self) -> Result<(), StoreError> {
        self.connection.lock().execute(MARK_KEYED, []).map(drop).map_err(StoreError::sqlite("note that there is a key"))
    }

    fn put(&self, at: &Mark, key: &StoredKey) -> Result<Mark, StoreError> {
        let id = &key.key.id;
        let body = serde_json::to_string(&key.key)
            .map_err(|error| StoreError::Record { id: id.clone(), reason: error.to_string() })?;
        let store = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.prepare_cached(MARK_KEYED)?.execute([])?;
            let hash = key.token_hash.as_bytes().as_slice();
            let values = params![id, hash, body, key.created_at_ms, key.updated_at_ms];
            transaction.prepare_cached(PUT)?.execute(values)?;
            transaction.commit()
        };
        store(&mut self.connection.lock()).map(|()| at.clone()).map_err(StoreError::sqlite("store a key"))
    }

    fn remove(&self, at: &Mark, id: &str) -> Result<Mark, StoreError> {
        self.connection
            .lock()
            .prepare_cached("DELETE FROM virtual_keys WHERE id = ?1")
            .and_then(|mut statement| statement.execute([id]))
            .map(|_| at.clone())
            .map_err(StoreError::sqlite("delete a key"))
    }

    fn bury(&self, at: &Mark, id: &str, at_ms: i64) -> Result<Mark, StoreError> {
        self.connection
            .lock()
            .prepare_cached(
                "INSERT INTO virtual_keys (id, token_sha256, body, created_at_ms, updated_at_ms)
                 VALUES (?1, NULL, NULL, ?2, ?2)
                 ON CONFLICT (id) DO UPDATE SET token_sha256 = NULL, body = NULL, updated_at_ms = ?2",
            )
            .and_then(|mut statement| statement.execute(params![id, at_ms]))
            .map(|_| at.clone())
            .map_err(StoreError::sqlite("mark a key as deleted"))
    }

    fn check(&self) -> Result<(), StoreError> {
        self.connection
            .lock()
            .query_row("SELECT count(*) FROM schema_migrations", [], |row| row.get::<_, i64>(0))
            .map(drop)
            .map_err(StoreError::sqlite("read the database"))
    }
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    let columns = || -> rusqlite::Result<_> {
        let hash: Option<Vec<u8>> = row.get(1)?;
        let body: Option<String> = row.get(2)?;
        Ok((row.get::<_, String>(0)?, hash.zip(body), row.get(3)?, row.get(4)?))
    };
    let (id, content, created_at_ms, updated_at_ms) = columns().map_err(StoreError::sqlite("read a key"))?;
    let Some((hash, body)) = content else { return Ok(Record::Tombstone(id)) };
    let Some(token_hash) = TokenHash::from_bytes(&hash) else {
        return Err(StoreError::Record { id, reason: "the token's hash is not 32 bytes".into() });
    };
    let key: VirtualKey = match serde_json::from_str(&body) {
        Ok(key) => key,
        Err(error) => return Err(StoreError::Record { id, reason: error.to_string() }),
    };
    if key.id != id {
        return Err(StoreError::Record { reason: format!("its content says it is `{}`", key.id), id });
    }
    Ok(Record::Key(Box::new(StoredKey { key, token_hash, created_at_ms, updated_at_ms })))
}
