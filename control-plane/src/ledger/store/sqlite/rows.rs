//! The tables of the books, and each statement on them.

use ditto_ledger::{Account, Lease, LeaseState};
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use super::failed;
use crate::ledger::store::step::{Changes, from_json, to_json};
use crate::ledger::store::{Keys, StoreError, Table};
use crate::sqlite::Schema;

/// The tables of the books. Published steps are never edited.
pub(super) const SCHEMA: Schema = Schema {
    component: "ledger",
    steps: &["
    CREATE TABLE ledger_accounts (name TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- `settled`: its expiry has been booked. `body` says so too; the columns are what it is found by.
    CREATE TABLE ledger_leases (
        id            TEXT PRIMARY KEY NOT NULL,
        body          TEXT NOT NULL,
        expires_at_ms INTEGER NOT NULL,
        renewed_at_ms INTEGER NOT NULL,
        settled       INTEGER NOT NULL CHECK (settled IN (0, 1))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ledger_leases_due ON ledger_leases (expires_at_ms, id) WHERE settled = 0;
    CREATE INDEX ledger_leases_renewed ON ledger_leases (renewed_at_ms, id);

    CREATE TABLE ledger_meta (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        epoch    TEXT NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT;
"],
};

const PUT_ACCOUNT: &str = "INSERT INTO ledger_accounts (name, body) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET body = excluded.body";

const PUT_LEASE: &str = "INSERT INTO ledger_leases (id, body, expires_at_ms, renewed_at_ms, settled)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (id) DO UPDATE SET body = excluded.body, expires_at_ms = excluded.expires_at_ms,
        renewed_at_ms = excluded.renewed_at_ms, settled = excluded.settled";

/// Which books these are.
pub(super) struct Meta {
    /// `None` as long as nobody has begun them.
    pub(super) epoch: Option<String>,
    pub(super) revision: u64,
}

pub(super) fn meta(connection: &Connection) -> Result<Meta, StoreError> {
    let row = connection
        .prepare_cached("SELECT epoch, revision FROM ledger_meta")
        .and_then(|mut statement| statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(failed("read the ledger's epoch"))?;
    let (epoch, revision): (_, Option<u64>) = row.unzip();
    Ok(Meta { epoch, revision: revision.unwrap_or_default() })
}

pub(super) fn create(connection: &Connection, epoch: &str) -> Result<(), StoreError> {
    write(connection, "INSERT INTO ledger_meta (one, epoch, revision) VALUES (1, ?1, 0)", [epoch])
}

pub(super) fn account(connection: &Connection, name: &str) -> Result<Option<Account>, StoreError> {
    let body = body(connection, "SELECT body FROM ledger_accounts WHERE name = ?1", name)?;
    body.map(|body| from_json("account", name, body.as_bytes())).transpose()
}

fn lease(connection: &Connection, id: &str) -> Result<Option<Lease>, StoreError> {
    let body = body(connection, "SELECT body FROM ledger_leases WHERE id = ?1", id)?;
    body.map(|body| from_json("lease", id, body.as_bytes())).transpose()
}

pub(super) fn load(connection: &Connection, keys: &Keys) -> Result<Table, StoreError> {
    let mut table = Table::default();
    for id in &keys.leases {
        table.leases.insert(id.clone(), lease(connection, id)?);
    }
    for name in &keys.accounts {
        table.accounts.insert(name.clone(), account(connection, name)?);
    }
    Ok(table)
}

/// Writes what changed, and the revision that it leads to.
pub(super) fn save(connection: &Connection, changes: Changes, revision: u64) -> Result<(), StoreError> {
    for (name, account) in &changes.accounts {
        match account {
            Some(account) => write(connection, PUT_ACCOUNT, [name, &to_json("account", name, account)?])?,
            None => write(connection, "DELETE FROM ledger_accounts WHERE name = ?1", [name])?,
        }
    }
    for (id, lease) in &changes.leases {
        match lease {
            Some(lease) => {
                let settled = lease.state == LeaseState::Expired;
                let (expires, renewed) = (column(lease.expires_at_ms), column(lease.renewed_at_ms));
                write(connection, PUT_LEASE, params![id, to_json("lease", id, lease)?, expires, renewed, settled])?;
            }
            None => write(connection, "DELETE FROM ledger_leases WHERE id = ?1", [id])?,
        }
    }
    write(connection, "UPDATE ledger_meta SET revision = ?1", [column(revision)])
}

pub(super) fn list_accounts(
    connection: &Connection,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Account)>, StoreError> {
    let from = after.filter(|after| *after >= prefix);
    let statement = match from {
        Some(_) => "SELECT name, body FROM ledger_accounts WHERE name > ?1 ORDER BY name LIMIT ?2",
        None => "SELECT name, body FROM ledger_accounts WHERE name >= ?1 ORDER BY name LIMIT ?2",
    };
    let rows = texts(connection, statement, params![from.unwrap_or(prefix), column(limit as u64)])?;
    let rows = rows.into_iter().take_while(|(name, _)| name.starts_with(prefix));
    rows.map(|(name, body)| from_json("account", &name, body.as_bytes()).map(|account| (name, account))).collect()
}

pub(super) fn due_leases(connection: &Connection, until_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
    let statement = "SELECT id, '' FROM ledger_leases WHERE settled = 0 AND expires_at_ms <= ?1
        ORDER BY expires_at_ms, id LIMIT ?2";
    let rows = texts(connection, statement, [column(until_ms), column(limit as u64)])?;
    Ok(rows.into_iter().map(|(id, _)| id).collect())
}

pub(super) fn old_leases(
    connection: &Connection,
    renewed_before_ms: u64,
    limit: usize,
) -> Result<Vec<(String, Lease)>, StoreError> {
    let statement = "SELECT id, body FROM ledger_leases WHERE renewed_at_ms < ?1 ORDER BY renewed_at_ms, id LIMIT ?2";
    let rows = texts(connection, statement, [column(renewed_before_ms), column(limit as u64)])?;
    rows.into_iter().map(|(id, body)| from_json("lease", &id, body.as_bytes()).map(|lease| (id, lease))).collect()
}

pub(super) fn count_leases(connection: &Connection) -> Result<usize, StoreError> {
    let counted = connection.query_row("SELECT count(*) FROM ledger_leases", [], |row| row.get(0));
    counted.map_err(failed("count the leases"))
}

fn write(connection: &Connection, statement: &str, values: impl Params) -> Result<(), StoreError> {
    let written = connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
    written.map(drop).map_err(failed("write to the ledger"))
}

/// The one text of a row, if there is such a row.
fn body(connection: &Connection, statement: &str, name: &str) -> Result<Option<String>, StoreError> {
    let found = connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional());
    found.map_err(failed("read the ledger"))
}

/// Rows of two texts.
fn texts(connection: &Connection, statement: &str, values: impl Params) -> Result<Vec<(String, String)>, StoreError> {
    let list = || -> rusqlite::Result<_> {
        let mut statement = connection.prepare_cached(statement)?;
        statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    list().map_err(failed("read the ledger"))
}

/// A time or number as a column can hold it: what is beyond is as far away.
fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
