//! A message as the provider writes it, whole.
//! <https://platform.claude.com/docs/en/api/messages/create> (seen 2026-11).

use serde_json::{Value, json};

use super::super::mind::{Finish, Said, ToolCall, Usage, signature};
use super::request::Request;

/// A request and what the model says to it.
#[derive(Debug)]
pub(in super::super) struct Exchange {
    pub(super) id: String,
    pub(super) request: Request,
    pub(super) said: Said,
    /// Whether usage is told.
    pub(super) tells_usage: bool,
}

impl Exchange {
    /// The blocks of the content, in order.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let said = &self.said;
        let mut blocks = Vec::new();
        if let Some(thought) = said.thinking.as_deref() {
            blocks.push(Block::Thinking { thought, omitted: self.request.thinking.omitted });
        }
        let text = said.text.as_deref().or(said.refusal.as_deref());
        blocks.extend(text.filter(|text| !text.is_empty()).map(Block::Text));
        blocks.extend(said.calls.iter().map(Block::Call));
        blocks
    }

    /// The message, complete.
    pub(in super::super) fn message(&self) -> Value {
        let mut message = self.envelope();
        message["content"] = self.blocks().iter().map(Block::whole).collect();
        message["stop_reason"] = json!(self.stop_reason());
        message["stop_sequence"] = self.stop_sequence();
        message["stop_details"] = self.stop_details();
        if self.tells_usage {
            message["usage"] = self.usage(self.said.usage().output, self.said.usage().reasoning);
        }
        if self.request.manages_context {
            message["context_management"] = no_edits();
        }
        message
    }

    /// The message before anything was said.
    pub(super) fn envelope(&self) -> Value {
        json!({
            "model": self.request.heard.model,
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "stop_details": null,
        })
    }

    pub(super) fn stop_reason(&self) -> &'static str {
        match self.said.finish() {
            Finish::Stop => "end_turn",
            Finish::StopString(_) => "stop_sequence",
            Finish::Length => "max_tokens",
            Finish::Calls => "tool_use",
            Finish::Refusal | Finish::Filtered => "refusal",
        }
    }

    pub(super) fn stop_sequence(&self) -> Value {
        match self.said.finish() {
            Finish::StopString(string) => json!(string),
            _ => Value::Null,
        }
    }

    pub(super) fn stop_details(&self) -> Value {
        match self.stop_reason() {
            "refusal" => json!({"type": "refusal", "category": null, "explanation": null}),
            _ => Value::Null,
        }
    }

    /// All usage, with so much output.
    pub(super) fn usage(&self, output: u64, reasoning: u64) -> Value {
        let Usage { cache_creation, .. } = self.said.usage();
        let (five, hour) = if self.request.hour_long { (0, cache_creation) } else { (cache_creation, 0) };
        let mut usage = self.cumulative_usage(output, reasoning);
        usage["cache_creation"] = json!({"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour});
        usage["service_tier"] = json!("standard");
        usage["inference_geo"] = json!("global");
        usage
    }

    /// What usage the end of a stream tells: cumulative, and without what cannot change.
    pub(super) fn cumulative_usage(&self, output: u64, reasoning: u64) -> Value {
        let usage = self.said.usage();
        let mut told = json!({
            "input_tokens": usage.input.saturating_sub(usage.cached_read + usage.cache_creation),
            "cache_creation_input_tokens": usage.cache_creation,
            "cache_read_input_tokens": usage.cached_read,
            "output_tokens": output,
        });
        if self.request.thinking.on {
            told["output_tokens_details"] = json!({"thinking_tokens": reasoning});
        }
        told
    }
}

/// A content block of a reply.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Thinking { thought: &'a str, omitted: bool },
    Text(&'a str),
    Call(&'a ToolCall),
}

impl Block<'_> {
    /// The block, complete.
    fn whole(&self) -> Value {
        match self {
            Self::Thinking { thought, omitted } => {
                let shown = if *omitted { "" } else { thought };
                json!({"type": "thinking", "thinking": shown, "signature": signature(thought)})
            }
            Self::Text(text) => json!({"type": "text", "text": text}),
            Self::Call(call) => {
                // Arguments that the limit cut are no JSON; the provider gives what could be read of them.
                let input = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
                tool_use(call, &input)
            }
        }
    }

    /// The block before its content.
    pub(super) fn opening(&self) -> Value {
        match self {
            Self::Thinking { .. } => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Self::Text(_) => json!({"type": "text", "text": ""}),
            Self::Call(call) => tool_use(call, &json!({})),
        }
    }
}

/// What is told of the context where the request lets the provider edit it: it never does.
pub(super) fn no_edits() -> Value {
    json!({"applied_edits": []})
}

fn tool_use(call: &ToolCall, input: &Value) -> Value {
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input, "caller": {"type": "direct"}})
}
