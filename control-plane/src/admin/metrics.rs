//! What Prometheus scrapes. No authentication: it tells names of backends and counts, and no secret.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::{AdminState, ApiError};
use crate::metrics::Metrics;

/// The text format that Prometheus reads.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router(state: &AdminState) -> Router {
    Router::new().route("/metrics/prometheus", get(prometheus)).with_state(state.metrics.clone())
}

async fn prometheus(State(metrics): State<Option<Arc<Metrics>>>) -> Result<Response, ApiError> {
    let Some(metrics) = metrics else {
        let message = "metrics are off: start the gateway with --prometheus-metrics";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_configured", message));
    };
    let text = metrics.text().map_err(|error| {
        tracing::error!(%error, "the metrics cannot be told");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the gateway's log has the details")
    })?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
