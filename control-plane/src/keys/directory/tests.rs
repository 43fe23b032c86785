use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::*;
use crate::keys::cursor::Cursor;
use crate::keys::store::contract::FailingStore;
use crate::keys::store::{MemoryStore, SqliteStore};
use crate::keys::testing::{directory, file_key, hash, key};

fn ids(directory: &KeyDirectory) -> Vec<String> {
    let (page, total) = directory.list(&KeyFilter::default(), 0, usize::MAX);
    assert_eq!(page.len(), total);
    page.iter().map(|key| key.id.clone()).collect()
}

async fn set(directory: &KeyDirectory, id: &str, token: &str) -> Result<Upserted, DirectoryError> {
    directory.upsert(key(id), TokenChoice::Set(hash(token))).await
}

#[tokio::test]
async fn stored_keys_lie_over_the_documents() {
    let store = Arc::new(MemoryStore::default());
    let file = || vec![file_key("a", "file-a"), file_key("b", "file-b")];
    let (first, _) = directory(store.clone(), file()).await;
    set(&first, "a", "stored-a").await.unwrap();
    set(&first, "c", "stored-c").await.unwrap();
    assert!(first.delete("b").await.unwrap());

    let (second, hub) = directory(store, file()).await;
    assert_eq!(ids(&second), ["a", "c"]);
    assert_eq!(second.find_by_token(&hash("stored-a")).unwrap().id, "a");
    assert!(second.find_by_token(&hash("file-a")).is_none(), "the document's token is not in force");
    assert!(second.find_by_token(&hash("file-b")).is_none(), "a deleted key stays deleted");
    assert!(hub.read().key(&hash("stored-c")).is_some());
    assert!(hub.read().key(&hash("file-b")).is_none());
}

#[tokio::test]
async fn a_deleted_key_of_the_document_stays_deleted_until_it_is_created_again() {
    let store = Arc::new(MemoryStore::default());
    let (first, _) = directory(store.clone(), vec![file_key("a", "file-a")]).await;
    assert!(first.delete("a").await.unwrap());
    assert!(!first.delete("a").await.unwrap());
    first.replace_file_keys(vec![file_key("a", "file-a")]).await.unwrap();
    assert!(first.is_empty());
    assert!(set(&first, "a", "new").await.unwrap().created);
    // A stored key of the document's id leaves a tombstone too.
    assert!(first.delete("a").await.unwrap());
    first.replace_file_keys(Vec::new()).await.unwrap();
    first.replace_file_keys(vec![file_key("a", "file-a")]).await.unwrap();
    assert!(first.is_empty());
    assert!(directory(store, vec![file_key("a", "file-a")]).await.0.is_empty());
}

#[tokio::test]
async fn a_reload_brings_the_new_documents_keys_and_keeps_the_stored_ones() {
    let (directory, hub) =
        directory(Arc::new(MemoryStore::default()), vec![file_key("a", "a"), file_key("b", "b")]).await;
    set(&directory, "b", "stored-b").await.unwrap();
    directory.replace_file_keys(vec![file_key("b", "other"), file_key("c", "c")]).await.unwrap();
    assert_eq!(ids(&directory), ["b", "c"]);
    assert!(hub.read().key(&hash("a")).is_none());
    assert!(hub.read().key(&hash("stored-b")).is_some());
    assert!(hub.read().key(&hash("other")).is_none());
}

#[tokio::test]
async fn two_keys_cannot_share_a_token() {
    let (directory, hub) =
        directory(Arc::new(MemoryStore::default()), vec![file_key("a", "a"), file_key("b", "b")]).await;
    let before = hub.revision();
    let error = set(&directory, "c", "a").await.unwrap_err();
    assert!(matches!(&error, DirectoryError::Conflict { id, other } if id == "c" && other == "a"), "{error}");
    let error = set(&directory, "b", "a").await.unwrap_err();
    assert!(error.to_string().contains("`a`"), "{error}");
    let error = directory.replace_file_keys(vec![file_key("x", "t"), file_key("y", "t")]).await.unwrap_err();
    assert!(error.to_string().contains("`x`") && error.to_string().contains("`y`"), "{error}");
    let error = directory.replace_file_keys(vec![file_key("x", "t"), file_key("x", "u")]).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Twice(id) if id == "x"));
    let error = directory.replace_file_keys(vec![file_key("x", " ")]).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NoToken(id) if id == "x"));
    assert_eq!((ids(&directory).len(), hub.revision()), (2, before), "nothing of it had an effect");
}

#[tokio::test]
async fn a_token_is_kept_made_or_set() {
    let (directory, hub) = directory(Arc::new(MemoryStore::default()), Vec::new()).await;
    let made = directory.upsert(key("a"), TokenChoice::KeepOrGenerate).await.unwrap();
    let token = made.generated.unwrap();
    assert!(made.created && token.expose().starts_with("sk-ditto-") && token.expose().len() == 9 + 64);
    assert!(hub.read().key(&hash(token.expose())).is_some());
    for choice in [TokenChoice::Keep, TokenChoice::KeepOrGenerate] {
        let kept = directory.upsert(key("a"), choice).await.unwrap();
        assert!(!kept.created && kept.generated.is_none());
        assert_eq!(directory.find_by_token(&hash(token.expose())).unwrap().id, "a");
    }
    set(&directory, "a", "new").await.unwrap();
    assert!(hub.read().key(&hash(token.expose())).is_none(), "the old token is dead at once");
    assert!(hub.read().key(&hash("new")).is_some());
    let error = directory.upsert(key("b"), TokenChoice::Keep).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NoToken(_)));
}

#[tokio::test]
async fn a_token_in_clear_is_not_held() {
    let (directory, _) = directory(Arc::new(MemoryStore::default()), vec![file_key("a", "clear")]).await;
    directory.upsert(file_key("b", "clear-b"), TokenChoice::KeepOrGenerate).await.unwrap();
    for id in ["a", "b"] {
        assert!(directory.get(id).unwrap().token.is_blank());
    }
}

#[tokio::test]
async fn the_first_key_closes_an_open_relay_and_the_last_does_not_reopen_it() {
    let store = Arc::new(MemoryStore::default());
    let (first, hub) = directory(store.clone(), Vec::new()).await;
    assert_eq!(first.access(), Access::Open);
    set(&first, "a", "a").await.unwrap();
    assert_eq!((first.access(), hub.access()), (Access::Keyed, Access::Keyed));
    first.delete("a").await.unwrap();
    assert_eq!(first.access(), Access::Keyed);
    first.replace_file_keys(Vec::new()).await.unwrap();
    assert_eq!((first.access(), hub.access()), (Access::Keyed, Access::Keyed), "nor does a reload");
    assert!(first.is_empty());
    assert_eq!(directory(store, Vec::new()).await.0.access(), Access::Keyed, "nor a restart, with its store");
}

#[tokio::test]
async fn a_document_that_has_had_keys_does_not_open_a_relay_when_they_go() {
    let store = Arc::new(MemoryStore::default());
    let (first, hub) = directory(store.clone(), Vec::new()).await;
    first.replace_file_keys(Vec::new()).await.unwrap();
    assert_eq!(hub.access(), Access::Open);
    first.replace_file_keys(vec![file_key("a", "a")]).await.unwrap();
    assert_eq!(hub.access(), Access::Keyed);
    first.replace_file_keys(Vec::new()).await.unwrap();
    assert_eq!((hub.access(), first.len()), (Access::Keyed, 0));
    assert_eq!(directory(store, Vec::new()).await.0.access(), Access::Keyed);
    // The same for keys that were there at the start, and for those of them that were deleted.
    let store = Arc::new(MemoryStore::default());
    let (first, _) = directory(store.clone(), vec![file_key("b", "b")]).await;
    first.delete("b").await.unwrap();
    assert_eq!(directory(store.clone(), vec![file_key("b", "b")]).await.0.access(), Access::Keyed);
    assert_eq!(directory(store, Vec::new()).await.0.access(), Access::Keyed);
}

#[tokio::test]
async fn a_first_key_that_cannot_be_noted_is_not_taken() {
    let store = Arc::new(FailingStore::default());
    let (directory, hub) = directory(store.clone(), Vec::new()).await;
    store.broken.store(true, Ordering::SeqCst);
    let error = directory.replace_file_keys(vec![file_key("a", "a")]).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Store(_)));
    assert_eq!((hub.access(), directory.len()), (Access::Open, 0));
}

#[tokio::test]
async fn keys_can_be_required() {
    let hub = Hub::new().unwrap();
    let store = Arc::new(MemoryStore::default());
    let directory = KeyDirectory::load(store, Vec::new(), true, hub).await.unwrap();
    assert_eq!(directory.access(), Access::Keyed);
}

#[tokio::test]
async fn what_the_data_plane_does_not_need_does_not_reach_it() {
    let (directory, hub) = directory(Arc::new(MemoryStore::default()), vec![file_key("a", "a")]).await;
    let before = hub.revision();
    let mut changed = key("a");
    changed.cache.enabled = !changed.cache.enabled;
    directory.upsert(changed.clone(), TokenChoice::Keep).await.unwrap();
    assert_eq!(hub.revision(), before);
    assert_eq!(*directory.get("a").unwrap(), changed);
}

#[tokio::test]
async fn a_store_that_fails_changes_nothing() {
    let store = Arc::new(FailingStore::default());
    let (directory, hub) = directory(store.clone(), vec![file_key("a", "a")]).await;
    let before = hub.revision();
    store.broken.store(true, Ordering::SeqCst);
    assert!(matches!(set(&directory, "a", "new").await, Err(DirectoryError::Store(_))));
    assert!(matches!(set(&directory, "b", "b").await, Err(DirectoryError::Store(_))));
    assert!(matches!(directory.delete("a").await, Err(DirectoryError::Store(_))));
    assert!(directory.check_store().await.is_err());
    assert_eq!((ids(&directory), hub.revision()), (vec!["a".to_owned()], before));
    assert!(directory.find_by_token(&hash("a")).is_some());
    store.broken.store(false, Ordering::SeqCst);
    set(&directory, "b", "b").await.unwrap();
}

#[tokio::test]
async fn a_change_runs_to_its_end_when_its_caller_goes_away() {
    let (directory, _) = directory(Arc::new(MemoryStore::default()), Vec::new()).await;
    // Polled once, so that the change has begun, then dropped.
    let _ = tokio::time::timeout(Duration::ZERO, set(&directory, "a", "a")).await;
    directory.check_store().await.unwrap();
    assert_eq!(ids(&directory), ["a"]);
}

#[tokio::test]
async fn changes_from_many_sides_leave_store_directory_and_hub_alike() {
    let store = Arc::new(MemoryStore::default());
    let (first, hub) = directory(store.clone(), Vec::new()).await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let directory = first.clone();
            tokio::spawn(async move {
                let id = format!("key-{}", n % 10);
                let _ = set(&directory, &id, &format!("token-{}", n % 7)).await;
                if n % 3 == 0 {
                    directory.delete(&id).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (second, other_hub) = directory(store, Vec::new()).await;
    assert_eq!(ids(&first), ids(&second));
    for n in 0..7 {
        let hash = hash(&format!("token-{n}"));
        assert_eq!(hub.read().key(&hash), other_hub.read().key(&hash));
        assert_eq!(
            hub.read().key(&hash).map(|key| key.id.clone()),
            first.find_by_token(&hash).map(|key| key.id.clone())
        );
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_cut_into_pages() {
    let (directory, _) = directory(Arc::new(MemoryStore::default()), Vec::new()).await;
    for (id, tenant, enabled) in [("b-1", "t", true), ("a-2", "t", false), ("a-1", "u", true), ("ab", "t", true)] {
        let key = VirtualKey { tenant_id: Some(tenant.into()), enabled, ..key(id) };
        directory.upsert(key, TokenChoice::KeepOrGenerate).await.unwrap();
    }
    let list = |filter: KeyFilter, offset, limit| {
        let (page, total) = directory.list(&filter, offset, limit);
        (page.iter().map(|key| key.id.clone()).collect::<Vec<_>>(), total)
    };
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let all = KeyFilter::default;
    assert_eq!(list(all(), 0, 10), (owned(&["a-1", "a-2", "ab", "b-1"]), 4));
    assert_eq!(list(all(), 1, 2), (owned(&["a-2", "ab"]), 4));
    assert_eq!(list(all(), 9, 2), (Vec::new(), 4));
    assert_eq!(list(all(), 0, 0), (Vec::new(), 4));
    assert_eq!(list(KeyFilter { id_prefix: Some("a-".into()), ..all() }, 0, 10), (owned(&["a-1", "a-2"]), 2));
    assert_eq!(list(KeyFilter { tenant_id: Some("t".into()), enabled: Some(true), ..all() }, 0, 10).1, 2);
    assert_eq!(list(KeyFilter { project_id: Some("t".into()), ..all() }, 0, 10).1, 0);
}

#[tokio::test]
async fn a_hundred_thousand_keys_load_and_stream() {
    let place = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&place.path().join("keys.db")).unwrap());
    let keys: Vec<VirtualKey> = (0..100_000).map(|n| file_key(&format!("key-{n:06}"), &format!("token-{n}"))).collect();
    let started = Instant::now();
    let (directory, hub) = directory(store, keys).await;
    let built = started.elapsed();
    let (mut cursor, mut updates, mut keys) = (Cursor::new(&hub, "", 0), 0, 0);
    while let Some(update) = cursor.next(&hub) {
        updates += 1;
        keys += update.upserts.len();
    }
    let streamed = started.elapsed() - built;
    assert_eq!((directory.len(), keys, updates), (100_000, 100_000, 196));
    // Generous, for an unoptimised build on a busy machine.
    assert!(built < Duration::from_secs(20) && streamed < Duration::from_secs(10), "{built:?} {streamed:?}");
    let started = Instant::now();
    set(&directory, "one-more", "one-more").await.unwrap();
    assert_eq!(cursor.next(&hub).unwrap().upserts.len(), 1);
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
}
