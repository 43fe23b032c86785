//! The names of keys, fields and channels.

use redis::Cmd;

use crate::ledger::store::StoreError;

/// Where the books are on a server.
#[derive(Debug)]
pub(super) struct Layout {
    /// All rows, the epoch and the revision: a hash.
    pub(super) rows: String,
    /// Unsettled leases by expiry: a sorted set.
    pub(super) due: String,
    /// All leases by renewal: a sorted set.
    pub(super) renewed: String,
    /// Names of all accounts: a sorted set.
    pub(super) names: String,
    /// See [`changes_channel`].
    pub(super) changes: String,
}

impl Layout {
    /// # Errors
    /// The prefix cannot be a hash tag, so the keys would not share a slot.
    pub(super) fn new(prefix: &str) -> Result<Self, StoreError> {
        if prefix.is_empty() || prefix.starts_with('}') {
            return Err(StoreError::Unusable(format!("`{prefix}` cannot be the prefix of keys in Redis")));
        }
        let key = |part: &str| format!("{{{prefix}}}:ledger:{part}");
        Ok(Self {
            rows: key("rows"),
            due: key("due"),
            renewed: key("renewed"),
            names: key("accounts"),
            changes: changes_channel(prefix),
        })
    }

    /// Adds the scripts' KEYS, after their number.
    pub(super) fn keys(&self, command: &mut Cmd) {
        command.arg(4).arg(&self.rows).arg(&self.due).arg(&self.renewed).arg(&self.names);
    }
}

/// The channel on which steps tell which accounts have more left than before, as [`freed_accounts`] reads it.
pub fn changes_channel(prefix: &str) -> String {
    format!("{{{prefix}}}:ledger:changes")
}

/// Names that one message holds.
const NAMES_MAX: usize = 32;

/// A message that names accounts.
pub(super) fn freed_message(names: &[&str]) -> String {
    match names.len() {
        0 => String::new(),
        1..=NAMES_MAX => serde_json::to_string(names).unwrap_or_else(|_| "[]".into()),
        _ => "[]".into(),
    }
}

/// Names of the accounts that a message of the [`changes_channel`] tells of. `None`: any account may have more left.
pub fn freed_accounts(message: &[u8]) -> Option<Vec<String>> {
    serde_json::from_slice(message).ok().filter(|names: &Vec<_>| !names.is_empty())
}

/// The field of an account's row.
pub(super) fn account_field(name: &str) -> String {
    format!("a:{name}")
}

/// The field of a lease's row.
pub(super) fn lease_field(id: &str) -> String {
    format!("l:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_share_one_hash_tag() {
        let layout = Layout::new("my gateway").unwrap();
        for key in [layout.rows, layout.due, layout.renewed, layout.names, layout.changes] {
            assert!(key.starts_with("{my gateway}:ledger:"), "{key}");
        }
        Layout::new("").unwrap_err();
        Layout::new("}a").unwrap_err();
    }

    #[test]
    fn a_message_names_a_few_accounts_or_all() {
        let names = ["key:a\nb", "tenant:\"t\""];
        assert_eq!(freed_accounts(freed_message(&names).as_bytes()).unwrap(), names);
        assert_eq!(freed_message(&[]), "");
        assert_eq!(freed_accounts(freed_message(&["a"; 33]).as_bytes()), None);
        assert_eq!(freed_accounts(b"something else"), None);
    }
}
