//! Cohere's API, second version: chat, embeddings, ranking.
//!
//! <https://docs.cohere.com/reference/about> (seen 2026-11).

mod check;
mod embed;
mod error;
mod fields;
mod listen;
mod rerank;
mod speak;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::call::Call;
use super::fields::{Message, Spelling, read};
use super::reply::{Bill, Reply};
use error::ApiError;

type Answer = Result<Reply, ApiError>;

/// Whether a request is for this API.
pub(super) fn owns(path: &str) -> bool {
    matches!(path, "/v2/chat" | "/v2/embed" | "/v2/rerank")
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    route(call).unwrap_or_else(|error| error.into_reply(&id(call)))
}

fn route(call: &Call<'_>) -> Answer {
    authorize(call)?;
    match (&call.parts.method, call.parts.uri.path()) {
        (&Method::POST, "/v2/chat") => chat(call),
        (&Method::POST, "/v2/embed") => embed::answer(call),
        (&Method::POST, "/v2/rerank") => rerank::answer(call),
        _ => Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")),
    }
}

fn authorize(call: &Call<'_>) -> Result<(), ApiError> {
    let header = call.header("authorization").map(|value| {
        // The scheme may be in small letters.
        value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token)
    });
    match header {
        token if call.accepts(token) => Ok(()),
        Some(_) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid api token")),
        None => Err(ApiError::new(StatusCode::UNAUTHORIZED, "no api key supplied")),
    }
}

fn chat(call: &Call<'_>) -> Answer {
    let (body, raw) = body(call, &fields::CHAT, "chat")?;
    let model = model(call, &body)?;
    check::chat(&body)?;
    let heard = listen::heard(&body, &raw["messages"]);
    let said = call.think(&heard, "call_");
    let usage = said.usage();
    let stream = body["stream"] == true;
    let bill = Bill { model, service_tier: None, stream, prompt_tokens: usage.input, cached_tokens: usage.cached_read };
    let (id, tell_usage) = (id(call), !call.manner.no_usage);
    let reply = if stream { speak::stream(&id, &said, tell_usage) } else { speak::whole(&id, &said, tell_usage) };
    Ok(reply.billed(bill))
}

/// The model asked for, if it is served.
fn model(call: &Call<'_>, body: &Value) -> Result<String, ApiError> {
    let model = body["model"].as_str().unwrap_or_default();
    if call.serves(model) {
        return Ok(model.to_owned());
    }
    let message = format!(
        "model '{model}' not found, make sure the correct model ID was used and that you have access to the model."
    );
    Err(ApiError::new(StatusCode::NOT_FOUND, message))
}

/// The body as a message of the endpoint, and as it came.
fn body(call: &Call<'_>, message: &'static Message, endpoint: &str) -> Result<(Value, Value), ApiError> {
    let raw: Value = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::invalid(format!("the body is not valid JSON: {error}.")))?;
    let (read, misfits) = read(&raw, message, Spelling::Exact);
    match misfits.first() {
        None => Ok((read, raw)),
        Some(misfit) => Err(ApiError::misfit(misfit, endpoint)),
    }
}

fn id(call: &Call<'_>) -> String {
    format!("00000000-0000-4000-8000-{:012x}", call.order)
}

/// What the API says with a bare status.
pub(super) fn failure(status: StatusCode, message: String, call: &Call<'_>) -> Reply {
    ApiError::new(status, message).into_reply(&id(call))
}

/// What the API sends when it fails in the middle of a stream.
pub(super) fn stream_failure(message: &str) -> Bytes {
    Bytes::from(format!("event: message-end\ndata: {}\n\n", speak::failed(message)))
}

/// Headers that every reply of Cohere's has.
pub(super) fn add_headers(reply: &mut Reply, call: &Call<'_>) {
    let id = format!("{:032x}", call.order);
    for (name, value) in [("x-debug-trace-id", id.as_str()), ("x-endpoint-monthly-call-limit", "1000")] {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.set_header(HeaderName::from_static(name), value);
        }
    }
}
