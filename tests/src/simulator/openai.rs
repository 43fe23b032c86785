//! OpenAI's dialect: the endpoints, their replies and their refusals.
//!
//! Everything said is computed from the request by rules that a test can repeat: [`digest`] of the conversation,
//! and [`tokens`] for usage. Only ids differ from one call to the next: they carry the request's order number.

mod audio;
mod chat;
mod chat_stream;
mod completions;
mod conversation;
mod embeddings;
pub(super) mod error;
pub(super) mod files;
mod form;
mod models;
mod moderations;
pub(super) mod realtime;
mod responses;
mod responses_stream;
mod schema;
pub mod tokens;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::State;
use super::manner::Manner;
use super::reply::{Bill, Event, Meter, Reply};
use error::ApiError;

/// The creation time in all replies, in Unix seconds: replies are the same every day.
pub const CREATED: u64 = 1_750_000_000;

/// One request, read to its end.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    /// The request's position in the order of arrival.
    pub(super) order: u64,
    pub(super) parts: &'a Parts,
    pub(super) body: Bytes,
    pub(super) manner: &'a Manner,
}

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
    /// Checks the bearer token, where one is expected.
    fn authorize(&self) -> Result<(), ApiError> {
        let Some(expected) = &self.state.config.api_key else { return Ok(()) };
        let header = self.parts.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match header.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) if token == expected => Ok(()),
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
        let config = &self.state.config;
        if config.strict_models && !config.models.iter().any(|listed| listed == model) {
            return Err(ApiError::model_not_found(model));
        }
        Ok(model.to_owned())
    }

    /// An id in the provider's style, unique to the call.
    fn id(&self, prefix: &str, digest: &str) -> String {
        format!("{prefix}sim{digest}{:016x}", self.order)
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
