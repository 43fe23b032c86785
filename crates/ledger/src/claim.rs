//! What a worker and the ledger say to each other about a lease.

use crate::amounts::{Amounts, Counts, Unit};
use crate::lease::LeaseState;

/// A worker's word about one lease. All numbers are totals, so repeats and losses do no harm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The lease's id, made by the worker and never used again.
    pub lease: String,
    /// The key.
    pub key_id: String,
    /// What the worker knows it was granted.
    pub granted: Amounts,
    /// What was spent.
    pub spent: Amounts,
    /// What the worker will not use.
    pub returned: Amounts,
    /// The minute of the window's numbers; 0: none yet.
    pub minute: u64,
    /// What the lease should hold beyond `spent` and `returned`.
    pub want: Amounts,
    /// The least that it must hold for the claim to be of use.
    pub least: Amounts,
    /// What was counted.
    pub counts: Counts,
    /// Nothing more will be said of this lease, and all that was said is known to be booked.
    pub last: bool,
}

/// The ledger's answer to a [`Claim`] that it has booked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The lease.
    pub lease: String,
    /// Whether it may be granted more.
    pub state: LeaseState,
    /// Total granted; the window's numbers are those of `minute`.
    pub granted: Amounts,
    /// The ledger's minute.
    pub minute: u64,
    /// How long the lease lasts from the claim on.
    pub expires_in_ms: u64,
    /// How long the minute lasts from the claim on.
    pub minute_ends_in_ms: u64,
    /// Why `least` was not granted.
    pub refusal: Option<Refusal>,
}

/// Why a lease was not granted what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Name of the account that has too little.
    pub account: String,
    /// The unit that it has too little of.
    pub unit: Unit,
    /// Its limit.
    pub limit: u64,
    /// What is spent and held of it.
    pub used: u64,
    /// How much of `used` other leases hold: asking for it may help.
    pub held_by_others: u64,
    /// What was needed.
    pub needed: u64,
    /// When it may fit, in milliseconds; 0: not by waiting.
    pub retry_after_ms: u64,
    /// The tightest windows.
    pub rates: RateStatus,
}

/// The tightest of a key's windows, for `x-ratelimit-*`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RateStatus {
    /// Requests a minute, if limited.
    pub limit_requests: Option<u64>,
    /// Of these, what is left.
    pub remaining_requests: u64,
    /// Tokens a minute, if limited.
    pub limit_tokens: Option<u64>,
    /// Of these, what is left.
    pub remaining_tokens: u64,
    /// Until the minute ends.
    pub reset_ms: u64,
}
