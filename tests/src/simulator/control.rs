//! The simulator's own endpoints, which no provider has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::State;
use super::record::RecordedRequest;
use super::reply::Reply;

/// Answers `GET /health`, and with control endpoints on, `/__simulator/requests` (GET lists, DELETE forgets).
/// Neither is recorded.
pub(super) fn answer<B>(state: &State, request: &Request<B>) -> Option<Reply> {
    let path = request.uri().path();
    if path == "/health" && request.method() == Method::GET {
        return Some(Reply::ok(&json!({"status": "ok"})));
    }
    if !path.starts_with("/__simulator/") || !state.config.control_endpoints {
        return None;
    }
    Some(match (request.method(), path) {
        (&Method::GET, "/__simulator/requests") => {
            let requests: Vec<Value> = state.recorder.requests().iter().map(request_json).collect();
            Reply::ok(&json!({"requests": requests}))
        }
        (&Method::DELETE, "/__simulator/requests") => {
            state.recorder.clear();
            Reply::ok(&json!({"requests": []}))
        }
        _ => Reply::json(StatusCode::NOT_FOUND, &json!({"error": "no such simulator endpoint"})),
    })
}

fn request_json(request: &RecordedRequest) -> Value {
    json!({
        "order": request.order,
        "connection": request.connection,
        "at_ms": u64::try_from(request.at.as_millis()).unwrap_or(u64::MAX),
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": String::from_utf8_lossy(&request.body),
        "body_base64": STANDARD.encode(&request.body),
        "complete": request.complete,
    })
}
