//! A request to Cohere's chat in the model's neutral form.

use serde_json::Value;

use super::super::fields::decode;
use super::super::mind::{Format, Heard, Media, Message, Part, Role, Thinking, Tool, ToolCall, ToolChoice, ToolResult};
use super::super::openai::digest;
use super::check::list;

/// What a checked request says. The digest is taken of `messages` as they came.
pub(super) fn heard(body: &Value, messages: &Value) -> Heard {
    let all = list(&body["messages"]);
    let (system, others): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|message| message["role"] == "system");
    let model = text(&body["model"]);
    let format = &body["response_format"];
    Heard {
        digest: digest(messages),
        count: all.len(),
        system: system.into_iter().map(|message| texts(&message["content"]).join("\n")).collect(),
        messages: others.into_iter().map(message).collect(),
        tools: list(&body["tools"]).iter().map(|tool| self::tool(&tool["function"])).collect(),
        choice: match body["tool_choice"].as_str() {
            Some("REQUIRED") => ToolChoice::Required,
            Some("NONE") => ToolChoice::None,
            _ => ToolChoice::Auto,
        },
        format: match (format["type"].as_str(), format.get("json_schema")) {
            (Some("json_object"), Some(schema)) => Format::Schema(schema.clone()),
            (Some("json_object"), None) => Format::Object,
            _ => Format::Text,
        },
        // Models made for reasoning think unless they are told not to.
        thinking: match body["thinking"]["type"].as_str() {
            Some("enabled") => Thinking::Shown,
            None if model.contains("reasoning") => Thinking::Shown,
            _ => Thinking::Hidden,
        },
        max_tokens: body["max_tokens"].as_u64(),
        stop: list(&body["stop_sequences"]).iter().map(text).collect(),
        model,
        ..Heard::default()
    }
}

fn message(message: &Value) -> Message {
    if message["role"] == "tool" {
        let result = ToolResult {
            id: text(&message["tool_call_id"]),
            text: texts(&message["content"]).join("\n"),
            ..ToolResult::default()
        };
        return Message { role: Role::Tool, parts: vec![Part::Result(result)] };
    }
    let role = if message["role"] == "assistant" { Role::Assistant } else { Role::User };
    let mut parts = match &message["content"] {
        Value::String(text) => vec![Part::Text(text.clone())],
        content => list(content).iter().map(part).collect(),
    };
    parts.extend(message["tool_plan"].as_str().map(|plan| Part::Text(plan.to_owned())));
    parts.extend(list(&message["tool_calls"]).iter().map(|call| {
        let function = &call["function"];
        let (name, arguments) = (text(&function["name"]), text(&function["arguments"]));
        Part::Call(ToolCall { id: text(&call["id"]), name, arguments })
    }));
    Message { role, parts }
}

fn part(part: &Value) -> Part {
    match part["type"].as_str() {
        Some("thinking") => Part::Thought { text: text(&part["thinking"]), signature: None },
        Some("image_url") => Part::Media(image(part["image_url"]["url"].as_str().unwrap_or_default())),
        _ => Part::Text(text(&part["text"])),
    }
}

fn image(url: &str) -> Media {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((mime, data)) => Media::inline(mime, decode(data).map_or(0, |bytes| bytes.len())),
        None => Media::elsewhere("image", url),
    }
}

/// The texts of a content; documents are their data.
fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        _ => list(content)
            .iter()
            .map(|part| match part.get("document") {
                Some(document) => document["data"].to_string(),
                None => text(&part["text"]),
            })
            .collect(),
    }
}

fn tool(function: &Value) -> Tool {
    Tool {
        name: text(&function["name"]),
        description: text(&function["description"]),
        schema: function["parameters"].clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
