//! The admin API and the probes.
//!
//! One router serves both the control address and, behind Envoy, the gateway's own listener. Without an admin token
//! `/admin` does not exist: it answers like any unknown path. What goes wrong is said in one form,
//! `{"error":{"code","message"}}`; what only the operator should know goes to the log.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;

use crate::envoy::OwnEnvoy;
use crate::health::Health;
use crate::keys::directory::KeyDirectory;
use crate::load::Loads;
use crate::metrics::Metrics;

mod auth;
mod backends;
mod config;
mod error;
mod filter;
mod json;
mod keys;
mod ledger;
mod metrics;
mod probes;
mod providers;
mod query;
#[cfg(test)]
mod tests;

pub use auth::AdminToken;
pub use backends::BackendNames;
pub use config::config_routes;
pub use error::ApiError;
pub use filter::filter_routes;
pub use ledger::LedgerAccess;
pub use probes::ReadyCheck;
pub use providers::provider_routes;

/// What the API works on.
#[derive(Clone)]
pub struct AdminState {
    /// The keys.
    pub directory: Arc<KeyDirectory>,
    /// The one token that opens `/admin`; `None`: there is no `/admin`.
    pub token: Option<AdminToken>,
    /// Names that a key's `route` may have.
    pub backends: BackendNames,
    /// How the backends answer their checks.
    pub health: Arc<Health>,
    /// What all Envoys see of the backends.
    pub loads: Arc<Loads>,
    /// What Prometheus is told; `None`: nothing.
    pub metrics: Option<Arc<Metrics>>,
    /// The Envoy that says how the backends are; `None`: it is somebody else's.
    pub envoy: Option<OwnEnvoy>,
    /// The books.
    pub ledger: LedgerAccess,
    /// What `/ready` looks at, besides the key store.
    pub checks: Vec<ReadyCheck>,
    /// What is under `/admin/config`, `/admin/filter` and `/providers`: see [`config_routes`], [`filter_routes`] and
    /// [`provider_routes`].
    pub config: Router,
}

impl fmt::Debug for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminState").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The API as a service. It never answers anything outside the probes, the metrics and `/admin` but an empty 404.
pub fn router(state: AdminState) -> Router {
    let open = probes::router(&state).merge(metrics::router(&state));
    let mut router = open.method_not_allowed_fallback(|| async { ApiError::method_not_allowed() });
    if let Some(token) = state.token.clone() {
        let nothing = any(|| async { ApiError::not_found("there is nothing at this path") });
        // Routes of their own rather than a fallback: a nested router would let `/admin/` slip past the token.
        let admin = Router::new()
            .merge(keys::router(&state))
            .merge(ledger::router(&state))
            .merge(backends::router(&state))
            .merge(state.config.clone())
            .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
            .route("/admin", nothing.clone())
            .route("/admin/", nothing.clone())
            .route("/admin/{*rest}", nothing.clone())
            .route("/providers/", nothing.clone())
            .route("/providers/{provider}/{*rest}", nothing);
        router = router.merge(auth::protect(admin, token));
    }
    router.fallback(|| async { StatusCode::NOT_FOUND })
}
