//! What Zhipu refuses, and what is left of a request for OpenAI's reader.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::reply::Reply;

/// Fields that mean what they mean to OpenAI.
const SHARED: [&str; 8] =
    ["model", "messages", "tools", "max_tokens", "stop", "top_p", "temperature", "response_format"];

/// One refusal: `{"error": {"code", "message"}}`, with a code in quotes.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    code: u32,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn invalid(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    fn parameter(name: &str, rule: &str) -> Self {
        Self::invalid(1214, format!("The parameter {name} is illegal: {rule}."))
    }

    pub(super) fn into_reply(self) -> Reply {
        let error = json!({"code": self.code.to_string(), "message": self.message});
        Reply::compact(self.status, &json!({"error": error}))
    }
}

pub(super) fn request(body: &Value) -> Result<(), ApiError> {
    for name in ["model", "messages"] {
        if body[name].is_null() {
            return Err(ApiError::invalid(1213, format!("The parameter {name} was not received.")));
        }
    }
    if !matches!(body["tool_choice"], Value::Null) && body["tool_choice"] != "auto" {
        return Err(ApiError::parameter("tool_choice", "only auto is supported"));
    }
    if !matches!(body["thinking"]["type"].as_str(), None | Some("enabled" | "disabled")) {
        return Err(ApiError::parameter("thinking.type", "it is enabled or disabled"));
    }
    if !matches!(body["response_format"]["type"].as_str(), None | Some("text" | "json_object")) {
        return Err(ApiError::parameter("response_format.type", "it is text or json_object"));
    }
    for (name, least, most) in [("temperature", 0.0, 1.0), ("top_p", 0.01, 1.0), ("max_tokens", 1.0, 131_072.0)] {
        if body[name].as_f64().is_some_and(|number| !(least..=most).contains(&number)) {
            return Err(ApiError::parameter(name, &format!("it must be in [{least}, {most}]")));
        }
    }
    let length = |name: &str| body[name].as_str().map_or(6, str::len);
    for (name, most) in [("request_id", 64), ("user_id", 128)] {
        if !(6..=most).contains(&length(name)) {
            return Err(ApiError::parameter(name, &format!("it must have from 6 to {most} characters")));
        }
    }
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let role = |message: &Value| matches!(message["role"].as_str(), Some("system" | "user" | "assistant" | "tool"));
    if !messages.iter().all(role) {
        return Err(ApiError::invalid(1214, "Incorrect role information"));
    }
    let asked = |message: &Value| matches!(message["role"].as_str(), Some("user" | "tool"));
    if !messages.iter().any(asked) {
        return Err(ApiError::parameter("messages", "there must be a message of the user"));
    }
    Ok(())
}

/// The request with what OpenAI knows of it.
pub(super) fn openai_body(body: &Value) -> Value {
    let mut known = Map::new();
    for name in SHARED {
        if let Some(value) = body.get(name).filter(|value| !value.is_null()) {
            known.insert(name.to_owned(), value.clone());
        }
    }
    // Tools that the provider runs itself are of kinds that OpenAI does not have.
    if let Some(Value::Array(tools)) = known.get_mut("tools") {
        tools.retain(|tool| tool["type"] == "function");
    }
    for message in known.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        message.as_object_mut().map(|fields| fields.remove("reasoning_content"));
    }
    Value::Object(known)
}
