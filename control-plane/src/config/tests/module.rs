//! Which filter module is in force, and how it comes and goes with the versions.

use bytes::Bytes;

use super::versions::{numbered, put};
use super::*;
use crate::config::versions::{MemoryVersions, VersionId};
use crate::modules::testing::passing;
use crate::xds::{ResourceType, Selection};

async fn upload(running: &Running, mark: &str) -> String {
    running.manager.upload_module(Bytes::from(passing(mark))).await.unwrap().sha256
}

fn plan() -> Plan {
    let selection = Selection::Nodes(vec!["canary-".to_owned()]);
    Plan { selection, bound: ErrorBound::default(), comment: None }
}

async fn in_force(running: &Running) -> Value {
    let status = serde_json::to_value(running.manager.modules_status().await.unwrap()).unwrap();
    let module = status["in_force"].clone();
    let name = |module: &str| format!("ditto-module/{}", &module[..16]);
    let has =
        |module: &Value| running.parts.cache.current().contains(ResourceType::Cluster, &name(module.as_str().unwrap()));
    for kept in status["modules"].as_array().unwrap() {
        assert_eq!(has(&kept["sha256"]), kept["sha256"] == module, "Envoys are told of the one in force alone");
    }
    module
}

#[tokio::test]
async fn a_module_is_in_force_with_its_version_and_survives_documents_and_restarts() {
    let store = Arc::new(MemoryVersions::default());
    let running = Running::over(Arc::clone(&store) as _, &numbered(1)).await;
    let follower = Running::over(Arc::clone(&store) as _, &numbered(1)).await;
    let other = upload(&running, "other").await;
    let staged = serde_json::to_value(running.manager.stage_module(other.clone(), plan()).await.unwrap()).unwrap();
    assert_eq!((&staged["staged"], &staged["rollout"]["module"]), (&json!(true), &json!(other)));
    assert_eq!(in_force(&running).await, Value::Null);
    let promoted = running.manager.promote().await.unwrap();
    assert_eq!((promoted.id, promoted.module.as_ref()), (VersionId(2), Some(&other)));
    assert_eq!(in_force(&running).await, json!(other));

    put(&running, &numbered(3), None).await.unwrap();
    let changed = running.manager.current().0.unwrap();
    assert_eq!((changed.id, changed.module.as_ref()), (VersionId(3), Some(&other)), "a document leaves it as it is");
    running.change("gateway.json", &numbered(4)).await;
    assert_eq!(in_force(&running).await, json!(other));
    follower.manager.catch_up().await;
    assert_eq!(in_force(&follower).await, json!(other));
    let restarted = Running::over(Arc::clone(&store) as _, &numbered(4)).await;
    assert_eq!(in_force(&restarted).await, json!(other));

    let back = running.manager.roll_back(VersionId(1), Wish::default()).await.unwrap();
    assert_eq!((back.module, in_force(&running).await), (None, Value::Null));
    running.manager.roll_back(VersionId(2), Wish::default()).await.unwrap();
    assert_eq!(in_force(&running).await, json!(other));
}

#[tokio::test]
async fn a_module_that_cannot_be_used_is_refused_with_its_reason() {
    let store = Arc::new(MemoryVersions::default());
    let running = Running::over(Arc::clone(&store) as _, &numbered(1)).await;
    let refused = running.manager.upload_module(Bytes::from_static(b"\0asm")).await.unwrap_err().to_string();
    assert!(refused.contains("no WebAssembly module"), "{refused}");
    let refused = running.manager.stage_module("ab".repeat(32), plan()).await.unwrap_err().to_string();
    assert!(refused.contains("upload it"), "{refused}");
    let first = upload(&running, "first").await;
    running.manager.stage_module(first.clone(), plan()).await.unwrap();
    running.manager.promote().await.unwrap();
    running.manager.roll_back(VersionId(1), Wish::default()).await.unwrap();
    for mark in ["a", "b", "c", "d"] {
        upload(&running, mark).await;
    }
    let again = Running::over(Arc::clone(&store) as _, &numbered(1)).await;
    let refused = again.manager.roll_back(VersionId(2), Wish::default()).await.unwrap_err().to_string();
    assert!(refused.contains(&first) && refused.contains("no longer"), "{refused}");
    assert_eq!(in_force(&again).await, Value::Null);
}
