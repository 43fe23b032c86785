//! What is left of a provider's rate limits, in the headers of the client's dialect.
//!
//! OpenAI: `x-ratelimit-limit-requests`, `…-remaining-…`, `…-reset-…`, the last a duration such as `6m0s`
//! (<https://platform.openai.com/docs/guides/rate-limits>). Anthropic: `anthropic-ratelimit-requests-limit` and so on,
//! the last a time of RFC 3339 (<https://platform.claude.com/docs/en/api/rate-limits>) (both seen 2026-11).
//! `retry-after` is everybody's and passes.

use ditto_llm::time::{of_rfc3339, to_rfc3339};

use crate::client::Client;

/// The kinds of limits that both dialects know.
const KINDS: [&str; 4] = ["requests", "tokens", "input-tokens", "output-tokens"];
/// What is said of each.
const SAID: [&str; 3] = ["limit", "remaining", "reset"];
/// A day: longer resets are none that a provider says.
const RESET_SECONDS_MAX: u64 = 86_400;

/// A backend's header as a client of this dialect has it; `None` for any other header, and for clients that know none.
pub fn translate(client: Client, name: &str, value: &str, now_seconds: u64) -> Option<(String, String)> {
    match client {
        Client::Messages => to_anthropic(name, value, now_seconds),
        Client::Chat | Client::Completions | Client::Responses => to_openai(name, value, now_seconds),
        Client::Gemini => None,
    }
}

fn to_openai(name: &str, value: &str, now_seconds: u64) -> Option<(String, String)> {
    let rest = name.strip_prefix("anthropic-ratelimit-")?;
    let (kind, said) = rest.rsplit_once('-')?;
    if !KINDS.contains(&kind) || !SAID.contains(&said) {
        return None;
    }
    let value = match said {
        "reset" => {
            let seconds = of_rfc3339(value)?.saturating_sub(now_seconds).min(RESET_SECONDS_MAX);
            format!("{seconds}s")
        }
        _ => value.to_owned(),
    };
    Some((format!("x-ratelimit-{said}-{kind}"), value))
}

fn to_anthropic(name: &str, value: &str, now_seconds: u64) -> Option<(String, String)> {
    let rest = name.strip_prefix("x-ratelimit-")?;
    let (said, kind) = rest.split_once('-')?;
    if !KINDS.contains(&kind) || !SAID.contains(&said) {
        return None;
    }
    let value = match said {
        "reset" => to_rfc3339(now_seconds.checked_add(seconds_of_duration(value)?)?),
        _ => value.to_owned(),
    };
    Some((format!("anthropic-ratelimit-{kind}-{said}"), value))
}

/// Whole seconds of a duration such as `1h2m3.5s` or `120ms`, rounded up.
fn seconds_of_duration(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut milliseconds = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let number: f64 = number.parse().ok()?;
        let letters = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        milliseconds += number
            * match unit {
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 6e4,
                "h" => 3.6e6,
                "d" => 8.64e7,
                _ => return None,
            };
        rest = tail;
    }
    Some(((milliseconds / 1e3).ceil() as u64).min(RESET_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T10:00:00Z
    const NOW: u64 = 1_795_255_200;

    fn translated(client: Client, name: &str, value: &str) -> Option<(String, String)> {
        translate(client, name, value, NOW)
    }

    #[test]
    fn limits_keep_their_numbers_and_resets_their_time() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(
            translated(Client::Chat, "anthropic-ratelimit-input-tokens-remaining", "9"),
            pair("x-ratelimit-remaining-input-tokens", "9")
        );
        assert_eq!(
            translated(Client::Chat, "anthropic-ratelimit-requests-reset", "2026-11-21T10:01:30Z"),
            pair("x-ratelimit-reset-requests", "90s")
        );
        assert_eq!(
            translated(Client::Messages, "x-ratelimit-reset-tokens", "1m30s"),
            pair("anthropic-ratelimit-tokens-reset", "2026-11-21T10:01:30Z")
        );
        assert_eq!(
            translated(Client::Messages, "x-ratelimit-limit-requests", "60"),
            pair("anthropic-ratelimit-requests-limit", "60")
        );
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        for (client, name, value) in [
            (Client::Gemini, "x-ratelimit-limit-requests", "60"),
            (Client::Chat, "x-ratelimit-limit-requests", "60"),
            (Client::Chat, "anthropic-ratelimit-unified-status", "allowed"),
            (Client::Chat, "anthropic-ratelimit-requests-reset", "tomorrow"),
            (Client::Messages, "x-ratelimit-reset-tokens", "soon"),
            (Client::Messages, "x-ratelimit-reset-tokens", "5"),
        ] {
            assert_eq!(translated(client, name, value), None, "{name}: {value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_value_panics(value in ".{0,40}") {
            let _ = translate(Client::Chat, "anthropic-ratelimit-requests-reset", &value, NOW);
            let _ = translate(Client::Messages, "x-ratelimit-reset-requests", &value, u64::MAX);
        }
    }
}
