//! Budgets that are nearly used up, and held by others.

use std::time::Instant;

use super::*;

/// Two workers with a key each, of one tenant with 100 tokens. Recalls end by answers.
async fn two() -> (Fixture, Worker, Worker) {
    let gateway = fixture(LedgerOptions::default()).await;
    gateway.be_patient();
    gateway.terms.set("a", None, Some(100));
    gateway.terms.set("b", None, Some(100));
    let (one, two) = (gateway.worker("1").await, gateway.worker("2").await);
    (gateway, one, two)
}

#[tokio::test]
async fn what_is_idle_elsewhere_is_recalled_to_the_last_token() {
    let (gateway, mut holder, mut asker) = two().await;
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 70)).await), 70);
    asker.send(vec![asker.ask("b", 0, 0, 60)]).await;
    assert_eq!(holder.recall().await, ["a"]);
    // 40 are spent or reserved by requests.
    let back = wire::Claim { returned: tokens(30), least: tokens(10), want: tokens(10), ..holder.ask("a", 70, 30, 0) };
    holder.say(back).await;
    assert_eq!(granted(&asker.reply().await), 60);
    assert_eq!(gateway.tokens("tenant:t").await, (30, 70));
    assert_eq!(gateway.desk.status().counters.refusals.tokens, 0);
}

#[tokio::test]
async fn a_refusal_is_final_when_everybody_has_answered() {
    let (gateway, mut holder, mut asker) = two().await;
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 70)).await), 70);
    asker.send(vec![asker.ask("b", 0, 0, 60)]).await;
    holder.recall().await;
    holder.send(Vec::new()).await;
    let refusal = asker.reply().await.refusal.unwrap();
    assert_eq!((refusal.used, refusal.limit), (70, 100));
    // Soon after, nobody is asked again.
    assert!(asker.say(asker.ask("b", 0, 0, 61)).await.refusal.is_some());
    assert_eq!(gateway.desk.status().counters.recalls, 1);
    assert_eq!(gateway.desk.status().counters.refusals.tokens, 2);
}

#[tokio::test]
async fn a_worker_that_does_not_answer_costs_one_short_wait() {
    let (gateway, mut holder, mut asker) = two().await;
    gateway.desk.core().queue().recalls.pace.wait = Pace::default().wait;
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 70)).await), 70);
    let started = Instant::now();
    let claims: Vec<_> =
        (1..=50).map(|n| wire::Claim { want: tokens(40), least: tokens(40), ..asker.claim(n, "b") }).collect();
    asker.send(claims).await;
    let replies = asker.message().await.replies;
    assert!(replies.len() == 50 && replies.iter().all(|reply| reply.refusal.is_some()));
    assert!(started.elapsed() >= Duration::from_millis(150), "{:?}", started.elapsed());
    assert_eq!(gateway.desk.status().counters.recalls, 1);
}

#[tokio::test]
async fn a_slow_claim_does_not_hold_up_other_messages() {
    let (gateway, mut holder, mut asker) = two().await;
    gateway.terms.set("free", None, None);
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 70)).await), 70);
    let slow = asker.send(vec![asker.ask("b", 0, 0, 60)]).await;
    holder.recall().await;
    let quick = asker.send(vec![asker.claim(2, "free")]).await;
    assert_eq!(asker.message().await.sequence, quick);
    holder.send(Vec::new()).await;
    assert_eq!(asker.message().await.sequence, slow);
}

#[tokio::test]
async fn claims_that_hold_what_each_other_needs_are_not_all_refused() {
    let (gateway, mut one, mut two) = two().await;
    assert_eq!(granted(&one.say(one.ask("a", 0, 0, 50)).await), 50);
    assert_eq!(granted(&two.say(two.ask("b", 0, 0, 50)).await), 50);
    // Each holds 50 and needs 20 more.
    one.send(vec![one.ask("a", 50, 0, 70)]).await;
    until(async || gateway.desk.status().counters.recalls == 1).await;
    two.send(vec![two.ask("b", 50, 0, 70)]).await;
    let refused = two.reply().await;
    assert!(refused.refusal.is_some());
    assert!(!two.recall().await.is_empty());
    two.say(two.hand_back("b", 50, 0)).await;
    assert_eq!(granted(&one.reply().await), 70);
}

/// What they wait for is held by another key of theirs, which can hand it back although they wait.
#[tokio::test]
async fn a_claim_is_not_refused_while_another_key_of_its_worker_has_not_answered() {
    let (gateway, mut one, mut two) = two().await;
    let second = |worker: &Worker, granted: u64, need: u64| {
        let claim = worker.ask("b", granted, 0, need);
        wire::Claim { lease: worker.claim(2, "b").lease, ..claim }
    };
    for worker in [&mut one, &mut two] {
        assert_eq!(granted(&worker.say(worker.ask("a", 0, 0, 30)).await), 30);
        assert_eq!(granted(&worker.say(second(worker, 0, 20)).await), 20);
    }
    for worker in [&mut one, &mut two] {
        worker.send(vec![second(worker, 20, 40)]).await;
        assert!(worker.recall().await.contains(&"a".to_owned()));
    }
    // What both wait for comes back one after the other.
    for worker in [&mut one, &mut two] {
        assert_eq!(granted(&worker.say(worker.hand_back("a", 30, 0)).await), 30);
        assert_eq!(granted(&worker.reply().await), 40);
    }
    assert_eq!(gateway.desk.status().counters.refusals.tokens, 0);
}

#[tokio::test]
async fn nothing_is_granted_ahead_while_others_are_short() {
    let (gateway, mut holder, mut asker) = two().await;
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 70)).await), 70);
    asker.send(vec![asker.ask("b", 0, 0, 60)]).await;
    holder.recall().await;
    let ahead = wire::Claim { least: tokens(5), want: tokens(30), ..asker.claim(2, "b") };
    assert_eq!(granted(&asker.say(ahead).await), 5);
    assert_eq!(gateway.tokens("tenant:t").await, (0, 75));
}

#[tokio::test]
async fn a_holder_that_leaves_is_not_waited_for() {
    let (gateway, mut holder, mut asker) = two().await;
    assert_eq!(granted(&holder.say(holder.ask("a", 0, 0, 70)).await), 70);
    asker.send(vec![asker.ask("b", 0, 0, 60)]).await;
    holder.recall().await;
    drop(holder);
    assert!(asker.reply().await.refusal.is_some());
    assert_eq!(gateway.tokens("tenant:t").await, (0, 70), "what it held, it holds");
}

#[tokio::test]
async fn closing_brings_everything_back() {
    let (gateway, mut one, mut two) = two().await;
    assert_eq!(granted(&one.say(one.ask("a", 0, 0, 50)).await), 50);
    assert_eq!(granted(&two.say(two.ask("b", 0, 0, 20)).await), 20);
    let desk = gateway.desk.clone();
    let close = tokio::spawn(async move { desk.close(PATIENCE).await });
    assert_eq!(one.recall().await, ["a"]);
    one.say(one.hand_back("a", 50, 11)).await;
    assert_eq!(two.recall().await, ["b"]);
    assert!(!close.is_finished());
    two.say(two.hand_back("b", 20, 20)).await;
    tokio::time::timeout(PATIENCE, close).await.unwrap().unwrap();
    assert_eq!(gateway.tokens("tenant:t").await, (31, 0));
}

/// Passes recalls and changes between desks, as a channel of the store does.
#[derive(Debug, Default)]
struct Wire(Mutex<Vec<std::sync::Weak<LedgerDesk>>>);

#[async_trait]
impl Announce for Wire {
    async fn recall(&self, account: &str) {
        for desk in self.0.lock().unwrap().iter().filter_map(std::sync::Weak::upgrade) {
            desk.on_recall(account, false);
        }
    }
}

#[tokio::test]
async fn what_is_idle_at_another_gateway_is_recalled() {
    let store = Arc::new(TestStore::default());
    let wire = Arc::new(Wire::default());
    let here = gateway(LedgerOptions::default(), store.clone(), Some(wire.clone())).await;
    let there = gateway(LedgerOptions::default(), store, Some(wire.clone())).await;
    wire.0.lock().unwrap().extend([Arc::downgrade(&here.desk), Arc::downgrade(&there.desk)]);
    here.be_patient();
    for gateway in [&here, &there] {
        gateway.terms.set("k", Some(100), None);
    }
    let (mut asker, mut holder) = (here.worker("1").await, there.worker("2").await);
    assert_eq!(granted(&holder.say(holder.ask("k", 0, 0, 70)).await), 70);
    asker.send(vec![asker.ask("k", 0, 0, 80)]).await;
    assert_eq!(holder.recall().await, ["k"]);
    holder.say(holder.hand_back("k", 70, 20)).await;
    here.desk.on_change(&["key:k".into()]);
    assert_eq!(granted(&asker.reply().await), 80);
    // Nothing is left there, so nothing comes; but that is known only when the time is up.
    let started = Instant::now();
    assert!(holder.say(holder.ask("k", 70, 20, 60)).await.refusal.is_some());
    assert!(started.elapsed() >= Duration::from_millis(150), "{:?}", started.elapsed());
}

/// Passes the recalls of one desk on to another.
#[derive(Debug, Default)]
struct Line {
    to: Mutex<std::sync::Weak<LedgerDesk>>,
    goes_first: bool,
}

#[async_trait]
impl Announce for Line {
    async fn recall(&self, account: &str) {
        if let Some(desk) = self.to.lock().unwrap().upgrade() {
            desk.on_recall(account, self.goes_first);
        }
    }
}

#[tokio::test]
async fn of_gateways_that_wait_for_each_other_one_gives_way() {
    let store = Arc::new(TestStore::default());
    let (first, second) = (Arc::new(Line { goes_first: true, ..Line::default() }), Arc::new(Line::default()));
    let here = gateway(LedgerOptions::default(), store.clone(), Some(first.clone())).await;
    let there = gateway(LedgerOptions::default(), store, Some(second.clone())).await;
    *first.to.lock().unwrap() = Arc::downgrade(&there.desk);
    *second.to.lock().unwrap() = Arc::downgrade(&here.desk);
    here.be_patient();
    for gateway in [&here, &there] {
        gateway.terms.set("k", Some(100), None);
    }
    let (mut one, mut two) = (here.worker("1").await, there.worker("2").await);
    assert_eq!(granted(&one.say(one.ask("k", 0, 0, 50)).await), 50);
    assert_eq!(granted(&two.say(two.ask("k", 0, 0, 50)).await), 50);
    // Each holds 50 and needs 20 more.
    two.send(vec![two.ask("k", 50, 0, 70)]).await;
    until(async || there.desk.status().counters.recalls == 1).await;
    one.send(vec![one.ask("k", 50, 0, 70)]).await;
    assert!(two.reply().await.refusal.is_some());
    // By its own gateway, by the other, or by both.
    let mut recalled = two.recall().await;
    recalled.dedup();
    assert_eq!(recalled, ["k"]);
    two.say(two.hand_back("k", 50, 0)).await;
    here.desk.on_change(&["key:k".into()]);
    assert_eq!(granted(&one.reply().await), 70);
    assert_eq!(here.desk.status().counters.refusals.tokens, 0);
}
