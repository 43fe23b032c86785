//! `InvokeModel`: Claude's own body, without `model` and `stream`, with the version in it.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html> (seen
//! 2026-11).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::super::anthropic::{self, Envelope, Exchange};
use super::super::call::Call;
use super::super::reply::{Event, Piece, Reply};
use super::Answer;
use super::error::AwsError;
use super::speak::CONTENT_TYPE;
use crate::event_stream::Frame;

const VERSION: &str = "bedrock-2023-05-31";

pub(super) fn whole(call: &Call<'_>, model: &str) -> Answer {
    let exchange = exchange(call, model)?;
    let mut reply = anthropic::written(&exchange);
    tell_counts(&mut reply, &exchange);
    Ok(reply)
}

pub(super) fn stream(call: &Call<'_>, model: &str) -> Answer {
    let exchange = exchange(call, model)?;
    let chunk = |Event { mut data, meter }: Event| {
        if data["type"] == "message_stop" && !call.manner.no_usage {
            data["amazon-bedrock-invocationMetrics"] = metrics(&exchange);
        }
        let payload = json!({"bytes": STANDARD.encode(data.to_string()), "p": "abcdefghijkl"});
        Piece { bytes: Frame::event("chunk", &payload).encode().into(), meter }
    };
    // Pings are not passed on.
    let events = exchange.events().into_iter().filter(|event| event.data["type"] != "ping");
    let mut reply = Reply::stream(CONTENT_TYPE, events.map(chunk).collect());
    let kind = HeaderValue::from_static("application/json");
    reply.set_header(HeaderName::from_static("x-amzn-bedrock-content-type"), kind);
    let mut bill = exchange.bill();
    bill.stream = true;
    Ok(reply.billed(bill))
}

/// The input tokens of a body that is only counted; it must be one that would be served.
pub(super) fn counted(model: &str, body: &[u8]) -> Result<u64, AwsError> {
    let Claude { mut body, betas } = claude(body)?;
    body["model"] = json!(name(model));
    if body["max_tokens"].is_null() {
        return Err(malformed("required key [max_tokens] not found"));
    }
    body.as_object_mut().into_iter().for_each(|fields| drop(fields.remove("max_tokens")));
    anthropic::counted(&body, &betas).map_err(|(status, message)| AwsError::of_status(status, message))
}

fn exchange(call: &Call<'_>, model: &str) -> Result<Exchange, AwsError> {
    let Claude { body, betas } = claude(&call.body)?;
    anthropic::enveloped(call, Envelope { body, model: name(model), betas: &betas })
        .map_err(|(status, message)| AwsError::of_status(status, message))
}

/// A model's name without its maker's.
fn name(model: &str) -> &str {
    model.split_once("anthropic.").map_or(model, |(_, name)| name)
}

fn malformed(what: &str) -> AwsError {
    AwsError::invalid(format!("Malformed input request: #: {what}, please reformat your input and try again."))
}

/// Claude's body as Anthropic's own API would have it, and what its header would say.
struct Claude {
    body: Value,
    betas: String,
}

fn claude(body: &[u8]) -> Result<Claude, AwsError> {
    let mut body: Value = serde_json::from_slice(body)
        .map_err(|_| AwsError::invalid("Malformed input request, please reformat your input and try again."))?;
    let fields = body.as_object_mut().ok_or_else(|| malformed("expected type: JSONObject"))?;
    if let Some(name) = ["model", "stream"].into_iter().find(|name| fields.contains_key(*name)) {
        return Err(malformed(&format!("extraneous key [{name}] is not permitted")));
    }
    match fields.remove("anthropic_version") {
        Some(version) if version == VERSION => {}
        Some(version) => return Err(AwsError::invalid(format!("anthropic_version: {version} is not a valid version"))),
        None => return Err(malformed("required key [anthropic_version] not found")),
    }
    let betas = match fields.remove("anthropic_beta") {
        None => String::new(),
        Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
            names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        Some(_) => return Err(malformed("anthropic_beta: expected type: Array of strings")),
    };
    Ok(Claude { body, betas })
}

/// What the model's own reply tells is told in headers too.
fn tell_counts(reply: &mut Reply, exchange: &Exchange) {
    let usage = exchange.said().usage();
    let fresh = usage.input - usage.cached_read - usage.cache_creation;
    let counts = [
        ("x-amzn-bedrock-input-token-count", fresh),
        ("x-amzn-bedrock-output-token-count", usage.output),
        ("x-amzn-bedrock-cache-read-input-token-count", usage.cached_read),
        ("x-amzn-bedrock-cache-write-input-token-count", usage.cache_creation),
        ("x-amzn-bedrock-invocation-latency", 7),
    ];
    for (name, count) in counts {
        reply.set_header(HeaderName::from_static(name), HeaderValue::from(count));
    }
}

fn metrics(exchange: &Exchange) -> Value {
    let usage = exchange.said().usage();
    json!({
        "inputTokenCount": usage.input - usage.cached_read - usage.cache_creation,
        "outputTokenCount": usage.output,
        "invocationLatency": 7,
        "firstByteLatency": 7,
        "cacheReadInputTokenCount": usage.cached_read,
        "cacheWriteInputTokenCount": usage.cache_creation,
    })
}
