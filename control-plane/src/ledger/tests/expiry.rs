//! Leases that nobody renews.

use super::*;
use ditto_ledger::Policy;

/// A lease with 100 tokens of which 30 are reported.
async fn leased(options: LedgerOptions) -> (Fixture, Worker) {
    let gateway = fixture(options).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    worker.say(worker.ask("k", 0, 0, 100)).await;
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 30, 70)).await), 100);
    (gateway, worker)
}

#[tokio::test]
async fn an_expired_lease_is_charged_and_corrected_by_a_late_report() {
    let (gateway, mut worker) = leased(LedgerOptions::default()).await;
    gateway.clock.advance(Duration::from_secs(29));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.tokens("key:k").await, (30, 70));
    gateway.clock.advance(Duration::from_secs(1));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.tokens("key:k").await, (100, 0));
    let status = gateway.desk.status();
    assert_eq!((status.leases, status.counters.expired), (0, 1));
    let reply = worker.say(worker.ask("k", 100, 60, 40)).await;
    assert_eq!(reply.state(), wire::State::Closed);
    worker.say(wire::Claim { last: true, ..worker.hand_back("k", 100, 60) }).await;
    assert_eq!(gateway.tokens("key:k").await, (60, 0));
}

#[tokio::test]
async fn an_expired_lease_is_released_if_the_policy_says_so() {
    let policy = Policy { release_expired: true, ..Policy::default() };
    let (gateway, _worker) = leased(LedgerOptions { policy, ..LedgerOptions::default() }).await;
    gateway.clock.advance(Duration::from_secs(30));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.tokens("key:k").await, (30, 0));
}

#[tokio::test]
async fn workers_are_heard_first_after_an_outage() {
    let (gateway, mut worker) = leased(LedgerOptions::default()).await;
    gateway.clock.advance(Duration::from_secs(3_600));
    gateway.store.set_away(true);
    assert_ne!(worker.say(worker.ask("k", 100, 40, 60)).await.unavailable, "");
    gateway.store.set_away(false);
    until(async || gateway.desk.check().await.is_ok()).await;
    gateway.desk.housekeep().await;
    assert_eq!(gateway.tokens("key:k").await, (30, 70), "its time was over long ago, but it could not say anything");
    assert_eq!(granted(&worker.say(worker.ask("k", 100, 40, 60)).await), 100);
    gateway.clock.advance(Duration::from_secs(29));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.tokens("key:k").await, (40, 60));
}

#[tokio::test]
async fn settled_leases_are_forgotten_after_a_day() {
    let (gateway, _worker) = leased(LedgerOptions::default()).await;
    gateway.clock.advance(Duration::from_secs(30));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.store.count_leases().await.unwrap(), 1);
    gateway.clock.advance(Duration::from_secs(24 * 3_600));
    gateway.desk.housekeep().await;
    assert_eq!(gateway.store.count_leases().await.unwrap(), 0);
    assert_eq!(gateway.tokens("key:k").await, (100, 0));
}

#[tokio::test]
async fn room_that_expiry_makes_is_used_by_who_waits() {
    let policy = Policy { release_expired: true, ..Policy::default() };
    let (gateway, _worker) = leased(LedgerOptions { policy, ..LedgerOptions::default() }).await;
    gateway.be_patient();
    let mut other = gateway.worker("o").await;
    gateway.clock.advance(Duration::from_secs(1));
    other.send(vec![other.ask("k", 0, 0, 950)]).await;
    until(async || gateway.desk.status().counters.recalls == 1).await;
    gateway.clock.advance(Duration::from_secs(29));
    gateway.desk.housekeep().await;
    assert_eq!(granted(&other.reply().await), 950);
}

#[tokio::test]
async fn reaping_gives_back_what_was_held_or_charged() {
    let (gateway, mut worker) = leased(LedgerOptions::default()).await;
    gateway.clock.advance(Duration::from_secs(31));
    gateway.desk.housekeep().await;
    let claim = wire::Claim { want: tokens(50), least: tokens(50), ..worker.claim(2, "k") };
    worker.say(claim).await;
    gateway.clock.advance(Duration::from_secs(10));
    let lease = |tokens| Amounts { tokens, ..Amounts::default() };

    let young = gateway.desk.reap(Duration::from_secs(60), 10, false).await.unwrap();
    assert_eq!((young.scanned, young.reaped, young.cutoff_ms), (0, 0, NOW + 41_000 - 60_000));
    for dry_run in [true, false] {
        assert_eq!(gateway.tokens("key:k").await, (100, 50));
        let report = gateway.desk.reap(Duration::from_secs(5), 10, dry_run).await.unwrap();
        assert_eq!((report.scanned, report.reaped), (2, 2));
        assert_eq!((report.released, report.refunded), (lease(50), lease(70)));
    }
    assert_eq!(gateway.tokens("key:k").await, (30, 0));
    let again = gateway.desk.reap(Duration::from_secs(5), 10, false).await.unwrap();
    assert_eq!((again.scanned, again.reaped), (2, 0));
    // A worker that is heard of after all is charged for what it says, and for nothing twice.
    worker.say(worker.ask("k", 100, 60, 0)).await;
    assert_eq!(gateway.tokens("key:k").await, (60, 0));
}

#[tokio::test]
async fn reaping_keeps_to_its_limit() {
    let (gateway, mut worker) = leased(LedgerOptions::default()).await;
    let claim = wire::Claim { want: tokens(50), least: tokens(50), ..worker.claim(2, "k") };
    worker.say(claim).await;
    gateway.clock.advance(Duration::from_secs(10));
    let reaped = |report: crate::ledger::reaper::ReapReport| (report.scanned, report.reaped);
    assert_eq!(reaped(gateway.desk.reap(Duration::from_secs(5), 1, false).await.unwrap()), (2, 1));
    assert_eq!(reaped(gateway.desk.reap(Duration::from_secs(5), 1, false).await.unwrap()), (2, 1));
    assert_eq!(gateway.tokens("key:k").await, (30, 0));
}
