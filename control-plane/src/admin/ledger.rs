//! The books as an operator sees them: `/admin/budgets`, `/admin/costs` and `/admin/ledger`; and the operator's word
//! about what nobody else can know: `/admin/reservations/reap` and `/admin/ledger/accept-loss`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde_json::Value;

use super::json::{BODY_MAX, whole};
use super::query::Parameters;
use super::{AdminState, ApiError};
use crate::keys::directory::KeyDirectory;
use crate::ledger::books::Books;
use crate::ledger::desk::LedgerDesk;
use crate::ledger::status::{LedgerState, LedgerStatus};

mod groups;
mod keys;
mod measure;
mod reap;

use groups::Grouping;
use measure::Measure;

/// The ledger, as far as the API needs it.
#[derive(Debug, Clone)]
pub struct LedgerAccess {
    /// Who keeps the books.
    pub desk: Arc<LedgerDesk>,
    /// What is in them.
    pub books: Books,
    /// Whether costs are counted: there is a price list.
    pub costs: bool,
    /// The life of a lease.
    pub lease: Duration,
}

#[derive(Clone)]
struct Shared {
    ledger: LedgerAccess,
    directory: Arc<KeyDirectory>,
}

pub(super) fn router(state: &AdminState) -> Router {
    let mut router = Router::new();
    for (root, measure) in [("/admin/budgets", Measure::Tokens), ("/admin/costs", Measure::Costs)] {
        router = router.route(root, by_key(measure));
        for (name, grouping) in
            [("tenants", Grouping::Tenants), ("projects", Grouping::Projects), ("users", Grouping::Users)]
        {
            router = router.route(&format!("{root}/{name}"), by_group(measure, grouping));
        }
    }
    router
        .route("/admin/reservations/reap", post(reap))
        .route("/admin/ledger", get(status))
        .route("/admin/ledger/accept-loss", post(accept_loss))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Shared { ledger: state.ledger.clone(), directory: state.directory.clone() })
}

fn by_key(measure: Measure) -> MethodRouter<Shared> {
    get(async move |State(Shared { ledger, directory }): State<Shared>, parameters: Parameters| {
        ledger.counts(measure)?;
        keys::list(measure, ledger, directory, parameters).await
    })
}

fn by_group(measure: Measure, grouping: Grouping) -> MethodRouter<Shared> {
    get(async move |State(Shared { ledger, directory }): State<Shared>, parameters: Parameters| {
        ledger.counts(measure)?;
        groups::list(measure, grouping, ledger, directory, parameters).await
    })
}

impl LedgerAccess {
    /// Without prices there are no costs, and what asks for them is not there.
    fn counts(&self, measure: Measure) -> Result<(), ApiError> {
        if measure == Measure::Costs && !self.costs {
            let message = "costs are counted with a price list only: --pricing-litellm names one";
            return Err(ApiError::new(StatusCode::NOT_FOUND, "not_configured", message));
        }
        Ok(())
    }
}

async fn reap(
    State(Shared { ledger, .. }): State<Shared>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let order = reap::parse(whole(bytes)?, ledger.lease)?;
    let report = ledger.desk.reap(order.older_than, order.limit, order.dry_run).await?;
    Ok(Json(reap::show(ledger.desk.status().store, order, &report, ledger.costs)))
}

async fn status(State(Shared { ledger, .. }): State<Shared>) -> Json<LedgerStatus> {
    Json(ledger.desk.status())
}

async fn accept_loss(State(Shared { ledger, .. }): State<Shared>) -> Result<Json<LedgerStatus>, ApiError> {
    if ledger.desk.status().state != LedgerState::Halted {
        let message = "the ledger has not lost its past: there is nothing to accept";
        return Err(ApiError::new(StatusCode::CONFLICT, "conflict", message));
    }
    ledger.desk.accept_loss().await.map_err(|error| {
        tracing::error!(error, "the loss could not be accepted");
        ApiError::storage()
    })?;
    tracing::warn!("admin.ledger.accept_loss");
    Ok(Json(ledger.desk.status()))
}
