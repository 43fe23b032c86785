//! The flags of limits and budgets.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use ditto_ledger::Policy;
use ditto_policy::filter_config::Metering;
use ditto_pricing::micros_to_pico;

use crate::ledger::options::{FailOpen, LedgerOptions, OnLoss};

/// Of the fail-open allowance, so many tokens or micro-dollars stand for a request that a limit of the minute counts.
const ALLOWANCE_PER_REQUEST: u64 = 1_000;

/// How requests are counted, charged and refused.
#[derive(Debug, Clone, Args)]
pub struct LimitFlags {
    /// What models cost: LiteLLM's price file. Cost budgets and costs need it
    #[arg(long, value_name = "PATH")]
    pub pricing_litellm: Option<PathBuf>,
    /// More requests at once, in one Envoy, are refused with 429 `inflight_limit`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub proxy_max_in_flight: Option<u32>,
    /// How closely keys that say nothing of it keep their budgets: `strict` also caps what a request may produce
    #[arg(long, value_enum, value_name = "MODE", default_value = "estimate", hide_possible_values = true)]
    pub budget_mode: BudgetModeFlag,
    /// The status for an exhausted budget: 402, or 429 as LiteLLM has it
    #[arg(long, value_name = "402|429", default_value = "402", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(["402", "429"]).map(|text| if text == "429" { 429_u16 } else { 402 }))]
    pub budget_status: u16,
    /// Output tokens reserved in strict mode where neither the request nor the price list says how many there may be
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = clap::value_parser!(u64).range(1..))]
    pub strict_output_tokens: u64,
    /// How long a worker may spend from what it holds of a budget without being heard of
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    pub lease_secs: u64,
    /// What a worker held that was not heard of again is charged, because it may be spent, or released
    #[arg(long, value_enum, value_name = "RULE", default_value = "charge", hide_possible_values = true)]
    pub lease_expiry: LeaseExpiry,
    /// When the ledger has lost what it knew: refuse limited keys until an operator's word, or continue with what is left
    #[arg(long, value_enum, value_name = "RULE", default_value = "refuse", hide_possible_values = true)]
    pub ledger_on_loss: OnLossFlag,
    /// While the ledger is away: tokens that limited keys may use nevertheless, all together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub ledger_fail_open_tokens: Option<u64>,
    /// The same in millionths of a dollar
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub ledger_fail_open_usd_micros: Option<u64>,
    /// Replicas of Redis that must have a change within so many milliseconds, else it is reported as at risk
    #[arg(long, value_name = "REPLICAS:MS", requires = "redis_url")]
    pub redis_wait: Option<RedisWait>,
    /// Every request asks the ledger for itself. For comparison only.
    #[arg(long, hide = true)]
    pub lease_exact: bool,
}

/// See [`LimitFlags::budget_mode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BudgetModeFlag {
    /// What a request may cost is estimated; one that produces more is charged more.
    Estimate,
    /// A request cannot produce more than is reserved for it.
    Strict,
}

/// See [`LimitFlags::lease_expiry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeaseExpiry {
    /// Charged.
    Charge,
    /// Given back.
    Release,
}

/// See [`LimitFlags::ledger_on_loss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnLossFlag {
    /// Limited keys are refused until an operator accepts the loss.
    Refuse,
    /// The ledger as it was found is taken, with a warning.
    Continue,
}

/// `REPLICAS:MS`, as Redis's `WAIT` takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisWait {
    /// How many replicas.
    pub replicas: u32,
    /// How long to wait for them.
    pub within: Duration,
}

impl FromStr for RedisWait {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "it is REPLICAS:MS, as in 1:50: at least one replica, and 1 to 1000 milliseconds";
        let (replicas, ms) = text.split_once(':').ok_or(FORM)?;
        let (replicas, ms) = (replicas.parse().map_err(|_| FORM)?, ms.parse().map_err(|_| FORM)?);
        // Longer than this, the step itself would be given up.
        if replicas == 0 || !(1..=1_000).contains(&ms) {
            return Err(FORM);
        }
        Ok(Self { replicas, within: Duration::from_millis(ms) })
    }
}

impl LimitFlags {
    /// What the filter is told, but for prices. `usage_max_body_bytes` is a flag of its own.
    pub fn metering(&self, usage_max_body_bytes: u64) -> Metering {
        Metering {
            usage_max_body_bytes,
            budget_status: self.budget_status,
            strict: self.budget_mode == BudgetModeFlag::Strict,
            max_in_flight: self.proxy_max_in_flight,
            strict_output_tokens: self.strict_output_tokens,
            exact_leases: self.lease_exact,
            prices: None,
        }
    }

    /// What the ledger is told.
    pub fn ledger(&self) -> LedgerOptions {
        LedgerOptions {
            policy: Policy {
                lease_ms: self.lease_secs.saturating_mul(1_000),
                release_expired: self.lease_expiry == LeaseExpiry::Release,
                ..Policy::default()
            },
            on_loss: match self.ledger_on_loss {
                OnLossFlag::Refuse => OnLoss::Halt,
                OnLossFlag::Continue => OnLoss::Continue,
            },
            fail_open: self.fail_open(),
        }
    }

    /// What may be used while the ledger is away; `None`: nothing. A unit that no flag names has no allowance: a bound
    /// on the other would be none on it.
    fn fail_open(&self) -> Option<FailOpen> {
        let (tokens, micros) = (self.ledger_fail_open_tokens, self.ledger_fail_open_usd_micros);
        let larger = tokens.max(micros)?;
        Some(FailOpen {
            tokens: tokens.unwrap_or(0),
            pico_usd: micros_to_pico(micros.unwrap_or(0)),
            requests: larger.div_ceil(ALLOWANCE_PER_REQUEST),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn parse(flags: &str) -> Result<LimitFlags, clap::Error> {
        let line = ["ditto-gateway", "g.json"].into_iter().chain(flags.split_whitespace());
        CommandLine::try_parse_from(line).map(|line| line.run.limits)
    }

    #[test]
    fn without_flags_the_filter_has_its_defaults() {
        assert_eq!(parse("").unwrap().metering(1 << 20), Metering::default());
    }

    #[test]
    fn flags_reach_the_filter() {
        let flags =
            "--proxy-max-in-flight 3 --budget-mode strict --budget-status 429 --strict-output-tokens 7 --lease-exact";
        let expected = Metering {
            usage_max_body_bytes: 5,
            budget_status: 429,
            strict: true,
            max_in_flight: Some(3),
            strict_output_tokens: 7,
            exact_leases: true,
            prices: None,
        };
        assert_eq!(parse(flags).unwrap().metering(5), expected);
    }

    #[test]
    fn flags_reach_the_ledger() {
        let options = parse("").unwrap().ledger();
        assert_eq!((options.policy, options.on_loss, options.fail_open), (Policy::default(), OnLoss::Halt, None));
        let options = parse("--lease-secs 5 --lease-expiry release --ledger-on-loss continue").unwrap().ledger();
        assert_eq!(options.policy, Policy { lease_ms: 5_000, release_expired: true, ..Policy::default() });
        assert_eq!(options.on_loss, OnLoss::Continue);
    }

    #[test]
    fn what_fails_open_is_bounded_in_every_unit() {
        let allowance = |flags| parse(flags).unwrap().ledger().fail_open.unwrap();
        let tokens = FailOpen { tokens: 2_001, pico_usd: 0, requests: 3 };
        assert_eq!(allowance("--ledger-fail-open-tokens 2001"), tokens);
        let dollars = FailOpen { tokens: 0, pico_usd: 5_000_000, requests: 1 };
        assert_eq!(allowance("--ledger-fail-open-usd-micros 5"), dollars);
        let both = FailOpen { requests: 3, ..FailOpen { pico_usd: 5_000_000, ..tokens } };
        assert_eq!(allowance("--ledger-fail-open-tokens 2001 --ledger-fail-open-usd-micros 5"), both);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for flags in [
            "--proxy-max-in-flight 0",
            "--budget-mode lax",
            "--budget-status 403",
            "--strict-output-tokens 0",
            "--lease-secs 4",
            "--lease-secs 601",
            "--lease-expiry forget",
            "--ledger-on-loss shrug",
            "--ledger-fail-open-tokens 0",
            "--redis-wait 1:50",
            "--redis redis://a --redis-wait 1",
            "--redis redis://a --redis-wait 0:50",
            "--redis redis://a --redis-wait 1:0",
            "--redis redis://a --redis-wait 1:1001",
        ] {
            assert!(parse(flags).is_err(), "{flags}");
        }
        let wait = parse("--redis redis://a --redis-wait 2:50").unwrap().redis_wait.unwrap();
        assert_eq!((wait.replicas, wait.within), (2, Duration::from_millis(50)));
    }
}
