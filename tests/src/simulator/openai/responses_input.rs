//! Items of a response's input.
//! <https://platform.openai.com/docs/api-reference/responses/create> (seen 2026-11).

use serde_json::Value;

use super::super::fields::{Kind, Message as Table};
use super::super::mind::{Media, Message, Part, Role, ToolCall, ToolResult, is_signed};
use super::error::ApiError;
use super::{check, content, text_of};

const STATUS: (&str, Kind) = ("status", Kind::Word(&["in_progress", "completed", "incomplete"]));
const TYPE: (&str, Kind) = ("type", Kind::Text);
const ID: (&str, Kind) = ("id", Kind::Text);
const CALL_ID: (&str, Kind) = ("call_id", Kind::Text);
const CACHE: (&str, Kind) = ("prompt_cache_breakpoint", Kind::Struct);
const DETAIL: (&str, Kind) = ("detail", Kind::Word(&["auto", "low", "high", "original"]));

static MESSAGE: Table =
    Table::new("message", &[TYPE, ID, STATUS, ("role", Kind::Any), ("content", Kind::Any), ("phase", Kind::Text)]);
static CALL: Table = Table::new(
    "call",
    &[
        TYPE,
        ID,
        STATUS,
        CALL_ID,
        ("name", Kind::Any),
        ("arguments", Kind::Text),
        ("namespace", Kind::Text),
        ("caller", Kind::Struct),
    ],
)
.required(&["call_id", "name", "arguments"]);
static OUTPUT: Table =
    Table::new("output", &[TYPE, ID, STATUS, CALL_ID, ("output", Kind::Any), ("caller", Kind::Struct)])
        .required(&["call_id", "output"]);
static REASONING: Table = Table::new(
    "reasoning",
    &[
        TYPE,
        ID,
        STATUS,
        ("summary", Kind::List(&Kind::Struct)),
        ("content", Kind::List(&Kind::Struct)),
        ("encrypted_content", Kind::Text),
    ],
)
.required(&["id", "summary"]);
static TEXT: Table = Table::new("part", &[TYPE, ("text", Kind::Text), CACHE]).required(&["text"]);
static IMAGE: Table = Table::new("part", &[TYPE, ("image_url", Kind::Text), ("file_id", Kind::Text), DETAIL, CACHE]);
static FILE: Table = Table::new(
    "part",
    &[
        TYPE,
        ("file_data", Kind::Text),
        ("file_id", Kind::Text),
        ("file_url", Kind::Text),
        ("filename", Kind::Text),
        DETAIL,
        CACHE,
    ],
);
static AUDIO: Table = Table::new("part", &[TYPE, ("input_audio", Kind::Struct)]).required(&["input_audio"]);
static SAID: Table = Table::new(
    "part",
    &[TYPE, ("text", Kind::Text), ("annotations", Kind::List(&Kind::Struct)), ("logprobs", Kind::List(&Kind::Struct))],
)
.required(&["text"]);
static REFUSED: Table = Table::new("part", &[TYPE, ("refusal", Kind::Text)]).required(&["refusal"]);
/// Items of tools that run at the provider: they come back as they were, and say nothing here.
const HOSTED: [&str; 24] = [
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "configuration_update",
    "file_search_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
];

/// What the items say.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) system: Vec<String>,
    pub(super) messages: Vec<Message>,
    /// Calls that have no output yet.
    open: Vec<(String, String)>,
}

/// Reads the items; `open_fields` lets unknown fields pass.
pub(super) fn read(items: &[Value], open_fields: bool) -> Result<Input, ApiError> {
    let mut input = Input::default();
    for (at, item) in items.iter().enumerate() {
        let path = format!("input[{at}]");
        let kind = item["type"].as_str().unwrap_or(if item["role"].is_null() { "" } else { "message" });
        let table = match kind {
            "message" => Some(&MESSAGE),
            "function_call" => Some(&CALL),
            "function_call_output" | "custom_tool_call_output" => Some(&OUTPUT),
            "reasoning" => Some(&REASONING),
            _ => None,
        };
        if let Some(table) = table.filter(|_| !open_fields) {
            check::object(item, table, &path)?;
        }
        match kind {
            "message" => input.message(item, &path)?,
            "function_call" | "custom_tool_call" => input.call(item, &path)?,
            "function_call_output" | "custom_tool_call_output" => input.output(item, &path)?,
            "reasoning" => input.reasoning(item, items.get(at + 1), &path)?,
            "item_reference" => {
                return Err(ApiError::not_found("item with id", item["id"].as_str().unwrap_or_default()));
            }
            "" => return Err(ApiError::missing(&format!("{path}.type"))),
            _ if HOSTED.contains(&kind) => {}
            _ => return Err(ApiError::invalid_value(&format!("{path}.type"), "a type of item that there is")),
        }
    }
    match input.open.first() {
        None => Ok(input),
        Some((id, _)) => Err(ApiError::invalid(format!("No tool output found for function call {id}.")).param("input")),
    }
}

impl Input {
    fn message(&mut self, item: &Value, path: &str) -> Result<(), ApiError> {
        let role = item["role"].as_str().ok_or_else(|| ApiError::missing(&format!("{path}.role")))?;
        let inside = format!("{path}.content");
        match role {
            "user" => {
                let parts = parts(&item["content"], false, &inside)?;
                self.messages.push(Message { role: Role::User, parts });
            }
            "assistant" => {
                let parts = parts(&item["content"], true, &inside)?;
                self.messages.push(Message { role: Role::Assistant, parts });
            }
            "system" | "developer" => {
                parts(&item["content"], false, &inside)?;
                self.system.push(text_of(&item["content"]));
            }
            _ => {
                let wanted = "'assistant', 'system', 'developer' or 'user'";
                return Err(ApiError::invalid_value(&format!("{path}.role"), wanted));
            }
        }
        Ok(())
    }

    fn call(&mut self, item: &Value, path: &str) -> Result<(), ApiError> {
        let name = check::name(&item["name"], &format!("{path}.name"))?;
        let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
        let id = text("call_id");
        self.open.push((id.clone(), name.clone()));
        let arguments = text(if item["type"] == "custom_tool_call" { "input" } else { "arguments" });
        let parts = vec![Part::Call(ToolCall { id, name, arguments })];
        self.messages.push(Message { role: Role::Assistant, parts });
        Ok(())
    }

    fn output(&mut self, item: &Value, path: &str) -> Result<(), ApiError> {
        let id = item["call_id"].as_str().unwrap_or_default();
        let Some(found) = self.open.iter().position(|(open, _)| open == id) else {
            let message = format!("No tool call found for function call output with call_id {id}.");
            return Err(ApiError::invalid(message).param("input"));
        };
        let (id, name) = self.open.remove(found);
        let parts = parts(&item["output"], false, &format!("{path}.output"))?;
        let media = |part: &Part| if let Part::Media(media) = part { Some(media.clone()) } else { None };
        let media: Vec<Media> = parts.iter().filter_map(media).collect();
        let text = Message { role: Role::Tool, parts }.text();
        let result = ToolResult { id, name, text, media, is_error: false };
        self.messages.push(Message { role: Role::Tool, parts: vec![Part::Result(result)] });
        Ok(())
    }

    /// A thought comes back together with what followed it, and as it was given.
    fn reasoning(&mut self, item: &Value, next: Option<&Value>, path: &str) -> Result<(), ApiError> {
        let id = item["id"].as_str().unwrap_or_default();
        let follows = next.is_some_and(|next| match next["type"].as_str() {
            Some("message") | None => next["role"] == "assistant",
            Some(kind) => !kind.ends_with("_output"),
        });
        if !follows {
            let message = format!("Item '{id}' of type 'reasoning' was provided without its required following item.");
            return Err(ApiError::invalid(message).param("input"));
        }
        let encrypted = item["encrypted_content"].as_str();
        if encrypted.is_some_and(|mark| !is_signed("", mark)) {
            let message = format!("The encrypted content of item '{id}' could not be verified.");
            let error = ApiError::invalid(message).param(format!("{path}.encrypted_content"));
            return Err(error.code("invalid_encrypted_content"));
        }
        let part = Part::Thought { text: text_of(&item["summary"]), signature: encrypted.map(str::to_owned) };
        self.messages.push(Message { role: Role::Assistant, parts: vec![part] });
        Ok(())
    }
}

/// A content: a text, or parts. What the assistant said has types of its own.
fn parts(content: &Value, assistant: bool, path: &str) -> Result<Vec<Part>, ApiError> {
    match content {
        Value::String(text) => Ok(vec![Part::Text(text.clone())]),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| part(item, assistant, &format!("{path}[{at}]"))).collect()
        }
        Value::Null => Err(ApiError::missing(path)),
        _ => Err(ApiError::wrong_type(path, "a string or an array of parts")),
    }
}

fn part(item: &Value, assistant: bool, path: &str) -> Result<Part, ApiError> {
    let table = match (item["type"].as_str(), assistant) {
        (Some("input_text"), false) => &TEXT,
        (Some("input_image"), false) => &IMAGE,
        (Some("input_file"), false) => &FILE,
        (Some("input_audio"), false) => &AUDIO,
        (Some("output_text"), true) => &SAID,
        (Some("refusal"), true) => &REFUSED,
        (None, _) => return Err(ApiError::missing(&format!("{path}.type"))),
        (_, true) => return Err(ApiError::invalid_value(&format!("{path}.type"), "'output_text' or 'refusal'")),
        (_, false) => {
            let wanted = "'input_text', 'input_image', 'input_file' or 'input_audio'";
            return Err(ApiError::invalid_value(&format!("{path}.type"), wanted));
        }
    };
    check::object(item, table, path)?;
    let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
    Ok(match item["type"].as_str() {
        Some("refusal") => Part::Text(text("refusal")),
        Some("input_image") => Part::Media(match item["file_id"].as_str() {
            Some(id) => Media::elsewhere("image", id),
            None if item["image_url"].is_null() => return Err(ApiError::missing(&format!("{path}.image_url"))),
            None => content::image(&text("image_url"), &format!("{path}.image_url"))?,
        }),
        Some("input_file") => Part::Media(content::file(item, path)?),
        Some("input_audio") => Part::Media(Media::elsewhere("audio", "the request")),
        _ => Part::Text(text("text")),
    })
}
