//! Bedrock's runtime: Converse, the models' own bodies, and AWS's signatures and binary streams.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html> (seen
//! 2026-11). Signatures are checked where the simulator has credentials to check by; a bearer token, which Bedrock
//! calls an API key, is the simulator's key.

mod check;
mod error;
mod fields;
mod invoke;
mod listen;
mod speak;

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::call::Call;
use super::fields::{Message, Spelling, read};
use super::mind::Said;
use super::reply::{Bill, Reply};
use super::sigv4;
use crate::event_stream::Frame;
use error::AwsError;

type Answer = Result<Reply, AwsError>;

/// Whether a request is for this API.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/model/")
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    route(call).unwrap_or_else(AwsError::into_reply)
}

fn route(call: &Call<'_>) -> Answer {
    authorize(call)?;
    let (model, operation) = target(call).ok_or_else(AwsError::unknown_operation)?;
    if call.parts.method != Method::POST {
        return Err(AwsError::unknown_operation());
    }
    // Of a profile that is served, the model is counted.
    let counts = |listed: &String| operation == "count-tokens" && listed.ends_with(&format!(".{model}"));
    if !call.serves(&model) && !call.state.config.models.iter().any(counts) {
        return Err(AwsError::invalid("The provided model identifier is invalid."));
    }
    match operation {
        "converse" => {
            let (said, bill) = converse(call, &model)?;
            Ok(speak::whole(&said, !call.manner.no_usage).billed(bill))
        }
        "converse-stream" => {
            let (said, bill) = converse(call, &model)?;
            Ok(speak::stream(&said, !call.manner.no_usage).billed(Bill { stream: true, ..bill }))
        }
        "invoke" => invoke::whole(call, &model),
        "invoke-with-response-stream" => invoke::stream(call, &model),
        "count-tokens" => count(call, &model),
        _ => Err(AwsError::unknown_operation()),
    }
}

/// The model, which may be encoded, and the operation.
fn target<'a>(call: &'a Call<'_>) -> Option<(String, &'a str)> {
    let (model, operation) = call.parts.uri.path().strip_prefix("/model/")?.rsplit_once('/')?;
    Some((percent_decode_str(model).decode_utf8_lossy().into_owned(), operation))
}

fn authorize(call: &Call<'_>) -> Result<(), AwsError> {
    if let Some(token) = call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        let known = call.state.config.api_key.is_some() && call.accepts(Some(token));
        let open = call.state.config.api_key.is_none() && call.state.config.aws.is_none();
        return if known || open {
            Ok(())
        } else {
            Err(AwsError::forbidden("Authentication failed: Please make sure your API Key is valid."))
        };
    }
    match &call.state.config.aws {
        Some(credentials) => Ok(sigv4::verify(call.parts, &call.body, credentials, "bedrock", SystemTime::now())?),
        None if call.accepts(None) => Ok(()),
        None => Err(AwsError::forbidden("Authentication failed: Please make sure your API Key is valid.")),
    }
}

fn converse(call: &Call<'_>, model: &str) -> Result<(Said, Bill), AwsError> {
    let (body, raw) = body(call, &fields::CONVERSE)?;
    check::request(&body)?;
    let said = call.think(&listen::heard(&body, &raw["messages"], model), "tooluse_");
    let usage = said.usage();
    let bill = Bill {
        model: model.to_owned(),
        service_tier: body["serviceTier"]["type"].as_str().map(str::to_owned),
        stream: false,
        prompt_tokens: usage.input,
        cached_tokens: usage.cached_read,
    };
    Ok((said, bill))
}

/// Only some of Claude's models are counted, and under their own ids: those of inference profiles are refused.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html> (seen 2026-11)
fn count(call: &Call<'_>, model: &str) -> Answer {
    let (body, raw) = body(call, &fields::COUNT)?;
    if ["amazon.", ".anthropic.", "profile/"].iter().any(|part| model.contains(part)) {
        return Err(AwsError::invalid("The provided model doesn't support counting tokens."));
    }
    let tokens = match body["input"]["invokeModel"]["body"].as_str() {
        Some(_) if !model.starts_with("anthropic.") => {
            return Err(AwsError::invalid("The provided model doesn't support counting tokens."));
        }
        Some(inner) => {
            let inner = STANDARD.decode(inner).map_err(|_| AwsError::invalid("The body is not in base64."))?;
            invoke::counted(model, &inner)?
        }
        None => {
            let inner = &body["input"]["converse"];
            check::request(inner)?;
            listen::heard(inner, &raw["input"]["converse"]["messages"], model).tokens()
        }
    };
    let body = json!({"inputTokens": tokens}).to_string();
    Ok(Reply::bytes(StatusCode::OK, "application/json", body.into()))
}

/// Checks the signature of a request to another API of Amazon's, in its words.
pub(super) fn signature(call: &Call<'_>) -> Result<(), String> {
    let Some(credentials) = &call.state.config.aws else { return Err("requests are not signed here".to_owned()) };
    let verified = sigv4::verify(call.parts, &call.body, credentials, "bedrock", SystemTime::now());
    verified.map_err(|sigv4::Refused(_, message)| message)
}

/// The body as a message of the API, and as it came.
fn body(call: &Call<'_>, message: &'static Message) -> Result<(Value, Value), AwsError> {
    let raw: Value = serde_json::from_slice(&call.body).map_err(|error| AwsError::not_json(&error))?;
    let (read, misfits) = read(&raw, message, Spelling::Exact);
    if misfits.is_empty() { Ok((read, raw)) } else { Err(AwsError::misfits(&misfits)) }
}

/// What the API says with a bare status.
pub(super) fn failure(status: StatusCode, message: String) -> Reply {
    AwsError::of_status(status, message).into_reply()
}

/// What the API sends when it fails in the middle of a stream.
pub(super) fn stream_failure(status: StatusCode, message: String) -> Bytes {
    let (name, payload) = AwsError::of_status(status, message).into_event();
    Frame::exception(&name, &payload).encode().into()
}

/// Headers that every reply of Bedrock's has.
pub(super) fn add_headers(reply: &mut Reply, call: &Call<'_>) {
    let id = format!("00000000-0000-4000-8000-{:012x}", call.order);
    if let Ok(value) = HeaderValue::from_str(&id) {
        reply.set_header(HeaderName::from_static("x-amzn-requestid"), value);
    }
}
