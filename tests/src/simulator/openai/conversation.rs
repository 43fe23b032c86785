//! What the simulated assistant says to a conversation, whichever endpoint it came by.
//!
//! It calls tools when `tool_choice` demands it, or when the last user message contains `use the tool`,
//! `use every tool` or `use <function name>`. It says as many words as asked when that message contains
//! `say <n> words`, or as many tokens as the reply's [`Manner`](super::Manner) has. Otherwise it says one sentence with
//! the digest of the conversation.

use serde_json::{Value, json};

use super::super::mind::schema;
use super::error::ApiError;
use super::tokens;

/// The parts of a request that decide the answer.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The simulator's name.
    pub(super) speaker: String,
    pub(super) digest: String,
    pub(super) messages: usize,
    pub(super) last_user: String,
    pub(super) tools: Vec<Tool>,
    pub(super) choice: ToolChoice,
    /// A JSON schema the text must fit, or any object.
    pub(super) format: Option<Value>,
    /// How many tokens the text is to have, if that is not left to what was said.
    pub(super) tokens: Option<u64>,
}

/// A function the assistant may call.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) parameters: Value,
}

/// What the request says about calling tools.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ToolChoice {
    Auto,
    None,
    Required,
    Named(String),
}

/// The assistant's answer.
#[derive(Debug)]
pub(super) enum Turn {
    Text(String),
    Calls(Vec<ToolCall>),
}

#[derive(Debug)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

const WORDS: [&str; 8] = ["one", "fine", "day", "the", "gateway", "learned", "to", "count"];

impl Conversation {
    pub(super) fn turn(&self, order: u64) -> Turn {
        let wanted = self.wanted_tools();
        if !wanted.is_empty() {
            let calls = wanted.iter().enumerate().map(|(at, tool)| self.call(tool, order, at));
            return Turn::Calls(calls.collect());
        }
        Turn::Text(self.text())
    }

    fn wanted_tools(&self) -> Vec<&Tool> {
        let said = self.last_user.to_lowercase();
        let first = || self.tools.iter().take(1).collect();
        match &self.choice {
            ToolChoice::None => Vec::new(),
            ToolChoice::Named(name) => self.tools.iter().filter(|tool| tool.name == *name).collect(),
            _ if said.contains("use every tool") => self.tools.iter().collect(),
            ToolChoice::Required => first(),
            ToolChoice::Auto if said.contains("use the tool") => first(),
            ToolChoice::Auto => {
                let named = |tool: &&Tool| said.contains(&format!("use {}", tool.name.to_lowercase()));
                self.tools.iter().filter(named).collect()
            }
        }
    }

    fn call(&self, tool: &Tool, order: u64, at: usize) -> ToolCall {
        ToolCall {
            id: format!("call_sim{}{order:08x}{at:02x}", self.digest),
            name: tool.name.clone(),
            arguments: schema::instance(&tool.parameters, &self.digest).to_string(),
        }
    }

    fn text(&self) -> String {
        if let Some(tokens) = self.tokens {
            return words(usize::try_from(tokens).unwrap_or(usize::MAX));
        }
        if let Some(schema) = &self.format {
            return match schema {
                Value::Object(_) => schema::instance(schema, &self.digest).to_string(),
                _ => json!({"from": self.speaker, "digest": self.digest}).to_string(),
            };
        }
        if let Some(count) = self.words_asked() {
            return words(count);
        }
        let (speaker, digest) = (&self.speaker, &self.digest);
        let messages = match self.messages {
            1 => "one message".to_owned(),
            count => format!("{count} messages"),
        };
        format!("Hello from {speaker}: I was given {messages}, digest {digest}.")
    }

    fn words_asked(&self) -> Option<usize> {
        let said = self.last_user.to_lowercase();
        let (_, rest) = said.split_once("say ")?;
        let (count, _) = rest.split_once(" words")?;
        count.parse().ok().filter(|count| (1..=100_000).contains(count))
    }
}

/// A text of so many words, each a token.
pub(super) fn words(count: usize) -> String {
    let words: Vec<&str> = WORDS.into_iter().cycle().take(count).collect();
    words.join(" ")
}

impl Turn {
    /// What is left of it under a limit, and whether the limit cut it. A call of which not even the name fits is not
    /// begun.
    pub(super) fn under(self, limit: Option<u64>) -> (Self, bool) {
        match self {
            Self::Text(text) => {
                let (pieces, cut) = limited(&text, limit);
                (Self::Text(pieces.concat()), cut)
            }
            Self::Calls(calls) => {
                let mut left = limit.unwrap_or(u64::MAX);
                let mut kept = Vec::new();
                let mut cut = false;
                for mut call in calls {
                    let opening = opening_tokens(&call);
                    if cut || opening > left {
                        cut = true;
                        break;
                    }
                    let (pieces, shortened) = limited(&call.arguments, Some(left - opening));
                    call.arguments = pieces.concat();
                    cut = shortened;
                    left -= call_tokens(&call);
                    kept.push(call);
                }
                (Self::Calls(kept), cut)
            }
        }
    }

    /// The tokens of all of it.
    pub(super) fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => tokens::count(text),
            Self::Calls(calls) => calls.iter().map(call_tokens).sum(),
        }
    }
}

/// Reads `tools` and `tool_choice`. Chat nests a function's name under `function`; responses does not.
pub(super) fn tools(body: &Value) -> Result<(Vec<Tool>, ToolChoice), ApiError> {
    let listed: Vec<Tool> = match body.get("tools") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(tools)) => tools.iter().enumerate().filter_map(tool).collect::<Result<_, _>>()?,
        Some(_) => return Err(ApiError::wrong_type("tools", "an array")),
    };
    let choice = match body.get("tool_choice") {
        None | Some(Value::Null) => ToolChoice::Auto,
        Some(_) if body["tools"].as_array().is_none_or(Vec::is_empty) => {
            return Err(
                ApiError::invalid("'tool_choice' may only be given together with 'tools'.").param("tool_choice")
            );
        }
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(ApiError::invalid_value("tool_choice", "'none', 'auto' or 'required'")),
        },
        Some(choice) => {
            let name = choice["function"]["name"].as_str().or_else(|| choice["name"].as_str());
            match name {
                Some(name) if listed.iter().any(|tool| tool.name == name) => ToolChoice::Named(name.to_owned()),
                _ => return Err(ApiError::invalid("'tool_choice' names no tool of the request.").param("tool_choice")),
            }
        }
    };
    Ok((listed, choice))
}

/// Only functions can be called; tools of other kinds (web search, MCP, …) are accepted and left alone.
fn tool((at, tool): (usize, &Value)) -> Option<Result<Tool, ApiError>> {
    if tool["type"] != "function" {
        return None;
    }
    let function = tool.get("function").unwrap_or(tool);
    Some(match function["name"].as_str() {
        Some(name) => Ok(Tool { name: name.to_owned(), parameters: function["parameters"].clone() }),
        None => Err(ApiError::missing(&format!("tools[{at}].function.name"))),
    })
}

/// A message's text, its parts joined.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// The text as pieces, cut after `limit` of them; and whether it was cut.
pub(super) fn limited(text: &str, limit: Option<u64>) -> (Vec<&str>, bool) {
    let mut pieces = tokens::pieces(text);
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let cut = pieces.len() > limit;
    pieces.truncate(limit);
    (pieces, cut)
}

/// The tokens of a tool call: its name, its arguments, and 4 for the rest.
fn call_tokens(call: &ToolCall) -> u64 {
    opening_tokens(call) + tokens::count(&call.arguments)
}

/// The tokens of a tool call before its arguments.
pub(super) fn opening_tokens(call: &ToolCall) -> u64 {
    4 + tokens::count(&call.name)
}
