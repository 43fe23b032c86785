//! What every store of versions does, each on the real thing.

use serde_json::json;

use super::*;
use crate::keys::store::RedisStore;

fn entry(id: u64) -> Entry {
    Proposal::of_file(None).entry(VersionId(id), &json!({"backends": [], "number": id}))
}

fn keeps_the_latest(store: &dyn VersionStore) {
    assert_eq!((store.newest().unwrap(), store.list().unwrap()), (VersionId(0), vec![]));
    assert!(matches!(store.append(&entry(2)), Err(StoreError::Moved)), "the first is 1");
    store.append(&entry(1)).unwrap();
    let other = Entry { document: "{}".to_owned(), ..entry(1) };
    let other = Entry { version: Version { comment: Some("other".to_owned()), ..other.version.clone() }, ..other };
    assert!(matches!(store.append(&other), Err(StoreError::Moved)), "there is a first one");
    for id in 2..=VERSIONS_MAX + 2 {
        store.append(&entry(id)).unwrap();
    }
    let list = store.list().unwrap();
    assert_eq!(list.len() as u64, VERSIONS_MAX);
    assert_eq!((list[0].id.0, list.last().unwrap().id.0), (VERSIONS_MAX + 2, 3));
    assert_eq!(store.newest().unwrap().0, VERSIONS_MAX + 2);
    assert_eq!(store.get(VersionId(2)).unwrap(), None);
    let found = store.get(VersionId(3)).unwrap().unwrap();
    assert_eq!((found.version.hash, found.document), (entry(3).version.hash, entry(3).document));
}

fn keeps_modules(store: &dyn VersionStore) {
    assert_eq!((store.modules().unwrap(), store.module("a").unwrap()), (vec![], None));
    let [a, b] = [b"\0asm-a".as_slice(), b"\0asm-\xff"].map(|module| (ModuleInfo::of(module, 7), module));
    for (info, module) in [&a, &b, &a] {
        store.keep_module(info, module, &[]).unwrap();
    }
    let mut kept = store.modules().unwrap();
    kept.sort_by_key(|kept| kept.sha256 != a.0.sha256);
    assert_eq!(kept, [a.0.clone(), b.0.clone()]);
    assert_eq!(store.module(&b.0.sha256).unwrap().as_deref(), Some(b.1));
    let c = ModuleInfo::of(b"c", 8);
    store.keep_module(&c, b"c", std::slice::from_ref(&a.0.sha256)).unwrap();
    assert_eq!((store.modules().unwrap().len(), store.module(&a.0.sha256).unwrap()), (2, None));
}

#[tokio::test]
async fn of_too_many_modules_the_oldest_leaves_that_is_not_in_use() {
    let modules = crate::modules::Modules::new(Versions::new(Arc::new(MemoryVersions::default())));
    let infos: Vec<_> = (0..6_u8).map(|n| ModuleInfo::of(&[n], u64::from(n))).collect();
    for (n, info) in infos.iter().enumerate() {
        let module = bytes::Bytes::from(vec![n as u8]);
        modules.keep(info, module, &[infos[0].sha256.clone()]).await.unwrap();
    }
    let kept: Vec<u64> = modules.list().await.unwrap().iter().map(|kept| kept.at_ms).collect();
    assert_eq!(kept, [0, 3, 4, 5]);
    assert_eq!(modules.get(&infos[0].sha256).await.unwrap().as_deref(), Some([0].as_slice()));
}

#[test]
fn memory_keeps_the_latest() {
    keeps_the_latest(&MemoryVersions::default());
    keeps_modules(&MemoryVersions::default());
}

#[test]
fn sqlite_keeps_the_latest_and_has_them_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ditto.sqlite");
    keeps_the_latest(&SqliteVersions::open(&path).unwrap());
    keeps_modules(&SqliteVersions::open(&path).unwrap());
    assert_eq!(SqliteVersions::open(&path).unwrap().modules().unwrap().len(), 2);
    assert_eq!(SqliteVersions::open(&path).unwrap().newest().unwrap().0, VERSIONS_MAX + 2);
}

#[test]
fn redis_keeps_the_latest_and_lets_one_of_two_be_faster() {
    let server = ditto_test_redis::RedisServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let open = |prefix: &str| {
        let url = crate::redis::RedisUrl::new(ditto_policy::secret::Secret::new(server.url()));
        let client = crate::redis::RedisClient::open(&url).unwrap();
        let _on = runtime.enter();
        RedisVersions::new(client, prefix)
    };
    let (one, two) = (open("ditto"), open("ditto"));
    keeps_the_latest(&one);
    keeps_modules(&one);
    assert_eq!(two.modules().unwrap().len(), 2);
    let next = two.newest().unwrap().next();
    two.append(&entry(next.0)).unwrap();
    two.append(&entry(next.0)).unwrap_or_else(|error| assert!(matches!(error, StoreError::Moved)));
    let other = Proposal { author: Author::Admin, comment: None, rollback_of: None, module: None };
    assert!(matches!(one.append(&other.entry(next, &json!({}))), Err(StoreError::Moved)));
    assert_eq!(open("other").newest().unwrap(), VersionId(0));
    assert_ne!(RedisVersions::channel("ditto"), RedisStore::channel("ditto"));
}

#[test]
fn what_may_be_a_secret_is_not_kept_and_is_not_hashed_by_its_notation() {
    let kept = Proposal::of_file(None).entry(VersionId(1), &json!({"backends": [{"headers": {"a": "${KEY}"}}]}));
    assert!(kept.version.kept && kept.document.contains("${KEY}"));
    let not = Proposal::of_file(None).entry(VersionId(1), &json!({"backends": [{"headers": {"a": "sk-1"}}]}));
    assert!(!not.version.kept && !not.document.contains("sk-1"));
    let large = Proposal::of_file(None).entry(VersionId(1), &json!({"name": "x".repeat(KEPT_BYTES_MAX)}));
    assert!(!large.version.kept && large.document.is_empty());
    assert_eq!(content_hash(&json!({"a": 1, "b": [2]})), content_hash(&json!({"b": [2], "a": 1})));
    assert_ne!(content_hash(&json!({"a": 1})), content_hash(&json!({"a": 2})));
}

#[test]
fn an_id_is_read_as_it_is_shown() {
    let id = VersionId(7);
    assert_eq!(id.to_string(), "cfgv-00000000000000000007");
    for text in [id.to_string().as_str(), "7"] {
        assert_eq!(VersionId::parse(text), Some(id));
    }
    for text in ["", "cfgv-", "-1", "+1", "cfgv-99999999999999999999"] {
        assert_eq!(VersionId::parse(text), None, "{text}");
    }
}
