//! The rules of a chat with Cohere that its fields alone do not tell.

use serde_json::Value;

use super::error::ApiError;

type Check = Result<(), ApiError>;

/// How the names of models begin that see nothing: <https://docs.cohere.com/docs/image-inputs> (seen 2026-11).
const SIGHTLESS: [&str; 4] = ["command-a-03", "command-a-reasoning", "command-a-translate", "command-r"];

pub(super) fn chat(body: &Value) -> Check {
    let messages = list(&body["messages"]);
    if messages.is_empty() {
        return Err(ApiError::invalid("messages must have at least one element."));
    }
    for (at, message) in messages.iter().enumerate() {
        self::message(at, message)?;
    }
    pictures(body, messages)?;
    turns(messages)?;
    if messages.last().is_some_and(|message| message["role"] == "assistant") {
        return Err(ApiError::invalid("the last message may not be of the assistant."));
    }
    tools(body)?;
    ranges(body)
}

/// Each role has fields of its own.
fn message(at: usize, message: &Value) -> Check {
    let role = message["role"].as_str().unwrap_or_default();
    let own: &[&str] = match role {
        "assistant" => &["role", "content", "tool_calls", "tool_plan", "citations"],
        "tool" => &["role", "content", "tool_call_id"],
        _ => &["role", "content"],
    };
    let mut names = message.as_object().into_iter().flat_map(|fields| fields.keys());
    if let Some(name) = names.find(|name| !own.contains(&name.as_str())) {
        return Err(ApiError::invalid(format!("messages.{at}.{name} may not be in a message of the role {role}.")));
    }
    if role == "tool" && message.get("tool_call_id").is_none() {
        return Err(ApiError::invalid(format!("messages.{at}.tool_call_id is required.")));
    }
    let calls = !list(&message["tool_calls"]).is_empty();
    let empty = match &message["content"] {
        Value::String(text) => text.is_empty(),
        content => list(content).is_empty(),
    };
    if empty && !calls {
        return Err(ApiError::invalid(format!("messages.{at}.content must have at least one token.")));
    }
    let allowed: &[&str] = match role {
        "user" => &["text", "image_url"],
        "assistant" => &["text", "thinking"],
        "tool" => &["text", "document"],
        _ => &["text"],
    };
    for (index, part) in list(&message["content"]).iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) || part.get(kind).is_none() {
            return Err(ApiError::invalid(format!(
                "messages.{at}.content.{index} must be one of {} with a field of that name.",
                allowed.join(", ")
            )));
        }
    }
    Ok(())
}

/// Pictures are for models that see.
fn pictures(body: &Value, messages: &[Value]) -> Check {
    let model = body["model"].as_str().unwrap_or_default();
    let mut parts = messages.iter().flat_map(|message| list(&message["content"]));
    if parts.any(|part| part["type"] == "image_url") && SIGHTLESS.iter().any(|name| model.starts_with(name)) {
        return Err(ApiError::invalid(format!("model '{model}' does not take images.")));
    }
    Ok(())
}

/// Results follow the calls they belong to, all of them.
fn turns(messages: &[Value]) -> Check {
    let mut open: Vec<&Value> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            let Some(position) = open.iter().position(|id| **id == message["tool_call_id"]) else {
                let id = &message["tool_call_id"];
                return Err(ApiError::invalid(format!("tool call id {id} not found in previous tool calls.")));
            };
            open.remove(position);
            continue;
        }
        if let Some(id) = open.first() {
            return Err(ApiError::invalid(format!("messages.{at} must be the result of the tool call {id}.")));
        }
        open = list(&message["tool_calls"]).iter().map(|call| &call["id"]).collect();
    }
    match open.first() {
        Some(id) => Err(ApiError::invalid(format!("the result of the tool call {id} is missing."))),
        None => Ok(()),
    }
}

fn tools(body: &Value) -> Check {
    let tools = list(&body["tools"]);
    if body.get("tool_choice").is_some() && tools.is_empty() {
        return Err(ApiError::invalid("tool_choice may only be given together with tools."));
    }
    if body.get("strict_tools").is_some() && tools.is_empty() {
        return Err(ApiError::invalid("strict_tools may only be given together with tools."));
    }
    let json = body["response_format"]["type"] == "json_object";
    if json && !(tools.is_empty() && list(&body["documents"]).is_empty()) {
        return Err(ApiError::invalid("response_format json_object may not be used with tools or documents."));
    }
    let object = |tool: &Value| tool["function"]["parameters"]["type"] == "object";
    match tools.iter().position(|tool| !object(tool)) {
        Some(at) => Err(ApiError::invalid(format!("tools.{at}.function.parameters must be a schema of type object."))),
        None => Ok(()),
    }
}

fn ranges(body: &Value) -> Check {
    let ranges = [
        ("max_tokens", 1.0..=f64::MAX),
        ("temperature", 0.0..=1.0),
        ("frequency_penalty", 0.0..=1.0),
        ("presence_penalty", 0.0..=1.0),
        ("k", 0.0..=500.0),
        ("p", 0.01..=0.99),
    ];
    for (name, range) in ranges {
        if body[name].as_f64().is_some_and(|number| !range.contains(&number)) {
            let (least, most) = range.into_inner();
            return Err(ApiError::invalid(format!("{name} must be between {least} and {most} inclusive.")));
        }
    }
    match list(&body["stop_sequences"]).len() {
        0..=5 => Ok(()),
        _ => Err(ApiError::invalid("stop_sequences may have at most 5 elements.")),
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
