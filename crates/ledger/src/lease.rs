//! One lease, as the ledger keeps it.

use serde::{Deserialize, Serialize};

use crate::amounts::{Amounts, Counts};

/// Whether a lease may be granted more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// It may.
    #[default]
    Open,
    /// It is only booked on: the key has other accounts now, or is gone.
    Closed,
    /// It was not renewed in time and has been settled by the rule for that; its worker may still report.
    Expired,
}

/// An amount held in all accounts of a key for one worker. Totals only grow; the window's belong to one minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Lease {
    /// The key.
    #[serde(rename = "k")]
    pub key_id: String,
    /// Names of the accounts; they never change.
    #[serde(rename = "a")]
    pub accounts: Vec<String>,
    /// Total granted.
    #[serde(rename = "g")]
    pub granted: Amounts,
    /// Total reported as spent. More than granted where a call used more than was reserved.
    #[serde(rename = "s")]
    pub spent: Amounts,
    /// Total handed back.
    #[serde(rename = "r")]
    pub returned: Amounts,
    /// The minute of the window's numbers; 0: none yet.
    #[serde(rename = "m")]
    pub minute: u64,
    /// Total counted.
    #[serde(rename = "c")]
    pub counts: Counts,
    /// When it was opened, in milliseconds since the Unix epoch.
    #[serde(rename = "o")]
    pub opened_at_ms: u64,
    /// When it was last heard of.
    #[serde(rename = "n")]
    pub renewed_at_ms: u64,
    /// When it expires.
    #[serde(rename = "e")]
    pub expires_at_ms: u64,
    /// Whether it may be granted more.
    #[serde(rename = "x")]
    pub state: LeaseState,
    /// What its expiry charged although nobody had reported it.
    #[serde(rename = "f")]
    pub forfeited: Amounts,
}

impl Lease {
    /// What it holds in each of its accounts.
    pub fn hold(&self) -> Amounts {
        match self.state {
            LeaseState::Expired => Amounts::default(),
            LeaseState::Open | LeaseState::Closed => self.granted.minus(&self.spent.plus(&self.returned)),
        }
    }
}
