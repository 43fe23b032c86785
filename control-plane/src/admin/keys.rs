//! `/admin/keys`: list, create, replace and delete virtual keys.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use ditto_policy::document::VirtualKey;
use serde::Serialize;

use super::json::{BODY_MAX, read};
use super::query::Parameters;
use super::{AdminState, ApiError, BackendNames};
use crate::keys::directory::{DirectoryError, KeyDirectory, Upserted};

mod body;
mod query;

/// What stands in for a token that is not shown.
const REDACTED: &str = "redacted";

/// How many keys match the filters, on every page.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

#[derive(Clone)]
struct Keys {
    directory: Arc<KeyDirectory>,
    backends: BackendNames,
}

pub(super) fn router(state: &AdminState) -> Router {
    Router::new()
        .route("/admin/keys", get(list).post(create))
        .route("/admin/keys/{id}", put(replace).delete(delete))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Keys { directory: state.directory.clone(), backends: state.backends.clone() })
}

/// A key as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    key: &'a VirtualKey,
    token: &'a str,
}

async fn list(State(keys): State<Keys>, parameters: Parameters) -> Result<Response, ApiError> {
    let query = query::parse(parameters)?;
    if query.include_tokens {
        let message = "tokens are kept as hashes only; a token is shown once, when the gateway makes it";
        return Err(ApiError::new(StatusCode::CONFLICT, "secret_unavailable", message));
    }
    // Ten thousand keys are megabytes of JSON: too long a piece of work for a thread that serves others.
    let work = move || {
        let (page, total) = keys.directory.list(&query.filter, query.offset, query.limit);
        let page: Vec<Shown<'_>> = page.iter().map(|key| Shown { key, token: REDACTED }).collect();
        ([(TOTAL_COUNT, total.to_string())], Json(page)).into_response()
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| DirectoryError::Internal(error.to_string()).into())
}

async fn create(State(keys): State<Keys>, bytes: Result<Bytes, BytesRejection>) -> Result<Response, ApiError> {
    put_key(&keys, read(bytes)?, None).await
}

async fn replace(
    State(keys): State<Keys>,
    id: Result<Path<String>, PathRejection>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    put_key(&keys, read(bytes)?, Some(id_of(id)?)).await
}

async fn delete(State(keys): State<Keys>, id: Result<Path<String>, PathRejection>) -> Result<StatusCode, ApiError> {
    let id = id_of(id)?;
    if !keys.directory.delete(&id).await? {
        return Err(ApiError::not_found(format!("there is no key `{}`", id.escape_debug())));
    }
    tracing::info!(key = id, "admin.key.delete");
    Ok(StatusCode::NO_CONTENT)
}

fn id_of(id: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(id) = id.map_err(|rejection| ApiError::invalid_request(rejection.body_text()))?;
    Ok(id)
}

async fn put_key(keys: &Keys, body: serde_json::Value, id: Option<String>) -> Result<Response, ApiError> {
    let (key, token) = body::parse(body, id, &keys.backends)?;
    let Upserted { key, created, generated } = keys.directory.upsert(key, token).await?;
    tracing::info!(key = key.id, created, "admin.key.upsert");
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let token = generated.as_ref().map_or(REDACTED, |token| token.expose());
    Ok((status, Json(Shown { key: &key, token })).into_response())
}
