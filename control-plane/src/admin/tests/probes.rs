use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::keys::store::contract::FailingStore;

async fn probe(api: &Api, path: &str) -> Answer {
    api.send(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn health_needs_nothing() {
    let answer = probe(&Api::new().await, "/health").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})));
}

#[tokio::test]
async fn ready_lists_the_store_and_the_checks() {
    let envoy = || ReadyCheck::new("envoy", || async { Ok(()) });
    let api = Api::over(Arc::new(MemoryStore::default()), |state| state.checks = vec![envoy()]).await;
    let answer = probe(&api, "/ready").await;
    let checks = json!([{"name": "store.memory", "status": "ok"}, {"name": "envoy", "status": "ok"}]);
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ready", "checks": checks})));
}

#[tokio::test]
async fn one_failed_check_is_not_ready_and_gives_no_details() {
    let envoy = || ReadyCheck::new("envoy", || async { Err("secret details".to_owned()) });
    let api = Api::over(Arc::new(MemoryStore::default()), |state| state.checks = vec![envoy()]).await;
    let answer = probe(&api, "/ready").await;
    let checks = json!([{"name": "store.memory", "status": "ok"}, {"name": "envoy", "status": "error"}]);
    assert_eq!((answer.status, answer.json()), (503, json!({"status": "not_ready", "checks": checks})));
}

#[tokio::test]
async fn a_store_that_fails_is_not_ready() {
    let store = Arc::new(FailingStore::default());
    let api = Api::over(store.clone(), |_| {}).await;
    store.broken.store(true, Ordering::SeqCst);
    let answer = probe(&api, "/ready").await;
    assert_eq!(answer.status, 503);
    assert!(!answer.text.contains("/secret/place"));
}

#[tokio::test]
async fn many_probes_cost_one_check() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let check = ReadyCheck::new("slow", move || {
        let counted = counted.clone();
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(())
        }
    });
    let api = Api::over(Arc::new(MemoryStore::default()), |state| state.checks = vec![check]).await;
    let probes = (0..20).map(|_| probe(&api, "/ready"));
    let answers = futures_util::future::join_all(probes).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
