use serde_json::json;

use super::super::{read_failure, write_failure};
use super::value;
use crate::failure::{Failure, FailureKind};

#[test]
fn an_error_returns_as_it_came() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": "why"}, "request_id": null});
        let failure = read_failure(status, body.to_string().as_bytes());
        let (written, again) = write_failure(&failure);
        assert_eq!((written, value(&again)), (status, body));
    }
}

#[test]
fn errors_of_hosts_are_understood() {
    let amazon = read_failure(429, br#"{"message":"Too many tokens, please wait"}"#);
    assert_eq!((amazon.kind, amazon.message.as_str()), (FailureKind::RateLimited, "Too many tokens, please wait"));
    let google = read_failure(404, br#"[{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}]"#);
    assert_eq!((google.kind, google.message.as_str()), (FailureKind::NotFound, "no such model"));
    let proxy = read_failure(502, b"<html>Bad gateway</html>");
    assert_eq!(proxy, Failure::of_other(502, b"<html>Bad gateway</html>"));
}
