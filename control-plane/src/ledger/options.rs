//! What the desk is told from outside: the operator's choices, a key's terms, the time, and how to reach the others.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use ditto_ledger::{Policy, Terms};
use serde::Serialize;

/// The operator's choices.
#[derive(Debug, Clone, Copy, Default)]
pub struct LedgerOptions {
    /// How leases are granted and what becomes of those that nobody renews.
    pub policy: Policy,
    /// What to do when the store has lost its past.
    pub on_loss: OnLoss,
    /// What may be granted while the store is away; `None`: nothing.
    pub fail_open: Option<FailOpen>,
}

/// What to do when the store is empty, of other books, or in an earlier state than it has been.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnLoss {
    /// Refuse whatever needs a budget, until an operator says that the loss is accepted.
    #[default]
    Halt,
    /// Go on with what is there, with a warning: what was lost is spent a second time.
    Continue,
}

/// What this process may grant in all while its store is away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FailOpen {
    /// Tokens, whether a budget or a minute limits them.
    pub tokens: u64,
    /// Pico-dollars.
    pub pico_usd: u64,
    /// Requests that a limit of the minute counts.
    pub requests: u64,
}

/// Where a key's accounts and limits come from.
pub trait TermsSource: fmt::Debug + Send + Sync {
    /// The terms of this moment; `None` for a key that is gone. Asked for each claim: it must not block.
    fn terms(&self, key_id: &str) -> Option<Terms>;
}

/// How other gateways on the same store are asked to recall.
#[async_trait]
pub trait Announce: fmt::Debug + Send + Sync {
    /// Asks the others to recall what is idle in `account`. It may be lost: nothing but a short wait depends on it.
    async fn recall(&self, account: &str);
}

/// The time that the books go by.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A claim was not booked and must be repeated. The text is for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Away(pub String);
