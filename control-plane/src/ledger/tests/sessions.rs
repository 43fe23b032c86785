//! One worker and its sessions.

use super::*;

#[tokio::test]
async fn a_worker_gets_a_lease_reports_and_ends_it() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    let reply = worker.say(worker.ask("k", 0, 0, 100)).await;
    assert_eq!((granted(&reply), reply.expires_in_ms, reply.minute), (100, 30_000, 1_000));
    assert_eq!(gateway.tokens("key:k").await, (0, 100));
    assert_eq!(gateway.tokens("tenant:t").await, (0, 100));
    worker.say(worker.hand_back("k", 100, 30)).await;
    assert_eq!(gateway.tokens("key:k").await, (30, 0));
    let last = wire::Claim { last: true, ..worker.hand_back("k", 100, 30) };
    worker.say(last.clone()).await;
    assert_eq!(gateway.store.count_leases().await.unwrap(), 0);
    assert_eq!(worker.say(last).await.unavailable, "", "a repeated last word is answered as well");
    let status = gateway.desk.status();
    assert_eq!((status.sessions, status.leases, status.counters.calls, status.counters.claims), (1, 0, 4, 4));
}

#[tokio::test]
async fn requests_are_counted_once_however_often_they_are_told() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    assert_eq!(gateway.desk.status().calls_per_1000_requests, None);
    for requests in [10, 10, 250] {
        let counts = Some(wire::Counts { requests, ..wire::Counts::default() });
        worker.say(wire::Claim { counts, ..worker.ask("k", 0, 0, 1) }).await;
    }
    let status = gateway.desk.status();
    assert_eq!((status.counters.requests, status.calls_per_1000_requests), (250, Some(12.0)));
}

#[tokio::test]
async fn a_refusal_names_the_account_and_comes_at_once_when_nobody_else_holds_anything() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), Some(50));
    let mut worker = gateway.worker("w").await;
    let refusal = worker.say(worker.ask("k", 0, 0, 60)).await.refusal.unwrap();
    assert_eq!((refusal.account.as_str(), refusal.limit, refusal.needed), ("tenant:t", 50, 60));
    assert_eq!(granted(&worker.say(worker.ask("k", 0, 0, 50)).await), 50);
    let status = gateway.desk.status();
    assert_eq!((status.counters.refusals.tokens, status.counters.recalls), (1, 0));
}

#[tokio::test]
async fn claims_that_come_together_are_booked_together() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000_000), None);
    let mut worker = gateway.worker("w").await;
    let claims = (1..=200).map(|n| wire::Claim { want: tokens(1), least: tokens(1), ..worker.claim(n, "k") }).collect();
    let steps = gateway.store.steps.load(Ordering::SeqCst);
    let sequence = worker.send(claims).await;
    let message = worker.message().await;
    assert_eq!((message.sequence, message.replies.len()), (sequence, 200));
    assert!(message.replies.iter().enumerate().all(|(n, reply)| reply.lease == format!("w/{}", n + 1)));
    assert_eq!(gateway.store.steps.load(Ordering::SeqCst) - steps, 1);
    assert_eq!(gateway.tokens("key:k").await, (0, 200));
}

#[tokio::test]
async fn claims_of_one_lease_keep_their_order() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    let back = worker.hand_back("k", 100, 100);
    let claims = vec![worker.ask("k", 0, 0, 100), back.clone(), wire::Claim { last: true, ..back }];
    worker.send(claims).await;
    assert_eq!(worker.message().await.replies.len(), 3);
    assert_eq!(gateway.tokens("key:k").await, (100, 0));
    assert_eq!(gateway.store.count_leases().await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_session_ends_the_former_and_nothing_of_it_comes_after() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut former = gateway.worker("w").await;
    assert_eq!(granted(&former.say(former.ask("k", 0, 0, 100)).await), 100);
    let mut worker = gateway.worker("w").await;
    let last = wire::Claim { last: true, ..worker.hand_back("k", 100, 40) };
    worker.say(worker.hand_back("k", 100, 40)).await;
    worker.say(last).await;
    // What the network still had of the former session.
    let _ = former
        .outgoing
        .send(wire::WorkerMessage { claims: vec![former.ask("k", 100, 0, 100)], ..Default::default() })
        .await;
    assert_eq!(former.next().await.unwrap_err().code(), tonic::Code::Aborted);
    assert_eq!(gateway.tokens("key:k").await, (40, 0));
    assert_eq!(gateway.store.count_leases().await.unwrap(), 0, "the lease is not revived");
    assert_eq!(gateway.desk.status().sessions, 1);
}

#[tokio::test]
async fn nonsense_ends_the_session() {
    let gateway = fixture(LedgerOptions::default()).await;
    for claim in [
        wire::Claim { lease: "other/1".into(), ..Default::default() },
        wire::Claim { lease: "w/".into(), ..Default::default() },
        wire::Claim { lease: "w".into(), ..Default::default() },
        wire::Claim { lease: format!("w/{}", "1".repeat(1_023)), ..Default::default() },
        wire::Claim { lease: "w/1".into(), key_id: "k".repeat(1_025), ..Default::default() },
    ] {
        let mut worker = gateway.worker("w").await;
        worker.send(vec![claim]).await;
        assert_eq!(worker.next().await.unwrap_err().code(), tonic::Code::InvalidArgument);
    }
    until(async || gateway.desk.status().sessions == 0).await;
    assert_eq!(gateway.store.count_leases().await.unwrap(), 0);
}

#[tokio::test]
async fn sessions_end_when_the_control_plane_stops() {
    let gateway = fixture(LedgerOptions::default()).await;
    let mut worker = gateway.worker("w").await;
    gateway.closing.send(true).unwrap();
    assert_eq!(worker.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_worker_that_has_said_everything_is_answered_before_the_end() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    let mut worker = gateway.worker("w").await;
    worker.send(vec![worker.ask("k", 0, 0, 100)]).await;
    let (nobody, _) = mpsc::channel(1);
    worker.outgoing = nobody;
    assert_eq!(granted(&worker.reply().await), 100);
    assert_eq!(worker.next().await.unwrap(), None);
}

#[tokio::test]
async fn one_bad_row_does_not_fail_the_others() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.terms.set("k", Some(1_000), None);
    *gateway.store.poisoned.lock().unwrap() = Some("w/2".into());
    let mut worker = gateway.worker("w").await;
    let claims = (1..=4).map(|n| wire::Claim { want: tokens(1), least: tokens(1), ..worker.claim(n, "k") }).collect();
    worker.send(claims).await;
    let replies = worker.message().await.replies;
    let failed: Vec<_> =
        replies.iter().filter(|reply| !reply.unavailable.is_empty()).map(|r| r.lease.as_str()).collect();
    assert_eq!(failed, ["w/2"]);
    assert_eq!(gateway.tokens("key:k").await, (0, 3));
    assert_eq!(gateway.desk.check().await, Ok(()), "the store is not away for that");
}

#[tokio::test]
async fn too_many_messages_without_an_answer_end_the_session() {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.be_patient();
    gateway.terms.set("a", None, Some(10));
    gateway.terms.set("b", None, Some(10));
    let mut holder = gateway.worker("h").await;
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 10)).await), 10);
    let mut worker = gateway.worker("w").await;
    // All wait for the holder, which does not answer its recall.
    for n in 1..=65 {
        let claim = wire::Claim { want: tokens(1), least: tokens(1), ..worker.claim(n, "b") };
        worker.send(vec![claim]).await;
    }
    let status = loop {
        match worker.next().await {
            Ok(message) => assert!(message.is_some()),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
}
