//! The books: what accounts and leases are, and what both sides of the lease protocol decide.
//!
//! The ledger's side is [`exchange()`]: given the rows of a lease and its accounts and a worker's claim, it makes the new
//! rows and the reply. A store only has to load and save rows in one atomic step. The worker's side is [`Purse`].
//!
//! Nothing here reads a clock or does I/O, and no input makes it panic.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod account;
mod amounts;
mod claim;
mod exchange;
mod expiry;
mod lease;
mod purse;
mod terms;
pub mod wire;

pub use account::{Account, MINUTE_MS};
pub use amounts::{Amounts, Counts, Unit};
pub use claim::{Claim, RateStatus, Refusal, Reply};
pub use exchange::{Policy, Rows, accounts_needed, exchange};
pub use expiry::{Expired, expire};
pub use lease::{Lease, LeaseState};
pub use purse::{AHEAD_MAX, Admission, Holding, Purse, Reservation, Waiting};
pub use terms::{Limits, Scope, ScopeKind, Terms};
