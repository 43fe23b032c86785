//! A reply as a stream of Anthropic's events:
//! <https://platform.claude.com/docs/en/build-with-claude/streaming> (seen 2026-11).
//!
//! Blocks are numbered without gaps, one after the other. `message_delta` waits for the end, because backends tell
//! their usage last.

use ditto_llm::usage::Usage;
use serde::Serialize;

use super::usage;
use super::write_failure;
use super::write_reply::{citation, id, model, stop_reason};
use crate::content::Citation;
use crate::failure::Failure;
use crate::json::{self, Raw};
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start, StreamWriter};
use crate::target::ReplyContext;
use crate::text::Text;

/// Writes a stream.
#[derive(Debug)]
pub struct Writer {
    context: ReplyContext,
    output: Vec<u8>,
    /// The next block's number.
    index: u32,
    /// The open block; `None` between blocks, and while thoughts wait for their words or data.
    open: Option<Open>,
    /// Thoughts have begun that can have words; a block without any is not worth beginning.
    thoughts: bool,
    usage: Usage,
    finish: Finish<'static>,
    calls_tools: bool,
    refused: bool,
    over: bool,
}

#[derive(Debug)]
struct Open {
    /// What comes before a delta's text, up to the string's first quote.
    prefix: Vec<u8>,
    /// It is thinking.
    thinking: bool,
}

const DELTA_END: &[u8] = b"}}\n\n";

#[derive(Serialize)]
struct MessageStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: Text<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: Text<'a>,
    content: [(); 0],
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'static str>,
    usage: usage::Written,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    content_block: Block<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'static str },
    Thinking { thinking: &'static str, signature: &'static str },
    RedactedThinking { data: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: Empty },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Stop<'a>,
    usage: usage::Written,
}

#[derive(Serialize)]
struct Stop<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl Writer {
    /// A writer for this reply.
    pub fn new(context: &ReplyContext) -> Self {
        Self {
            context: context.clone(),
            output: Vec::new(),
            index: 0,
            open: None,
            thoughts: false,
            usage: Usage::default(),
            finish: Finish::Stop,
            calls_tools: false,
            refused: false,
            over: false,
        }
    }

    fn event(&mut self, name: &str, data: &impl Serialize) {
        self.begin(name);
        json::append(&mut self.output, data);
        self.output.extend_from_slice(b"\n\n");
    }

    fn begin(&mut self, name: &str) {
        self.output.extend_from_slice(b"event: ");
        self.output.extend_from_slice(name.as_bytes());
        self.output.extend_from_slice(b"\ndata: ");
    }

    fn start_block(&mut self, block: Block<'_>, delta: &'static str) {
        let thinking = matches!(block, Block::Thinking { .. });
        let index = self.index;
        self.event("content_block_start", &BlockStart { kind: "content_block_start", index, content_block: block });
        self.open = Some(Open { prefix: delta_prefix(index, delta), thinking });
    }

    /// Begins the block of thoughts that have words or a signature.
    fn start_thoughts(&mut self) {
        if std::mem::take(&mut self.thoughts) {
            self.start_block(Block::Thinking { thinking: "", signature: "" }, "thinking_delta\",\"thinking");
        }
    }

    /// A delta of another kind than the block's own.
    fn other_delta(&mut self, kind: &'static str, value: &impl Serialize) {
        self.output.extend_from_slice(&delta_prefix(self.index, kind));
        json::append(&mut self.output, value);
        self.output.extend_from_slice(DELTA_END);
    }
}

/// `kind`: the delta's type and the name of its member, such as `text_delta","text`.
fn delta_prefix(index: u32, kind: &str) -> Vec<u8> {
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
         \"delta\":{{\"type\":\"{kind}\":"
    )
    .into_bytes()
}

impl Sink for Writer {
    fn start(&mut self, start: &Start<'_>) {
        self.usage.merge(&start.usage.unwrap_or_default());
        let context = std::mem::take(&mut self.context);
        let message = Message {
            id: id(&start.id, &context),
            kind: "message",
            role: "assistant",
            model: model(&start.model, &context),
            content: [],
            stop_reason: None,
            stop_sequence: None,
            usage: usage::write(&self.usage),
        };
        self.event("message_start", &MessageStart { kind: "message_start", message });
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        if at.choice != 0 {
            return;
        }
        match opening {
            Opening::Text => self.start_block(Block::Text { text: "" }, "text_delta\",\"text"),
            Opening::Refusal => {
                self.refused = true;
                self.start_block(Block::Text { text: "" }, "text_delta\",\"text");
            }
            // The data of redacted ones stand in the block's beginning, and come with the signature.
            Opening::Thinking { redacted } => self.thoughts = !redacted,
            Opening::ToolCall { id, name, .. } => {
                self.calls_tools = true;
                let block = Block::ToolUse { id, name, input: Empty {} };
                self.start_block(block, "input_json_delta\",\"partial_json");
            }
        }
    }

    fn delta(&mut self, at: At, text: &str) {
        if self.thoughts && at.choice == 0 {
            self.start_thoughts();
        }
        if let Some(open) = self.open.as_ref().filter(|_| at.choice == 0) {
            self.output.extend_from_slice(&open.prefix);
            json::append(&mut self.output, &text);
            self.output.extend_from_slice(DELTA_END);
        }
    }

    fn signature(&mut self, at: At, signature: &str) {
        if at.choice != 0 {
            return;
        }
        self.start_thoughts();
        match &self.open {
            Some(open) if open.thinking => self.other_delta("signature_delta\",\"signature", &signature),
            Some(_) => {}
            None => self.start_block(Block::RedactedThinking { data: signature }, ""),
        }
    }

    fn citation(&mut self, at: At, reference: &Citation<'_>) {
        if at.choice == 0 && self.open.is_some() {
            let written: Option<Raw<'_>> = citation(reference);
            if let Some(written) = written {
                self.other_delta("citations_delta\",\"citation", &written);
            }
        }
    }

    fn logprobs(&mut self, _at: At, _tokens: &[Logprob<'_>]) {}

    fn close(&mut self, at: At) {
        self.thoughts &= at.choice != 0;
        if at.choice == 0 && self.open.take().is_some() {
            let index = self.index;
            self.begin("content_block_stop");
            self.output
                .extend_from_slice(format!("{{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n").as_bytes());
            self.index = index.saturating_add(1);
        }
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        if choice == 0 {
            self.finish = finish.clone().into_static();
        }
    }

    fn usage(&mut self, usage: &Usage) {
        self.usage.merge(usage);
    }

    fn ping(&mut self) {
        self.output.extend_from_slice(b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
    }

    fn failure(&mut self, failure: &Failure) {
        if !std::mem::replace(&mut self.over, true) {
            self.begin("error");
            self.output.extend_from_slice(&write_failure::body(failure));
            self.output.extend_from_slice(b"\n\n");
        }
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let finish = std::mem::take(&mut self.finish);
        let (stop_reason, stop_sequence) = stop_reason(&finish, self.calls_tools, self.refused);
        let usage = usage::write(&self.usage);
        let delta = Stop { stop_reason, stop_sequence };
        self.event("message_delta", &MessageDelta { kind: "message_delta", delta, usage });
        self.output.extend_from_slice(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}

impl StreamWriter for Writer {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }
}
