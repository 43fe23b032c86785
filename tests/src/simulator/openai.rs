//! OpenAI's dialect: the endpoints, their replies and their refusals.
//!
//! Everything said is computed from the request by rules that a test can repeat: [`digest`] of the conversation,
//! and [`tokens`] for usage. Only ids differ from one call to the next: they carry the request's order number.

mod audio;
mod chat;
mod chat_messages;
mod chat_request;
mod chat_stream;
mod check;
mod completions;
mod content;
pub(super) mod embeddings;
pub(super) mod error;
pub(super) mod files;
mod form;
mod models;
mod moderations;
pub(super) mod realtime;
mod responses;
mod responses_input;
mod responses_request;
mod responses_stream;
pub(super) mod stored;
mod tools;
pub use super::tokens;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::bedrock;
pub(super) use super::call::Call;
use super::mind::Heard;
use super::reply::{Bill, Body, Event, Meter, Reply};
use error::ApiError;

/// The creation time in all replies, in Unix seconds: replies are the same every day.
pub const CREATED: u64 = 1_750_000_000;

/// What is told of limits; none is enforced.
/// <https://platform.openai.com/docs/guides/rate-limits> (seen 2026-11).
const RATE_LIMITS: [(&str, &str); 6] = [
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-tokens", "1999990"),
    ("x-ratelimit-reset-tokens", "0s"),
];

type Answer = Result<Reply, ApiError>;

/// Eight hexadecimal digits that stand for `value`: the digest that replies echo. For a chat it is taken of
/// `messages`, for responses of `input`, for completions of `prompt`.
#[must_use]
pub fn digest(value: &Value) -> String {
    let hash = Sha256::digest(value.to_string().as_bytes());
    hex::encode(&hash[..4])
}

pub(super) async fn answer(call: &Call<'_>) -> Reply {
    route(call).await.unwrap_or_else(ApiError::into_reply)
}

/// What a chat of a compatible provider says; or why it is refused.
pub(super) fn heard(call: &Call<'_>, body: &Value) -> Result<Heard, String> {
    chat_request::read(call, body, false).map_err(ApiError::into_message)
}

/// What the provider says with a bare status.
pub(super) fn failure(status: StatusCode, message: String) -> Reply {
    ApiError::of_status(status, message).into_reply()
}

/// What the provider sends when it fails in the middle of a stream.
pub(super) fn stream_failure(status: StatusCode, message: String, pieces: usize, call: &Call<'_>) -> Bytes {
    let error = ApiError::of_status(status, message);
    if call.parts.uri.path() == "/v1/responses" {
        return Bytes::from(format!("event: error\ndata: {}\n\n", error.into_event(pieces)));
    }
    Bytes::from(format!("data: {}\n\n", json!({"error": error.into_json()})))
}

/// Headers that every reply of the provider has.
pub(super) fn add_headers(reply: &mut Reply, call: &Call<'_>) {
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.set_header(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &format!("req_{:032x}", call.order));
    set("openai-version", "2020-10-01");
    set("openai-processing-ms", "7");
    for (name, value) in RATE_LIMITS {
        set(name, value);
    }
    if let Some(organization) = call.header("openai-organization") {
        set("openai-organization", organization);
    }
    if matches!(reply.body, Body::Pieces(_)) {
        reply.set_header(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache, must-revalidate"));
    }
}

async fn route(call: &Call<'_>) -> Answer {
    call.authorize()?;
    let path = call.parts.uri.path();
    let Some(rest) = path.strip_prefix("/v1/") else { return Err(call.no_such_endpoint()) };
    let segments: Vec<&str> = rest.split('/').collect();
    let method = &call.parts.method;
    if segments == ["responses"] && !call.state.config.responses_api {
        return Err(call.no_such_endpoint());
    }
    match (method, segments.as_slice()) {
        (&Method::POST, ["chat", "completions"]) => chat::answer(call),
        (&Method::POST, ["completions"]) => completions::answer(call),
        (&Method::POST, ["responses"]) => responses::answer(call),
        (&Method::POST, ["embeddings"]) => embeddings::answer(call),
        (&Method::POST, ["moderations"]) => moderations::answer(call),
        (&Method::POST, ["audio", "speech"]) => audio::speech(call),
        (&Method::POST, ["audio", "transcriptions"]) => audio::transcription(call).await,
        (&Method::POST, ["audio", "translations"]) => audio::translation(call).await,
        (&Method::GET, ["models"]) => Ok(models::list(call)),
        (&Method::GET, ["models", id @ ..]) => models::one(call, &id.join("/")),
        (_, ["files", rest @ ..]) => files::answer(call, rest).await,
        (&Method::GET, ["realtime"]) => Err(realtime::without_upgrade()),
        _ => Err(call.no_such_endpoint()),
    }
}

impl Call<'_> {
    /// Checks the bearer token, where one is expected, or Amazon's signature in its place:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html> (seen 2026-11).
    fn authorize(&self) -> Result<(), ApiError> {
        if self.header("authorization").is_some_and(|value| value.starts_with("AWS4-")) {
            return bedrock::signature(self).map_err(ApiError::wrong_signature);
        }
        match self.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            token if self.accepts(token) => Ok(()),
            Some(token) => Err(ApiError::wrong_api_key(token)),
            None => Err(ApiError::missing_api_key()),
        }
    }

    /// The body as a JSON object.
    fn json(&self) -> Result<Value, ApiError> {
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(ApiError::invalid("The request body must be a JSON object.")),
            Err(error) => Err(ApiError::invalid(format!("The request body is not valid JSON: {error}."))),
        }
    }

    /// The model asked for, if it is served.
    fn model(&self, body: &Value) -> Result<String, ApiError> {
        match body.get("model") {
            Some(Value::String(model)) if !model.is_empty() => self.served(model),
            Some(value) if !value.is_null() => Err(ApiError::wrong_type("model", "a string")),
            _ => Err(ApiError::missing("model")),
        }
    }

    fn served(&self, model: &str) -> Result<String, ApiError> {
        if self.serves(model) { Ok(model.to_owned()) } else { Err(ApiError::model_not_found(model)) }
    }

    fn no_such_endpoint(&self) -> ApiError {
        ApiError::no_such_endpoint(&self.parts.method, self.parts.uri.path())
    }
}

/// The tier that a request is served in.
fn service_tier(body: &Value) -> String {
    match body["service_tier"].as_str() {
        None | Some("auto") => "default".to_owned(),
        Some(tier) => tier.to_owned(),
    }
}

/// Whether a flag of the request is set.
fn flag(body: &Value, name: &str) -> Result<bool, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(ApiError::wrong_type(name, "a boolean")),
    }
}

/// A number of the request that must be at least `minimum`.
fn count(body: &Value, name: &str, minimum: u64) -> Result<Option<u64>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            None => Err(ApiError::wrong_type(name, "an integer")),
            Some(number) => match u64::try_from(number) {
                Ok(number) if number >= minimum => Ok(Some(number)),
                _ => Err(ApiError::below_minimum(name, minimum, number)),
            },
        },
    }
}

/// A content's text, its parts joined.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}
