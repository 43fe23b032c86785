//! Servers that have lost their past, or a part of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_server_is_noticed_until_it_is_accepted() {
    let (server, store, epoch) = started(Options::default()).await;
    server.flush_all();
    let step = &mut |_: &mut Table| panic!("it must not be called");
    let error = store.transact(&epoch, keys(&["a"]), step).await.unwrap_err();
    assert!(matches!(&error, StoreError::EpochChanged { expected, found: None } if *expected == epoch), "{error}");
    for error in [store.check().await.unwrap_err(), store.identity().await.unwrap_err()] {
        assert!(matches!(error, StoreError::EpochChanged { found: None, .. }), "{error}");
    }
    // A gateway that starts now cannot know; one that runs does.
    let begun = open(&server.url(), "ditto").identity().await.unwrap();
    assert!(begun.created);
    let error = store.transact(&epoch, keys(&["a"]), step).await.unwrap_err();
    assert!(matches!(&error, StoreError::EpochChanged { found: Some(found), .. } if *found == begun.epoch), "{error}");
    store.accept_loss();
    assert_eq!(store.identity().await.unwrap(), crate::ledger::store::Identity { created: false, ..begun });
    store.check().await.unwrap();
}

/// The server is emptied after a step has read its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_not_saved_into_other_books_than_it_has_read() {
    let (server, store, epoch) = started(Options::default()).await;
    let step = &mut |table: &mut Table| {
        server.flush_all();
        sets_a(2)(table)
    };
    let error = store.transact(&epoch, keys(&["a"]), step).await.unwrap_err();
    assert!(matches!(error, StoreError::EpochChanged { found: None, .. }), "{error}");
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]), [""; 0]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_noticed_until_it_is_accepted() {
    let (server, store, epoch) = started(Options::aof()).await;
    let directory: Vec<String> = server.command(&["CONFIG", "GET", "dir"]);
    let (directory, backup) = (PathBuf::from(&directory[1]), tempfile::tempdir().unwrap());
    copy(&directory, backup.path());
    store.transact(&epoch, keys(&["a"]), &mut sets_a(2)).await.unwrap();
    server.kill();
    copy(backup.path(), &directory);
    server.restart();

    let step = &mut |_: &mut Table| panic!("it must not be called");
    let error = store.transact(&epoch, keys(&["a"]), step).await.unwrap_err();
    assert!(matches!(error, StoreError::WentBack { seen: 2, found: 1 }), "{error}");
    // Somebody who knows nothing of it moves on; that does not make the loss undone.
    let other = open(&server.url(), "ditto");
    for tokens in 10..13 {
        put_account(&other, "a", Some(account(tokens))).await;
    }
    for error in [store.check().await.unwrap_err(), store.identity().await.unwrap_err()] {
        assert!(matches!(error, StoreError::WentBack { seen: 2, found: 1 }), "{error}");
    }
    store.accept_loss();
    assert_eq!(store.transact(&epoch, keys(&["a"]), &mut sets_a(3)).await.unwrap(), 5);
}

/// The server goes back after a step has read its rows, and the rows look the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_not_saved_into_an_earlier_state_than_it_has_read() {
    let (server, store, epoch) = started(Options::default()).await;
    let step = &mut |table: &mut Table| {
        server.command::<i64>(&["HINCRBY", "{ditto}:ledger:rows", "revision", "-1"]);
        sets_a(2)(table)
    };
    let error = store.transact(&epoch, keys(&["a"]), step).await.unwrap_err();
    assert!(matches!(error, StoreError::WentBack { seen: 1, found: 0 }), "{error}");
    store.accept_loss();
    assert_eq!(read(&store, "a").await, Some(account(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_do_not_outlive_their_rows() {
    let (server, store, _) = started(Options::default()).await;
    put_lease(&store, "l", Some(lease(1, 2))).await;
    server.command::<()>(&["DEL", "{ditto}:ledger:rows"]);
    store.accept_loss();
    assert!(store.identity().await.unwrap().created);
    assert_eq!(store.due_leases(9, 9).await.unwrap(), [""; 0]);
    assert_eq!(store.count_leases().await.unwrap(), 0);
    assert_eq!(store.list_accounts("", None, 9).await.unwrap(), []);
}
