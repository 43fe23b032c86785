//! What a call used, in one shape for all dialects.

use serde::{Deserialize, Serialize};

/// Tokens of one call, as its provider counted them.
///
/// `input` and `output` are totals: cached and cache-creation tokens are part of `input`, reasoning tokens part of
/// `output`, also where a provider reports them beside (Anthropic's `input_tokens` leaves its cache out).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens.
    pub input: u64,
    /// All output tokens.
    pub output: u64,
    /// Input tokens that the provider's cache had.
    pub cached_input: u64,
    /// Input tokens that were put into the provider's cache.
    pub cache_creation: u64,
    /// Output tokens that the client does not see as text.
    pub reasoning: u64,
}

impl Usage {
    /// Input and output together; what token budgets are charged.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Both together, number by number.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            cache_creation: self.cache_creation.saturating_add(other.cache_creation),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }

    /// The larger of each number: providers repeat usage in a stream, growing, and a later one may leave numbers out.
    pub fn merge(&mut self, other: &Self) {
        self.input = self.input.max(other.input);
        self.output = self.output.max(other.output);
        self.cached_input = self.cached_input.max(other.cached_input);
        self.cache_creation = self.cache_creation.max(other.cache_creation);
        self.reasoning = self.reasoning.max(other.reasoning);
    }
}

/// The provider's class of service, which has its own price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// The ordinary one; `default`, `standard`, or nothing said.
    #[default]
    Standard,
    /// Slower and cheaper.
    Flex,
    /// Faster and dearer.
    Priority,
    /// The provider decides (`auto`), so that any of them may be billed.
    Auto,
}
