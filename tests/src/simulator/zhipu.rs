//! Zhipu's chat of the GLM models: OpenAI's but for thoughts, tool choices, usage in streams, and refusals.
//!
//! <https://docs.bigmodel.cn/api-reference/模型-api/对话补全> and <https://docs.z.ai/api-reference/api-code> (seen
//! 2026-11). Fields that it does not know are passed over.

mod check;
mod speak;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use super::mind::Thinking;
use super::openai;
use super::reply::{Bill, Reply};
use check::ApiError;

const PATH: &str = "/api/paas/v4/chat/completions";

/// Whether a request is for this API.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/api/paas/v4/")
}

pub(super) fn answer(call: &Call<'_>) -> Reply {
    chat(call).unwrap_or_else(ApiError::into_reply)
}

fn chat(call: &Call<'_>) -> Result<Reply, ApiError> {
    match call.header("authorization").map(|value| value.strip_prefix("Bearer ").unwrap_or(value)) {
        key if call.accepts(key) => {}
        None => {
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, 1001, "No Authentication parameter in the header."));
        }
        Some(_) => return Err(ApiError::new(StatusCode::UNAUTHORIZED, 1000, "Authentication failed.")),
    }
    if (&call.parts.method, call.parts.uri.path()) != (&Method::POST, PATH) {
        return Err(ApiError::new(StatusCode::NOT_FOUND, 404, "Not Found"));
    }
    let body: Value = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::invalid(1210, format!("The body is not valid JSON: {error}.")))?;
    check::request(&body)?;
    let model = body["model"].as_str().unwrap_or_default();
    if !call.serves(model) {
        return Err(ApiError::invalid(1211, "The model does not exist, please check its code."));
    }
    let known = check::openai_body(&body);
    let mut heard = openai::heard(call, &known).map_err(|message| ApiError::invalid(1214, message))?;
    heard.thinking = thinking(&body, model);
    let said = call.think(&heard, "call_");
    let usage = said.usage();
    let stream = body["stream"] == true;
    let bill = Bill {
        model: model.to_owned(),
        service_tier: None,
        stream,
        prompt_tokens: usage.input,
        cached_tokens: usage.cached_read,
    };
    let request_id = body["request_id"].as_str().map_or_else(|| call.id("", &heard.digest), str::to_owned);
    let spoken = speak::Spoken {
        id: call.id("", &heard.digest),
        request_id,
        model: model.to_owned(),
        said,
        tell_usage: !call.manner.no_usage,
    };
    Ok(if stream { spoken.stream() } else { spoken.whole() }.billed(bill))
}

/// Models from 4.7 on think unless they are told not to; 4.5 and 4.6 decide for themselves.
fn thinking(body: &Value, model: &str) -> Thinking {
    let always =
        model.strip_prefix("glm-").is_some_and(|version| version.starts_with("4.7") || version.starts_with('5'));
    match body["thinking"]["type"].as_str() {
        Some("enabled") => Thinking::Shown,
        Some(_) => Thinking::Hidden,
        None if always => Thinking::Shown,
        None => Thinking::IfAny,
    }
}

/// What the API says with a bare status.
pub(super) fn failure(status: StatusCode, message: &str) -> Reply {
    let code = match status.as_u16() {
        400 => 1210,
        401 => 1000,
        429 => 1302,
        status => u32::from(status),
    };
    ApiError::new(status, code, message).into_reply()
}

/// What the API sends when it fails in the middle of a stream.
pub(super) fn stream_failure(status: StatusCode, message: &str) -> Bytes {
    Bytes::from(format!("data: {}\n\n", json!({"error": {"code": status.as_u16().to_string(), "message": message}})))
}

/// Headers that every reply of Zhipu's has.
pub(super) fn add_headers(reply: &mut Reply, call: &Call<'_>) {
    if let Ok(value) = HeaderValue::from_str(&format!("{:032x}", call.order)) {
        reply.set_header(HeaderName::from_static("x-log-id"), value);
    }
}
