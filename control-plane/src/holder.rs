//! What the holder of a virtual key may ask about it: `GET /v1/token/balance` and `GET /v1/token/usage`.
//!
//! The key itself is the authorisation, in the carriers in which requests have it. Errors have the form of the OpenAI
//! API, as all under `/v1`. Money is in dollars; `null` stands for what is not limited. The token is never repeated.
//!
//! Spent is what was charged to the key. What is left is the least that any budget leaves which applies to the key: its
//! own, or that of its tenant, project or user. What is reserved, by requests under way or ahead of them, is shown
//! beside it; it is spent, or free again, within the life of a lease.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use ditto_ledger::Account;
use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;
use ditto_policy::carriers::Carriers;
use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;
use ditto_policy::terms::terms;
use serde_json::{Value, json};

use crate::keys::directory::KeyDirectory;
use crate::ledger::books::Books;

mod account;
#[cfg(test)]
mod tests;

use account::Standing;

/// Items of `usage`, by default and at most.
const ITEMS_DEFAULT: u64 = 20;
/// See [`ITEMS_DEFAULT`].
const ITEMS_MAX: u64 = 200;

type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The two endpoints, over these keys and books.
pub fn router(directory: Arc<KeyDirectory>, books: Books) -> Router {
    // All methods, so that whoever has no key learns nothing but that.
    Router::new()
        .route("/v1/token/balance", any(balance))
        .route("/v1/token/usage", any(usage))
        .with_state(books)
        .route_layer(middleware::from_fn_with_state(directory, check))
}

/// Lets a request of an enabled key pass, with the key.
async fn check(State(directory): State<Arc<KeyDirectory>>, mut request: Request, next: Next) -> Response {
    let mut response = match authorise(&directory, request.headers()) {
        Ok(_) if ![Method::GET, Method::HEAD].contains(request.method()) => method_not_allowed(),
        Ok(key) => {
            request.extensions_mut().insert(key);
            next.run(request).await
        }
        Err(fault) => refusal(&fault),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn authorise(directory: &KeyDirectory, headers: &HeaderMap) -> Result<Arc<VirtualKey>, Fault> {
    // Of a repeated header the first value counts, as in the filter.
    let value = |name: &str| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let carriers = Carriers {
        litellm_api_key: value("x-litellm-api-key"),
        authorization: value("authorization"),
        virtual_key: value("x-ditto-virtual-key"),
        api_key: value("x-api-key"),
    };
    let token = carriers.token().ok_or(Fault::MissingKey)?;
    let key = directory.find_by_token(&TokenHash::of(token)).ok_or(Fault::UnknownKey)?;
    if key.enabled { Ok(key) } else { Err(Fault::DisabledKey) }
}

async fn balance(
    State(books): State<Books>,
    Extension(key): Extension<Arc<VirtualKey>>,
    parameters: Parameters,
) -> Response {
    let answer = async {
        number(parameters, None)?;
        Ok(standing(&books, &key).await?.balance())
    };
    respond(answer.await)
}

async fn usage(
    State(books): State<Books>,
    Extension(key): Extension<Arc<VirtualKey>>,
    parameters: Parameters,
) -> Response {
    let answer = async {
        let limit = number(parameters, Some("limit"))?.unwrap_or(ITEMS_DEFAULT);
        Ok(standing(&books, &key).await?.usage(limit))
    };
    respond(answer.await)
}

async fn standing(books: &Books, key: &VirtualKey) -> Result<Standing, Fault> {
    let terms = terms(key);
    let accounts = books.read(&terms.names()).await.map_err(|error| {
        tracing::error!(%error, "the ledger's store failed");
        Fault::LedgerUnavailable
    })?;
    let limits = terms.accounts.iter().map(|(_, limits)| *limits);
    Ok(Standing::new(key, &limits.zip(accounts).collect::<Vec<(_, Account)>>()))
}

/// The one parameter that there is, if any, a number from 1 to [`ITEMS_MAX`].
fn number(parameters: Parameters, known: Option<&str>) -> Result<Option<u64>, Fault> {
    let Query(pairs) = parameters.map_err(|rejection| Fault::InvalidRequest(rejection.body_text()))?;
    let mut found = None;
    for (name, value) in &pairs {
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let refused = |why: &str| Fault::InvalidRequest(format!("Query parameter '{shown}': {why}."));
        if known != Some(name.as_str()) {
            return Err(refused("there is no such parameter"));
        }
        let number = value.parse().ok().filter(|number| (1..=ITEMS_MAX).contains(number));
        let number = number.ok_or_else(|| refused(&format!("it is a whole number from 1 to {ITEMS_MAX}")))?;
        if found.replace(number).is_some() {
            return Err(refused("it is given twice"));
        }
    }
    Ok(found)
}

fn respond(answer: Result<Value, Fault>) -> Response {
    answer.map_or_else(|fault| refusal(&fault), |body| Json(body).into_response())
}

fn refusal(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(fault.body(Dialect::OpenAi))).into_response();
    if let Some(seconds) = fault.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    for (name, value) in fault.headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn method_not_allowed() -> Response {
    let body = json!({"error": {
        "message": "This endpoint is read with GET.",
        "type": "invalid_request_error",
        "param": null,
        "code": "method_not_allowed",
    }});
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], Json(body)).into_response()
}
