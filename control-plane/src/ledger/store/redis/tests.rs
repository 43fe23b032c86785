use ditto_test_redis::{Options, RedisServer};

use super::*;
use crate::ledger::store::Table;
use crate::ledger::store::contract::{
    account, lease, put_account, put_lease, read, redis as open, set, workers_share_a_budget,
};
use crate::redis::Notice;

mod loss;

fn keys(accounts: &[&str]) -> Keys {
    Keys { accounts: set(accounts), ..Keys::default() }
}

fn sets_a(tokens: u64) -> impl FnMut(&mut Table) -> Result<(), Keys> + Send {
    move |table| {
        table.accounts.insert("a".into(), Some(account(tokens)));
        Ok(())
    }
}

/// A server whose books have one account, with the epoch of them.
async fn started(options: Options) -> (RedisServer, RedisStore, String) {
    let server = RedisServer::start_with(options);
    let store = open(&server.url(), "ditto");
    put_account(&store, "a", Some(account(1))).await;
    let epoch = store.identity().await.unwrap().epoch;
    (server, store, epoch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_share_one_server() {
    let server = RedisServer::start();
    let (one, two) = (open(&server.url(), "ditto"), open(&server.url(), "ditto"));
    let (first, second) = tokio::join!(one.identity(), two.identity());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.epoch == second.epoch && first.created != second.created);
    workers_share_a_budget(&[&one, &two]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_share_a_cluster() {
    let server = RedisServer::start_with(Options::cluster());
    let url = server.url().replacen("redis://", "redis+cluster://", 1);
    workers_share_a_budget(&[&open(&url, "ditto"), &open(&url, "ditto")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefixes_are_books_of_their_own() {
    let (server, store, epoch) = started(Options::default()).await;
    let other = open(&server.url(), "other");
    assert_ne!(other.identity().await.unwrap().epoch, epoch);
    assert_eq!(read(&other, "a").await, None);
    put_account(&other, "a", None).await;
    assert_eq!(read(&store, "a").await, Some(account(1)));
}

/// Between reading and saving, somebody else changes a row that was only read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_begins_anew_when_a_row_has_changed() {
    let (server, store, epoch) = started(Options::default()).await;
    let other = open(&server.url(), "ditto");
    let runtime = tokio::runtime::Handle::current();
    let mut seen = Vec::new();
    let step = &mut |table: &mut Table| {
        let tokens = table.accounts["a"].clone().unwrap_or_default().spent.tokens;
        seen.push(tokens);
        if seen.len() < 4 {
            std::thread::scope(|scope| {
                scope.spawn(|| runtime.block_on(put_account(&other, "a", Some(account(tokens * 10)))));
            });
        }
        table.accounts.insert("b".into(), Some(account(tokens)));
        Ok(())
    };
    let revision = store.transact(&epoch, keys(&["a", "b"]), step).await.unwrap();
    assert_eq!(seen, [1, 10, 100, 1000]);
    assert_eq!((revision, read(&store, "b").await), (5, Some(account(1000))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_always_loses_is_given_up() {
    let (server, store, epoch) = started(Options::default()).await;
    let other = open(&server.url(), "ditto");
    let runtime = tokio::runtime::Handle::current();
    let mut calls = 0;
    let step = &mut |table: &mut Table| {
        calls += 1;
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(put_account(&other, "a", Some(account(100 + calls)))));
        });
        table.accounts.insert("b".into(), Some(account(1)));
        Ok(())
    };
    let error = store.transact(&epoch, keys(&["a", "b"]), step).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { tries } if u64::from(tries) == calls), "{error} after {calls}");
    assert_eq!(read(&store, "b").await, None);
    assert_eq!(put_account(&store, "b", Some(account(2))).await, 1 + calls + 1, "its turn has been given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let (server, store, epoch) = started(Options::default()).await;
    let step = &mut |table: &mut Table| {
        // After the step has read, before it saves.
        server.flush_scripts();
        sets_a(7)(table)
    };
    store.transact(&epoch, keys(&["a"]), step).await.unwrap();
    assert_eq!(read(&store, "a").await, Some(account(7)));
    server.flush_scripts();
    server.flush_all();
    store.accept_loss();
    assert!(store.identity().await.unwrap().created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_crash() {
    let (server, store, epoch) = started(Options::aof()).await;
    put_lease(&store, "l", Some(lease(1, 2))).await;
    server.restart();
    assert_eq!(read(&store, "a").await, Some(account(1)), "the connection is opened again");
    let step = &mut sets_a(2);
    assert_eq!(store.transact(&epoch, keys(&["a"]), step).await.unwrap(), 3);
    assert_eq!(store.due_leases(9, 9).await.unwrap(), ["l"]);
    let later = open(&server.url(), "ditto").identity().await.unwrap();
    assert_eq!((later.epoch, later.revision, later.created), (epoch, 3, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_type_leaves_nothing_half_done() {
    let (server, store, epoch) = started(Options::default()).await;
    server.command::<()>(&["SET", "{ditto}:ledger:renewed", "somebody else's"]);
    let step = &mut |table: &mut Table| {
        table.leases.insert("l".into(), Some(lease(1, 2)));
        sets_a(2)(table)
    };
    let error = store.transact(&epoch, keys(&["a"]), step).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(read(&store, "a").await, Some(account(1)));
    assert_eq!(store.due_leases(9, 9).await.unwrap(), [""; 0]);
    assert_eq!(store.identity().await.unwrap().revision, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_or_silent_is_unavailable_for_a_bounded_time() {
    let (server, store, epoch) =
        started(Options { requirepass: Some("planted-31415".into()), ..Options::default() }).await;
    server.pause();
    let started = Instant::now();
    let error = store.transact(&epoch, keys(&["a"]), &mut sets_a(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    server.resume();
    server.kill();
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    for text in [format!("{error} {error:?}"), format!("{store:?}")] {
        assert!(!text.contains("planted"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_have_more_left_are_told() {
    let server = RedisServer::start();
    let store = open(&server.url(), "ditto");
    let mut heard = store.client.subscribe(vec![changes_channel("ditto")]);
    assert_eq!(heard.next().await, Notice::Gap);
    put_account(&store, "a", Some(account(5))).await;
    put_account(&store, "a", Some(account(6))).await;
    put_account(&store, "a", Some(account(5))).await;
    let moved = Account { held: account(5).spent, ..Account::default() };
    put_account(&store, "a", Some(moved)).await;
    put_account(&store, "a", None).await;
    for _ in 0..2 {
        let Notice::Message { payload, .. } = heard.next().await else { panic!("a message") };
        assert_eq!(freed_accounts(&payload).unwrap(), ["a"]);
    }
    put_account(&store, "b", Some(account(5))).await;
    put_account(&store, "b", None).await;
    let Notice::Message { payload, .. } = heard.next().await else { panic!("a message") };
    assert_eq!(freed_accounts(&payload).unwrap(), ["b"], "what only grew or moved was not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_too_few_replicas_have_are_done_and_counted() {
    for cluster in [false, true] {
        let server = RedisServer::start_with(Options { cluster, ..Options::default() });
        let scheme = if cluster { "redis+cluster://" } else { "redis://" };
        let url = server.url().replacen("redis://", scheme, 1);
        let wait = |replicas| {
            let options = RedisOptions { wait_replicas: Some((replicas, Duration::from_millis(20))) };
            RedisStore::new(open(&url, "ditto").client, "ditto", options).unwrap()
        };
        let (none, one) = (wait(0), wait(1));
        put_account(&none, "a", Some(account(1))).await;
        put_account(&none, "a", Some(account(2))).await;
        assert_eq!(none.unacknowledged(), 0);
        put_account(&one, "a", Some(account(3))).await;
        server.flush_scripts();
        put_account(&one, "a", Some(account(4))).await;
        put_account(&one, "a", Some(account(4))).await;
        assert_eq!((one.unacknowledged(), read(&none, "a").await), (2, Some(account(4))));
    }
}
