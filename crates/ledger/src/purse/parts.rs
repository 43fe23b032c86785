//! What a purse gives out and takes in.

use crate::amounts::Amounts;

/// Whether a request may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may, and must be settled with [`Purse::settle`](super::Purse::settle).
    Granted(Reservation),
    /// The lease does not cover it: ask the ledger.
    Short,
}

/// What one request may use up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reservation {
    pub(crate) lease: u64,
    /// The amounts, zero where nothing is limited.
    pub amounts: Amounts,
    pub(crate) window: u64,
}

impl Reservation {
    /// The number of its lease, which the lease's id ends with.
    pub fn lease(&self) -> u64 {
        self.lease
    }
}

/// One lease as its worker knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Holding {
    /// Its number, which its id ends with.
    pub lease: u64,
    /// Total granted, as far as the worker has heard.
    pub granted: Amounts,
    /// Total used by requests that have ended.
    pub spent: Amounts,
    /// Total that the worker will not use.
    pub returned: Amounts,
    /// What requests in flight may use up.
    pub reserved: Amounts,
    /// The minute of the window's numbers, as the ledger names it; 0: none yet.
    pub minute: u64,
    /// Requests in flight.
    pub requests: u64,
}

/// What requests wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// What the first in the queue needs.
    pub first: Amounts,
    /// What all of them need together.
    pub all: Amounts,
}
