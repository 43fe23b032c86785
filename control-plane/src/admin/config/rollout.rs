//! Staging a document for some Envoys, and what becomes of it.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::{Manager, commented, document, installed_as, internal};
use crate::admin::ApiError;
use crate::admin::query::{Parameters, each};
use crate::config::{ConfigManager, ErrorBound, Plan, RolloutStatus};
use crate::xds::Selection;
use crate::xds::node::parse_labels;

/// Beginnings of node ids that one roll-out names.
const PREFIXES_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<ConfigManager>> {
    Router::new()
        .route("/admin/config/rollout", get(rollout).post(stage))
        .route("/admin/config/rollout/promote", post(promote))
        .route("/admin/config/rollout/abort", post(abort))
}

async fn rollout(State(manager): Manager) -> Json<RolloutStatus> {
    Json(manager.rollout())
}

async fn stage(
    State(manager): Manager,
    headers: HeaderMap,
    parameters: Parameters,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<RolloutStatus>, ApiError> {
    let plan = plan(parameters)?;
    let (text, format) = document(&headers, body)?;
    // On a task of its own: a client that hangs up must not stop a change half-way.
    let staged = tokio::spawn(async move { manager.stage(text, format, plan).await }).await;
    Ok(Json(staged.map_err(|error| internal(&error))??))
}

async fn promote(State(manager): Manager) -> Result<Response, ApiError> {
    let promoted = tokio::spawn(async move { manager.promote().await }).await;
    Ok(installed_as(promoted.map_err(|error| internal(&error))??))
}

async fn abort(State(manager): Manager) -> Result<Json<RolloutStatus>, ApiError> {
    let aborted = tokio::spawn(async move { manager.abort().await }).await;
    Ok(Json(aborted.map_err(|error| internal(&error))??))
}

/// What the parameters of a request to stage something say.
fn plan(parameters: Parameters) -> Result<Plan, ApiError> {
    plan_beside(parameters, "", |_, _| Ok(false))
}

/// The same, beside parameters of the caller's own, of which the first part of a list is told.
pub(in crate::admin) fn plan_beside(
    parameters: Parameters,
    own: &str,
    mut take: impl FnMut(&str, &str) -> Result<bool, ApiError>,
) -> Result<Plan, ApiError> {
    let mut selections = Vec::new();
    let (mut comment, mut bound) = (None, ErrorBound::default());
    let known = format!("{own}nodes, labels, percent, max_error_rate, min_requests, comment");
    each(parameters, &known, |name, value| {
        match name {
            "comment" => comment = Some(commented(value)?),
            "nodes" => selections.push(Selection::Nodes(prefixes(value)?)),
            "labels" => selections.push(Selection::Labels(parse_labels(value).map_err(|why| refused(name, &why))?)),
            "percent" => selections.push(Selection::Percent(share(name, value)?)),
            "max_error_rate" => bound.max_error_rate = rate(name, value)?,
            "min_requests" => bound.min_requests = count(name, value)?,
            _ => return take(name, value),
        }
        Ok(true)
    })?;
    match (selections.pop(), selections.is_empty()) {
        (Some(selection), true) => Ok(Plan { selection, bound, comment }),
        _ => {
            let message = "one of `nodes`, `labels` and `percent` says which Envoys come first";
            Err(ApiError::invalid_request(message))
        }
    }
}

fn refused(name: &str, why: &str) -> ApiError {
    ApiError::invalid_request(format!("`{name}`: {why}"))
}

fn prefixes(list: &str) -> Result<Vec<String>, ApiError> {
    let prefixes: Vec<String> = list.split(',').map(|prefix| prefix.trim().to_owned()).collect();
    if prefixes.len() > PREFIXES_MAX || prefixes.iter().any(String::is_empty) {
        let why = format!("expected at most {PREFIXES_MAX} beginnings of node ids, with commas between");
        return Err(refused("nodes", &why));
    }
    Ok(prefixes)
}

fn share(name: &str, value: &str) -> Result<u8, ApiError> {
    let share = value.parse().ok().filter(|percent| (1..=99).contains(percent));
    share.ok_or_else(|| refused(name, "expected a whole number from 1 to 99"))
}

fn rate(name: &str, value: &str) -> Result<f64, ApiError> {
    let rate = f64::from_str(value).ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| refused(name, "expected a share of requests, from 0 to 1; 1 takes nothing back"))
}

fn count(name: &str, value: &str) -> Result<u64, ApiError> {
    let count = value.parse().ok().filter(|count| *count >= 1);
    count.ok_or_else(|| refused(name, "expected a whole number, 1 or more"))
}
