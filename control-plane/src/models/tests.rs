use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use ditto_policy::compile::{Options, compile};
use ditto_policy::document::{Format, load};
use ditto_policy::filter_config::Metering;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use super::*;
use crate::environment::ProcessEnvironment;
use crate::keys::store::MemoryStore;
use crate::keys::testing::{directory, file_key};

/// A provider that answers every path with the same, and notes who asked for what.
#[derive(Clone)]
struct Provider {
    answer: Arc<Mutex<(StatusCode, Value)>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    url: String,
}

impl Provider {
    async fn start(answer: Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self { answer: Arc::new(Mutex::new((StatusCode::OK, answer))), asked: Arc::default(), url };
        let answer = async |State(provider): State<Self>, OriginalUri(uri): OriginalUri, headers: HeaderMap| {
            provider.asked.lock().unwrap().push((uri.to_string(), headers));
            let (status, body) = provider.answer.lock().unwrap().clone();
            (status, axum::Json(body))
        };
        let routes = Router::new().fallback(any(answer)).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    async fn of_models(ids: &[&str]) -> Self {
        Self::start(openai(ids)).await
    }

    fn asked(&self) -> Vec<(String, HeaderMap)> {
        self.asked.lock().unwrap().clone()
    }
}

fn openai(ids: &[&str]) -> Value {
    let data: Vec<_> =
        ids.iter().map(|id| json!({"id": id, "object": "model", "created": 7, "owned_by": "x"})).collect();
    json!({"object": "list", "data": data})
}

/// The endpoints over a document, with these keys; an open relay without any.
async fn endpoints(document: &Value, keys: Vec<VirtualKey>) -> Router {
    let environment = ProcessEnvironment::default();
    let loaded = load(&document.to_string(), Some(Format::Json), &environment).unwrap();
    let options =
        Options { max_body_bytes: 1, open_relay: keys.is_empty(), metering: Metering::default(), module: None };
    let (directory, _) = directory(Arc::new(MemoryStore::default()), keys).await;
    let models = Models::new(directory, HttpClient::new(None).unwrap());
    models.replace(&compile(&loaded.document, options).unwrap());
    models.router()
}

async fn ask(router: &Router, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Value) {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
}

fn ids(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect()
}

fn keyed() -> Vec<VirtualKey> {
    vec![file_key("k", "vk")]
}

const VK: (&str, &str) = ("authorization", "Bearer vk");

#[tokio::test]
async fn lists_are_merged_by_name_and_the_first_backend_wins() {
    let (one, two) = (Provider::of_models(&["b", "a"]).await, Provider::of_models(&["a", "c"]).await);
    *two.answer.lock().unwrap() = (StatusCode::OK, json!({"data": [{"id": "a", "extra": "two"}, {"id": "c"}, {}]}));
    let document = json!({
        "backends": [
            {"name": "z", "base_url": format!("{}/v1", two.url)},
            {"name": "m", "base_url": format!("{}/api/v1", one.url), "headers": {"x-own": "1"},
             "query_params": {"v": "a b"}, "model_map": {"mapped": "b", "*": "b"}},
            {"name": "t", "provider": "anthropic", "provider_config": {"auth": {"type": "none"},
             "model_whitelist": ["white"], "default_model": "white"}},
        ],
        "router": {"default_backend": "m", "rules": [
            {"model_prefix": "ruled", "exact": true, "backend": "z"}, {"model_prefix": "not-", "backend": "z"}]},
    });
    let router = endpoints(&document, keyed()).await;
    let (status, headers, body) = ask(&router, "/v1/models", &[VK]).await;
    assert_eq!((status, headers["x-ditto-translation"].as_bytes()), (200, &b"multi"[..]));
    assert!(!headers.contains_key("x-ditto-backend"), "three answered");
    assert_eq!((ids(&body), &body["object"]), (vec!["a", "b", "c", "mapped", "ruled", "white"], &json!("list")));
    assert_eq!(body["data"][0], json!({"id": "a", "object": "model", "created": 7, "owned_by": "x"}), "as it came");
    assert_eq!(body["data"][5], json!({"id": "white", "object": "model", "created": 0, "owned_by": "t"}));
    let (path, sent) = &one.asked()[0];
    assert_eq!((path.as_str(), sent["x-own"].as_bytes()), ("/api/v1/models?v=a%20b", &b"1"[..]));
    assert!(!sent.contains_key("authorization"), "the virtual key stays here");

    let (status, headers, body) = ask(&router, "/models/c", &[VK]).await;
    assert_eq!((status, &body["id"], headers["x-ditto-backend"].as_bytes()), (200, &json!("c"), &b"z"[..]));
    let (status, _, body) = ask(&router, "/v1/models/x/y", &[VK]).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!((one.asked().len(), two.asked().len()), (1, 1), "answers are kept");
}

#[tokio::test]
async fn a_key_sees_what_it_may_use() {
    let (one, two) = (Provider::of_models(&["gpt-1", "gpt-2", "o1"]).await, Provider::of_models(&["other"]).await);
    let document = json!({"backends": [{"name": "one", "base_url": one.url}, {"name": "two", "base_url": two.url}],
        "router": {"default_backend": "one", "rules": [{"model_prefix": "ruled", "exact": true, "backend": "one"}]}});
    let mut guarded = file_key("guarded", "vk-guarded");
    guarded.guardrails.allow_models = vec!["gpt-*".into(), "other".into()];
    guarded.guardrails.deny_models = vec!["gpt-2".into()];
    let mut pinned = file_key("pinned", "vk-pinned");
    pinned.route = Some("two".into());
    let mut lost = file_key("lost", "vk-lost");
    lost.route = Some("gone".into());
    let mut disabled = file_key("disabled", "vk-disabled");
    disabled.enabled = false;
    let router = endpoints(&document, vec![guarded, pinned, lost, disabled]).await;
    let (_, _, body) = ask(&router, "/v1/models", &[("x-api-key", "vk-guarded")]).await;
    assert_eq!(ids(&body), ["gpt-1", "other"]);
    let (status, _, _) = ask(&router, "/v1/models/gpt-2", &[("x-api-key", "vk-guarded")]).await;
    assert_eq!(status, 404);
    let (_, headers, body) = ask(&router, "/v1/models?key=vk-pinned", &[]).await;
    assert_eq!((ids(&body), headers["x-ditto-backend"].as_bytes()), (vec!["other"], &b"two"[..]));
    for (token, status, code) in [
        ("vk-lost", 502, "backend_not_found"),
        ("vk-disabled", 401, "invalid_api_key"),
        ("vk-nobody", 401, "invalid_api_key"),
        ("", 401, "invalid_api_key"),
    ] {
        let (found, _, body) = ask(&router, "/v1/models", &[("x-ditto-virtual-key", token)]).await;
        assert_eq!((found, &body["error"]["code"]), (status, &json!(code)), "{token}");
    }
    let post = Request::post("/v1/models/gpt-1").header("x-api-key", "vk-pinned").body(Body::empty()).unwrap();
    assert_eq!(router.clone().oneshot(post).await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_backend_that_fails_is_left_out_and_none_at_all_is_an_error() {
    let (good, bad) = (Provider::of_models(&["a"]).await, Provider::start(json!({"data": "none"})).await);
    let backends = json!([{"name": "bad", "base_url": bad.url}, {"name": "good", "base_url": good.url},
        {"name": "nobody", "base_url": "http://127.0.0.1:1"}]);
    let router = endpoints(&json!({"backends": backends, "router": {}}), keyed()).await;
    let (status, headers, body) = ask(&router, "/v1/models", &[VK]).await;
    assert_eq!((status, ids(&body), headers["x-ditto-backend"].as_bytes()), (200, vec!["a"], &b"good"[..]));

    let alone = json!({"backends": [{"name": "bad", "base_url": bad.url}]});
    let (status, _, body) = ask(&endpoints(&alone, keyed()).await, "/v1/models", &[VK]).await;
    assert_eq!((status, &body["error"]["code"]), (502, &json!("backend_error")));
    let (status, _, body) = ask(&endpoints(&json!({}), keyed()).await, "/v1/models", &[VK]).await;
    assert_eq!((status, &body["error"]["code"]), (502, &json!("backend_not_found")));
}

#[tokio::test]
async fn an_open_relay_asks_with_the_clients_own_credentials_and_keeps_clients_apart() {
    let provider = Provider::of_models(&["a"]).await;
    let document = json!({"backends": [{"name": "one", "base_url": provider.url}]});
    let router = endpoints(&document, Vec::new()).await;
    for authorization in ["Bearer mine", "Bearer mine", "Bearer yours"] {
        assert_eq!(ask(&router, "/v1/models", &[("authorization", authorization)]).await.0, 200);
    }
    let sent: Vec<_> = provider.asked().iter().map(|(_, headers)| headers["authorization"].clone()).collect();
    assert_eq!(sent, ["Bearer mine", "Bearer yours"]);
    let own =
        json!({"backends": [{"name": "one", "base_url": provider.url, "headers": {"authorization": "Bearer own"}}]});
    ask(&endpoints(&own, Vec::new()).await, "/v1/models", &[("authorization", "Bearer mine")]).await;
    assert_eq!(provider.asked().last().unwrap().1["authorization"], "Bearer own");
}

#[tokio::test]
async fn each_dialect_is_read_and_written() {
    let anthropic = json!({"data": [{"type": "model", "id": "claude-x", "display_name": "Claude X",
        "created_at": "2025-02-19T00:00:00Z"}], "has_more": false, "first_id": "claude-x", "last_id": "claude-x"});
    let gemini = json!({"models": [{"name": "models/gemini-x", "displayName": "Gemini X", "inputTokenLimit": 8}]});
    let cohere = json!({"models": [{"name": "command-x", "endpoints": ["chat"]}]});
    let providers = [
        Provider::start(anthropic.clone()).await,
        Provider::start(gemini.clone()).await,
        Provider::start(cohere).await,
        Provider::of_models(&["gpt-x"]).await,
    ];
    let backends: Vec<_> = ["anthropic", "gemini", "cohere", "openai"]
        .iter()
        .zip(&providers)
        .map(|(name, provider)| {
            json!({"name": name, "provider": name, "base_url": provider.url,
                "provider_config": {"auth": {"type": "none"}, "http_headers": {"x-name": name}}})
        })
        .collect();
    let router = endpoints(&json!({"backends": backends, "router": {}}), keyed()).await;
    let (_, _, body) = ask(&router, "/v1/models", &[VK]).await;
    assert_eq!(ids(&body), ["claude-x", "command-x", "gemini-x", "gpt-x"]);
    let expected = json!({"id": "claude-x", "object": "model", "created": 1_739_923_200, "owned_by": "anthropic"});
    assert_eq!(body["data"][0], expected);
    let paths: Vec<_> = providers.iter().map(|provider| provider.asked()[0].0.clone()).collect();
    let expected = ["/v1/models?limit=1000", "/v1beta/models?pageSize=1000", "/v1/models?page_size=1000", "/models"];
    assert_eq!(paths, expected);
    assert_eq!(providers[0].asked()[0].1["anthropic-version"], "2023-06-01");
    assert_eq!(providers[2].asked()[0].1["x-name"], "cohere");

    let version = ("anthropic-version", "2023-06-01");
    let (_, _, body) = ask(&router, "/v1/models?limit=2", &[VK, version]).await;
    assert_eq!((ids(&body), &body["has_more"]), (vec!["claude-x", "command-x"], &json!(true)));
    assert_eq!((&body["data"][0], &body["last_id"]), (&anthropic["data"][0], &json!("command-x")));
    let (_, _, body) = ask(&router, "/v1/models?after_id=command-x", &[VK, version]).await;
    assert_eq!((ids(&body), &body["has_more"]), (vec!["gemini-x", "gpt-x"], &json!(false)));
    assert_eq!(body["data"][0]["display_name"], "Gemini X");
    assert_eq!(body["data"][1]["created_at"], "1970-01-01T00:00:07Z");
    let (_, _, body) = ask(&router, "/v1/models?before_id=gpt-x&limit=1", &[VK, version]).await;
    assert_eq!((ids(&body), &body["has_more"]), (vec!["gemini-x"], &json!(true)));
    let (status, _, body) = ask(&router, "/v1/models?limit=0", &[VK, version]).await;
    assert_eq!((status, &body["error"]["type"]), (400, &json!("invalid_request_error")));
    assert_eq!(ask(&router, "/v1/models/nope", &[VK, version]).await.2["error"]["type"], "not_found_error");

    let (_, _, body) = ask(&router, "/v1beta/models?pageSize=3", &[("x-goog-api-key", "vk")]).await;
    let names: Vec<_> = body["models"].as_array().unwrap().iter().map(|model| model["name"].clone()).collect();
    assert_eq!(names, ["models/claude-x", "models/command-x", "models/gemini-x"]);
    assert_eq!((&body["models"][2], &body["nextPageToken"]), (&gemini["models"][0], &json!("gemini-x")));
    let (_, _, body) = ask(&router, "/v1beta/models?pageToken=gemini-x&key=vk", &[]).await;
    assert_eq!((&body["models"][0]["name"], &body["nextPageToken"]), (&json!("models/gpt-x"), &Value::Null));
    let (status, _, body) = ask(&router, "/v1beta/models/gpt-x", &[VK]).await;
    assert_eq!((status, &body["name"]), (200, &json!("models/gpt-x")));
    let (status, _, body) = ask(&router, "/v1beta/models/nope", &[VK]).await;
    assert_eq!((status, &body["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(ask(&router, "/v1beta/models", &[]).await.2["error"]["status"], "UNAUTHENTICATED");
}

/// The endpoints again, and what lies behind them.
async fn over_one(provider: &Provider) -> (Router, Arc<Models>) {
    let document = json!({"backends": [{"name": "one", "base_url": provider.url}]}).to_string();
    let loaded = load(&document, Some(Format::Json), &ProcessEnvironment::default()).unwrap();
    let options = Options { max_body_bytes: 1, open_relay: false, metering: Metering::default(), module: None };
    let (directory, _) = directory(Arc::new(MemoryStore::default()), keyed()).await;
    let models = Models::new(directory, HttpClient::new(None).unwrap());
    models.replace(&compile(&loaded.document, options).unwrap());
    (models.router(), models)
}

#[tokio::test]
async fn an_old_answer_is_given_while_a_new_one_is_asked_for() {
    let provider = Provider::of_models(&["old"]).await;
    let (router, models) = over_one(&provider).await;
    let listed = async || ask(&router, "/v1/models", &[VK]).await;
    let first = listed().await.2;
    assert_eq!(ids(&first), ["old"]);
    *provider.answer.lock().unwrap() = (StatusCode::OK, openai(&["new"]));
    assert_eq!(ids(&listed().await.2), ["old"]);
    assert_eq!(provider.asked().len(), 1, "the answer is fresh");
    models.cache.age(Duration::from_secs(40)).await;
    assert_eq!(ids(&listed().await.2), ["old"]);
    let new = async {
        while ids(&listed().await.2) != ["new"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), new).await.unwrap();
    assert_eq!(provider.asked().len(), 2, "asked once for all");

    // A failure leaves what is there, until that is too old.
    *provider.answer.lock().unwrap() = (StatusCode::SERVICE_UNAVAILABLE, Value::Null);
    models.cache.age(Duration::from_secs(40)).await;
    assert_eq!(ids(&listed().await.2), ["new"]);
    models.cache.age(Duration::from_secs(400)).await;
    assert_eq!(listed().await.0, 502);
}

#[tokio::test]
async fn who_asks_at_the_same_time_waits_for_the_same_answer() {
    let provider = Provider::of_models(&["a"]).await;
    let (router, _models) = over_one(&provider).await;
    let all = (0..50).map(|_| ask(&router, "/v1/models", &[VK]));
    for (status, _, body) in futures_util::future::join_all(all).await {
        assert_eq!((status, ids(&body)), (200, vec!["a"]));
    }
    assert_eq!(provider.asked().len(), 1);
}
