//! Messages of a chat: what each role may say, and that every call of a tool is answered.
//! <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).

use serde_json::Value;

use super::super::fields::{Kind, Message as Table};
use super::super::mind::{Message, Part, Role, ToolCall, ToolResult};
use super::error::ApiError;
use super::{check, content};

const USER_PARTS: [&str; 4] = ["text", "image_url", "input_audio", "file"];

static PLAIN: Table = Table::new("message", &[("role", Kind::Text), ("content", Kind::Any), ("name", Kind::Text)]);
static TOOL: Table = Table::new(
    "message",
    &[("role", Kind::Text), ("content", Kind::Any), ("tool_call_id", Kind::Text), ("name", Kind::Text)],
)
.required(&["tool_call_id"]);
static FUNCTION: Table =
    Table::new("message", &[("role", Kind::Text), ("content", Kind::Any), ("name", Kind::Text)]).required(&["name"]);
/// Replies come back as they were, so their fields are known; compatible providers' `reasoning_content` too.
static ASSISTANT: Table = Table::new(
    "message",
    &[
        ("role", Kind::Text),
        ("content", Kind::Any),
        ("name", Kind::Text),
        ("refusal", Kind::Text),
        ("audio", Kind::Struct),
        ("annotations", Kind::List(&Kind::Struct)),
        ("function_call", Kind::Struct),
        ("tool_calls", Kind::List(&Kind::Message(&CALL))),
        ("reasoning_content", Kind::Text),
    ],
);
static CALL: Table = Table::new(
    "call",
    &[
        ("id", Kind::Text),
        ("type", Kind::Word(&["function", "custom"])),
        ("function", Kind::Message(&CALLED)),
        ("custom", Kind::Struct),
        // Folded streams keep it.
        ("index", Kind::Integer),
    ],
)
.required(&["id", "type"]);
static CALLED: Table =
    Table::new("called", &[("name", Kind::Text), ("arguments", Kind::Text)]).required(&["name", "arguments"]);

/// What the messages say.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) system: Vec<String>,
    pub(super) messages: Vec<Message>,
    /// Calls of the last assistant message that have no answer yet.
    open: Vec<(String, String)>,
    /// Where that message stands.
    called_at: usize,
}

/// Reads messages whose roles are known to be there.
pub(super) fn read(messages: &[Value]) -> Result<Prompt, ApiError> {
    let mut prompt = Prompt::default();
    for (at, message) in messages.iter().enumerate() {
        prompt.add(at, message)?;
    }
    prompt.all_answered()?;
    Ok(prompt)
}

impl Prompt {
    fn add(&mut self, at: usize, message: &Value) -> Result<(), ApiError> {
        let path = format!("messages[{at}]");
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" {
            self.all_answered()?;
        }
        let table = match role {
            "assistant" => &ASSISTANT,
            "tool" => &TOOL,
            "function" => &FUNCTION,
            _ => &PLAIN,
        };
        check::object(message, table, &path)?;
        let inside = check::join(&path, "content");
        let text_only = || content::parts(&message["content"], &["text"], &inside);
        match role {
            "system" | "developer" => self.system.push(text_of(text_only()?)),
            "user" => self.push(Role::User, content::parts(&message["content"], &USER_PARTS, &inside)?),
            "assistant" => self.assistant(at, message)?,
            "tool" => self.result(at, message, text_of(text_only()?))?,
            _ => {
                let name = message["name"].as_str().unwrap_or_default().to_owned();
                let text = message["content"].as_str().unwrap_or_default().to_owned();
                self.push(Role::Tool, vec![Part::Result(ToolResult { name, text, ..ToolResult::default() })]);
            }
        }
        Ok(())
    }

    fn assistant(&mut self, at: usize, message: &Value) -> Result<(), ApiError> {
        let inside = format!("messages[{at}].content");
        let calls = message["tool_calls"].as_array();
        let says_otherwise =
            calls.is_some() || ["function_call", "audio", "refusal"].iter().any(|field| !message[*field].is_null());
        let mut parts = match &message["content"] {
            Value::Null if says_otherwise => Vec::new(),
            content => content::parts(content, &["text", "refusal"], &inside)?,
        };
        if let Some(text) = message["reasoning_content"].as_str() {
            parts.insert(0, Part::Thought { text: text.to_owned(), signature: None });
        }
        if calls.is_some_and(Vec::is_empty) {
            let error = ApiError::invalid(format!("'messages[{at}].tool_calls' is an empty array."));
            return Err(error.param(format!("messages[{at}].tool_calls")).code("empty_array"));
        }
        for (place, call) in calls.into_iter().flatten().enumerate() {
            let (body, text) = match call["type"].as_str() {
                Some("custom") => ("custom", "input"),
                _ => ("function", "arguments"),
            };
            let called = &call[body];
            let name = check::name(&called["name"], &format!("messages[{at}].tool_calls[{place}].{body}.name"))?;
            let id = call["id"].as_str().unwrap_or_default().to_owned();
            self.open.push((id.clone(), name.clone()));
            self.called_at = at;
            let arguments = called[text].as_str().unwrap_or_default().to_owned();
            parts.push(Part::Call(ToolCall { id, name, arguments }));
        }
        self.push(Role::Assistant, parts);
        Ok(())
    }

    fn result(&mut self, at: usize, message: &Value, text: String) -> Result<(), ApiError> {
        let id = message["tool_call_id"].as_str().unwrap_or_default();
        let Some(found) = self.open.iter().position(|(open, _)| open == id) else {
            let message = "Messages with role 'tool' must answer a call in 'tool_calls' of the message before.";
            return Err(ApiError::invalid(message).param(format!("messages.[{at}].role")));
        };
        let (id, name) = self.open.remove(found);
        self.push(Role::Tool, vec![Part::Result(ToolResult { id, name, text, ..ToolResult::default() })]);
        Ok(())
    }

    fn all_answered(&self) -> Result<(), ApiError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = self.open.iter().map(|(id, _)| id.as_str()).collect();
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages that answer each \
             'tool_call_id'. There was none for: {}",
            ids.join(", ")
        );
        Err(ApiError::invalid(message).param(format!("messages.[{}].role", self.called_at + 1)))
    }

    fn push(&mut self, role: Role, parts: Vec<Part>) {
        self.messages.push(Message { role, parts });
    }
}

fn text_of(parts: Vec<Part>) -> String {
    Message { role: Role::User, parts }.text()
}
