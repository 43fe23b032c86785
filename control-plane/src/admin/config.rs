//! What the configuration is, what another would change, and what became of the latest attempt to change it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use ditto_policy::document::Format;
use serde_json::Value;

use super::ApiError;
use super::json::{BODY_MAX, whole};
use crate::config::{ConfigManager, Verdict};

/// The routes under `/admin/config`, for [`AdminState::config`](super::AdminState::config).
pub fn config_routes(manager: Arc<ConfigManager>) -> Router {
    Router::new()
        .route("/admin/config/status", get(status))
        .route("/admin/config/validate", post(validate))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(manager)
}

type Manager = State<Arc<ConfigManager>>;

async fn status(State(manager): Manager) -> Json<Value> {
    Json(manager.shown_status())
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

fn internal(error: &dyn std::fmt::Display) -> ApiError {
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
