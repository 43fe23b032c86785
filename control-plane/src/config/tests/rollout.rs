//! What a staged document is to everything but its nodes.

use super::versions::{ids, numbered, put, timeout};
use super::*;
use crate::config::versions::Author;
use crate::xds::Selection;

async fn stage(running: &Running, text: &str) -> Result<Value, Failure> {
    let selection = Selection::Nodes(vec!["canary-".to_owned()]);
    let plan = Plan { selection, bound: ErrorBound::default(), comment: Some("try".to_owned()) };
    let staged = running.manager.stage(text.to_owned(), None, plan).await;
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

#[tokio::test]
async fn a_document_whose_requests_fail_is_taken_back() {
    let running = running().await;
    let staged = stage(&running, &numbered(2)).await.unwrap();
    let bound = (&staged["rollout"]["max_error_rate"], &staged["rollout"]["min_requests"]);
    assert_eq!(bound, (&json!(0.05), &json!(100)));
    let version = staged["rollout"]["version"].as_str().unwrap();
    assert_eq!(running.manager.staged().unwrap().0, version);
    let judge = |version: &str, requests, errors| running.manager.judge_staged(version, requests, errors);
    assert!(!judge(version, 99, 99), "too few to tell");
    assert!(!judge(version, 200, 10), "the bound itself is allowed");
    assert!(!judge("another", 200, 200));
    assert!(running.parts.cache.is_staged());
    assert!(judge(version, 200, 11));
    assert!(!judge(version, 200, 11), "it was taken back");
    let told = serde_json::to_value(running.manager.rollout()).unwrap();
    let refused = json!({"kind": "error_rate", "reason": "11 of 200 requests failed, more than a share of 0.05"});
    assert_eq!((&told["staged"], &told["refused"]), (&json!(false), &refused));
    assert!(running.manager.staged().is_none());
    assert!(matches!(running.manager.promote().await, Err(Failure::NotStaged)));
}
