//! What is left of a provider's rate limits, in the headers of the client's dialect.
//!
//! OpenAI: `x-ratelimit-limit-requests`, `…-remaining-…`, `…-reset-…`, the last a duration such as `6m0s`
//! (<https://platform.openai.com/docs/guides/rate-limits>). Anthropic: `anthropic-ratelimit-requests-limit` and so on,
//! the last a time of RFC 3339 (<https://platform.claude.com/docs/en/api/rate-limits>) (both seen 2026-11).
//! `retry-after` is everybody's and passes.

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
            let seconds = seconds_of_time(value)?.saturating_sub(now_seconds).min(RESET_SECONDS_MAX);
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
        "reset" => time_of_seconds(now_seconds.checked_add(seconds_of_duration(value)?)?),
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

/// Seconds since 1970 of a time such as `2026-11-21T10:00:00Z`.
fn seconds_of_time(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let time = time.get(..8).filter(|_| text.ends_with('Z') || text.ends_with("+00:00"))?;
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = u64::try_from(days_of_date(year, month, day)).ok()?;
    days.checked_mul(86_400)?.checked_add(hour * 3_600 + minute * 60 + second)
}

/// Days since 1970 of a date; <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The time of so many seconds since 1970.
fn time_of_seconds(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = i64::try_from(days).unwrap_or(0).min(2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
        fn times_survive_the_way_there_and_back(seconds in 0_u64..253_402_300_799) {
            proptest::prop_assert_eq!(seconds_of_time(&time_of_seconds(seconds)), Some(seconds));
        }

        #[test]
        fn no_value_panics(value in ".{0,40}") {
            let _ = translate(Client::Chat, "anthropic-ratelimit-requests-reset", &value, NOW);
            let _ = translate(Client::Messages, "x-ratelimit-reset-requests", &value, u64::MAX);
        }
    }
}
