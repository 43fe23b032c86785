//! What the configuration is, what another would change, which there have been, and changing it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ditto_policy::document::Format;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiError;
use super::json::{BODY_MAX, read, whole};
use super::query::{Parameters, each};
use crate::config::versions::{Version, VersionId};
use crate::config::{ConfigManager, Failure, Verdict, Wish};

pub(super) mod rollout;

/// Bytes of what an author says of a version.
const COMMENT_BYTES_MAX: usize = 256;

/// The routes under `/admin/config`, for [`AdminState::config`](super::AdminState::config).
pub fn config_routes(manager: Arc<ConfigManager>) -> Router {
    Router::new()
        .route("/admin/config/status", get(status))
        .route("/admin/config", get(current).put(install))
        .route("/admin/config/validate", post(validate))
        .route("/admin/config/versions", get(versions))
        .route("/admin/config/versions/{id}", get(version))
        .route("/admin/config/rollback", post(roll_back))
        .merge(rollout::routes())
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(manager)
}

pub(super) type Manager = State<Arc<ConfigManager>>;

async fn status(State(manager): Manager) -> Json<Value> {
    Json(manager.shown_status())
}

/// A version with its document.
#[derive(Serialize)]
struct WithDocument {
    #[serde(flatten)]
    version: Option<Version>,
    document: Value,
}

async fn current(State(manager): Manager) -> Response {
    let (version, document) = manager.current();
    tagged(version.as_ref().map(|version| version.id), Json(WithDocument { version: version.clone(), document }))
}

async fn versions(State(manager): Manager) -> Result<Json<Vec<Version>>, ApiError> {
    Ok(Json(manager.list_versions().await?))
}

async fn version(
    State(manager): Manager,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<WithDocument>, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::not_found("there is no such version"))?;
    let id = VersionId::parse(&id).ok_or_else(|| ApiError::not_found("there is no such version"))?;
    let (version, document) = manager.version(id).await?;
    Ok(Json(WithDocument { version: Some(version), document }))
}

async fn install(
    State(manager): Manager,
    headers: HeaderMap,
    parameters: Parameters,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let mut comment = None;
    each(parameters, "comment", |name, value| {
        comment = Some(commented(value)?);
        Ok(name == "comment")
    })?;
    let wish = Wish { expected: expected(&headers)?, comment };
    let (text, format) = document(&headers, body)?;
    // On a task of its own: a client that hangs up must not stop a change half-way.
    let installed = tokio::spawn(async move { manager.install(text, format, wish).await }).await;
    Ok(installed_as(installed.map_err(|error| internal(&error))??))
}

/// What to go back to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    version: VersionId,
    comment: Option<String>,
}

async fn roll_back(
    State(manager): Manager,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let asked: RollBack = serde_json::from_value(read(body)?).map_err(|_| {
        let message = r#"the body: expected {"version": "cfgv-…"}, and perhaps a "comment""#;
        ApiError::invalid_request(message)
    })?;
    let comment = asked.comment.as_deref().map(commented).transpose()?;
    let wish = Wish { expected: expected(&headers)?, comment };
    let installed = tokio::spawn(async move { manager.roll_back(asked.version, wish).await }).await;
    Ok(installed_as(installed.map_err(|error| internal(&error))??))
}

fn installed_as(version: Version) -> Response {
    tagged(Some(version.id), Json(version))
}

/// The answer with the version's id as its entity tag.
fn tagged(id: Option<VersionId>, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    if let Some(tag) = id.and_then(|id| HeaderValue::from_str(&format!("\"{id}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn commented(comment: &str) -> Result<String, ApiError> {
    let comment = comment.trim();
    if comment.is_empty() || comment.len() > COMMENT_BYTES_MAX {
        let message = format!("`comment`: expected text of at most {COMMENT_BYTES_MAX} bytes, or none");
        return Err(ApiError::invalid_request(message));
    }
    Ok(comment.to_owned())
}

/// The version that `If-Match` names; `*` is any.
fn expected(headers: &HeaderMap) -> Result<Option<VersionId>, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let id = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(VersionId::parse);
    let message = "`If-Match`: expected one version's id in quotes, as in the `etag` of GET /admin/config";
    id.map(Some).ok_or_else(|| ApiError::invalid_request(message))
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Problems(problems) => {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Self::new(StatusCode::BAD_REQUEST, "invalid_configuration", lines.join("\n"))
            }
            Failure::Unexpected(current) => {
                let message = format!("{current} is in force; read it and decide anew");
                Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", message)
            }
            Failure::Staged | Failure::NotStaged => Self::new(StatusCode::CONFLICT, "conflict", failure.to_string()),
            Failure::Unknown(id) => Self::not_found(format!("there is no version {id}, or no longer")),
            Failure::Store(error) => {
                tracing::error!(%error, "the store of the configuration's versions failed");
                Self::storage()
            }
        }
    }
}

async fn validate(
    State(manager): Manager,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Verdict>, ApiError> {
    let (text, format) = document(&headers, body)?;
    // Reading and comparing documents is too long a piece of work for a thread that serves others.
    let verdict = tokio::task::spawn_blocking(move || manager.validate(&text, format)).await;
    verdict.map(Json).map_err(|error| internal(&error))
}

pub(super) fn internal(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%error, "a request about the configuration failed");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the gateway's log has the details")
}

/// A document in the body; without a content type that says which, JSON and YAML are both tried.
fn document(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<(String, Option<Format>), ApiError> {
    let text = String::from_utf8(whole(body)?.to_vec());
    let text = text.map_err(|_| ApiError::invalid_request("the body: it is not UTF-8 text"))?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let format = match media_type.as_str() {
        "application/json" => Some(Format::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" => Some(Format::Yaml),
        _ => None,
    };
    Ok((text, format))
}
