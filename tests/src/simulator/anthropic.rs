//! Anthropic's dialect: messages, counting of tokens, models, and what is refused.
//!
//! Requests are checked as the provider checks them, field by field; what its API refuses is refused here, in its
//! shape. Words of refusals are the simulator's own where the provider's are more than a few.
//! <https://platform.claude.com/docs/en/api/overview> (seen 2026-11).

mod cache;
mod content;
mod envelope;
pub(super) mod error;
mod generation;
mod message;
mod models;
mod node;
mod request;
mod stream;
mod thinking;
mod tools;
mod turns;
mod version;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::reply::{Bill, Body, Event, Meter, Reply};
pub(super) use envelope::{Envelope, counted, enveloped, written};
use error::ApiError;
pub(super) use message::Exchange;
pub(super) use version::Version;

/// What tells requests for this dialect from others on the same path.
const VERSION_HEADER: &str = "anthropic-version";
/// The limits that headers tell; none is enforced.
const LIMITS: [(&str, u64); 4] =
    [("requests", 4_000), ("tokens", 480_000), ("input-tokens", 400_000), ("output-tokens", 80_000)];
/// When limits are whole again; far away, because headers are the same every day.
const RESET: &str = "2099-01-01T00:00:00Z";

type Answer = Result<Reply, ApiError>;

/// Whether a request is for this dialect. The path of models is OpenAI's too; the version tells whose it is.
pub(super) fn owns(parts: &Parts) -> bool {
    let path = parts.uri.path();
    let shared = path == "/v1/models" || path.starts_with("/v1/models/");
    let own = path == "/v1/messages" || path.starts_with("/v1/messages/");
    own || (shared && parts.headers.contains_key(VERSION_HEADER))
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    route(call).unwrap_or_else(|error| error.into_reply(&request_id(call)))
}

fn route(call: &Call<'_>) -> Answer {
    authorize(call)?;
    let version = version(call)?;
    let path = call.parts.uri.path();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (&call.parts.method, segments.as_slice()) {
        (&Method::POST, ["v1", "messages"]) => messages(call, version),
        (&Method::POST, ["v1", "messages", "count_tokens"]) => count_tokens(call, version),
        (&Method::GET, ["v1", "models"]) => models::list(call),
        (&Method::GET, ["v1", "models", id @ ..]) => models::one(call, &id.join("/")),
        (_, ["v1", "messages"] | ["v1", "messages", "count_tokens"] | ["v1", "models", ..]) => {
            Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
        }
        _ => Err(ApiError::not_found("Not Found")),
    }
}

/// Keys come in `x-api-key`; tokens of subscriptions as a bearer.
fn authorize(call: &Call<'_>) -> Result<(), ApiError> {
    let bearer = || call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let refuse = |message: &str| Err(ApiError::new(StatusCode::UNAUTHORIZED, message));
    match call.header("x-api-key").or_else(bearer) {
        key if call.accepts(key) => Ok(()),
        Some(_) => refuse("invalid x-api-key"),
        None => refuse("x-api-key header is required"),
    }
}

fn version(call: &Call<'_>) -> Result<Version, ApiError> {
    match call.header(VERSION_HEADER) {
        Some(name) => Version::of(name)
            .ok_or_else(|| ApiError::at(VERSION_HEADER, format_args!("\"{name}\" is not a valid version"))),
        None => Err(ApiError::at(VERSION_HEADER, "header is required")),
    }
}

fn messages(call: &Call<'_>, version: Version) -> Answer {
    Ok(write(&converse(call, version, &json_body(call)?)?))
}

/// The answer, whole or as a stream.
fn write(exchange: &Exchange) -> Reply {
    let bill = exchange.bill();
    if exchange.request.stream {
        return Reply::typed_events(exchange.events()).billed(bill);
    }
    Reply::compact_ok(&exchange.message()).metered(exchange.meter()).billed(bill)
}

fn count_tokens(call: &Call<'_>, version: Version) -> Answer {
    let request = request::read_count(version, &json_body(call)?, betas(call))?;
    served(call, &request.heard.model)?;
    Ok(Reply::compact_ok(&json!({"input_tokens": request.heard.tokens()})))
}

/// Checks the body of a request for a message, and lets the model answer.
fn converse(call: &Call<'_>, version: Version, body: &Value) -> Result<Exchange, ApiError> {
    let request = request::read(version, body, betas(call))?;
    served(call, &request.heard.model)?;
    let said = call.think(&request.heard, "toolu_01");
    let id = call.id("msg_01", &request.heard.digest);
    Ok(Exchange { id, request, said, tells_usage: !call.manner.no_usage })
}

impl Exchange {
    /// The message as a stream.
    pub(super) fn events(&self) -> Vec<Event> {
        stream::events(self)
    }

    /// What the message costs.
    pub(super) fn bill(&self) -> Bill {
        let usage = self.said.usage();
        Bill {
            model: self.request.heard.model.clone(),
            service_tier: Some("standard".to_owned()),
            stream: self.request.stream,
            prompt_tokens: usage.input,
            cached_tokens: usage.cached_read,
        }
    }

    /// What the whole message has in it.
    pub(super) fn meter(&self) -> Meter {
        let output = self.said.usage().output;
        let omitted = if self.request.thinking.omitted { self.said.thinking_tokens() } else { 0 };
        Meter {
            generated: output,
            delivered: self.said.shown_tokens() - omitted,
            usage: self.tells_usage.then_some(output),
        }
    }
}

fn served(call: &Call<'_>, model: &str) -> Result<(), ApiError> {
    if call.serves(model) { Ok(()) } else { Err(ApiError::not_found(&format!("model: {model}"))) }
}

fn json_body(call: &Call<'_>) -> Result<Value, ApiError> {
    match serde_json::from_slice(&call.body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(ApiError::invalid("Input should be a valid dictionary")),
        Err(error) => Err(ApiError::invalid(format!("The request body is not valid JSON: {error}"))),
    }
}

fn betas<'a>(call: &'a Call<'_>) -> &'a str {
    call.header("anthropic-beta").unwrap_or_default()
}

fn request_id(call: &Call<'_>) -> String {
    format!("req_{:032x}", call.order)
}

/// What the provider says with a bare status.
pub(super) fn failure(status: StatusCode, message: String, call: &Call<'_>) -> Reply {
    ApiError::new(status, message).into_reply(&request_id(call))
}

/// What the provider sends when it fails in the middle of a stream.
pub(super) fn stream_failure(status: StatusCode, message: String, call: &Call<'_>) -> Bytes {
    let error = ApiError::new(status, message).into_json(&request_id(call));
    Bytes::from(format!("event: error\ndata: {error}\n\n"))
}

/// Headers that every reply of the provider has; a fault's `retry-after` comes on top of them.
pub(super) fn add_headers(reply: &mut Reply, call: &Call<'_>) {
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            reply.set_header(name, value);
        }
    };
    set("request-id", &request_id(call));
    set("anthropic-organization-id", "00000000-0000-4000-8000-000000000000");
    for (limit, amount) in LIMITS {
        set(&format!("anthropic-ratelimit-{limit}-limit"), &amount.to_string());
        set(&format!("anthropic-ratelimit-{limit}-remaining"), &(amount - 1).to_string());
        set(&format!("anthropic-ratelimit-{limit}-reset"), RESET);
    }
    if matches!(reply.body, Body::Pieces(_)) {
        reply.set_header(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}
