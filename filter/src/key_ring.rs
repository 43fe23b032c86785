//! The API keys of one backend in one worker: which an attempt takes, and which rest.
//!
//! A choice looks at a few numbers and allocates nothing. A key whose attempt was answered 401, 403 or 429 rests for a
//! while; if all do, the one that rests least long is taken, because a refusal of the backend's own tells the client
//! more than one of the gateway's.

use std::cell::Cell;
use std::rc::Rc;

use ditto_proto::sync::{ApiKeys, Balance};

/// How long a key rests that the backend does not know, or not for this, where it does not say.
const REFUSED_MS: u64 = 60_000;
/// How long one rests that was used too much, where the backend does not say.
const LIMITED_MS: u64 = 10_000;
/// However long the backend says.
const REST_MS_MAX: u64 = 600_000;

/// All keys of a backend.
#[derive(Debug)]
pub struct KeyRing {
    header: String,
    balance: Balance,
    keys: Vec<Rc<ApiKey>>,
    /// Counts choices, so that they go round.
    next: Cell<usize>,
    random: Cell<u64>,
}

#[derive(Debug)]
struct ApiKey {
    /// What the header says.
    value: String,
    rests_until_ms: Cell<u64>,
    /// Attempts under way.
    busy: Cell<u32>,
}

/// A key in use by one attempt, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held(Rc<ApiKey>);

impl Held {
    /// What the header says.
    pub(crate) fn value(&self) -> &str {
        &self.0.value
    }

    /// The attempt was answered with this status, and with these words on when to come again.
    pub(crate) fn answered(&self, status: u16, retry_after: Option<&[u8]>, now_ms: u64) {
        let usual = match status {
            401 | 403 => REFUSED_MS,
            429 => LIMITED_MS,
            _ => return,
        };
        let asked = retry_after.and_then(|value| retry_after_ms(value, now_ms));
        let rest = asked.unwrap_or(usual).clamp(1_000, REST_MS_MAX);
        self.0.rests_until_ms.set(now_ms.saturating_add(rest));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get().saturating_sub(1));
    }
}

impl KeyRing {
    /// The keys of a message. Those that `former` has as well go on as they are: resting, and in use.
    pub(crate) fn new(keys: &ApiKeys, former: Option<&Self>) -> Self {
        let known = |value: &String| former?.keys.iter().find(|key| key.value == *value).cloned();
        let fresh = |value: &String| {
            Rc::new(ApiKey { value: value.clone(), rests_until_ms: Cell::default(), busy: Cell::default() })
        };
        Self {
            header: keys.header.clone(),
            balance: keys.balance(),
            keys: keys.values.iter().map(|value| known(value).unwrap_or_else(|| fresh(value))).collect(),
            next: Cell::new(former.map_or(0, |former| former.next.get())),
            random: Cell::new(former.map_or(0x9e37_79b9_7f4a_7c15, |former| former.random.get())),
        }
    }

    /// Has this worker begin elsewhere than others: together they would all begin with the same key.
    pub(crate) fn begin_at(&self, random: u64) {
        self.next.set(usize::try_from(random % 0xffff).unwrap_or_default());
        self.random.set(random | 1);
    }

    /// The header that carries the key.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The key for an attempt; `None` if there is none at all.
    pub(crate) fn choose(&self, now_ms: u64) -> Option<Held> {
        let awake = || self.keys.iter().filter(|key| key.rests_until_ms.get() <= now_ms);
        let count = awake().count();
        let turn = self.next.get();
        self.next.set(turn.wrapping_add(1));
        let place = turn.checked_rem(count).unwrap_or_default();
        let chosen = match self.balance {
            _ if count == 0 => self.keys.iter().min_by_key(|key| key.rests_until_ms.get()),
            Balance::Unspecified | Balance::FirstAvailable => awake().next(),
            Balance::RoundRobin => awake().nth(place),
            Balance::Random => awake().nth(self.random_below(count)),
            // Of several that are as busy, each in turn.
            Balance::LeastBusy => {
                let from_here = awake().cycle().skip(place).take(count);
                from_here.min_by_key(|key| key.busy.get())
            }
        };
        let key = Rc::clone(chosen?);
        key.busy.set(key.busy.get().saturating_add(1));
        Some(Held(key))
    }

    /// Xorshift (<https://www.jstatsoft.org/article/view/v008i14>): chances need not be secret.
    fn random_below(&self, count: usize) -> usize {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        // The high bits are the better ones.
        usize::try_from(random >> 33).unwrap_or_default().checked_rem(count).unwrap_or_default()
    }
}

/// Milliseconds to wait by a `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after_ms(value: &[u8], now_ms: u64) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let at_ms = u64::try_from(date_seconds(text)?).ok()?.checked_mul(1_000)?;
    Some(at_ms.saturating_sub(now_ms))
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that is sent today (RFC 9110,
/// 5.6.7).
fn date_seconds(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|known| *known == month)?).ok()?.checked_add(1)?;
    let year: i64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock =
        words.next()?.split(':').map(|part| part.parse::<i64>().ok().filter(|part| (0..=60).contains(part)));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next() != Some("GMT") || !(1..=31).contains(&day) {
        return None;
    }
    // Days of the civil calendar (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>), where a year
    // begins with March.
    let shifted = if month > 2 { year } else { year.checked_sub(1)? };
    let month_of_shifted = if month > 2 { month.checked_sub(3)? } else { month.checked_add(9)? };
    let day_of_year =
        month_of_shifted.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day)?.checked_sub(1)?;
    let leaps = shifted.div_euclid(4).checked_sub(shifted.div_euclid(100))?.checked_add(shifted.div_euclid(400))?;
    let days = shifted.checked_mul(365)?.checked_add(leaps)?.checked_add(day_of_year)?.checked_sub(719_468)?;
    let minutes = days.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?;
    minutes.checked_mul(60)?.checked_add(second)
}

#[cfg(test)]
mod tests;
