use std::collections::BTreeMap;

use super::*;

const NOW: u64 = 1_700_000_000_000;

fn keys(balance: Balance, values: &[&str]) -> ApiKeys {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ApiKeys { header: "authorization".into(), balance: balance.into(), values }
}

fn ring(balance: Balance, values: &[&str]) -> KeyRing {
    KeyRing::new(&keys(balance, values), None)
}

fn chosen(ring: &KeyRing, now_ms: u64) -> String {
    ring.choose(now_ms).unwrap().value().to_owned()
}

/// How often each key was chosen.
fn counts(ring: &KeyRing, choices: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..choices {
        *counts.entry(chosen(ring, NOW)).or_default() += 1;
    }
    counts
}

/// Puts the key of this value to rest, as a refusal of its attempt does.
fn refuse(ring: &KeyRing, value: &str, status: u16, retry_after: Option<&[u8]>) {
    let key = ring.keys.iter().find(|key| key.value == value).unwrap();
    key.busy.set(key.busy.get() + 1);
    Held(Rc::clone(key)).answered(status, retry_after, NOW);
}

#[test]
fn every_strategy_divides_as_it_says() {
    let values = ["a", "b", "c", "d"];
    assert_eq!(counts(&ring(Balance::FirstAvailable, &values), 100), BTreeMap::from([("a".to_owned(), 100)]));
    for balance in [Balance::RoundRobin, Balance::LeastBusy] {
        let counts = counts(&ring(balance, &values), 10_000);
        assert!(counts.len() == 4 && counts.values().all(|count| *count == 2_500), "{balance:?}: {counts:?}");
    }
    let counts = counts(&ring(Balance::Random, &values), 10_000);
    assert!(counts.len() == 4 && counts.values().all(|count| (2_300..=2_700).contains(count)), "{counts:?}");
}

#[test]
fn a_resting_key_leaves_its_share_to_all_others_alike() {
    for balance in [Balance::RoundRobin, Balance::LeastBusy, Balance::Random] {
        let ring = ring(balance, &["a", "b", "c", "d"]);
        refuse(&ring, "b", 429, None);
        let counts = counts(&ring, 9_000);
        assert!(!counts.contains_key("b"), "{balance:?}: {counts:?}");
        assert!(counts.values().all(|count| (2_800..=3_200).contains(count)), "{balance:?}: {counts:?}");
    }
    let ring = ring(Balance::FirstAvailable, &["a", "b", "c"]);
    refuse(&ring, "a", 401, None);
    assert_eq!(chosen(&ring, NOW), "b");
}

#[test]
fn the_busiest_key_waits_until_others_are_as_busy() {
    let ring = ring(Balance::LeastBusy, &["a", "b", "c"]);
    let mut held: Vec<_> = (0..6).map(|_| ring.choose(NOW).unwrap()).collect();
    let busy = |ring: &KeyRing| ring.keys.iter().map(|key| key.busy.get()).collect::<Vec<_>>();
    assert_eq!(busy(&ring), [2, 2, 2]);
    held.retain(|held| held.value() != "b");
    assert_eq!(busy(&ring), [2, 0, 2]);
    let next: Vec<_> = (0..2).map(|_| ring.choose(NOW).unwrap()).collect();
    assert!(next.iter().all(|held| held.value() == "b"), "{next:?}");
    drop((held, next));
    assert_eq!(busy(&ring), [0, 0, 0]);
}

#[test]
fn a_rest_is_as_long_as_the_backend_says_within_bounds() {
    let rested = |status, retry_after: Option<&str>| {
        let ring = ring(Balance::FirstAvailable, &["a"]);
        refuse(&ring, "a", status, retry_after.map(str::as_bytes));
        ring.keys[0].rests_until_ms.get().saturating_sub(NOW)
    };
    assert_eq!(rested(429, None), LIMITED_MS);
    assert_eq!((rested(401, None), rested(403, None)), (REFUSED_MS, REFUSED_MS));
    assert_eq!(rested(429, Some("7")), 7_000);
    assert_eq!(rested(401, Some("7")), 7_000);
    assert_eq!(rested(429, Some("0")), 1_000);
    assert_eq!(rested(429, Some("999999")), REST_MS_MAX);
    assert_eq!(rested(429, Some("soon")), LIMITED_MS);
    // NOW is Tue, 14 Nov 2023 22:13:20 GMT.
    assert_eq!(rested(429, Some("Tue, 14 Nov 2023 22:13:50 GMT")), 30_000);
    assert_eq!(rested(429, Some("Sun, 06 Nov 1994 08:49:37 GMT")), 1_000);
    for status in [200, 400, 404, 500, 503] {
        assert_eq!(rested(status, Some("7")).saturating_add(NOW), NOW, "{status}");
    }
}

#[test]
fn dates_are_read_as_calendars_have_them() {
    assert_eq!(date_seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(date_seconds("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
    assert_eq!(date_seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    for text in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37 CET"] {
        assert_eq!(date_seconds(text), None, "{text}");
    }
}

#[test]
fn when_all_rest_the_one_that_rests_least_long_is_taken() {
    let ring = ring(Balance::RoundRobin, &["a", "b", "c"]);
    refuse(&ring, "a", 429, Some(b"30"));
    refuse(&ring, "b", 429, Some(b"20"));
    refuse(&ring, "c", 401, None);
    assert_eq!(chosen(&ring, NOW), "b");
    assert_eq!(chosen(&ring, NOW + 20_000), "b");
    assert_eq!(chosen(&ring, NOW + 20_001), "b");
    let both: Vec<_> = (0..2).map(|_| chosen(&ring, NOW + 30_000)).collect();
    assert!(both.contains(&"a".to_owned()) && both.contains(&"b".to_owned()), "{both:?}");
    assert!(KeyRing::new(&keys(Balance::Random, &[]), None).choose(NOW).is_none());
}

#[test]
fn keys_that_stay_go_on_as_they_are() {
    let before = ring(Balance::LeastBusy, &["a", "b"]);
    refuse(&before, "a", 429, None);
    let under_way = before.choose(NOW).unwrap();
    let after = KeyRing::new(&keys(Balance::LeastBusy, &["c", "b", "a"]), Some(&before));
    assert_eq!(chosen(&after, NOW), "c", "a rests, b is busy, and c is new");
    drop(under_way);
    assert_eq!(after.keys[1].busy.get(), 0);
    let counts = counts(&after, 100);
    assert_eq!(counts.keys().map(String::as_str).collect::<Vec<_>>(), ["b", "c"]);
}
