//! Who may put which document in force, and which one that is after all.

use ditto_policy::document::Format;

use super::*;
use crate::config::versions::{Author, MemoryVersions, VersionId, VersionStore};
use crate::keys::store::StoreError;
use crate::modules::ModuleInfo;

/// A document without a secret, whose timeout tells it from others.
pub(super) fn numbered(number: u32) -> String {
    let backend = json!({"name": "one", "base_url": "http://127.0.0.1:1/v1", "timeout_seconds": number});
    json!({"backends": [backend], "virtual_keys": []}).to_string()
}

pub(super) fn timeout(running: &Running) -> u32 {
    running.manager.status().in_force.document.backends[0].timeout_seconds
}

pub(super) async fn put(running: &Running, text: &str, expected: Option<u64>) -> Result<u64, Failure> {
    let wish = Wish { expected: expected.map(VersionId), comment: Some("why".to_owned()) };
    let installed = running.manager.install(text.to_owned(), Some(Format::Json), wish).await;
    installed.map(|version| version.id.0)
}

async fn back(running: &Running, to: u64) -> Result<u64, Failure> {
    running.manager.roll_back(VersionId(to), Wish::default()).await.map(|version| version.id.0)
}

pub(super) async fn ids(running: &Running) -> Vec<(u64, Author)> {
    let list = running.manager.list_versions().await.unwrap();
    list.iter().map(|version| (version.id.0, version.author)).collect()
}

async fn running(store: &Arc<MemoryVersions>, file: &str) -> Running {
    Running::over(Arc::clone(store) as _, file).await
}

#[tokio::test]
async fn what_is_installed_is_in_force_and_so_is_what_it_is_rolled_back_to() {
    let running = running(&Arc::default(), &numbered(1)).await;
    assert_eq!(put(&running, &numbered(2), None).await.unwrap(), 2);
    assert_eq!((timeout(&running), running.manager.current().0.unwrap().id.0), (2, 2));
    assert_eq!(put(&running, &numbered(2), None).await.unwrap(), 2, "it is in force already");
    assert_eq!(back(&running, 1).await.unwrap(), 3);
    assert_eq!(timeout(&running), 1);
    let list = running.manager.list_versions().await.unwrap();
    assert_eq!((list[0].rollback_of, list[1].comment.as_deref()), (Some(VersionId(1)), Some("why")));
    assert_eq!(list[0].hash, list[2].hash);
    assert!(matches!(back(&running, 7).await, Err(Failure::Unknown(VersionId(7)))));
    let (version, document) = running.manager.version(VersionId(2)).await.unwrap();
    assert_eq!((version.author, &document["backends"][0]["timeout_seconds"]), (Author::Admin, &json!(2)));
}

#[tokio::test]
async fn an_update_that_is_based_on_another_version_is_refused() {
    let running = running(&Arc::default(), &numbered(1)).await;
    assert_eq!(put(&running, &numbered(2), Some(1)).await.unwrap(), 2);
    let refused = put(&running, &numbered(3), Some(1)).await;
    assert!(matches!(refused, Err(Failure::Unexpected(VersionId(2)))), "{refused:?}");
    assert_eq!(timeout(&running), 2);
}

#[tokio::test]
async fn a_document_with_a_problem_or_a_secret_is_no_version() {
    let running = running(&Arc::default(), &numbered(1)).await;
    let secret = numbered(2).replace("[]", r#"[{"id": "a", "token": "vk-secret"}]"#);
    for (text, place) in [("{\"backends\": 7}", "backends"), (secret.as_str(), "virtual_keys[0].token")] {
        let Err(Failure::Problems(problems)) = put(&running, text, None).await else { panic!("{text}") };
        assert_eq!(problems[0].path, place);
        assert!(!format!("{problems:?}").contains("vk-secret"));
    }
    // A key that the store has is found only when the keys are laid over each other: nothing is kept then either.
    let twice = numbered(2)
        .replace("[]", &json!([{"id": "a", "token": "${PATH}"}, {"id": "b", "token": "${PATH}"}]).to_string());
    assert!(matches!(put(&running, &twice, None).await, Err(Failure::Problems(_))));
    assert_eq!((ids(&running).await, timeout(&running)), (vec![(1, Author::File)], 1));
}

#[tokio::test]
async fn the_latest_change_wins_wherever_it_comes_from() {
    let running = running(&Arc::default(), &numbered(1)).await;
    put(&running, &numbered(2), None).await.unwrap();
    running.manager.reload().await;
    running.change("prices.json", &PRICES.replace("2e-6", "7e-6")).await;
    assert_eq!((timeout(&running), ids(&running).await.len()), (2, 2), "the file is no news");
    running.change("gateway.json", &numbered(3)).await;
    assert_eq!(timeout(&running), 3);
    put(&running, &numbered(4), None).await.unwrap();
    assert_eq!(timeout(&running), 4);
    let spaced = numbered(3).replace(',', " , ");
    running.change("gateway.json", &spaced).await;
    assert_eq!(timeout(&running), 4, "the same content in another notation is no news");
    let expected = [(4, Author::Admin), (3, Author::File), (2, Author::Admin), (1, Author::File)];
    assert_eq!(ids(&running).await, expected);
}

#[tokio::test]
async fn an_installed_version_outlives_a_restart_unless_the_file_is_edited_meanwhile() {
    let store = Arc::default();
    put(&running(&store, &numbered(1)).await, &numbered(2), None).await.unwrap();
    let again = running(&store, &numbered(1)).await;
    assert_eq!((timeout(&again), again.manager.current().0.unwrap().id.0), (2, 2));
    let edited = running(&store, &numbered(3)).await;
    assert_eq!((timeout(&edited), ids(&edited).await.len()), (3, 3));
}

#[tokio::test]
async fn a_file_with_secrets_is_shown_without_them_and_is_come_back_to_by_the_file_itself() {
    let store = Arc::default();
    let running = running(&store, &document("vk-a")).await;
    let (version, shown) = running.manager.version(VersionId(1)).await.unwrap();
    assert_eq!((version.kept, &shown["virtual_keys"][0]["token"]), (false, &json!("redacted")));
    assert!(!store.get(VersionId(1)).unwrap().unwrap().document.contains("vk-a"));
    assert!(!running.manager.current().1.to_string().contains("vk-a"));
    put(&running, &numbered(2), None).await.unwrap();
    assert!(running.parts.directory.find_by_token(&hash("vk-a")).is_none());
    assert_eq!(back(&running, 1).await.unwrap(), 3);
    assert!(running.parts.directory.find_by_token(&hash("vk-a")).is_some());
    running.change("gateway.json", &numbered(4)).await;
    let Err(Failure::Problems(problems)) = back(&running, 1).await else { panic!("the file is another one") };
    assert!(problems[0].message.contains("is not kept"), "{problems:?}");
    assert_eq!(timeout(&running), 4);
}

#[tokio::test]
async fn another_gateway_on_the_store_follows_and_neither_overwrites_the_other() {
    let store = Arc::default();
    let (one, two) = (running(&store, &numbered(1)).await, running(&store, &numbered(1)).await);
    assert_eq!(ids(&one).await.len(), 1, "the same file is one version");
    put(&one, &numbered(2), None).await.unwrap();
    // It has not heard of version 2 yet, and must not take version 1 for the one that is replaced.
    assert!(matches!(put(&two, &numbered(3), Some(1)).await, Err(Failure::Unexpected(VersionId(2)))));
    two.manager.catch_up().await;
    assert_eq!((timeout(&two), two.manager.current().0.unwrap().id.0), (2, 2));
    two.change("gateway.json", &numbered(3)).await;
    one.manager.catch_up().await;
    assert_eq!(timeout(&one), 3);
    // Its own file comes late with the same content.
    one.change("gateway.json", &numbered(3)).await;
    assert_eq!(ids(&one).await.len(), 3);
}

#[tokio::test]
async fn a_version_that_cannot_be_used_here_is_told_and_replaced_by_the_next() {
    let store: Arc<MemoryVersions> = Arc::default();
    let (one, two) = (running(&store, &numbered(1)).await, running(&store, &numbered(1)).await);
    one.change("gateway.json", &document("vk-only-in-this-file")).await;
    two.manager.catch_up().await;
    let status = two.manager.shown_status();
    assert!(status["document"]["refused"]["problems"][0].as_str().unwrap().contains("is not kept"), "{status}");
    assert_eq!((timeout(&two), &status["document"]["config_version"]), (1, &json!(VersionId(1))));
    put(&one, &numbered(5), None).await.unwrap();
    two.manager.catch_up().await;
    assert_eq!((timeout(&two), &two.manager.shown_status()["document"]["refused"]), (5, &Value::Null));
}

/// A store that fails when it is told to, or has lost what it had.
#[derive(Debug, Default)]
struct Failing {
    inner: MemoryVersions,
    failing: std::sync::atomic::AtomicBool,
    lost: std::sync::atomic::AtomicBool,
}

impl VersionStore for Failing {
    fn newest(&self) -> Result<VersionId, StoreError> {
        let lost = self.lost.load(std::sync::atomic::Ordering::SeqCst);
        if lost { Ok(VersionId(0)) } else { self.inner.newest() }
    }

    fn list(&self) -> Result<Vec<Version>, StoreError> {
        self.inner.list()
    }

    fn get(&self, id: VersionId) -> Result<Option<Entry>, StoreError> {
        self.inner.get(id)
    }

    fn append(&self, entry: &Entry) -> Result<(), StoreError> {
        if self.failing.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(StoreError::Unusable("full".to_owned()));
        }
        self.inner.append(entry)
    }

    fn modules(&self) -> Result<Vec<ModuleInfo>, StoreError> {
        self.inner.modules()
    }

    fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.module(sha256)
    }

    fn keep_module(&self, info: &ModuleInfo, module: &[u8], leaving: &[String]) -> Result<(), StoreError> {
        self.inner.keep_module(info, module, leaving)
    }
}

#[tokio::test]
async fn what_cannot_be_kept_does_not_come_into_force_nor_do_its_keys() {
    let store: Arc<Failing> = Arc::default();
    let running = Running::over(Arc::clone(&store) as _, &document("vk-a")).await;
    store.failing.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(put(&running, &numbered(2), None).await, Err(Failure::Store(StoreError::Unusable(_)))));
    running.change("gateway.json", &document("vk-b")).await;
    assert_eq!(running.manager.shown_status()["document"]["refused"]["problems"], json!(["full"]));
    let directory = &running.parts.directory;
    assert!(directory.find_by_token(&hash("vk-a")).is_some() && directory.find_by_token(&hash("vk-b")).is_none());
    store.failing.store(false, std::sync::atomic::Ordering::SeqCst);
    running.manager.reload().await;
    assert!(directory.find_by_token(&hash("vk-b")).is_some());

    store.lost.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(put(&running, &numbered(2), None).await, Err(Failure::Store(StoreError::Lost(_)))));
    assert!(directory.find_by_token(&hash("vk-b")).is_some());
}
