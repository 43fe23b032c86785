//! A Converse request in the model's neutral form.

use serde_json::Value;

use super::super::fields::decode;
use super::super::mind::{Format, Heard, Media, Message, Part, Role, Thinking, Tool, ToolCall, ToolChoice, ToolResult};
use super::super::openai::digest;
use super::check::list;

/// What a checked request says. The digest is taken of `messages` as they came.
pub(super) fn heard(body: &Value, messages: &Value, model: &str) -> Heard {
    let config = &body["inferenceConfig"];
    let more = &body["additionalModelRequestFields"];
    let thinks = |name: &str| matches!(more[name]["type"].as_str(), Some("enabled" | "adaptive"));
    let shown = thinks("thinking") || thinks("reasoning_config");
    Heard {
        model: model.to_owned(),
        digest: digest(messages),
        count: list(&body["messages"]).len(),
        system: list(&body["system"]).iter().filter_map(|block| block["text"].as_str().map(str::to_owned)).collect(),
        messages: list(&body["messages"]).iter().map(message).collect(),
        tools: list(&body["toolConfig"]["tools"]).iter().filter_map(tool).collect(),
        choice: choice(&body["toolConfig"]["toolChoice"]),
        format: format(&body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]),
        thinking: if shown { Thinking::Shown } else { Thinking::Hidden },
        max_tokens: config["maxTokens"].as_u64(),
        stop: list(&config["stopSequences"]).iter().map(text).collect(),
        ..Heard::default()
    }
}

fn message(message: &Value) -> Message {
    let role = if message["role"] == "assistant" { Role::Assistant } else { Role::User };
    Message { role, parts: list(&message["content"]).iter().filter_map(part).collect() }
}

fn part(block: &Value) -> Option<Part> {
    if let Some(text) = block["text"].as_str() {
        return Some(Part::Text(text.to_owned()));
    }
    if let Some(call) = block.get("toolUse") {
        let arguments = call["input"].to_string();
        return Some(Part::Call(ToolCall { id: text(&call["toolUseId"]), name: text(&call["name"]), arguments }));
    }
    if let Some(result) = block.get("toolResult") {
        return Some(Part::Result(answer(result)));
    }
    if let Some(thought) = block.get("reasoningContent") {
        let thought = &thought["reasoningText"];
        let signature = thought["signature"].as_str().map(str::to_owned);
        return Some(Part::Thought { text: text(&thought["text"]), signature });
    }
    media(block).map(Part::Media)
}

fn answer(result: &Value) -> ToolResult {
    let content = list(&result["content"]);
    let said = content.iter().filter_map(|block| match (block["text"].as_str(), block.get("json")) {
        (Some(text), _) => Some(text.to_owned()),
        (None, json) => json.map(Value::to_string),
    });
    ToolResult {
        id: text(&result["toolUseId"]),
        name: String::new(),
        text: said.collect::<Vec<_>>().join("\n"),
        media: content.iter().filter_map(media).collect(),
        is_error: result["status"] == "error",
    }
}

fn media(block: &Value) -> Option<Media> {
    let kinds = ["image", "document", "video", "audio"];
    let (kind, content) = kinds.into_iter().find_map(|kind| block.get(kind).map(|content| (kind, content)))?;
    let family = if kind == "document" { "application" } else { kind };
    let mime = format!("{family}/{}", content["format"].as_str().unwrap_or("txt"));
    let source = &content["source"];
    if let Some(uri) = source["s3Location"]["uri"].as_str() {
        return Some(Media::elsewhere(&mime, uri));
    }
    let bytes = source["bytes"].as_str().and_then(decode).map(|bytes| bytes.len());
    Some(Media::inline(&mime, bytes.unwrap_or_else(|| source["text"].as_str().map_or(0, str::len))))
}

fn tool(tool: &Value) -> Option<Tool> {
    let specification = tool.get("toolSpec")?;
    Some(Tool {
        name: text(&specification["name"]),
        description: text(&specification["description"]),
        schema: specification["inputSchema"]["json"].clone(),
    })
}

fn choice(choice: &Value) -> ToolChoice {
    match choice["tool"]["name"].as_str() {
        Some(name) => ToolChoice::Named(name.to_owned()),
        None if choice.get("any").is_some() => ToolChoice::Required,
        None => ToolChoice::Auto,
    }
}

/// A schema comes as text.
fn format(definition: &Value) -> Format {
    match definition["schema"].as_str().map(serde_json::from_str) {
        Some(Ok(schema)) => Format::Schema(schema),
        Some(Err(_)) => Format::Object,
        None => Format::Text,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
