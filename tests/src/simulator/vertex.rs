//! Vertex AI: Gemini's API and Anthropic's under Google Cloud's paths and tokens.
//!
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest> and
//! <https://platform.claude.com/docs/en/api/claude-on-vertex-ai> (seen 2026-11).

mod claude;
mod predict;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::anthropic;
use super::call::Call;
use super::gemini::{self, Named};
use super::google_error::{GoogleError, Service};
use super::oauth::Standing;
use super::reply::Reply;

/// What a path asks for.
struct Target {
    publisher: String,
    model: String,
    method: String,
}

/// Whether a request is for this API.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/v1/projects/") || path.starts_with("/v1beta1/projects/")
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    let target = target(call);
    let reply = match authorize(call).and_then(|()| target.ok_or_else(|| nowhere(call))) {
        Ok(target) if target.publisher == "anthropic" => return claude::answer(call, &target),
        Ok(target) => google(call, &target),
        Err(error) => Err(error),
    };
    reply.unwrap_or_else(|error| refuse(call, error))
}

fn google(call: &Call<'_>, target: &Target) -> Result<Reply, GoogleError> {
    if target.publisher != "google" || call.parts.method != Method::POST {
        return Err(nowhere(call));
    }
    if !call.serves(&target.model) {
        return Err(missing(call, target));
    }
    let model = Named::new(&target.model);
    match target.method.as_str() {
        "generateContent" => gemini::generate(call, Service::Vertex, &model),
        "streamGenerateContent" => gemini::stream(call, Service::Vertex, &model),
        "countTokens" => gemini::count(call, Service::Vertex, &model),
        "predict" => predict::embeddings(call, &model),
        _ => Err(nowhere(call)),
    }
}

/// `/v1/projects/{project}/locations/{location}/publishers/{publisher}/models/{model}:{method}`.
fn target(call: &Call<'_>) -> Option<Target> {
    let path = gemini::decoded(call.parts.uri.path());
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let ["projects", _, "locations", _, "publishers", publisher, "models", model] = segments[..] else { return None };
    let (model, method) = model.rsplit_once(':')?;
    Some(Target { publisher: publisher.to_owned(), model: model.to_owned(), method: method.to_owned() })
}

/// A bearer token that was issued here, or the simulator's own key.
fn authorize(call: &Call<'_>) -> Result<(), GoogleError> {
    let token = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let config = &call.state.config;
    if config.oauth.is_none() && call.accepts(token) {
        return Ok(());
    }
    let Some(token) = token else { return Err(GoogleError::wrong_token("CREDENTIALS_MISSING")) };
    match call.state.tokens.standing(token) {
        Standing::Good => Ok(()),
        Standing::Expired => Err(GoogleError::wrong_token("ACCESS_TOKEN_EXPIRED")),
        Standing::Unknown if config.api_key.as_deref() == Some(token) => Ok(()),
        Standing::Unknown => Err(GoogleError::wrong_token("ACCESS_TOKEN_TYPE_UNSUPPORTED")),
    }
}

fn nowhere(call: &Call<'_>) -> GoogleError {
    gemini::nowhere(call.parts.uri.path())
}

fn missing(call: &Call<'_>, target: &Target) -> GoogleError {
    let path = gemini::decoded(call.parts.uri.path());
    let resource = path.split_once("/projects/").map_or("", |(_, rest)| rest);
    let resource = resource.rsplit_once(':').map_or(resource, |(resource, _)| resource);
    GoogleError::not_found(format!(
        "Publisher Model `projects/{resource}` was not found or your project does not have access to it. Please ensure \
         you are using a valid model version, and not `{}`.",
        target.model
    ))
}

fn refuse(call: &Call<'_>, error: GoogleError) -> Reply {
    let path = call.parts.uri.path();
    let array = path.ends_with(":streamGenerateContent") && !gemini::wants_events(call);
    let mut reply = if array { error.into_array_reply() } else { error.into_reply() };
    if reply.status == StatusCode::UNAUTHORIZED {
        let challenge =
            HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"");
        reply.set_header(HeaderName::from_static("www-authenticate"), challenge);
    }
    reply
}

/// What the API says with a bare status. Claude's errors are Anthropic's, those of the platform around it Google's.
pub(super) fn failure(status: StatusCode, message: String, call: &Call<'_>) -> Reply {
    match is_claude(call) && !matches!(status.as_u16(), 401 | 403 | 404 | 429) {
        true => anthropic::failure(status, message, call),
        false => refuse(call, GoogleError::of_status(status, message)),
    }
}

/// What the API sends when it fails in the middle of a stream.
pub(super) fn stream_failure(status: StatusCode, message: String, pieces: usize, call: &Call<'_>) -> Bytes {
    match is_claude(call) {
        true => anthropic::stream_failure(status, message, call),
        false => gemini::stream_failure(status, message, pieces, call),
    }
}

fn is_claude(call: &Call<'_>) -> bool {
    call.parts.uri.path().contains("/publishers/anthropic/")
}
