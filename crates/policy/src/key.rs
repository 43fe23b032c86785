//! Virtual keys as the data plane knows them: a token's hash and what it allows.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::document::BudgetMode;

/// SHA-256 of a token. The only form in which a token is stored, sent or looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a token as the client presents it.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Reads the hash from its 32 bytes; `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads the stored form `sha256:<64 hex digits>`; `None` for anything else.
    pub fn from_stored(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The stored form `sha256:<64 hex digits>`.
    pub fn to_stored(self) -> String {
        format!("sha256:{}", hex::encode(self.0))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    /// Enough to tell two apart in a log, too little to look a key up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}…)", hex::encode(&self.0[..4]))
    }
}

/// What the data plane needs to know about a virtual key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPolicy {
    /// Stable id, used in ledgers, metrics and logs.
    pub id: String,
    /// A disabled key is refused with 401.
    pub enabled: bool,
    /// The backend that the key is pinned to.
    pub route: Option<String>,
    /// Attribution.
    pub tenant_id: Option<String>,
    /// Attribution.
    pub project_id: Option<String>,
    /// Attribution.
    pub user_id: Option<String>,
    /// Units that some account of the key limits, in the order of `ditto_ledger::Unit::ALL`.
    pub limited: [bool; 4],
    /// How closely its budgets are kept; `None`: as the gateway's default says.
    pub budget_mode: Option<BudgetMode>,
    /// Changes whenever the key's accounts or their limits do; see [`crate::terms::fingerprint`].
    pub terms: u64,
}
