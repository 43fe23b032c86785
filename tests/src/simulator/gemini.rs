//! The Gemini API of AI Studio: `generateContent` and its kin.
//!
//! <https://ai.google.dev/api> (seen 2026-11). Vertex shares all but paths, credentials and a few fields.
//!
//! A request is refused as the API refuses it: fields it does not know, turns of functions that do not fit, schemas
//! outside its subset, and for models from Gemini 3 on a call that comes back without its signature. Signatures are of
//! the simulator's making and are checked when they come back.

mod check;
mod embed;
mod fields;
mod generate;
mod listen;
mod models;
mod schema;
mod speak;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::call::Call;
use super::fields::{Message, Spelling, read};
use super::google_error::{GoogleError, Service};
use super::reply::Reply;

pub(super) use generate::{count, generate, json_reply, stream};

type Answer = Result<Reply, GoogleError>;

/// A model by its name, and what its generation does.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
}

impl Named {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Gemini 3 and later sign their calls, and want the signature back.
    fn thinks_in_signatures(&self) -> bool {
        let version = self.name.strip_prefix("gemini-").unwrap_or_default();
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().is_ok_and(|version| version >= 3)
    }
}

/// Whether a request is for this API: `/v1beta` is its own, `/v1/models` is OpenAI's too.
pub(super) fn owns(parts: &http::request::Parts) -> bool {
    let path = parts.uri.path();
    let keyed = || {
        let query = parts.uri.query().unwrap_or_default();
        parts.headers.contains_key("x-goog-api-key") || query.split('&').any(|pair| pair.starts_with("key="))
    };
    match path.strip_prefix("/v1/models") {
        Some("") => keyed(),
        Some(rest) => keyed() || rest.contains(':') || rest.contains("%3A"),
        None => path.starts_with("/v1beta/"),
    }
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    let path = decoded(call.parts.uri.path());
    let array = path.ends_with(":streamGenerateContent") && !wants_events(call);
    match route(call, &path) {
        Ok(reply) => reply,
        Err(error) if array => error.into_array_reply(),
        Err(error) => error.into_reply(),
    }
}

fn route(call: &Call<'_>, path: &str) -> Answer {
    authorize(call)?;
    let version = if path.starts_with("/v1/") { "v1" } else { "v1beta" };
    let rest = path.strip_prefix("/v1beta/models").or_else(|| path.strip_prefix("/v1/models"));
    let rest = rest.ok_or_else(|| nowhere(path))?;
    let (name, method) = match rest.strip_prefix('/') {
        None => return models::list(call),
        Some(rest) => rest.rsplit_once(':').unwrap_or((rest, "")),
    };
    if method.is_empty() && call.parts.method == Method::GET {
        return models::one(call, name);
    }
    if call.parts.method != Method::POST {
        return Err(nowhere(path));
    }
    if !call.serves(name) {
        let method = if method == "streamGenerateContent" { "generateContent" } else { method };
        return Err(GoogleError::not_found(format!(
            "models/{name} is not found for API version {version}, or is not supported for {method}. Call ListModels \
             to see the list of available models and their supported methods."
        )));
    }
    let model = Named::new(name);
    match method {
        "generateContent" => generate(call, Service::Studio, &model),
        "streamGenerateContent" => stream(call, Service::Studio, &model),
        "countTokens" => count(call, Service::Studio, &model),
        "embedContent" => embed::one(call, &model),
        "batchEmbedContents" => embed::batch(call, &model),
        _ => Err(nowhere(path)),
    }
}

/// What the API says with a bare status.
pub(super) fn failure(status: StatusCode, message: String, call: &Call<'_>) -> Reply {
    let error = GoogleError::of_status(status, message);
    let path = decoded(call.parts.uri.path());
    let array = path.ends_with(":streamGenerateContent") && !wants_events(call);
    if array { error.into_array_reply() } else { error.into_reply() }
}

/// What the API sends when it fails in the middle of a stream: an event of its own, or the array's last element.
pub(super) fn stream_failure(status: StatusCode, message: String, pieces: usize, call: &Call<'_>) -> Bytes {
    let error = GoogleError::of_status(status, message).value();
    match (wants_events(call), pieces) {
        (true, _) => Bytes::from(format!("data: {error}\r\n\r\n")),
        (false, 0) => Bytes::from(format!("[{error:#}\n]")),
        (false, _) => Bytes::from(format!("\n,\r\n{error:#}\n]")),
    }
}

/// Headers that every reply of Google's has.
pub(super) fn add_headers(reply: &mut Reply) {
    for (name, value) in [("vary", "Origin, X-Origin, Referer"), ("server", "scaffolding on HTTPServer2")] {
        reply.set_header(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

pub(super) fn wants_events(call: &Call<'_>) -> bool {
    call.query("alt").as_deref() == Some("sse")
}

pub(super) fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// The body as a message of the API, in one spelling; and as it came.
pub(super) fn body(
    call: &Call<'_>,
    service: Service,
    message: &'static Message,
) -> Result<(Value, Value), GoogleError> {
    let raw: Value = serde_json::from_slice(&call.body).map_err(|error| GoogleError::bad_json(&error))?;
    let (read, misfits) = read(&raw, message, Spelling::Proto);
    let misfits: Vec<_> = misfits.into_iter().filter(|misfit| !service.knows(misfit)).collect();
    if misfits.is_empty() { Ok((read, raw)) } else { Err(GoogleError::misfits(&misfits, service)) }
}

fn authorize(call: &Call<'_>) -> Result<(), GoogleError> {
    let key = call.header("x-goog-api-key").map(str::to_owned).or_else(|| call.query("key"));
    match key {
        key if call.accepts(key.as_deref()) => Ok(()),
        None => Err(GoogleError::no_identity()),
        Some(_) => Err(GoogleError::wrong_key()),
    }
}

pub(super) fn nowhere(path: &str) -> GoogleError {
    GoogleError::not_found(format!("The requested URL {path} was not found on this server."))
}
