//! The tokens that were issued, and what they are worth now.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Standing {
    Unknown,
    Expired,
    Good,
}

/// All tokens of one simulator, each with the moment it ends.
#[derive(Debug, Default)]
pub(in super::super) struct TokenStore {
    tokens: Mutex<HashMap<String, Instant>>,
}

impl TokenStore {
    /// A new token; it carries the number of the request that asked for it.
    pub(super) fn issue(&self, order: u64, lifetime: Duration) -> String {
        let token = format!("ya29.simulator-{order:016x}");
        self.lock().insert(token.clone(), Instant::now() + lifetime);
        token
    }

    pub(in super::super) fn standing(&self, token: &str) -> Standing {
        match self.lock().get(token) {
            None => Standing::Unknown,
            Some(end) if *end <= Instant::now() => Standing::Expired,
            Some(_) => Standing::Good,
        }
    }

    /// Ends the life of all tokens.
    pub(in super::super) fn expire(&self) {
        let now = Instant::now();
        self.lock().values_mut().for_each(|end| *end = now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
