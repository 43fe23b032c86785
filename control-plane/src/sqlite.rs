//! A SQLite file of the operator's choosing, in which several parts of the gateway keep their tables.
//!
//! The write-ahead log with `synchronous=FULL` makes each change durable before it is answered, and a process that is
//! killed leaves a file that the next one opens as it is. The file is readable by its owner only.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages the write-ahead log may reach before it is folded into the file.
const CHECKPOINT_PAGES: u32 = 1000;

/// Why a file cannot be used. The texts are for logs.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// The database refused.
    #[error("{doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The database's own words.
        source: rusqlite::Error,
    },
    /// The file or its directory is not usable.
    #[error("{doing}: {source}")]
    File {
        /// What was being done, and to which path.
        doing: String,
        /// The operating system's own words.
        source: std::io::Error,
    },
    /// The file is not one that this version can use.
    #[error("{0}")]
    Unusable(String),
}

/// The tables of one part of the gateway.
pub(crate) struct Schema {
    /// Whose they are. Versions are counted for each part alone.
    pub(crate) component: &'static str,
    /// Step `n` (counted from 1) leads to version `n`. Published steps are never edited.
    pub(crate) steps: &'static [&'static str],
}

/// One connection, for whoever's turn it is: writes are rare, and SQLite admits one writer anyway.
#[derive(Debug)]
pub(crate) struct SharedConnection(Mutex<Connection>);

impl SharedConnection {
    /// See [`open`].
    pub(crate) fn open(path: &Path, schema: &Schema) -> Result<Self, SqliteError> {
        Ok(Self(Mutex::new(open(path, schema)?)))
    }

    /// Waits for its turn.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction has rolled it back, so the connection is as good as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the file, creates it if there is none, and brings the tables of `schema` up to date.
///
/// # Errors
/// The file cannot be created or opened, is not a database, lies on a file system without a write-ahead log, or
/// was written by a newer version.
pub(crate) fn open(path: &Path, schema: &Schema) -> Result<Connection, SqliteError> {
    restrict(path)?;
    let mut connection = Connection::open(path).map_err(failed("open the database"))?;
    configure(&connection)?;
    migrate(&mut connection, schema)?;
    Ok(connection)
}

/// Puts what was being done before the database's own words.
pub(crate) fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> SqliteError {
    move |source| SqliteError::Sqlite { doing, source }
}

/// Makes sure that the file exists and that only its owner can read it. SQLite gives its log the same permissions.
fn restrict(path: &Path) -> Result<(), SqliteError> {
    let explain = |what: &str| {
        let doing = format!("{what} {}", path.display());
        move |source| SqliteError::File { doing, source }
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(explain("open"))?;
    let mode = file.metadata().map_err(explain("look at"))?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(explain("restrict"))?;
    }
    Ok(())
}

fn configure(connection: &Connection) -> Result<(), SqliteError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("set the busy timeout"))?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(failed("turn on the write-ahead log"))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(SqliteError::Unusable(format!(
            "the database cannot keep a write-ahead log (it stays in `{mode}`)"
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed("set synchronous=FULL"))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(failed("set the checkpoint"))?;
    connection.pragma_update(None, "trusted_schema", false).map_err(failed("distrust the schema"))
}

/// All outstanding steps run in one transaction: the tables are at one version or at another, never between.
fn migrate(connection: &mut Connection, schema: &Schema) -> Result<(), SqliteError> {
    let Schema { component, steps } = schema;
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
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations WHERE component = ?1", [component], |row| {
            row.get(0)
        })
        .map_err(&doing)?;
    let Some(outstanding) = steps.get(current..) else {
        let newest = steps.len();
        return Err(SqliteError::Unusable(format!(
            "the database's {component} are at version {current}, written by a newer release; this one knows {newest}"
        )));
    };
    for (version, step) in (current + 1..).zip(outstanding) {
        transaction.execute_batch(step).map_err(&doing)?;
        transaction
            .execute("INSERT INTO schema_migrations (component, version) VALUES (?1, ?2)", (component, version))
            .map_err(&doing)?;
    }
    transaction.commit().map_err(&doing)
}
