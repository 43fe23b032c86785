//! Stores that are away, and stores that have lost their past.

use super::*;
use crate::ledger::options::{FailOpen, OnLoss};
use crate::ledger::status::LedgerState;

#[tokio::test]
async fn a_store_that_is_away_is_told_at_once_and_comes_back_by_itself() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 100)).await), 100);
    gateway.store.set_away(true);
    let reply = worker.say(worker.ask("k", 100, 50, 100)).await;
    assert!(reply.unavailable.contains("unplugged"), "{}", reply.unavailable);
    assert!(gateway.desk.check().await.is_err());
    assert_eq!(gateway.desk.status().state, LedgerState::Away);
    let steps = gateway.store.steps.load(Ordering::SeqCst);
    for _ in 0..50 {
        assert_ne!(worker.say(worker.ask("k", 100, 50, 100)).await.unavailable, "");
    }
    assert_eq!(gateway.store.steps.load(Ordering::SeqCst), steps, "nobody but one look-up asks the store");
    gateway.store.set_away(false);
    until(async || gateway.desk.check().await.is_ok()).await;
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 50, 100)).await), 150);
    assert_eq!(gateway.tokens("key:k").await, (50, 100));
}

#[tokio::test]
async fn many_waiters_cost_one_look_up() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000_000), None);
    gateway.store.set_away(true);
    let looks = gateway.store.looks.load(Ordering::SeqCst);
    let claims = (0..1_000).map(|n| {
        let desk = gateway.desk.clone();
        let claim = ditto_ledger::Claim { lease: format!("w/{n}"), key_id: "k".into(), ..Default::default() };
        async move { desk.claim(claim).await }
    });
    let answers = futures_util::future::join_all(claims).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(gateway.store.looks.load(Ordering::SeqCst) - looks <= 10);
}

#[tokio::test]
async fn a_gateway_starts_without_its_store() {
    let store = Arc::new(TestStore::default());
    store.set_away(true);
    let gateway = gateway(LedgerOptions::default(), store, None).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    assert_ne!(worker.say(worker.ask("k", 0, 0, 1)).await.unavailable, "");
    gateway.store.set_away(false);
    until(async || gateway.desk.check().await.is_ok()).await;
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 1)).await), 1);
}

#[tokio::test]
async fn lost_books_halt_until_an_operator_accepts_it() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    assert_eq!(gateway.desk.accept_loss().await, Err("the ledger has not lost anything".into()));
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 100)).await), 100);
    let epoch = gateway.desk.status().epoch;
    gateway.store.lose_everything();
    for _ in 0..3 {
        assert!(worker.say(worker.ask("k", 100, 40, 100)).await.unavailable.contains("epoch"));
    }
    let status = gateway.desk.status();
    assert_eq!(status.state, LedgerState::Halted);
    assert!(gateway.desk.check().await.unwrap_err().contains("epoch"));
    gateway.desk.accept_loss().await.unwrap();
    assert_ne!(gateway.desk.status().epoch, epoch);
    // What the worker still knows of its lease is booked again.
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 40, 60)).await), 100);
    assert_eq!(gateway.tokens("key:k").await, (40, 60));
}

#[tokio::test]
async fn a_gateway_that_nobody_asks_notices_too() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.desk.housekeep().await;
    assert_eq!(gateway.desk.status().state, LedgerState::Ok);
    gateway.store.lose_everything();
    gateway.desk.housekeep().await;
    assert_eq!(gateway.desk.status().state, LedgerState::Halted);
}

#[tokio::test]
async fn books_in_an_earlier_state_halt_too() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    worker.say(worker.ask("k", 0, 0, 100)).await;
    // The same epoch, but the store has forgotten what came after.
    let core = gateway.desk.core();
    core.guard.booked(99);
    gateway.store.set_away(true);
    assert_ne!(worker.say(worker.ask("k", 100, 0, 110)).await.unavailable, "");
    gateway.store.set_away(false);
    until(async || gateway.desk.status().state == LedgerState::Halted).await;
    gateway.desk.accept_loss().await.unwrap();
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 0, 110)).await), 110);
}

#[tokio::test]
async fn told_so_it_goes_on_by_itself() {
    let gateway = fixture(LedgerOptions { on_loss: OnLoss::Continue, ..LedgerOptions::default() }).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 100)).await), 100);
    gateway.store.lose_everything();
    assert_ne!(worker.say(worker.ask("k", 100, 0, 100)).await.unavailable, "");
    until(async || gateway.desk.check().await.is_ok()).await;
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 0, 100)).await), 100);
}

fn failing_open(tokens: u64) -> LedgerOptions {
    LedgerOptions { fail_open: Some(FailOpen { tokens, pico_usd: 0, requests: 0 }), ..LedgerOptions::default() }
}

#[tokio::test]
async fn the_allowance_bounds_what_is_granted_while_the_store_is_away() {
    let gateway = fixture(failing_open(150)).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    gateway.store.set_away(true);
    let mut granted_in_all = 0;
    for n in 1..=10 {
        let claim = wire::Claim { least: tokens(40), want: tokens(400), ..worker.claim(n, "k") };
        let reply = worker.say(claim).await;
        if reply.unavailable.is_empty() {
            assert!(reply.expires_in_ms <= 5_000);
            granted_in_all += granted(&reply);
        }
    }
    assert_eq!(granted_in_all, 120);
    assert_eq!(gateway.desk.status().fail_open_left.unwrap().tokens, 30);
    gateway.store.set_away(false);
    until(async || gateway.tokens("key:k").await == (0, 120)).await;
    // The worker's report and last word; the ledger knows the lease although the worker says nothing in between.
    for last in [false, true] {
        worker.say(wire::Claim { last, ..worker.hand_back("k", 40, 25) }).await;
    }
    assert_eq!(gateway.tokens("key:k").await, (25, 80));
    assert_eq!(gateway.desk.status().fail_open_left.unwrap().tokens, 30, "not refilled at once");
    gateway.clock.advance(Duration::from_secs(60));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.desk.status().fail_open_left.unwrap().tokens, 150);
}

#[tokio::test]
async fn a_last_word_straight_after_the_outage_loses_nothing() {
    let gateway = fixture(failing_open(100)).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    gateway.store.set_away(true);
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 40)).await), 40);
    // The request is done and reported with the next request's claim, which takes the report for booked.
    assert_eq!(granted(&worker.say(worker.ask("k", 40, 40, 10)).await), 50);
    gateway.store.set_away(false);
    until(async || gateway.desk.check().await.is_ok()).await;
    worker.say(wire::Claim { last: true, ..worker.hand_back("k", 50, 40) }).await;
    assert_eq!(gateway.tokens("key:k").await.0, 40);
}

#[tokio::test]
async fn nothing_is_granted_from_the_allowance_when_books_are_lost() {
    let gateway = fixture(failing_open(100)).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 10)).await), 10);
    gateway.store.lose_everything();
    assert_ne!(worker.say(worker.ask("k", 10, 0, 20)).await.unavailable, "");
    assert_eq!(gateway.desk.status().fail_open_left.unwrap().tokens, 100);
}

#[tokio::test]
async fn keys_that_are_gone_get_nothing_from_the_allowance() {
    let gateway = fixture(failing_open(100)).await;
    gateway.store.set_away(true);
    let mut worker = gateway.worker("w").await;
    assert_ne!(worker.say(worker.ask("gone", 0, 0, 10)).await.unavailable, "");
    assert_eq!(gateway.desk.status().fail_open_left.unwrap().tokens, 100);
}

#[tokio::test]
async fn books_that_come_back_end_the_halt() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    worker.say(worker.ask("k", 0, 0, 100)).await;
    let books = gateway.store.books().unwrap();
    gateway.store.lose_everything();
    assert_ne!(worker.say(worker.ask("k", 100, 0, 110)).await.unavailable, "");
    assert_eq!(gateway.desk.status().state, LedgerState::Halted);
    gateway.store.restore(books);
    until(async || gateway.desk.status().state == LedgerState::Ok).await;
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 0, 110)).await), 110);
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up_in_bounded_time() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    gateway.store.hang(true);
    let first = worker.say(worker.ask("k", 0, 0, 100)).await;
    assert!(first.unavailable.contains("2 s") || first.unavailable.contains("in time"), "{}", first.unavailable);
    until(async || gateway.desk.status().state == LedgerState::Away).await;
    gateway.store.hang(false);
    until(async || gateway.desk.check().await.is_ok()).await;
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 100)).await), 100);
}
