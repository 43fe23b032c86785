use super::*;
use crate::keys::store::SqliteStore;
use crate::keys::testing::hash;

#[tokio::test]
async fn keys_survive_a_restart_and_their_tokens_are_in_no_file() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("gateway.db");
    let open = || Arc::new(SqliteStore::open(&path).unwrap());
    let api = Api::over(open(), |_| {}).await;
    let given = "planted-token-2718281828";
    assert_eq!(api.post(&json!({"id": "given", "token": given})).await.status, 201);
    let made = api.post(&json!({"id": "made", "user_id": "u"})).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(api.call(Method::DELETE, "/admin/keys/from-file", "").await.status, 204);
    for entry in std::fs::read_dir(place.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for token in [given, made.as_str(), "vk-local"] {
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
        }
    }
    let before = api.get("/admin/keys").await.text;
    drop(api);

    let api = Api::over(open(), |_| {}).await;
    assert_eq!(api.get("/admin/keys").await.text, before);
    assert_eq!(api.directory.find_by_token(&hash(given)).unwrap().id, "given");
    assert_eq!(api.directory.find_by_token(&hash(&made)).unwrap().user_id.as_deref(), Some("u"));
    assert!(api.directory.get("from-file").is_none(), "a deleted key of the document stays deleted");
}
