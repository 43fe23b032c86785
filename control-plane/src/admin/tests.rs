use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use axum::routing::get;
use ditto_policy::secret::Secret;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::keys::store::{KeyStore, MemoryStore};
use crate::keys::testing::{directory, file_key};
use crate::ledger::testing::Ledger;

mod access;
mod books;
mod keys;
mod ledger;
mod persistence;
mod probes;

const TOKEN: &str = "an-admin-token-for-tests";

/// The API over a directory and a ledger, and both of them.
struct Api {
    router: Router,
    directory: Arc<KeyDirectory>,
    ledger: Ledger,
}

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The code of an error, having checked the error's form.
    fn code(&self) -> String {
        let body = self.json();
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        assert_eq!(body["error"].as_object().unwrap().len(), 2, "{body}");
        assert!(body["error"]["message"].is_string());
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

impl Api {
    async fn over(store: Arc<dyn KeyStore>, change: impl FnOnce(&mut AdminState)) -> Self {
        let (directory, _) = directory(store, vec![file_key("from-file", "vk-local")]).await;
        let ledger = Ledger::over(&directory).await;
        let configuration = Router::new().route("/admin/config/status", get(async || Json(json!({"revision": 7}))));
        let mut state = AdminState {
            directory: directory.clone(),
            ledger: ledger.access.clone(),
            token: Some(AdminToken::new(&Secret::new(TOKEN))),
            backends: BackendNames::new(["primary".to_owned()]),
            health: crate::health::Health::new(None, crate::http_client::HttpClient::new(None).unwrap()),
            loads: crate::load::Loads::new(BackendNames::default()),
            metrics: None,
            envoy: None,
            checks: Vec::new(),
            config: configuration,
        };
        change(&mut state);
        Self { router: router(state), directory, ledger }
    }

    async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()), |_| {}).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, text }
    }

    /// A request with the admin token.
    async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "").await
    }

    async fn post(&self, body: &Value) -> Answer {
        self.call(Method::POST, "/admin/keys", body.to_string()).await
    }
}
