//! Reading bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde_json::Value;

use super::ApiError;

/// Bytes of a request's body.
pub(super) const BODY_MAX: usize = 1 << 20;

/// The body as it came.
pub(super) fn whole(bytes: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    bytes.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let message = format!("the body is larger than {BODY_MAX} bytes");
            return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message);
        }
        ApiError::invalid_request("the body did not arrive whole")
    })
}

/// The body as JSON.
pub(super) fn read(bytes: Result<Bytes, BytesRejection>) -> Result<Value, ApiError> {
    let bytes = whole(bytes)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // The parser's own words may quote the body, and with it a token; the place says enough.
        let what = if error.is_eof() { "it ends too early" } else { "it is not valid JSON" };
        let message = format!("the body: {what} at line {}, column {}", error.line(), error.column());
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", message)
    })
}
