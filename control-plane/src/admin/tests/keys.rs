use std::sync::atomic::Ordering;

use super::*;
use crate::keys::store::contract::FailingStore;
use crate::keys::testing::hash;

#[tokio::test]
async fn a_key_is_made_shown_once_changed_and_deleted() {
    let api = Api::new().await;
    let answer = api.post(&json!({"id": "new", "tenant_id": "t", "limits": {"rpm": 5}})).await;
    assert_eq!(answer.status, 201);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("sk-ditto-") && token.len() == 73);
    assert_eq!((&answer.json()["enabled"], &answer.json()["limits"]["rpm"]), (&json!(true), &json!(5)));
    assert_eq!(api.directory.find_by_token(&hash(&token)).unwrap().id, "new");

    let list = api.get("/admin/keys").await;
    assert!(!list.text.contains(&token));
    let ids: Vec<String> =
        list.json().as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().into()).collect();
    assert_eq!(ids, ["from-file", "new"]);
    assert!(list.json().as_array().unwrap().iter().all(|key| key["token"] == "redacted"));

    // What a list shows can be sent back.
    let mut shown = list.json()[1].clone();
    shown["enabled"] = json!(false);
    let answer = api.call(Method::PUT, "/admin/keys/new", shown.to_string()).await;
    assert_eq!((answer.status, &answer.json()["token"]), (200, &json!("redacted")));
    assert!(!api.directory.find_by_token(&hash(&token)).unwrap().enabled, "the token has been kept");

    let answer = api.call(Method::DELETE, "/admin/keys/new", "").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let answer = api.call(Method::DELETE, "/admin/keys/new", "").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_token_that_is_given_is_not_repeated() {
    let api = Api::new().await;
    let answer = api.post(&json!({"id": "a", "token": "my-own-token"})).await;
    assert_eq!((answer.status, &answer.json()["token"]), (201, &json!("redacted")));
    assert!(!answer.text.contains("my-own-token"));
    assert_eq!(api.directory.find_by_token(&hash("my-own-token")).unwrap().id, "a");
    let answer = api.post(&json!({"id": "a", "token": hash("another").to_stored()})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(api.directory.find_by_token(&hash("another")).unwrap().id, "a");
    assert!(api.directory.find_by_token(&hash("my-own-token")).is_none());
}

#[tokio::test]
async fn the_paths_id_wins() {
    let api = Api::new().await;
    for body in [json!({}), json!({"id": "other"}), json!({"id": 5})] {
        let answer = api.call(Method::PUT, "/admin/keys/team%2Fa%20b", body.to_string()).await;
        assert_eq!(answer.json()["id"], "team/a b", "{answer:?}");
    }
    assert_eq!(api.directory.len(), 2);
    assert_eq!(api.call(Method::DELETE, "/admin/keys/team%2Fa%20b", "").await.status, 204);
    let answer = api.call(Method::PUT, "/admin/keys/%ff", "{}").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
}

#[tokio::test]
async fn a_key_of_the_document_can_be_changed_and_deleted() {
    let api = Api::new().await;
    let answer = api.call(Method::PUT, "/admin/keys/from-file", r#"{"route":"primary"}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(api.directory.find_by_token(&hash("vk-local")).unwrap().route.as_deref(), Some("primary"));
    assert_eq!(api.call(Method::DELETE, "/admin/keys/from-file", "").await.status, 204);
    assert!(api.directory.is_empty());
}

#[tokio::test]
async fn another_keys_token_is_a_conflict_that_names_the_key() {
    let api = Api::new().await;
    let answer = api.post(&json!({"id": "thief", "token": "vk-local"})).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"));
    assert!(answer.message().contains("`from-file`") && !answer.message().contains("vk-local"), "{answer:?}");
}

#[tokio::test]
async fn tokens_cannot_be_exported() {
    let answer = Api::new().await.get("/admin/keys?include_tokens=true").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "secret_unavailable"));
    assert_eq!(Api::new().await.get("/admin/keys?include_tokens=false").await.status, 200);
}

#[tokio::test]
async fn lists_take_filters_and_pages_and_tell_the_total() {
    let api = Api::new().await;
    for (id, tenant, project, user) in [("a-1", "t", "p", "u"), ("a-2", "t", "q", "v"), ("b&c", "ü", "q", "u")] {
        let body =
            json!({"id": id, "tenant_id": tenant, "project_id": project, "user_id": user, "enabled": id != "a-2"});
        assert_eq!(api.post(&body).await.status, 201);
    }
    for (query, ids, total) in [
        ("", vec!["a-1", "a-2", "b&c", "from-file"], "4"),
        ("?limit=2&offset=1", vec!["a-2", "b&c"], "4"),
        ("?limit=0", vec![], "4"),
        ("?offset=100", vec![], "4"),
        ("?tenant_id=t", vec!["a-1", "a-2"], "2"),
        ("?tenant_id=%C3%BC", vec!["b&c"], "1"),
        ("?project_id=q&user_id=u", vec!["b&c"], "1"),
        ("?enabled=false", vec!["a-2"], "1"),
        ("?id_prefix=b%26", vec!["b&c"], "1"),
        ("?id_prefix=zz", vec![], "0"),
    ] {
        let answer = api.get(&format!("/admin/keys{query}")).await;
        let list = answer.json();
        let found: Vec<&str> = list.as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
        assert_eq!(found, ids, "{query}");
        assert_eq!(answer.headers["x-total-count"], total, "{query}");
    }
}

#[tokio::test]
async fn a_bad_query_is_named() {
    let api = Api::new().await;
    for (query, name) in [
        ("limit=10001", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("offset=1.5", "offset"),
        ("offset=99999999999999999999999", "offset"),
        ("enabled=yes", "enabled"),
        ("include_tokens=1", "include_tokens"),
        ("tenant_id=", "tenant_id"),
        ("tenant=t", "tenant"),
        ("limit=1&limit=2", "limit"),
    ] {
        let answer = api.get(&format!("/admin/keys?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{query}");
        assert!(answer.message().contains(&format!("`{name}`")), "{query}: {}", answer.message());
    }
}

#[tokio::test]
async fn all_problems_of_a_body_are_named_with_their_paths() {
    let api = Api::new().await;
    let body = json!({"id": "a", "limits": {"rpm": "many"}, "budget": {"total_token": 5}, "token": "a b"});
    let answer = api.post(&body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
    for path in ["limits.rpm", "budget.total_token", "token"] {
        assert!(answer.message().contains(path), "{path}: {}", answer.message());
    }
    assert_eq!(api.directory.len(), 1);
}

#[tokio::test]
async fn bad_values_are_refused() {
    let api = Api::new().await;
    let long = "x".repeat(300);
    for (body, path) in [
        (json!([]), ""),
        (json!("text"), ""),
        (json!({}), "id"),
        (json!({"id": ""}), "id"),
        (json!({"id": "a\nb"}), "id"),
        (json!({"id": long}), "id"),
        (json!({"id": "a", "tenant_id": long}), "tenant_id"),
        (json!({"id": "a", "token": ""}), "token"),
        (json!({"id": "a", "token": "  "}), "token"),
        (json!({"id": "a", "token": "a\u{7f}b"}), "token"),
        (json!({"id": "a", "token": "sha256:abc"}), "token"),
        (json!({"id": "a", "token": 5}), "token"),
        (json!({"id": "a", "token": "redacted"}), "token"),
        (json!({"id": "a", "route": "nowhere"}), "route"),
        (json!({"id": "a", "enabled": "yes"}), "enabled"),
    ] {
        let answer = api.post(&body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
        assert!(answer.message().contains(path), "{body}: {}", answer.message());
    }
    assert_eq!(api.directory.len(), 1);
    assert_eq!(api.post(&json!({"id": "a", "token": null, "route": "primary"})).await.status, 201);
}

#[tokio::test]
async fn broken_json_is_located_and_not_quoted() {
    let api = Api::new().await;
    for (body, place) in
        [("", "line 1, column 0"), ("{\n \"token\": secret-token}", "line 2"), (r#"{"token": "secret-token"#, "line 1")]
    {
        let answer = api.call(Method::POST, "/admin/keys", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_json"), "{body}");
        assert!(answer.message().contains(place), "{}", answer.message());
        assert!(!answer.text.contains("secret-token"));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let api = Api::new().await;
    let body = json!({"id": "a", "tenant_id": "x".repeat(1 << 20)}).to_string();
    for (method, path) in [(Method::POST, "/admin/keys"), (Method::PUT, "/admin/keys/a")] {
        let answer = api.call(method, path, body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "request_too_large"));
    }
}

#[tokio::test]
async fn a_store_that_fails_is_said_without_details() {
    let store = Arc::new(FailingStore::default());
    let api = Api::over(store.clone(), |_| {}).await;
    store.broken.store(true, Ordering::SeqCst);
    for (method, path) in [(Method::PUT, "/admin/keys/a"), (Method::DELETE, "/admin/keys/from-file")] {
        let answer = api.call(method, path, "{}").await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "storage_error"));
        assert!(!answer.text.contains("/secret/place"));
    }
    assert_eq!(api.directory.len(), 1);
}
