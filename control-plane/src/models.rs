//! `GET /v1/models` and `GET /v1/models/{id}`: the models of all backends in one list, in the dialect of whoever asks.
//!
//! Passthrough backends are asked for theirs, and so are translation backends whose operator names no models. What an
//! operator names (a whitelist, a default model, a model map, an exact rule) is listed without asking. Each answer is
//! kept for a while, because clients look for models when they start and do not wait for long.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;
use ditto_policy::compile::Compiled;
use ditto_policy::document::VirtualKey;
use ditto_policy::permitted::permits;
use serde_json::Value;

use crate::http_client::HttpClient;
use crate::keys::directory::KeyDirectory;

mod ask;
mod cache;
mod catalogue;
mod holder;
mod model;
mod shape;
#[cfg(test)]
mod tests;

use ask::ClientCredentials;
use cache::Cache;
use catalogue::Catalogue;
pub(crate) use catalogue::Question;
use model::Model;
use shape::Page;

/// The models of a gateway.
#[derive(Debug)]
pub struct Models {
    directory: Arc<KeyDirectory>,
    catalogue: RwLock<Arc<Catalogue>>,
    cache: Arc<Cache>,
}

/// Models by their names, and the backends that gave some.
type Listed = (BTreeMap<String, Model>, Vec<String>);

impl Models {
    /// None yet, of these keys' holders.
    pub fn new(directory: Arc<KeyDirectory>, http: HttpClient) -> Arc<Self> {
        Arc::new(Self { directory, catalogue: RwLock::default(), cache: Arc::new(Cache::new(http)) })
    }

    /// Goes by another document, or by the same one with other credentials.
    pub fn replace(&self, compiled: &Compiled) {
        let catalogue = Arc::new(Catalogue::new(compiled));
        *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = catalogue;
    }

    /// The endpoints.
    pub fn router(self: &Arc<Self>) -> Router {
        // All methods, so that whoever has no key learns nothing but that.
        let mut router = Router::new();
        for root in ["/v1/models", "/models", "/v1beta/models"] {
            router = router
                .route(root, any(list))
                .route(&format!("{root}/"), any(list))
                .route(&format!("{root}/{{*id}}"), any(one));
        }
        router.with_state(Arc::clone(self))
    }

    /// The models that a key may use; in an open relay, those that the client's own credentials show.
    async fn listed(&self, key: Option<&VirtualKey>, headers: &HeaderMap) -> Result<Listed, Fault> {
        let catalogue = Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner));
        let pin = key.and_then(|key| key.route.as_deref());
        let sources: Vec<_> = catalogue.sources(pin).collect();
        if sources.is_empty() {
            return Err(Fault::BackendNotFound(pin.unwrap_or("default").to_owned()));
        }
        let client = if key.is_none() { ClientCredentials::of(headers) } else { ClientCredentials::default() };
        let answers = self.cache.of_all(&sources, &client).await;
        let mut models = BTreeMap::new();
        let mut backends = Vec::new();
        for (source, answer) in sources.iter().zip(answers) {
            let asked = answer.iter().flat_map(|models| models.iter().cloned());
            let named = source.names.iter().map(|name| Model::named(name, &source.name));
            if answer.is_some() || !source.names.is_empty() {
                backends.push(source.name.clone());
            }
            for model in asked.chain(named) {
                models.entry(model.id.clone()).or_insert(model);
            }
        }
        if backends.is_empty() {
            return Err(Fault::BackendUnreachable);
        }
        for (name, backend) in catalogue.exact_rules(pin) {
            models.entry(name.to_owned()).or_insert_with(|| Model::named(name, backend));
        }
        if let Some(key) = key {
            models.retain(|name, _| permits(&key.guardrails, name, name));
        }
        Ok((models, backends))
    }
}

/// Names a request.
const REQUEST_ID: &str = "x-request-id";

/// An id in the form of the filter's.
fn request_id() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("ditto-{}-{:08x}", elapsed.as_millis(), getrandom::u32().unwrap_or_default())
}

/// What a request asks for.
struct Asked {
    method: Method,
    headers: HeaderMap,
    query: String,
    dialect: Dialect,
}

impl Asked {
    fn new(method: Method, uri: &Uri, headers: HeaderMap) -> Self {
        let dialect = dialect(uri.path(), &headers);
        Self { method, dialect, query: uri.query().unwrap_or_default().to_owned(), headers }
    }

    /// Answers whoever may ask, if it is a question.
    async fn answer(
        &self,
        models: &Models,
        answer: impl AsyncFnOnce(Option<&VirtualKey>) -> Result<Answered, Fault>,
    ) -> Response {
        let key = holder::authorise(&models.directory, &self.headers, &self.query, self.dialect);
        let mut response = match key {
            Ok(_) if ![Method::GET, Method::HEAD].contains(&self.method) => {
                let body = shape::method_not_allowed(self.dialect);
                (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], axum::Json(body)).into_response()
            }
            Ok(key) => respond(self.dialect, answer(key.as_deref()).await),
            Err(fault) => respond(self.dialect, Err(fault)),
        };
        // Envoy repeats a client's own id.
        if !self.headers.contains_key(REQUEST_ID)
            && let Ok(id) = HeaderValue::try_from(request_id())
        {
            response.headers_mut().insert("x-ditto-request-id", id.clone());
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

/// A status, a body, and the backends that it comes from.
type Answered = (StatusCode, Value, Vec<String>);

async fn list(State(models): State<Arc<Models>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked::new(method, &uri, headers);
    let page = Page::of_query(&asked.query, asked.dialect);
    let listed = async |key: Option<&VirtualKey>| {
        let page = page?;
        let (listed, backends) = models.listed(key, &asked.headers).await?;
        Ok((StatusCode::OK, shape::list(&listed, asked.dialect, &page), backends))
    };
    asked.answer(&models, listed).await
}

async fn one(
    State(models): State<Arc<Models>>,
    Path(id): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::new(method, &uri, headers);
    let found = async |key: Option<&VirtualKey>| {
        let (listed, _) = models.listed(key, &asked.headers).await?;
        Ok(match listed.get(&id) {
            Some(model) => (StatusCode::OK, shape::one(model, asked.dialect), vec![model.backend.clone()]),
            None => (StatusCode::NOT_FOUND, shape::not_found(&id, asked.dialect), Vec::new()),
        })
    };
    asked.answer(&models, found).await
}

/// How the client expects the list to look.
fn dialect(path: &str, headers: &HeaderMap) -> Dialect {
    if path.starts_with("/v1beta/") || headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else if headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else {
        Dialect::OpenAi
    }
}

fn respond(dialect: Dialect, answer: Result<Answered, Fault>) -> Response {
    let (status, body, backends) = answer.unwrap_or_else(|fault| {
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, fault.body(dialect), Vec::new())
    });
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::OK {
        headers.insert("x-ditto-translation", HeaderValue::from_static("multi"));
    }
    if let [only] = backends.as_slice()
        && let Ok(name) = HeaderValue::from_bytes(only.as_bytes())
    {
        headers.insert("x-ditto-backend", name);
    }
    response
}
