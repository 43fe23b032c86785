//! A request to Gemini in the model's neutral form.

use serde_json::Value;

use super::super::fields::decode;
use super::super::mind::{Format, Heard, Media, Message, Part, Role, Thinking, Tool, ToolCall, ToolChoice, ToolResult};
use super::super::openai::digest;
use super::check::list;
use super::{Named, schema};

/// What a checked request says. The digest is taken of `contents` as they came.
pub(super) fn heard(body: &Value, raw: &Value, model: &Named) -> Heard {
    let config = &body["generationConfig"];
    let contents = list(&body["contents"]);
    let shown = config["thinkingConfig"]["includeThoughts"] == true;
    Heard {
        model: model.name.clone(),
        digest: digest(&raw["contents"]),
        count: contents.len(),
        system: system(body),
        messages: contents.iter().map(message).collect(),
        tools: schema::declarations(body).map(tool).collect(),
        choice: choice(body),
        format: format(config),
        thinking: if shown { Thinking::Shown } else { Thinking::Hidden },
        max_tokens: config["maxOutputTokens"].as_u64(),
        stop: list(&config["stopSequences"]).iter().filter_map(|stop| stop.as_str().map(str::to_owned)).collect(),
        ..Heard::default()
    }
}

fn system(body: &Value) -> Vec<String> {
    list(&body["systemInstruction"]["parts"])
        .iter()
        .filter_map(|part| part["text"].as_str().map(str::to_owned))
        .collect()
}

pub(super) fn message(content: &Value) -> Message {
    let role = if content["role"] == "model" { Role::Assistant } else { Role::User };
    Message { role, parts: list(&content["parts"]).iter().filter_map(part).collect() }
}

fn part(part: &Value) -> Option<Part> {
    let signature = part["thoughtSignature"].as_str().map(str::to_owned);
    if let Some(text) = part["text"].as_str() {
        let text = text.to_owned();
        return Some(if part["thought"] == true { Part::Thought { text, signature } } else { Part::Text(text) });
    }
    if let Some(media) = media(part) {
        return Some(Part::Media(media));
    }
    if let Some(call) = part.get("functionCall") {
        let arguments = call.get("args").map_or_else(|| "{}".to_owned(), Value::to_string);
        return Some(Part::Call(ToolCall { id: text(&call["id"]), name: text(&call["name"]), arguments }));
    }
    part.get("functionResponse").map(|response| Part::Result(result(response)))
}

fn media(part: &Value) -> Option<Media> {
    if let Some(blob) = part.get("inlineData") {
        let size = decode(blob["data"].as_str().unwrap_or_default()).map_or(0, |bytes| bytes.len());
        return Some(Media::inline(&text(&blob["mimeType"]), size));
    }
    let file = part.get("fileData")?;
    Some(Media::elsewhere(&text(&file["mimeType"]), &text(&file["fileUri"])))
}

/// An answer's text is under `output`, `result` or `error` where it is a text, and the whole otherwise.
fn result(response: &Value) -> ToolResult {
    let answer = &response["response"];
    let plain = ["output", "result", "error"].into_iter().find_map(|name| answer[name].as_str());
    let parts = list(&response["parts"]);
    ToolResult {
        id: text(&response["id"]),
        name: text(&response["name"]),
        text: plain.map_or_else(|| answer.to_string(), str::to_owned),
        media: parts.iter().filter_map(media).collect(),
        is_error: answer.get("error").is_some(),
    }
}

fn tool(declaration: &Value) -> Tool {
    let schema = match (declaration.get("parametersJsonSchema"), declaration.get("parameters")) {
        (Some(schema), _) => schema.clone(),
        (None, Some(schema)) => schema::to_json_schema(schema),
        (None, None) => Value::Null,
    };
    Tool { name: text(&declaration["name"]), description: text(&declaration["description"]), schema }
}

fn choice(body: &Value) -> ToolChoice {
    let config = &body["toolConfig"]["functionCallingConfig"];
    match (config["mode"].as_str(), list(&config["allowedFunctionNames"])) {
        (Some("NONE"), _) => ToolChoice::None,
        (Some("ANY"), [name]) => ToolChoice::Named(text(name)),
        (Some("ANY"), _) => ToolChoice::Required,
        _ => ToolChoice::Auto,
    }
}

fn format(config: &Value) -> Format {
    let json_schema = config.get("responseJsonSchema").or_else(|| config.get("ResponseJsonSchema"));
    match (config["responseMimeType"].as_str(), config.get("responseSchema"), json_schema) {
        (None | Some("text/plain"), ..) => Format::Text,
        (_, Some(schema), _) => Format::Schema(schema::to_json_schema(schema)),
        (_, _, Some(schema)) => Format::Schema(schema.clone()),
        _ => Format::Object,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
