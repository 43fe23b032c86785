//! The shapes of the answers.
//!
//! Clients of other gateways read the same numbers under several names; each is answered under all of them.

use ditto_ledger::{Account, Limits};
use ditto_policy::document::VirtualKey;
use ditto_pricing::pico_to_micros_ceil;
use serde_json::{Value, json};

/// Micro-dollars in a dollar.
const MICROS: f64 = 1e6;

/// Where a key stands. Money is in micro-dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    key_id: String,
    total_tokens: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    spent_micros: u64,
    reserved_tokens: u64,
    reserved_micros: u64,
    max_tokens: Option<u64>,
    max_micros: Option<u64>,
    tokens_left: Option<u64>,
    micros_left: Option<u64>,
}

impl Standing {
    /// `accounts` are those that the key is booked on, each with its limits; the key's own comes first.
    pub(super) fn new(key: &VirtualKey, accounts: &[(Limits, Account)]) -> Self {
        let own = accounts.first().map(|(_, account)| account.clone()).unwrap_or_default();
        let tokens_left = accounts
            .iter()
            .filter_map(|(limits, account)| Some(limits.tokens?.saturating_sub(account.spent.tokens)))
            .min();
        // What is spent is rounded up, so what is left is rounded down.
        let micros_left = accounts
            .iter()
            .filter_map(|(limits, account)| {
                let spent = pico_to_micros_ceil(account.spent.pico_usd);
                Some(pico_to_micros_ceil(limits.pico_usd?).saturating_sub(spent))
            })
            .min();
        Self {
            key_id: key.id.clone(),
            total_tokens: own.spent.tokens,
            prompt_tokens: own.counts.input_tokens,
            completion_tokens: own.counts.output_tokens,
            spent_micros: pico_to_micros_ceil(own.spent.pico_usd),
            reserved_tokens: own.held.tokens,
            reserved_micros: pico_to_micros_ceil(own.held.pico_usd),
            max_tokens: key.budget.total_tokens,
            max_micros: key.budget.total_usd_micros,
            tokens_left,
            micros_left,
        }
    }

    /// The body of `GET /v1/token/balance`.
    pub(super) fn balance(&self) -> Value {
        let left = self.micros_left.map(dollars);
        json!({
            "key_id": self.key_id,
            "token": "redacted",
            "balance": left,
            "remaining": left,
            "amount_remaining": left,
            "max_amount": self.max_micros.map(dollars),
            "amount_spent": dollars(self.spent_micros),
            "amount_reserved": dollars(self.reserved_micros),
            "max_tokens": self.max_tokens,
            "tokens_remaining": self.tokens_left,
            "tokens_reserved": self.reserved_tokens,
            "total_tokens_spent": self.total_tokens,
            "usage": {
                "total_tokens": self.total_tokens,
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
                "amount_spent": dollars(self.spent_micros),
            },
        })
    }

    /// The body of `GET /v1/token/usage`. There is no log of requests yet, so `items` is empty whatever `limit` allows.
    pub(super) fn usage(&self, limit: u64) -> Value {
        json!({
            "key_id": self.key_id,
            "token": "redacted",
            "limit": limit,
            "total_cost": dollars(self.spent_micros),
            "amount_spent": dollars(self.spent_micros),
            "total_tokens": self.total_tokens,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens_spent": self.total_tokens,
            "prompt_tokens_spent": self.prompt_tokens,
            "completion_tokens_spent": self.completion_tokens,
            "items": [],
        })
    }
}

/// For people: beyond nine billion dollars the last digits are lost.
#[allow(clippy::cast_precision_loss)]
fn dollars(micros: u64) -> f64 {
    micros as f64 / MICROS
}
