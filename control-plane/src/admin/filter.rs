//! Uploading filter modules, and taking some Envoys to one first.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::ApiError;
use super::config::rollout::plan_beside;
use super::config::{Manager, internal};
use super::query::Parameters;
use crate::config::{ConfigManager, ModulesStatus, RolloutStatus};
use crate::modules::{MODULE_BYTES_MAX, ModuleInfo};

/// The routes under `/admin/filter`, for [`AdminState::config`](super::AdminState::config).
pub fn filter_routes(manager: Arc<ConfigManager>) -> Router {
    Router::new()
        .route("/admin/filter", get(modules).put(upload))
        .route("/admin/filter/rollout", post(stage))
        .layer(DefaultBodyLimit::max(MODULE_BYTES_MAX))
        .with_state(manager)
}

async fn modules(State(manager): Manager) -> Result<Json<ModulesStatus>, ApiError> {
    Ok(Json(manager.modules_status().await?))
}

async fn upload(
    State(manager): Manager,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ModuleInfo>, ApiError> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/wasm") {
        return Err(ApiError::invalid_request("`content-type`: expected application/wasm"));
    }
    let module = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the module is larger than {MODULE_BYTES_MAX} bytes");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
        }
        _ => ApiError::invalid_request("the body did not arrive whole"),
    })?;
    // On a task of its own: a client that hangs up must not stop a change half-way.
    let kept = tokio::spawn(async move { manager.upload_module(module).await }).await;
    Ok(Json(kept.map_err(|error| internal(&error))??))
}

async fn stage(State(manager): Manager, parameters: Parameters) -> Result<Json<RolloutStatus>, ApiError> {
    let mut module = None;
    let plan = plan_beside(parameters, "sha256, ", |name, value| {
        if name == "sha256" {
            module = Some(value.to_ascii_lowercase());
        }
        Ok(name == "sha256")
    })?;
    let is_digest = |module: &String| module.len() == 64 && module.bytes().all(|byte| byte.is_ascii_hexdigit());
    let module = module.filter(is_digest).ok_or_else(|| {
        ApiError::invalid_request("`sha256`: expected that of a module of GET /admin/filter, 64 hex digits")
    })?;
    let staged = tokio::spawn(async move { manager.stage_module(module, plan).await }).await;
    Ok(Json(staged.map_err(|error| internal(&error))??))
}
