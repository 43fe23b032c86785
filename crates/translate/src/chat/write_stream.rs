//! A stream, as clients get it.

use std::collections::BTreeMap;

use ditto_llm::usage::Usage;
use serde::Serialize;

use super::finish::word;
use super::stream_end;
use super::write_reply::{Block, Custom, Function, annotation, id, logprobs, model, service_tier};
use crate::content::Citation;
use crate::failure::Failure;
use crate::json;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start, StreamWriter};
use crate::target::ReplyContext;

/// Writes chunks: <https://platform.openai.com/docs/api-reference/chat-streaming> (seen 2026-11).
#[derive(Debug)]
pub struct Writer {
    output: Vec<u8>,
    context: ReplyContext,
    /// What each chunk begins with, up to its choices.
    head: Vec<u8>,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
}

/// What is known of a choice.
#[derive(Debug, Default)]
struct Choice {
    calls: u32,
    refuses: bool,
    /// The open part is a call that has no arguments yet.
    empty_call: bool,
    open: Form,
    /// What a delta of the open part begins with, up to its text.
    prefix: Vec<u8>,
    /// What follows the text.
    suffix: &'static [u8],
}

/// How the open part's text is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Once.
    #[default]
    Once,
    /// As DeepSeek and as LiteLLM have it.
    Thinking,
    /// Not at all: there is no text.
    Redacted,
}

const DELTA_END: &[u8] = b"},\"logprobs\":null,\"finish_reason\":null}]";
const CALL_END: &[u8] = b"}}]},\"logprobs\":null,\"finish_reason\":null}]";
const THINKING_BETWEEN: &[u8] = b",\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":";
const THINKING_END: &[u8] = b",\"signature\":\"\"}]},\"logprobs\":null,\"finish_reason\":null}]";

impl Writer {
    /// A writer for this request's reply.
    pub fn new(context: &ReplyContext) -> Self {
        let (context, choices) = (context.clone(), BTreeMap::new());
        Self { output: Vec::new(), context, head: Vec::new(), choices, usage: None }
    }

    /// What a chunk of this choice begins with, up to the members of its delta.
    fn begin(&self, choice: u32) -> Vec<u8> {
        let mut begun = self.head.clone();
        begun.extend_from_slice(b"{\"index\":");
        json::append(&mut begun, &choice);
        begun.extend_from_slice(b",\"delta\":{");
        begun
    }

    fn end_chunk(&mut self) {
        self.output.extend_from_slice(self.tail());
    }

    fn tail(&self) -> &'static [u8] {
        stream_end::of_chunk(self.context.include_usage)
    }

    /// A chunk whose delta has one member.
    fn member(&mut self, choice: u32, name: &str, value: &impl Serialize) {
        let begun = self.begin(choice);
        self.output.extend_from_slice(&begun);
        json::append(&mut self.output, &name);
        self.output.push(b':');
        json::append(&mut self.output, value);
        self.output.extend_from_slice(DELTA_END);
        self.end_chunk();
    }

    /// The chunk that says who speaks.
    fn role(&mut self, choice: u32) {
        if self.choices.contains_key(&choice) {
            return;
        }
        self.choices.insert(choice, Choice::default());
        let begun = self.begin(choice);
        self.output.extend_from_slice(&begun);
        self.output.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
        self.output.extend_from_slice(DELTA_END);
        self.end_chunk();
    }

    fn open_call(&mut self, choice: u32, opening: &CallOpening<'_>) {
        let custom = opening.r#type == "custom";
        self.member(choice, "tool_calls", &[opening]);
        let mut prefix = self.begin(choice);
        prefix.extend_from_slice(b"\"tool_calls\":[{\"index\":");
        json::append(&mut prefix, &opening.index);
        let text: &[u8] = if custom { b",\"custom\":{\"input\":" } else { b",\"function\":{\"arguments\":" };
        prefix.extend_from_slice(text);
        if let Some(known) = self.choices.get_mut(&choice) {
            known.calls = known.calls.saturating_add(1);
            known.empty_call = !custom;
            (known.open, known.prefix, known.suffix) = (Form::Once, prefix, CALL_END);
        }
    }

    fn open_text(&mut self, choice: u32, member: &[u8], open: Form, suffix: &'static [u8]) {
        let mut prefix = self.begin(choice);
        prefix.extend_from_slice(member);
        if let Some(known) = self.choices.get_mut(&choice) {
            (known.open, known.prefix, known.suffix) = (open, prefix, suffix);
        }
    }
}

/// The first delta of a call.
#[derive(Debug, Serialize)]
struct CallOpening<'a> {
    index: u32,
    id: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Custom<'a>>,
}

impl<'a> CallOpening<'a> {
    fn new(index: u32, id: &'a str, name: &'a str, custom: bool) -> Self {
        let r#type = if custom { "custom" } else { "function" };
        let function = (!custom).then_some(Function { name, arguments: "" });
        let custom = custom.then_some(Custom { name, input: "" });
        Self { index, id, r#type, function, custom }
    }
}

impl Sink for Writer {
    fn start(&mut self, start: &Start<'_>) {
        self.usage = start.usage;
        self.head = head(start, &self.context);
        // At once, so that the client knows that somebody is there.
        self.role(0);
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        self.role(at.choice);
        match opening {
            Opening::Text => self.open_text(at.choice, b"\"content\":", Form::Once, DELTA_END),
            Opening::Refusal => {
                self.open_text(at.choice, b"\"refusal\":", Form::Once, DELTA_END);
                if let Some(choice) = self.choices.get_mut(&at.choice) {
                    choice.refuses = true;
                }
            }
            Opening::Thinking { redacted } => {
                let form = if *redacted { Form::Redacted } else { Form::Thinking };
                self.open_text(at.choice, b"\"reasoning_content\":", form, THINKING_END);
            }
            Opening::ToolCall { id, name, custom } => {
                let index = self.choices.get(&at.choice).map(|choice| choice.calls).unwrap_or_default();
                self.open_call(at.choice, &CallOpening::new(index, id, name, *custom));
            }
        }
    }

    fn delta(&mut self, at: At, text: &str) {
        let tail = self.tail();
        let Some(choice) = self.choices.get_mut(&at.choice) else { return };
        if choice.open == Form::Redacted {
            return;
        }
        choice.empty_call = false;
        self.output.extend_from_slice(&choice.prefix);
        json::append(&mut self.output, &text);
        if choice.open == Form::Thinking {
            self.output.extend_from_slice(THINKING_BETWEEN);
            json::append(&mut self.output, &text);
        }
        self.output.extend_from_slice(choice.suffix);
        self.output.extend_from_slice(tail);
    }

    fn signature(&mut self, at: At, signature: &str) {
        let redacted = self.choices.get(&at.choice).is_some_and(|choice| choice.open == Form::Redacted);
        let block = match redacted {
            true => Block::RedactedThinking { data: signature },
            false => Block::Thinking { thinking: "", signature },
        };
        self.member(at.choice, "thinking_blocks", &[block]);
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        if let Some(annotation) = annotation(citation) {
            self.member(at.choice, "annotations", &[annotation]);
        }
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        let begun = self.begin(at.choice);
        self.output.extend_from_slice(&begun);
        self.output.extend_from_slice(b"},\"logprobs\":");
        json::append(&mut self.output, &logprobs(tokens));
        self.output.extend_from_slice(b",\"finish_reason\":null}]");
        self.end_chunk();
    }

    fn close(&mut self, at: At) {
        // Clients parse what they collected, and nothing is no JSON.
        if self.choices.get(&at.choice).is_some_and(|choice| choice.empty_call) {
            self.delta(at, "{}");
        }
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        self.role(choice);
        let refuses = self.choices.get(&choice).is_some_and(|choice| choice.refuses);
        let begun = self.begin(choice);
        self.output.extend_from_slice(&begun);
        self.output.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
        json::append(&mut self.output, &word(finish, refuses));
        self.output.extend_from_slice(b"}]");
        self.end_chunk();
    }

    fn usage(&mut self, usage: &Usage) {
        self.usage = Some(*usage);
    }

    fn ping(&mut self) {
        // A comment: the dialect has no event for it, and every reader of events skips comments.
        self.output.extend_from_slice(b": ping\n\n");
    }

    fn failure(&mut self, failure: &Failure) {
        stream_end::failure(&mut self.output, failure);
    }

    fn end(&mut self) {
        let usage = self.usage.filter(|_| self.context.include_usage);
        stream_end::done(&mut self.output, &self.head, usage.as_ref());
    }
}

impl StreamWriter for Writer {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }
}

/// What each chunk begins with, up to its choices.
fn head(start: &Start<'_>, context: &ReplyContext) -> Vec<u8> {
    let mut head = b"data: {\"id\":".to_vec();
    json::append(&mut head, &id(&start.id, context));
    head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
    json::append(&mut head, &start.created.unwrap_or(context.now_seconds));
    head.extend_from_slice(b",\"model\":");
    json::append(&mut head, &model(&start.model, context));
    if let Some(tier) = &start.service_tier {
        head.extend_from_slice(b",\"service_tier\":");
        json::append(&mut head, &service_tier(tier));
    }
    head.extend_from_slice(b",\"choices\":[");
    head
}
