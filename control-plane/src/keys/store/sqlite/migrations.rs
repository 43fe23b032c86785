//! The steps from an empty file to the tables of this version.
//!
//! Versions are counted per component, because other parts of the gateway may keep their tables in the same file.
//! All outstanding steps run in one transaction: a file is at one version or at another, never between.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, failed};

const COMPONENT: &str = "keys";

/// Step `n` (counted from 1) leads to version `n`. Published steps are never edited.
const STEPS: &[&str] = &[
    "
    CREATE TABLE virtual_keys (
        id            TEXT PRIMARY KEY NOT NULL,
        token_sha256  BLOB UNIQUE CHECK (token_sha256 IS NULL OR length(token_sha256) = 32),
        body          TEXT,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        CHECK ((token_sha256 IS NULL) = (body IS NULL))
    ) STRICT;
",
    "
    -- Facts about the keys as a whole, by name. Whoever has a key or a tombstone has had a key.
    CREATE TABLE keys_meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
    INSERT INTO keys_meta (name, value) SELECT 'keyed', 'true' WHERE EXISTS (SELECT 1 FROM virtual_keys);
",
];

/// Brings the tables up to date.
///
/// # Errors
/// The file is not writable, or was written by a newer version.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let doing = failed("bring the database up to date");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&doing)?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 component TEXT NOT NULL, version INTEGER NOT NULL,
                 applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
                 PRIMARY KEY (component, version)
             ) STRICT;",
        )
        .map_err(&doing)?;
    let current: usize = transaction
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations WHERE component = ?1", [COMPONENT], |row| {
            row.get(0)
        })
        .map_err(&doing)?;
    let Some(steps) = STEPS.get(current..) else {
        let newest = STEPS.len();
        return Err(StoreError::Unusable(format!(
            "the database's {COMPONENT} are at version {current}, written by a newer release; this one knows {newest}"
        )));
    };
    for (version, step) in (current + 1..).zip(steps) {
        transaction.execute_batch(step).map_err(&doing)?;
        transaction
            .execute("INSERT INTO schema_migrations (component, version) VALUES (?1, ?2)", (COMPONENT, version))
            .map_err(&doing)?;
    }
    transaction.commit().map_err(&doing)
}
