//! Numbers by unit.

use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens, for good.
    Tokens,
    /// Pico-dollars, for good.
    PicoUsd,
    /// Requests of one minute.
    WindowRequests,
    /// Tokens of one minute.
    WindowTokens,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 4] = [Self::Tokens, Self::PicoUsd, Self::WindowRequests, Self::WindowTokens];

    /// Whether it is counted anew each minute.
    pub fn is_window(self) -> bool {
        matches!(self, Self::WindowRequests | Self::WindowTokens)
    }

    /// Whether this unit's flag is set, of flags in the order of [`Unit::ALL`].
    pub fn is_in(self, flags: &[bool; 4]) -> bool {
        Self::ALL.iter().zip(flags).any(|(unit, set)| *set && *unit == self)
    }
}

/// One number for each unit. Arithmetic saturates: at the edges of 64 bits no budget means anything any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// See [`Unit::Tokens`].
    #[serde(rename = "t", skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// See [`Unit::PicoUsd`].
    #[serde(rename = "p", skip_serializing_if = "is_zero")]
    pub pico_usd: u64,
    /// See [`Unit::WindowRequests`].
    #[serde(rename = "wr", skip_serializing_if = "is_zero")]
    pub window_requests: u64,
    /// See [`Unit::WindowTokens`].
    #[serde(rename = "wt", skip_serializing_if = "is_zero")]
    pub window_tokens: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Amounts {
    /// The number of one unit.
    pub fn get(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::PicoUsd => self.pico_usd,
            Unit::WindowRequests => self.window_requests,
            Unit::WindowTokens => self.window_tokens,
        }
    }

    /// The place of one unit's number.
    pub fn get_mut(&mut self, unit: Unit) -> &mut u64 {
        match unit {
            Unit::Tokens => &mut self.tokens,
            Unit::PicoUsd => &mut self.pico_usd,
            Unit::WindowRequests => &mut self.window_requests,
            Unit::WindowTokens => &mut self.window_tokens,
        }
    }

    /// Each unit's number made by `make`.
    pub fn by_unit(mut make: impl FnMut(Unit) -> u64) -> Self {
        Self {
            tokens: make(Unit::Tokens),
            pico_usd: make(Unit::PicoUsd),
            window_requests: make(Unit::WindowRequests),
            window_tokens: make(Unit::WindowTokens),
        }
    }

    /// Unit by unit.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self::by_unit(|unit| self.get(unit).saturating_add(other.get(unit)))
    }

    /// Unit by unit, never below zero.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self::by_unit(|unit| self.get(unit).saturating_sub(other.get(unit)))
    }

    /// The larger, unit by unit.
    #[must_use]
    pub fn or_more(&self, other: &Self) -> Self {
        Self::by_unit(|unit| self.get(unit).max(other.get(unit)))
    }

    /// Whether every number is at least the other's.
    pub fn covers(&self, other: &Self) -> bool {
        Unit::ALL.iter().all(|&unit| self.get(unit) >= other.get(unit))
    }

    /// Whether all numbers are zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The same with the numbers of the minute taken from `other`.
    #[must_use]
    pub fn with_window_of(&self, other: &Self) -> Self {
        Self { window_requests: other.window_requests, window_tokens: other.window_tokens, ..*self }
    }

    /// The same with nothing in the minute.
    #[must_use]
    pub fn without_window(&self) -> Self {
        self.with_window_of(&Self::default())
    }

    /// The same with nothing but the minute.
    #[must_use]
    pub fn without_lifetime(&self) -> Self {
        Self::default().with_window_of(self)
    }
}

/// What was counted, for people to read. No limit applies to these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Requests that were let through.
    #[serde(rename = "r", skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// Input tokens.
    #[serde(rename = "i", skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Output tokens.
    #[serde(rename = "o", skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
}

impl Counts {
    /// Number by number.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }

    /// Number by number, never below zero.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(other.output_tokens),
        }
    }

    /// The larger, number by number.
    #[must_use]
    pub fn or_more(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.max(other.requests),
            input_tokens: self.input_tokens.max(other.input_tokens),
            output_tokens: self.output_tokens.max(other.output_tokens),
        }
    }
}
