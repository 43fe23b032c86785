//! Rows as they are at one moment.

use ditto_ledger::{Account, Lease};

use super::layout::{account_field, lease_field};
use crate::ledger::store::step::from_json;
use crate::ledger::store::{Keys, StoreError, Table};

/// What one `HMGET` found.
pub(super) struct Snapshot {
    /// `None` as long as nobody has begun the books.
    pub(super) epoch: Option<String>,
    pub(super) revision: u64,
    /// Fields and bodies, in the order in which they were asked for.
    pub(super) rows: Vec<(String, Option<String>)>,
}

impl Snapshot {
    /// The fields that come before those of rows.
    pub(super) const META: [&str; 2] = ["epoch", "revision"];

    /// Takes the values of `META` and then of `fields`.
    ///
    /// # Errors
    /// There are too few, or the revision is not a number.
    pub(super) fn new(fields: Vec<String>, values: Vec<Option<String>>) -> Result<Self, StoreError> {
        let wrong = |what: &str| StoreError::Unusable(format!("the ledger in Redis: {what}"));
        let mut values = values.into_iter();
        let (Some(epoch), Some(revision)) = (values.next(), values.next()) else { return Err(wrong("too few values")) };
        let revision =
            revision.map_or(Ok(0), |text| text.parse()).map_err(|_| wrong("its revision is not a number"))?;
        if values.len() != fields.len() {
            return Err(wrong("not as many values as were asked for"));
        }
        Ok(Self { epoch, revision, rows: fields.into_iter().zip(values).collect() })
    }

    /// The rows of `keys`, whose [`fields`] these are.
    ///
    /// # Errors
    /// A row is not what it should be.
    pub(super) fn table(&self, keys: &Keys) -> Result<Table, StoreError> {
        let mut bodies = self.rows.iter().map(|(_, body)| body.as_deref());
        let mut table = Table::default();
        for id in &keys.leases {
            table.leases.insert(id.clone(), lease(id, bodies.next().flatten())?);
        }
        for name in &keys.accounts {
            table.accounts.insert(name.clone(), account(name, bodies.next().flatten())?);
        }
        Ok(table)
    }
}

/// The fields of the rows of `keys`.
pub(super) fn fields(keys: &Keys) -> Vec<String> {
    let leases = keys.leases.iter().map(|id| lease_field(id));
    leases.chain(keys.accounts.iter().map(|name| account_field(name))).collect()
}

/// An account as it was stored.
///
/// # Errors
/// It is something else.
pub(super) fn account(name: &str, body: Option<&str>) -> Result<Option<Account>, StoreError> {
    body.map(|body| from_json("account", name, body.as_bytes())).transpose()
}

/// A lease as it was stored.
///
/// # Errors
/// It is something else.
pub(super) fn lease(id: &str, body: Option<&str>) -> Result<Option<Lease>, StoreError> {
    body.map(|body| from_json("lease", id, body.as_bytes())).transpose()
}
