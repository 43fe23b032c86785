//! What all stores do alike: run a step on loaded rows, and see what it changed.

use std::collections::BTreeMap;

use ditto_ledger::{Account, Lease};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Apply, Keys, StoreError, Table};

/// How often a step may ask for more rows.
const ROUNDS_MAX: u32 = 32;

/// Random bytes of an epoch.
const EPOCH_BYTES: usize = 16;

/// The rows that a step changed; `None` stands for one to delete.
pub(super) struct Changes {
    pub(super) leases: BTreeMap<String, Option<Lease>>,
    pub(super) accounts: BTreeMap<String, Option<Account>>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.accounts.is_empty()
    }
}

/// The names that a step has asked for so far.
pub(super) struct Step {
    pub(super) keys: Keys,
    rounds: u32,
}

impl Step {
    pub(super) fn new(keys: Keys) -> Self {
        Self { keys, rounds: 0 }
    }

    /// Runs `apply` on `rows`, which are those of `self.keys`. `None`: `self.keys` has grown, load again.
    ///
    /// # Errors
    /// The step asks for more without end.
    pub(super) fn run(&mut self, rows: &Table, apply: &mut Apply<'_>) -> Result<Option<Changes>, StoreError> {
        let mut changed = rows.clone();
        let mut wanted = apply(&mut changed).err().unwrap_or_default();
        let leases = changed.leases.into_iter().filter(|(id, row)| rows.leases.get(id) != Some(row)).collect();
        let accounts =
            changed.accounts.into_iter().filter(|(name, row)| rows.accounts.get(name) != Some(row)).collect();
        let changes = Changes { leases, accounts };
        // What was not loaded cannot be compared with what is stored.
        wanted.leases.extend(changes.leases.keys().filter(|id| !rows.leases.contains_key(*id)).cloned());
        wanted.accounts.extend(changes.accounts.keys().filter(|name| !rows.accounts.contains_key(*name)).cloned());
        if wanted == Keys::default() {
            return Ok(Some(changes));
        }
        self.rounds = self.rounds.saturating_add(1);
        let known = self.keys.leases.len().saturating_add(self.keys.accounts.len());
        self.keys.leases.append(&mut wanted.leases);
        self.keys.accounts.append(&mut wanted.accounts);
        let now = self.keys.leases.len().saturating_add(self.keys.accounts.len());
        if now == known || self.rounds > ROUNDS_MAX {
            return Err(StoreError::Unusable("a step on the ledger asks for rows without end".into()));
        }
        Ok(None)
    }
}

/// A new epoch.
///
/// # Errors
/// The system has no random bytes.
pub(super) fn new_epoch() -> Result<String, StoreError> {
    let mut bytes = [0; EPOCH_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unusable(format!("no random bytes for the ledger's epoch: {error}")))?;
    Ok(hex::encode(bytes))
}

/// A row as it is stored.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn to_json<T: Serialize>(kind: &str, name: &str, row: &T) -> Result<String, StoreError> {
    serde_json::to_string(row).map_err(|error| StoreError::Unusable(format!("{kind} `{name}`: {error}")))
}

/// A row as it was stored.
///
/// # Errors
/// It is something else.
pub(super) fn from_json<T: DeserializeOwned>(kind: &str, name: &str, body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|error| StoreError::Unusable(format!("{kind} `{name}`: {error}")))
}
