//! What the configuration is and what became of the latest attempt to change it.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use super::AdminState;

/// Whoever loads the configuration.
pub trait ConfigStatusSource: Send + Sync {
    /// The status as it is shown to the operator. It holds no secrets and is answered at once.
    fn status(&self) -> Value;
}

pub(super) fn router(state: &AdminState) -> Router {
    Router::new().route("/admin/config/status", get(status)).with_state(state.config_status.clone())
}

async fn status(State(source): State<Arc<dyn ConfigStatusSource>>) -> Json<Value> {
    Json(source.status())
}
