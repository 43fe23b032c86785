use std::fs;

use tempfile::TempDir;

use super::*;
use crate::ledger::store::contract::{account, lease, put_account, put_lease, read, set, workers_share_a_budget};

fn place() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.db");
    (directory, path)
}

#[tokio::test]
async fn books_survive_a_reopening() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put_account(&store, "a", Some(account(5))).await;
    put_lease(&store, "l", Some(lease(1, 2))).await;
    let before = store.identity().await.unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    let after = store.identity().await.unwrap();
    assert_eq!((after.epoch, after.revision, after.created), (before.epoch, 2, false));
    assert_eq!(read(&store, "a").await, Some(account(5)));
    assert_eq!(store.due_leases(2, 9).await.unwrap(), ["l"]);
}

#[tokio::test]
async fn what_was_answered_survives_a_process_that_is_killed() {
    let (directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put_account(&store, "a", Some(account(5))).await;
    // What a killed process leaves behind: the file and its log, as they are, never closed.
    let after = directory.path().join("after");
    fs::create_dir(&after).unwrap();
    for name in ["gateway.db", "gateway.db-wal"] {
        fs::copy(directory.path().join(name), after.join(name)).unwrap();
    }
    let reopened = SqliteStore::open(&after.join("gateway.db")).unwrap();
    assert_eq!(read(&reopened, "a").await, Some(account(5)));
    assert_eq!(reopened.identity().await.unwrap(), store.identity().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_file() {
    let (_directory, path) = place();
    let (one, two) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    let (first, second) = tokio::join!(one.identity(), two.identity());
    assert_eq!(first.unwrap().epoch, second.unwrap().epoch);
    workers_share_a_budget(&[&one, &two]).await;
}

#[tokio::test]
async fn the_keys_are_in_the_same_file() {
    let (_directory, path) = place();
    let keys = crate::keys::store::SqliteStore::open(&path).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    put_account(&store, "a", Some(account(5))).await;
    crate::keys::store::KeyStore::mark_keyed(&keys).unwrap();
    assert_eq!(read(&store, "a").await, Some(account(5)));
    assert!(crate::keys::store::KeyStore::keyed(&keys).unwrap());
}

#[tokio::test]
async fn an_older_copy_of_the_file_is_noticed_until_it_is_accepted() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put_account(&store, "a", Some(account(5))).await;
    let epoch = store.identity().await.unwrap().epoch;
    store.connection.lock().await.execute("UPDATE ledger_meta SET revision = 0", []).unwrap();
    let step = &mut |_: &mut Table| panic!("it must not be called");
    let error = store.transact(&epoch, Keys::default(), step).await.unwrap_err();
    assert!(matches!(error, StoreError::WentBack { seen: 1, found: 0 }), "{error}");
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, StoreError::WentBack { .. }), "{error}");
    store.accept_loss();
    assert_eq!(store.identity().await.unwrap().revision, 0);
    assert_eq!(put_account(&store, "a", None).await, 1);
}

#[tokio::test]
async fn an_emptied_file_is_noticed_until_it_is_accepted() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let before = store.identity().await.unwrap().epoch;
    store.connection.lock().await.execute("DELETE FROM ledger_meta", []).unwrap();
    let error = store.identity().await.unwrap_err();
    assert!(matches!(error, StoreError::EpochChanged { found: None, .. }), "{error}");
    store.accept_loss();
    let after = store.identity().await.unwrap();
    assert!(after.created && after.epoch != before);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_named() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    put_account(&store, "broken", Some(account(5))).await;
    store.connection.lock().await.execute("UPDATE ledger_accounts SET body = '[\"x\"]'", []).unwrap();
    let error = store.list_accounts("", None, 9).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)) && error.to_string().contains("`broken`"), "{error}");
}

/// A transaction waits for the caller's decision; the file must not stay locked when there will be none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_whose_caller_has_gone_leaves_the_file_to_others() {
    let (_directory, path) = place();
    let (one, two) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    let epoch = one.identity().await.unwrap().epoch;
    let step = |table: &mut Table| {
        table.accounts.insert("a".into(), Some(account(1)));
        Ok(())
    };
    // A step that panics is one that went away while it held the rows.
    let panics = std::panic::AssertUnwindSafe(async {
        let keys = Keys { accounts: set(&["a"]), ..Keys::default() };
        one.transact(&epoch, keys, &mut |_: &mut Table| panic!("on purpose")).await
    });
    futures_util::FutureExt::catch_unwind(panics).await.unwrap_err();
    let keys = Keys { accounts: set(&["a"]), ..Keys::default() };
    two.transact(&epoch, keys, &mut { step }).await.unwrap();
    assert_eq!(read(&one, "a").await, Some(account(1)));
}

/// The stored form is a promise: whoever adds a field to a row gives it a default, or writes a migration.
#[tokio::test]
async fn rows_of_the_first_release_can_be_read() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    store.identity().await.unwrap();
    let account =
        r#"{"s":{"t":5,"p":18446744073709551615},"h":{"wr":1,"wt":2},"m":7,"b":{},"c":{"r":1,"i":2,"o":3},"u":9}"#;
    let lease =
        r#"{"k":"key","a":["key:key"],"g":{"t":5},"s":{},"r":{},"m":7,"c":{},"o":1,"n":2,"e":3,"x":"open","f":{}}"#;
    {
        let connection = store.connection.lock().await;
        connection.execute("INSERT INTO ledger_accounts VALUES ('key:key', ?1)", [account]).unwrap();
        connection.execute("INSERT INTO ledger_leases VALUES ('w/1', ?1, 3, 2, 0)", [lease]).unwrap();
    }
    let account = read(&store, "key:key").await.unwrap();
    assert_eq!((account.spent.pico_usd, account.held.window_tokens, account.minute), (u64::MAX, 2, 7));
    let (_, lease) = store.old_leases(9, 9).await.unwrap().pop().unwrap();
    assert_eq!((lease.key_id.as_str(), lease.granted.tokens, lease.expires_at_ms), ("key", 5, 3));
}
