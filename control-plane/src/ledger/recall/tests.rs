use ditto_ledger::{Claim, RateStatus};

use super::*;

/// A claim is refused in the account `k`, and a recall of it has begun.
fn waiting(remote: bool, now: Instant) -> Recalls {
    let refusal = Refusal {
        account: "k".into(),
        unit: Unit::Tokens,
        limit: 100,
        used: 100,
        held_by_others: 50,
        needed: 70,
        retry_after_ms: 0,
        rates: RateStatus::default(),
    };
    let mut recalls = Recalls::default();
    let reply = Reply { refusal: Some(refusal), ..Reply::default() };
    assert!(recalls.park(Job::new(Claim::default(), None), reply, now).is_none());
    recalls.begin("k", HashMap::from([(1, Asked::default())]), remote, now);
    recalls
}

#[test]
fn who_gives_way_to_another_gateway_gives_up_early() {
    let now = Instant::now();
    let wait = Pace::default().wait;
    for (remote, expected) in [(true, wait / 2), (false, wait)] {
        let mut recalls = waiting(remote, now);
        assert_eq!(recalls.next_deadline(), Some(now + wait));
        recalls.give_way("k");
        assert_eq!(recalls.next_deadline(), Some(now + expected));
        assert!(recalls.finish("k", now + expected - Duration::from_millis(1)).is_empty());
        assert_eq!(recalls.finish("k", now + expected).len(), 1);
    }
}
