//! The simulator's own endpoints, which no provider has.
//!
//! | Request | Does |
//! |---|---|
//! | `GET /health` | says that it runs |
//! | `GET /__simulator/requests`, `DELETE` | lists what was received; forgets it |
//! | `GET /__simulator/deliveries`, `DELETE` | tells what was delivered, in sum and one by one; forgets it |
//! | `GET /__simulator/totals` | the sums alone |
//! | `POST /__simulator/faults?path=…&count=…`, `DELETE` | spoils requests by the fault in `x-simulator-fault`; ends that |

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::State;
use super::fault::Fault;
use super::record::RecordedRequest;
use super::reply::Reply;

/// Answers a request to an endpoint of the simulator's own. None is recorded.
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
        (&Method::GET, "/__simulator/totals") => Reply::ok(&totals(state)),
        (&Method::GET, "/__simulator/deliveries") => {
            let mut body = totals(state);
            body["deliveries"] = json!(state.recorder.deliveries());
            Reply::ok(&body)
        }
        (&Method::DELETE, "/__simulator/deliveries") => {
            state.recorder.clear_deliveries();
            Reply::ok(&totals(state))
        }
        (&Method::POST, "/__simulator/faults") => add_fault(state, request),
        (&Method::DELETE, "/__simulator/faults") => {
            state.plan.clear();
            Reply::ok(&json!({}))
        }
        _ => Reply::json(StatusCode::NOT_FOUND, &json!({"error": "no such simulator endpoint"})),
    })
}

fn totals(state: &State) -> Value {
    let recorder = &state.recorder;
    json!({"totals": recorder.totals(), "by_tag": recorder.totals_by_tag(), "leaks": recorder.leaks()})
}

fn add_fault<B>(state: &State, request: &Request<B>) -> Reply {
    let refuse = |error: String| Reply::json(StatusCode::BAD_REQUEST, &json!({"error": error}));
    let fault = match Fault::requested(request.headers()) {
        None => return refuse("the header x-simulator-fault is missing".to_owned()),
        Some(Err(error)) => return refuse(error.to_string()),
        Some(Ok(fault)) => fault,
    };
    let count = match parameter(request, "count").map(|count| count.parse()).transpose() {
        Ok(count) => count,
        Err(_) => return refuse("count is not a number".to_owned()),
    };
    state.plan.add(parameter(request, "path").as_deref(), count, fault);
    Reply::ok(&json!({}))
}

fn parameter<B>(request: &Request<B>, name: &str) -> Option<String> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
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
