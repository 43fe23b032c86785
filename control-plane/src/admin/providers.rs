//! `/providers`: backends that are made over the API, and their keys.
//!
//! Keys go in and never come out: they are shown by their ends.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::ApiError;
use super::json::{BODY_MAX, read};
use crate::config::ConfigManager;
use crate::config::providers::ProviderFailure;
use crate::providers::{Provider, Providers, Refusal};

mod body;
mod keys;

/// The routes under `/providers`, for [`AdminState::config`](super::AdminState::config).
pub fn provider_routes(manager: Arc<ConfigManager>) -> Router {
    Router::new()
        .route("/providers", get(list).post(create))
        .route("/providers/{provider}", get(one).put(replace).delete(delete))
        .route("/providers/{provider}/keys", get(keys::list).post(keys::add).delete(keys::remove))
        .route("/providers/{provider}/keys/batch", axum::routing::post(keys::add_all).delete(keys::remove_all))
        .route("/providers/{provider}/keys/raw", get(keys::raw))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(manager)
}

type Manager = State<Arc<ConfigManager>>;
type Name = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// A provider as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    api_type: String,
    base_url: String,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    models_endpoint: Option<String>,
    balance: &'static str,
    /// How many keys it has.
    keys: usize,
}

impl From<&Provider> for Shown {
    fn from(provider: &Provider) -> Self {
        Self {
            name: provider.name.clone(),
            api_type: provider.api_type.clone(),
            base_url: provider.base_url.clone(),
            enabled: provider.enabled,
            models_endpoint: provider.models_endpoint.clone(),
            balance: provider.balance.name(),
            keys: provider.keys.len(),
        }
    }
}

async fn list(State(manager): Manager) -> Json<Vec<Shown>> {
    Json(manager.providers().values().map(Shown::from).collect())
}

async fn one(State(manager): Manager, name: Name) -> Result<Json<Shown>, ApiError> {
    let name = name_of(name)?;
    let providers = manager.providers();
    Ok(Json(Shown::from(existing(&providers, &name)?)))
}

async fn create(State(manager): Manager, bytes: Body) -> Result<Response, ApiError> {
    put(manager, read(bytes)?, None).await
}

async fn replace(State(manager): Manager, name: Name, bytes: Body) -> Result<Response, ApiError> {
    put(manager, read(bytes)?, Some(name_of(name)?)).await
}

/// Makes a provider; `name`, from the path, is that of one which may be there already.
async fn put(manager: Arc<ConfigManager>, body: serde_json::Value, name: Option<String>) -> Result<Response, ApiError> {
    let upserts = name.is_some();
    let wanted = body::provider(body, name)?;
    let (shown, created) = change(manager, move |providers| {
        let former = providers.get(&wanted.name);
        if former.is_some() && !upserts {
            let message = format!("there is a provider `{}` already: PUT changes it", wanted.name);
            return Err(Refusal::Invalid(message));
        }
        let keys = former.map(|former| former.keys.clone()).unwrap_or_default();
        let created = former.is_none();
        let provider = Provider { keys, ..wanted.clone() };
        let shown = Shown::from(&provider);
        providers.insert(provider.name.clone(), provider);
        Ok((shown, created))
    })
    .await?;
    tracing::info!(provider = shown.name, created, "admin.provider.upsert");
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown)).into_response())
}

async fn delete(State(manager): Manager, name: Name) -> Result<StatusCode, ApiError> {
    let name = name_of(name)?;
    let gone = name.clone();
    change(manager, move |providers| {
        existing(providers, &gone)?;
        providers.remove(&gone);
        Ok(())
    })
    .await?;
    tracing::info!(provider = name, "admin.provider.delete");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a change on a task of its own: a client that hangs up must not stop it half-way.
async fn change<T: Send + 'static>(
    manager: Arc<ConfigManager>,
    change: impl Fn(&mut Providers) -> Result<T, Refusal> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    let changed = tokio::spawn(async move { manager.change_providers(change).await }).await;
    let changed = changed.map_err(|error| {
        tracing::error!(%error, "a change of the providers failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the gateway's log has the details")
    })?;
    Ok(changed?)
}

fn existing<'p>(providers: &'p Providers, name: &str) -> Result<&'p Provider, Refusal> {
    let message = || Refusal::NotFound(format!("there is no provider `{}`", name.escape_debug()));
    providers.get(name).ok_or_else(message)
}

fn name_of(name: Name) -> Result<String, ApiError> {
    let Path(name) = name.map_err(|rejection| ApiError::invalid_request(rejection.body_text()))?;
    Ok(name)
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(message) => Self::not_found(message),
            Refusal::Invalid(message) => Self::invalid_request(message),
            Refusal::NotSealed => Self::new(StatusCode::BAD_REQUEST, "not_configured", refusal.to_string()),
        }
    }
}

impl From<ProviderFailure> for ApiError {
    fn from(failure: ProviderFailure) -> Self {
        match failure {
            ProviderFailure::Refused(refusal) => refusal.into(),
            ProviderFailure::Failed(failure) => failure.into(),
        }
    }
}
