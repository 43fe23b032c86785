//! What a staged document is to everything but its nodes.

use super::versions::{ids, numbered, put, timeout};
use super::*;
use crate::config::versions::Author;
use crate::xds::Selection;

async fn stage(running: &Running, text: &str) -> Result<Value, Failure> {
    let selection = Selection::Nodes(vec!["canary-".to_owned()]);
    let staged = running.manager.stage(text.to_owned(), None, selection, Some("try".to_owned())).await;
    staged.map(|status| serde_json::to_value(status).unwrap())
}

async fn running() -> Running {
    Running::over(Arc::new(config_versions::MemoryVersions::default()), &numbered(1)).await
}

#[tokio::test]
async fn a_staged_document_becomes_a_version_when_it_is_promoted() {
    let running = running().await;
    let staged = stage(&running, &numbered(2)).await.unwrap();
    assert_eq!((&staged["staged"], &staged["rollout"]["comment"]), (&json!(true), &json!("try")));
    assert_eq!((timeout(&running), ids(&running).await.len()), (1, 1));
    assert!(matches!(stage(&running, &numbered(3)).await, Err(Failure::Staged)));
    let version = running.manager.promote().await.unwrap();
    assert_eq!((version.comment.as_deref(), timeout(&running)), (Some("try"), 2));
    assert_eq!(ids(&running).await, [(2, Author::Admin), (1, Author::File)]);
    assert!(!running.parts.cache.is_staged());
    assert!(matches!(running.manager.promote().await, Err(Failure::NotStaged)));
}

#[tokio::test]
async fn what_comes_into_force_meanwhile_goes_before_what_is_staged() {
    let running = running().await;
    stage(&running, &numbered(2)).await.unwrap();
    put(&running, &numbered(3), None).await.unwrap();
    assert!(!running.parts.cache.is_staged());
    assert!(matches!(running.manager.promote().await, Err(Failure::NotStaged)));
    stage(&running, &numbered(2)).await.unwrap();
    running.change("gateway.json", &numbered(4)).await;
    assert!(matches!(running.manager.abort().await, Err(Failure::NotStaged)));
    assert_eq!(timeout(&running), 4);
}

#[tokio::test]
async fn what_cannot_be_staged_is_refused_with_its_reason() {
    let running = running().await;
    let metadata = json!({"backends": [{"name": "one", "provider": "vertex", "provider_config": {
        "project": "p", "location": "global", "auth": {"type": "metadata"}}}]});
    for (text, reason) in [
        (document("vk-secret"), "virtual_keys[0].token"),
        (metadata.to_string(), "a credential that expires"),
        (numbered(1), "it would change nothing"),
        ("{\"backends\": 7}".to_owned(), "backends: "),
    ] {
        let Err(Failure::Problems(problems)) = stage(&running, &text).await else { panic!("{text}") };
        let told = problems[0].to_string();
        assert!(told.contains(reason) && !told.contains("vk-secret"), "{told}");
    }
    assert!(!running.parts.cache.is_staged());
}
