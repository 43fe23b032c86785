use super::*;
use crate::terms::Limits;

const NOW: u64 = 1_000 * MINUTE_MS;

fn terms(limit: u64) -> Terms {
    let limits = Limits { tokens: Some(limit), ..Limits::default() };
    Terms { accounts: vec![("key:a".into(), limits), ("tenant:t".into(), Limits::default())] }
}

fn tokens(tokens: u64) -> Amounts {
    Amounts { tokens, ..Amounts::default() }
}

fn claim(want: u64, least: u64) -> Claim {
    Claim { lease: "w/1".into(), key_id: "a".into(), want: tokens(want), least: tokens(least), ..Claim::default() }
}

fn check(rows: &Rows, spent: u64, held: u64) {
    for (name, account) in &rows.accounts {
        assert_eq!((account.spent.tokens, account.held.tokens), (spent, held), "{name}");
    }
    assert_eq!(rows.accounts.len(), 2);
}

#[test]
fn a_grant_is_a_share_of_what_is_left_but_never_less_than_needed() {
    let mut rows = Rows::default();
    let reply = exchange(&mut rows, Some(&terms(800)), &claim(1_000, 10), NOW, &Policy::default());
    assert_eq!((reply.granted.tokens, reply.refusal), (100, None));
    check(&rows, 0, 100);
    let mut rows = Rows::default();
    let reply = exchange(&mut rows, Some(&terms(800)), &claim(700, 700), NOW, &Policy::default());
    assert_eq!(reply.granted.tokens, 700);
}

#[test]
fn a_repeated_claim_is_granted_once() {
    let mut rows = Rows::default();
    let policy = Policy::default();
    let first = exchange(&mut rows, Some(&terms(8_000)), &claim(100, 10), NOW, &policy);
    let before = rows.clone();
    let second = exchange(&mut rows, Some(&terms(8_000)), &claim(100, 10), NOW, &policy);
    assert_eq!(first, second);
    assert_eq!(rows, before);
}

#[test]
fn what_does_not_fit_takes_nothing_and_names_the_account() {
    let mut rows = Rows::default();
    let reply = exchange(&mut rows, Some(&terms(9)), &claim(10, 10), NOW, &Policy::default());
    let refusal = reply.refusal.unwrap();
    assert_eq!((refusal.account.as_str(), refusal.unit, refusal.limit, refusal.needed), ("key:a", Unit::Tokens, 9, 10));
    check(&rows, 0, 0);
}

#[test]
fn spending_moves_from_held_to_spent_and_the_last_word_returns_the_rest() {
    let mut rows = Rows::default();
    let policy = Policy::default();
    exchange(&mut rows, Some(&terms(8_000)), &claim(100, 100), NOW, &policy);
    let mut next = Claim { granted: tokens(100), spent: tokens(30), ..claim(0, 0) };
    exchange(&mut rows, Some(&terms(8_000)), &next, NOW, &policy);
    check(&rows, 30, 70);
    next.returned = tokens(70);
    exchange(&mut rows, Some(&terms(8_000)), &next, NOW, &policy);
    check(&rows, 30, 0);
    next.last = true;
    exchange(&mut rows, Some(&terms(8_000)), &next, NOW, &policy);
    check(&rows, 30, 0);
    assert_eq!(rows.lease, None);
    exchange(&mut rows, Some(&terms(8_000)), &next, NOW, &policy);
    assert_eq!(rows.lease, None, "a repeated last word opens nothing");
}

#[test]
fn expiry_charges_and_a_late_report_corrects_it() {
    let mut rows = Rows::default();
    let policy = Policy::default();
    exchange(&mut rows, Some(&terms(8_000)), &claim(100, 100), NOW, &policy);
    assert_eq!(crate::expire(&mut rows, NOW, &policy), None);
    let later = NOW + policy.lease_ms;
    assert_eq!(crate::expire(&mut rows, later, &policy).unwrap().charged, tokens(100));
    check(&rows, 100, 0);
    assert_eq!(crate::expire(&mut rows, later, &policy), None);
    let mut late = Claim { granted: tokens(100), spent: tokens(30), ..claim(0, 0) };
    let reply = exchange(&mut rows, Some(&terms(8_000)), &late, later, &policy);
    assert_eq!(reply.state, LeaseState::Expired);
    check(&rows, 100, 0);
    late.last = true;
    exchange(&mut rows, Some(&terms(8_000)), &late, later, &policy);
    check(&rows, 30, 0);
}

#[test]
fn a_key_that_moves_gets_no_more_on_its_old_lease() {
    let mut rows = Rows::default();
    let policy = Policy::default();
    exchange(&mut rows, Some(&terms(8_000)), &claim(100, 100), NOW, &policy);
    let elsewhere = Terms { accounts: vec![("key:a".into(), Limits::default())] };
    let report = Claim { granted: tokens(100), spent: tokens(40), ..claim(500, 0) };
    let reply = exchange(&mut rows, Some(&elsewhere), &report, NOW, &policy);
    assert_eq!((reply.state, reply.granted.tokens), (LeaseState::Closed, 100));
    check(&rows, 40, 60);
}

#[test]
fn a_lease_that_the_store_lost_is_booked_again() {
    let mut rows = Rows::default();
    let known = Claim { granted: tokens(100), spent: tokens(30), ..claim(0, 0) };
    exchange(&mut rows, Some(&terms(8_000)), &known, NOW, &Policy::default());
    check(&rows, 30, 70);
}
