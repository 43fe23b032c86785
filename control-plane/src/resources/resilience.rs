//! What follows a failed attempt, in Envoy's words: retry policies and outlier detection.

use envoy_types::pb::envoy::config::cluster::v3::OutlierDetection;
use envoy_types::pb::envoy::config::common::matcher::v3::match_predicate::Rule;
use envoy_types::pb::envoy::config::common::matcher::v3::{HttpHeadersMatch, MatchPredicate};
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::retry_policy::retry_priority::ConfigType;
use envoy_types::pb::envoy::config::route::v3::retry_policy::{RetryBackOff, RetryPriority};
use envoy_types::pb::envoy::config::route::v3::{HeaderMatcher, RetryPolicy};
use envoy_types::pb::envoy::extensions::retry::priority::previous_priorities::v3::PreviousPrioritiesConfig;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::OutlierDetection as ErrorMatcher;
use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher};
use envoy_types::pb::google::protobuf::Duration;

use super::proto::{pack, seconds, u32_value};

/// The longest wait before the next candidate is tried: it is another backend, which has nothing to recover from.
const PAUSE_MS_MAX: i32 = 2;

/// What becomes of attempts that fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resilience {
    /// When the next candidate is tried.
    pub retry: Retry,
    /// When a backend is passed over; `None`: never.
    pub breaker: Option<Breaker>,
}

/// After what the next candidate is tried, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Statuses of a backend, in order.
    pub status_codes: Vec<u16>,
    /// Attempts of one request, the first included; `None`: one for each candidate.
    pub attempts_max: Option<u32>,
    /// A backend that cannot be reached, or breaks off before its reply.
    pub network_errors: bool,
    /// A backend that does not begin its reply in time. Only together with `network_errors`.
    pub timeouts: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self { status_codes: Vec::new(), attempts_max: None, network_errors: true, timeouts: true }
    }
}

/// After how many failures in a row a backend is passed over, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row.
    pub failures: u32,
    /// The pause, in seconds.
    pub cooldown_seconds: u32,
    /// Statuses that count, in order.
    pub status_codes: Vec<u16>,
    /// Whether 5xx count.
    pub server_errors: bool,
    /// Whether network failures and timeouts count.
    pub network_errors: bool,
}

impl Resilience {
    /// Whether members of a chain can be ejected, so that it needs something for when all are.
    pub(super) fn has_last_resort(&self) -> bool {
        self.breaker.is_some()
    }
}

impl Retry {
    /// The policy of a route with so many candidates: each retry leaves out the priorities already tried. Envoy never
    /// retries a reply that has begun.
    pub(super) fn policy(&self, candidates: usize, per_try_seconds: u32) -> Option<RetryPolicy> {
        let candidates = u32::try_from(candidates).unwrap_or(u32::MAX);
        let retries = self.attempts_max.unwrap_or(u32::MAX).min(candidates).saturating_sub(1);
        if retries == 0 {
            return None;
        }
        let mut conditions = Vec::new();
        if self.network_errors {
            conditions.extend(["connect-failure", "refused-stream", "reset"]);
        }
        if !self.status_codes.is_empty() {
            conditions.push("retriable-status-codes");
        }
        let priority = PreviousPrioritiesConfig { update_frequency: 1 };
        let pause = |milliseconds| Some(Duration { seconds: 0, nanos: milliseconds * 1_000_000 });
        Some(RetryPolicy {
            retry_on: conditions.join(","),
            retriable_status_codes: self.status_codes.iter().map(|&code| u32::from(code)).collect(),
            num_retries: u32_value(retries),
            // An attempt that Envoy gave up counts as a reset; without a bound of its own, only the request has one.
            per_try_timeout: self.timeouts.then(|| seconds(per_try_seconds)).flatten(),
            retry_back_off: Some(RetryBackOff { base_interval: pause(1), max_interval: pause(PAUSE_MS_MAX) }),
            retry_priority: Some(RetryPriority {
                name: "envoy.retry_priorities.previous_priorities".into(),
                config_type: Some(ConfigType::TypedConfig(pack(&priority))),
            }),
            ..Default::default()
        })
    }
}

/// The policy of a backend that stands alone with several keys: a refused key is followed by another one. The filter
/// has put the refused one to rest by then.
pub(super) fn keys_policy(retries: u32) -> Option<RetryPolicy> {
    let pause = |milliseconds| Some(Duration { seconds: 0, nanos: milliseconds * 1_000_000 });
    (retries > 0).then(|| RetryPolicy {
        retry_on: "retriable-status-codes".into(),
        retriable_status_codes: vec![401, 403, 429],
        num_retries: u32_value(retries),
        retry_back_off: Some(RetryBackOff { base_interval: pause(1), max_interval: pause(PAUSE_MS_MAX) }),
        ..Default::default()
    })
}

impl Breaker {
    /// The detection of a backend's cluster. It has one host, so that "all of them" may be ejected; a route with a
    /// single candidate still uses it, because a cluster without a healthy host is in panic.
    pub(super) fn detection(&self) -> OutlierDetection {
        OutlierDetection {
            consecutive_5xx: u32_value(self.failures),
            enforcing_consecutive_5xx: u32_value(100),
            enforcing_consecutive_gateway_failure: u32_value(0),
            enforcing_success_rate: u32_value(0),
            // When both kinds count, they count together: a refused connection after a 503 is the second failure.
            split_external_local_origin_errors: !self.network_errors,
            enforcing_consecutive_local_origin_failure: u32_value(0),
            enforcing_local_origin_success_rate: u32_value(0),
            // How often Envoy looks whose pause is over.
            interval: seconds(1),
            base_ejection_time: seconds(self.cooldown_seconds),
            max_ejection_time: seconds(self.cooldown_seconds),
            max_ejection_percent: u32_value(100),
            ..Default::default()
        }
    }

    /// Which replies count; `None`: 5xx, as Envoy has it.
    pub(super) fn errors(&self) -> Option<ErrorMatcher> {
        let codes = self.status_codes.iter().filter(|code| !(self.server_errors && **code >= 500));
        let mut patterns: Vec<String> = codes.map(u16::to_string).collect();
        match (self.server_errors, patterns.is_empty()) {
            (true, true) => return None,
            (true, false) => patterns.push("5..".to_owned()),
            (false, _) => {}
        }
        let rule = match patterns.is_empty() {
            true => Rule::NotMatch(Box::new(MatchPredicate { rule: Some(Rule::AnyMatch(true)) })),
            false => status(&patterns.join("|")),
        };
        Some(ErrorMatcher { error_matcher: Some(MatchPredicate { rule: Some(rule) }) })
    }
}

/// Replies whose status matches a regular expression.
fn status(regex: &str) -> Rule {
    let matcher = StringMatcher {
        match_pattern: Some(MatchPattern::SafeRegex(RegexMatcher { regex: regex.to_owned(), ..Default::default() })),
        ..Default::default()
    };
    let header = HeaderMatcher {
        name: ":status".into(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(matcher)),
        ..Default::default()
    };
    Rule::HttpResponseHeadersMatch(HttpHeadersMatch { headers: vec![header] })
}
