//! The flags of what becomes of attempts that fail.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::health::HealthChecks;
use crate::resources::resilience::{Breaker, Resilience, Retry};

/// Statuses that may be named as failures.
const STATUSES: RangeInclusive<i64> = 400..=599;
/// The statuses that are tried again unless they are named.
const RETRIED: [u16; 5] = [429, 500, 502, 503, 504];

/// Retries and the circuit breaker.
#[derive(Debug, Clone, Args)]
pub struct ResilienceFlags {
    /// Tries the next candidate also when a backend answers with one of --proxy-retry-status-codes
    #[arg(long)]
    pub proxy_retry: bool,
    /// The statuses after which the next candidate is tried, unless given 429,500,502,503,504; implies --proxy-retry
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(STATUSES))]
    pub proxy_retry_status_codes: Vec<u16>,
    /// Attempts of one request, the first included; implies --proxy-retry. By default one for each candidate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub proxy_retry_max_attempts: Option<u32>,
    /// More statuses after which the next candidate is tried, with or without --proxy-retry
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(STATUSES))]
    pub proxy_fallback_status_codes: Vec<u16>,
    /// What follows when a backend cannot be reached or breaks off: the next candidate, or the failure itself
    #[arg(long, value_enum, value_name = "ACTION", default_value = "fallback", hide_possible_values = true)]
    pub proxy_network_error_action: FailureAction,
    /// The same when it does not begin its reply in time
    #[arg(long, value_enum, value_name = "ACTION", default_value = "fallback", hide_possible_values = true)]
    pub proxy_timeout_error_action: FailureAction,
    /// Passes over a backend that has failed several times in a row
    #[arg(long)]
    pub proxy_circuit_breaker: bool,
    /// So many times, 3 unless given; implies --proxy-circuit-breaker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub proxy_cb_failure_threshold: Option<u32>,
    /// For so many seconds, 30 unless given; implies --proxy-circuit-breaker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub proxy_cb_cooldown_secs: Option<u32>,
    /// More statuses that count as failures, beside 5xx and those that are tried again; implies --proxy-circuit-breaker
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(STATUSES))]
    pub proxy_cb_failure_status_codes: Vec<u16>,
    /// Does not count network failures; only together with --proxy-cb-no-timeout-errors
    #[arg(long, requires = "proxy_cb_no_timeout_errors")]
    pub proxy_cb_no_network_errors: bool,
    /// Does not count timeouts; only together with --proxy-cb-no-network-errors
    #[arg(long, requires = "proxy_cb_no_network_errors")]
    pub proxy_cb_no_timeout_errors: bool,
    /// Does not count 5xx, save those that are named or tried again
    #[arg(long)]
    pub proxy_cb_no_server_errors: bool,
    /// Asks each backend again and again whether it answers, and passes over those that do not
    #[arg(long)]
    pub proxy_health_checks: bool,
    /// Where, below the base URL; by default where the backend lists its models (/v1/models); implies
    /// --proxy-health-checks
    #[arg(long, value_name = "PATH", value_parser = health_check_path)]
    pub proxy_health_check_path: Option<String>,
    /// How often, in seconds, 10 unless given; implies --proxy-health-checks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub proxy_health_check_interval_secs: Option<u64>,
    /// How long an answer may take, in seconds, 2 unless given; implies --proxy-health-checks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub proxy_health_check_timeout_secs: Option<u64>,
}

/// What follows a failure. An attempt is always at another backend, so `fallback` and `retry` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailureAction {
    /// The client is told.
    None,
    /// The next candidate is tried.
    Fallback,
    /// The next candidate is tried.
    Retry,
}

impl ResilienceFlags {
    /// What Envoy is told.
    ///
    /// # Errors
    /// Flags that contradict each other, or that Envoy cannot follow together.
    pub fn resilience(&self) -> Result<Resilience, String> {
        Ok(Resilience { retry: self.retry()?, breaker: self.breaker() })
    }

    /// How backends are checked; `None`: not at all.
    pub fn health_checks(&self) -> Option<HealthChecks> {
        let enabled = self.proxy_health_checks
            || self.proxy_health_check_path.is_some()
            || self.proxy_health_check_interval_secs.is_some()
            || self.proxy_health_check_timeout_secs.is_some();
        enabled.then(|| HealthChecks {
            path: self.proxy_health_check_path.clone(),
            interval: Duration::from_secs(self.proxy_health_check_interval_secs.unwrap_or(10)),
            timeout: Duration::from_secs(self.proxy_health_check_timeout_secs.unwrap_or(2)),
        })
    }

    fn retry(&self) -> Result<Retry, String> {
        let enabled =
            self.proxy_retry || !self.proxy_retry_status_codes.is_empty() || self.proxy_retry_max_attempts.is_some();
        let retried = match self.proxy_retry_status_codes.as_slice() {
            [] if enabled => &RETRIED[..],
            codes => codes,
        };
        let network_errors = self.proxy_network_error_action != FailureAction::None;
        let timeouts = self.proxy_timeout_error_action != FailureAction::None;
        if timeouts && !network_errors {
            // To Envoy, an attempt that it gave up itself is one whose connection broke.
            return Err("--proxy-network-error-action none needs --proxy-timeout-error-action none: an attempt that \
                        took too long cannot be told from one that broke off"
                .to_owned());
        }
        Ok(Retry {
            status_codes: sorted(retried.iter().chain(&self.proxy_fallback_status_codes)),
            attempts_max: self.proxy_retry_max_attempts,
            network_errors,
            timeouts,
        })
    }

    fn breaker(&self) -> Option<Breaker> {
        let enabled = self.proxy_circuit_breaker
            || self.proxy_cb_failure_threshold.is_some()
            || self.proxy_cb_cooldown_secs.is_some()
            || !self.proxy_cb_failure_status_codes.is_empty();
        let retried = self.retry().map(|retry| retry.status_codes).unwrap_or_default();
        enabled.then(|| Breaker {
            failures: self.proxy_cb_failure_threshold.unwrap_or(3),
            cooldown_seconds: self.proxy_cb_cooldown_secs.unwrap_or(30),
            status_codes: sorted(retried.iter().chain(&self.proxy_cb_failure_status_codes)),
            server_errors: !self.proxy_cb_no_server_errors,
            network_errors: !self.proxy_cb_no_network_errors,
        })
    }
}

fn health_check_path(path: &str) -> Result<String, String> {
    let can_stand_in_a_url = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if path.starts_with('/') && can_stand_in_a_url {
        return Ok(path.to_owned());
    }
    Err("a path begins with '/' and has no spaces, such as /v1/models".to_owned())
}

fn sorted<'c>(codes: impl Iterator<Item = &'c u16>) -> Vec<u16> {
    let mut codes: Vec<u16> = codes.copied().collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn flags(flags: &str) -> Result<ResilienceFlags, String> {
        let line = ["ditto-gateway", "g.json"].into_iter().chain(flags.split_whitespace());
        CommandLine::try_parse_from(line).map(|line| line.run.resilience).map_err(|error| error.to_string())
    }

    fn parse(line: &str) -> Resilience {
        flags(line).unwrap().resilience().unwrap()
    }

    #[test]
    fn without_flags_only_failures_of_the_network_and_timeouts_are_followed() {
        assert_eq!(parse(""), Resilience::default());
        let retry = Resilience::default().retry;
        assert!(retry.status_codes.is_empty() && retry.network_errors && retry.timeouts);
    }

    #[test]
    fn each_option_of_the_retry_implies_it() {
        let default = parse("--proxy-retry").retry;
        assert_eq!((default.status_codes.as_slice(), default.attempts_max), (&RETRIED[..], None));
        assert_eq!(parse("--proxy-retry-max-attempts 2").retry, Retry { attempts_max: Some(2), ..default });
        assert_eq!(parse("--proxy-retry-status-codes 503,429,503").retry.status_codes, [429, 503]);
        assert_eq!(parse("--proxy-fallback-status-codes 404").retry.status_codes, [404]);
        assert_eq!(parse("--proxy-retry --proxy-fallback-status-codes 404").retry.status_codes.len(), 6);
    }

    #[test]
    fn each_option_of_the_breaker_implies_it() {
        let default = Breaker {
            failures: 3,
            cooldown_seconds: 30,
            status_codes: vec![],
            server_errors: true,
            network_errors: true,
        };
        assert_eq!(parse("--proxy-circuit-breaker").breaker.as_ref(), Some(&default));
        assert_eq!(parse("--proxy-cb-failure-threshold 5").breaker, Some(Breaker { failures: 5, ..default.clone() }));
        let cooldown = parse("--proxy-cb-cooldown-secs 2").breaker;
        assert_eq!(cooldown, Some(Breaker { cooldown_seconds: 2, ..default.clone() }));
        let codes = parse("--proxy-cb-failure-status-codes 408 --proxy-retry-status-codes 429").breaker;
        assert_eq!(codes, Some(Breaker { status_codes: vec![408, 429], ..default.clone() }));
        let none = "--proxy-circuit-breaker --proxy-cb-no-server-errors --proxy-cb-no-network-errors \
                    --proxy-cb-no-timeout-errors";
        assert_eq!(parse(none).breaker, Some(Breaker { server_errors: false, network_errors: false, ..default }));
    }

    #[test]
    fn failures_may_be_passed_on() {
        let retry = parse("--proxy-timeout-error-action none").retry;
        assert_eq!((retry.network_errors, retry.timeouts), (true, false));
        let retry = parse("--proxy-timeout-error-action none --proxy-network-error-action none").retry;
        assert_eq!((retry.network_errors, retry.timeouts), (false, false));
        assert_eq!(parse("--proxy-timeout-error-action retry"), Resilience::default());
        let refused = flags("--proxy-network-error-action none").unwrap().resilience().unwrap_err();
        assert!(refused.contains("--proxy-timeout-error-action none"), "{refused}");
    }

    #[test]
    fn each_option_of_the_checks_implies_them() {
        let checks = |line| flags(line).unwrap().health_checks();
        let default = HealthChecks { path: None, interval: Duration::from_secs(10), timeout: Duration::from_secs(2) };
        assert_eq!(checks(""), None);
        assert_eq!(checks("--proxy-health-checks").as_ref(), Some(&default));
        let path = Some("/health?deep=1".to_owned());
        assert_eq!(checks("--proxy-health-check-path /health?deep=1"), Some(HealthChecks { path, ..default.clone() }));
        let interval = Duration::from_secs(3);
        assert_eq!(checks("--proxy-health-check-interval-secs 3"), Some(HealthChecks { interval, ..default.clone() }));
        let timeout = Duration::from_secs(4);
        assert_eq!(checks("--proxy-health-check-timeout-secs 4"), Some(HealthChecks { timeout, ..default }));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (line, named) in [
            ("--proxy-health-check-path health", "begins with '/'"),
            ("--proxy-health-check-path /a#b", "begins with '/'"),
            ("--proxy-health-check-interval-secs 0", "--proxy-health-check-interval-secs"),
            ("--proxy-health-check-timeout-secs x", "--proxy-health-check-timeout-secs"),
            ("--proxy-retry-status-codes 200", "--proxy-retry-status-codes"),
            ("--proxy-retry-status-codes 503,x", "--proxy-retry-status-codes"),
            ("--proxy-retry-max-attempts 0", "--proxy-retry-max-attempts"),
            ("--proxy-network-error-action perhaps", "--proxy-network-error-action"),
            ("--proxy-cb-failure-threshold 0", "--proxy-cb-failure-threshold"),
            ("--proxy-cb-cooldown-secs 0", "--proxy-cb-cooldown-secs"),
            ("--proxy-cb-no-network-errors", "--proxy-cb-no-timeout-errors"),
            ("--proxy-cb-no-timeout-errors", "--proxy-cb-no-network-errors"),
        ] {
            let error = flags(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
