//! The one form in which the API says what went wrong.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::keys::directory::DirectoryError;
use crate::ledger::store::StoreError;

/// An answer of the form `{"error":{"code","message"}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// An answer with a stable `code` for programs and a `message` for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400: the request makes no sense.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// 401: no admin token, or a wrong one.
    pub fn unauthorized() -> Self {
        let message = "a valid admin token is needed, as `Authorization: Bearer …` or `x-admin-token`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// 404: what the path names does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405: the path exists, the method does not.
    pub fn method_not_allowed() -> Self {
        let message = "this path does not take this method; the `allow` header has those it takes";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    /// 500: a change could not be made durable, or the store could not be read.
    pub fn storage() -> Self {
        let message = "the store failed, and nothing was changed; the gateway's log has the details";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "storage_error", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Conflict { .. } | DirectoryError::Twice(_) | DirectoryError::Full => {
                Self::new(StatusCode::CONFLICT, "conflict", error.to_string())
            }
            DirectoryError::NoToken(id) => Self::invalid_request(format!(
                "token: `redacted` stands for the token that a key has, and there is no key `{id}` yet; leave `token` \
                 out to have one made"
            )),
            DirectoryError::Store(error) => {
                tracing::error!(%error, "the key store failed");
                Self::storage()
            }
            DirectoryError::Internal(error) => {
                tracing::error!(error, "a change of the keys failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the gateway's log has the details")
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the ledger's store failed");
        Self::storage()
    }
}
