//! Numbers about the desk, for people and for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use ditto_ledger::Unit;
use serde::Serialize;

use super::options::FailOpen;

/// One number that grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the desk counts since the process began.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) calls: Counter,
    pub(super) claims: Counter,
    pub(super) requests: Counter,
    pub(super) rounds: Counter,
    pub(super) recalls: Counter,
    pub(super) unavailable: Counter,
    pub(super) failed_open: Counter,
    pub(super) store_errors: Counter,
    pub(super) expired: Counter,
    refusals: [Counter; 4],
}

impl Counters {
    /// A claim was refused for good.
    pub(super) fn refused(&self, unit: Unit) {
        let [tokens, pico_usd, window_requests, window_tokens] = &self.refusals;
        let counter = match unit {
            Unit::Tokens => tokens,
            Unit::PicoUsd => pico_usd,
            Unit::WindowRequests => window_requests,
            Unit::WindowTokens => window_tokens,
        };
        counter.add(1);
    }

    pub(super) fn read(&self) -> LedgerCounters {
        let [tokens, pico_usd, window_requests, window_tokens] = &self.refusals;
        LedgerCounters {
            calls: self.calls.get(),
            claims: self.claims.get(),
            requests: self.requests.get(),
            store_steps: self.rounds.get(),
            recalls: self.recalls.get(),
            unavailable: self.unavailable.get(),
            failed_open: self.failed_open.get(),
            store_errors: self.store_errors.get(),
            expired: self.expired.get(),
            refusals: Refusals {
                tokens: tokens.get(),
                pico_usd: pico_usd.get(),
                window_requests: window_requests.get(),
                window_tokens: window_tokens.get(),
            },
        }
    }
}

/// What the desk has counted since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LedgerCounters {
    /// Messages of workers with at least one claim.
    pub calls: u64,
    /// Claims of workers.
    pub claims: u64,
    /// Requests that workers have reported.
    pub requests: u64,
    /// Atomic steps that the store has done for claims.
    pub store_steps: u64,
    /// How often holders were asked to hand back what is idle.
    pub recalls: u64,
    /// Claims that could not be booked.
    pub unavailable: u64,
    /// Claims that were granted from the fail-open allowance.
    pub failed_open: u64,
    /// Steps that failed.
    pub store_errors: u64,
    /// Leases that were settled because nobody renewed them.
    pub expired: u64,
    /// Claims that were refused, by the unit that did not suffice.
    pub refusals: Refusals,
}

/// Refused claims by unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// See [`Unit::Tokens`].
    pub tokens: u64,
    /// See [`Unit::PicoUsd`].
    pub pico_usd: u64,
    /// See [`Unit::WindowRequests`].
    pub window_requests: u64,
    /// See [`Unit::WindowTokens`].
    pub window_tokens: u64,
}

/// Whether the books can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerState {
    /// They can.
    Ok,
    /// The store does not answer; it is looked after.
    Away,
    /// The store has lost its past; an operator must accept that.
    Halted,
}

/// The desk as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LedgerStatus {
    /// Name of the store.
    pub store: &'static str,
    /// Whether the books survive the process.
    pub durable: bool,
    /// Which books these are; `None` before the store has answered for the first time.
    pub epoch: Option<String>,
    /// The latest revision that was seen.
    pub revision: u64,
    /// Whether the books can be kept.
    pub state: LedgerState,
    /// Why not.
    pub reason: Option<String>,
    /// Workers that are connected.
    pub sessions: usize,
    /// Their leases that hold something.
    pub leases: usize,
    /// Calls for each 1,000 requests; `None` before the first request.
    pub calls_per_1000_requests: Option<f64>,
    /// What is left of the fail-open allowance; `None`: there is none.
    pub fail_open_left: Option<FailOpen>,
    /// Totals.
    pub counters: LedgerCounters,
}

/// Calls for each 1,000 requests.
#[allow(clippy::cast_precision_loss)] // for people
pub(super) fn calls_per_1000(counters: &LedgerCounters) -> Option<f64> {
    if counters.requests == 0 {
        return None;
    }
    Some(counters.calls as f64 * 1_000.0 / counters.requests as f64)
}
