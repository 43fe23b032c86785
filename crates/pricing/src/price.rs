//! The price of one model, and what a call at that price costs.
//!
//! A price is a list of [`Line`]s. The first is what the model costs; the others say what is different above a number
//! of input tokens, for a class of service, or for both. The lines that apply to a call are laid over each other in
//! their order, so that the most special one is last: standard, its class, then the same for each threshold that the
//! call is above. A number that no special line has stays as it was.

use ditto_llm::usage::{ServiceTier, Usage};
use serde::{Deserialize, Serialize};

use crate::decimal::{Rate, RateError};

/// What one model's tokens cost.
///
/// Serialised it is short, because thousands of them travel in the filter's configuration: `l` are the lines, `n` and
/// `m` the most input and output tokens; what is not there is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    #[serde(rename = "l")]
    lines: Vec<Line>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    max_input: Option<u64>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    max_output: Option<u64>,
}

/// A class of service with prices of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Class {
    #[serde(rename = "f")]
    Flex,
    #[serde(rename = "p")]
    Priority,
}

/// Prices that apply from a number of input tokens on, to all calls or to those of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Applies to calls with more input tokens than this; 0 is any call.
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    pub(crate) above: u64,
    /// Applies to this class alone; to all of them without one.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<Class>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Rate>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Rate>,
    /// Input that the provider's cache had.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached: Option<Rate>,
    /// Input that is put into the provider's cache.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(crate) creation: Option<Rate>,
    /// Input that is put into the provider's cache to be kept for long: an hour, or twelve.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<Rate>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Rate>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The prices of one call, nothing missing.
struct Rates {
    input: Rate,
    cached: Rate,
    creation: Rate,
    kept: Rate,
    output: Rate,
    reasoning: Rate,
}

impl Price {
    /// The same price for each input and each output token, in dollars, as decimals: `Price::flat("3e-6", "1.5e-5")`.
    ///
    /// # Errors
    /// What [`Rate::parse`] says of the texts.
    pub fn flat(input: &str, output: &str) -> Result<Self, RateError> {
        let (input, output) = (Some(Rate::parse(input)?), Some(Rate::parse(output)?));
        Ok(Self::new(vec![Line { input, output, ..Line::default() }], None, None))
    }

    /// A price of these lines, in any order.
    pub(crate) fn new(mut lines: Vec<Line>, max_input: Option<u64>, max_output: Option<u64>) -> Self {
        lines.sort_by_key(|line| (line.above, line.class));
        Self { lines, max_input, max_output }
    }

    /// What a call costs, in pico-dollars: exact, rounded up once at the end; `u64::MAX` where it is more than that.
    ///
    /// - Thresholds look at all input tokens, cached ones included, and the call must be above them.
    /// - Cached tokens, and tokens put into the cache, cost what input costs where the model has no price for them.
    ///   Reasoning tokens cost what output costs where it has none.
    /// - A price that the class of service does not have is the standard one.
    /// - For [`ServiceTier::Auto`], where nobody said which class was billed, it is the dearest.
    ///
    /// Numbers that contradict each other are cut: there is no more cached input than input.
    pub fn cost(&self, usage: &Usage, tier: ServiceTier) -> u64 {
        self.cost_with_kept_cache(usage, 0, tier)
    }

    /// As [`Price::cost`], for a call of which `kept` tokens of `usage.cache_creation` are kept in the provider's cache
    /// for longer than usual (Anthropic's hour), which has its own price.
    pub fn cost_with_kept_cache(&self, usage: &Usage, kept: u64, tier: ServiceTier) -> u64 {
        let dearest = billed(tier).iter().map(|class| self.rates(*class, usage.input).charge(usage, kept)).max();
        to_pico(dearest.unwrap_or(0))
    }

    /// The most that a call can cost, in pico-dollars: no call with at most these tokens, however they are split, costs
    /// more at [`Price::cost`].
    ///
    /// Providers serve a call in the standard class when they have no room in the one that was asked for, so that one
    /// is counted in; for [`ServiceTier::Auto`] all of them are.
    pub fn worst_case(&self, input_tokens: u64, output_tokens: u64, tier: ServiceTier) -> u64 {
        // Within a stretch between thresholds more is dearer, so only each one's last number of tokens matters. A
        // shorter call can be the dearest: nothing says that prices rise with the thresholds.
        let ends = self.lines.iter().map(|line| line.above.min(input_tokens)).chain([input_tokens]);
        let dearest = ends.flat_map(|input| {
            may_be_billed(tier).iter().map(move |class| self.rates(*class, input).most(input, output_tokens))
        });
        to_pico(dearest.max().unwrap_or(0))
    }

    /// The most input tokens that the model takes, where the price file says so.
    pub fn max_input_tokens(&self) -> Option<u64> {
        self.max_input
    }

    /// The most output tokens that the model makes, where the price file says so.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_output
    }

    /// Whether no token costs anything.
    pub fn is_free(&self) -> bool {
        self.lines.iter().flat_map(Line::all).all(Rate::is_zero)
    }

    /// The prices of a call with so many input tokens.
    fn rates(&self, class: Option<Class>, input_tokens: u64) -> Rates {
        let mut over = Line::default();
        for line in &self.lines {
            let high_enough = line.above == 0 || input_tokens > line.above;
            if high_enough && (line.class.is_none() || line.class == class) {
                over.lay(line);
            }
        }
        let input = over.input.unwrap_or_default();
        let output = over.output.unwrap_or_default();
        // Rows say that writing to the cache costs 0 where it costs nothing on top: the tokens are still input.
        let creation = over.creation.filter(|rate| !rate.is_zero()).unwrap_or(input);
        Rates {
            input,
            cached: over.cached.unwrap_or(input),
            creation,
            // Where only the shorter time has a special price, the standard one for the longer may be below it.
            kept: creation.max(over.kept.unwrap_or_default()),
            output,
            reasoning: over.reasoning.unwrap_or(output),
        }
    }
}

impl Line {
    /// Takes over what a more special line has.
    fn lay(&mut self, special: &Self) {
        if special.output.is_some() {
            // A new price of output without one of reasoning ends the old one of reasoning: else long or urgent
            // reasoning would cost less than the text beside it.
            (self.output, self.reasoning) = (special.output, special.reasoning);
        }
        self.reasoning = special.reasoning.or(self.reasoning);
        self.input = special.input.or(self.input);
        self.cached = special.cached.or(self.cached);
        self.creation = special.creation.or(self.creation);
        self.kept = special.kept.or(self.kept);
    }

    /// All prices of this line.
    pub(crate) fn all(&self) -> impl Iterator<Item = Rate> {
        [self.input, self.output, self.cached, self.creation, self.kept, self.reasoning].into_iter().flatten()
    }
}

impl Rates {
    /// What these tokens cost, in units of [`Rate`].
    fn charge(&self, usage: &Usage, kept: u64) -> u128 {
        let cached = usage.cached_input.min(usage.input);
        let beside = usage.input.saturating_sub(cached);
        let creation = usage.cache_creation.min(beside);
        let kept = kept.min(creation);
        let reasoning = usage.reasoning.min(usage.output);
        [
            times(beside.saturating_sub(creation), self.input),
            times(cached, self.cached),
            times(creation.saturating_sub(kept), self.creation),
            times(kept, self.kept),
            times(usage.output.saturating_sub(reasoning), self.output),
            times(reasoning, self.reasoning),
        ]
        .into_iter()
        .fold(0, u128::saturating_add)
    }

    /// What so many tokens cost when each is of the dearest kind.
    fn most(&self, input: u64, output: u64) -> u128 {
        let dearest_input = self.input.max(self.cached).max(self.creation).max(self.kept);
        times(input, dearest_input).saturating_add(times(output, self.output.max(self.reasoning)))
    }
}

fn times(tokens: u64, rate: Rate) -> u128 {
    u128::from(tokens).saturating_mul(rate.units())
}

/// The one place where a charge is rounded. A sum that was cut at `u128::MAX` is far above `u64::MAX` here.
fn to_pico(units: u128) -> u64 {
    u64::try_from(units.div_ceil(Rate::PER_PICO)).unwrap_or(u64::MAX)
}

/// The classes whose price a call pays.
fn billed(tier: ServiceTier) -> &'static [Option<Class>] {
    match tier {
        ServiceTier::Standard => &[None],
        ServiceTier::Flex => &[Some(Class::Flex)],
        ServiceTier::Priority => &[Some(Class::Priority)],
        ServiceTier::Auto => &[None, Some(Class::Flex), Some(Class::Priority)],
    }
}

/// The classes that the provider may bill for a request of this one.
fn may_be_billed(tier: ServiceTier) -> &'static [Option<Class>] {
    match tier {
        ServiceTier::Standard => &[None],
        ServiceTier::Flex => &[None, Some(Class::Flex)],
        ServiceTier::Priority => &[None, Some(Class::Priority)],
        ServiceTier::Auto => billed(tier),
    }
}

#[cfg(test)]
#[path = "price/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "price/tests.rs"]
mod tests;
