//! A stream for a client: typed and numbered events, in the order that the official SDKs check.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming> (seen 2026-11).

use std::io::Write as _;

use ditto_llm::usage::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::output::{Kind, Output};
use super::write_events::end_event;
use super::write_reply::{Head, Stand};
use crate::content::Citation;
use crate::failure::Failure;
use crate::json::Raw;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start, StreamWriter};
use crate::target::ReplyContext;

/// Writes a stream, or collects a whole reply in the same way.
#[derive(Debug)]
pub struct Writer {
    pub(super) out: Vec<u8>,
    pub(super) context: ReplyContext,
    /// Events are written; else only the response at the end.
    pub(super) events: bool,
    /// Thoughts are shown as a summary, because the client asked for one.
    pub(super) summaries: bool,
    pub(super) head: Option<Head>,
    pub(super) output: Output,
    /// What stands in front of the open part's deltas, up to the string.
    pub(super) prefix: Vec<u8>,
    /// The next event's number.
    pub(super) sequence: u64,
    pub(super) finish: Finish<'static>,
    pub(super) usage: Option<Usage>,
    pub(super) over: bool,
}

impl Writer {
    /// For a stream.
    pub fn new(context: &ReplyContext) -> Self {
        Self {
            out: Vec::new(),
            summaries: context.echo.as_ref().is_some_and(asks_for_summaries),
            context: context.clone(),
            events: true,
            head: None,
            output: Output::default(),
            prefix: Vec::new(),
            sequence: 0,
            finish: Finish::Stop,
            usage: None,
            over: false,
        }
    }

    /// For a whole reply.
    pub(super) fn whole(context: &ReplyContext) -> Self {
        Self { events: false, ..Self::new(context) }
    }
}

/// Whether the request that a reply repeats asks for thoughts to be summed up.
fn asks_for_summaries(echo: &Raw<'_>) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Echo {
        reasoning: Option<Reasoning>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Reasoning {
        summary: Option<IgnoredAny>,
        generate_summary: Option<IgnoredAny>,
    }
    let echo: Echo = serde_json::from_str(echo.get()).unwrap_or_default();
    echo.reasoning.is_some_and(|reasoning| reasoning.summary.is_some() || reasoning.generate_summary.is_some())
}

/// There is one answer: a request cannot ask for more.
fn is_answer(at: At) -> bool {
    at.choice == 0
}

impl Sink for Writer {
    fn start(&mut self, start: &Start<'_>) {
        let (head, id) = Head::new(start, &self.context);
        self.head = Some(head);
        self.output = Output::new(&id);
        if self.events {
            self.response_event("response.created", Stand::InProgress);
            self.response_event("response.in_progress", Stand::InProgress);
        }
        self.usage = start.usage;
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        if !is_answer(at) || self.over {
            return;
        }
        let kind = match opening {
            Opening::Text => Kind::Text,
            Opening::Refusal => Kind::Refusal,
            Opening::Thinking { .. } if self.summaries => Kind::Summary,
            Opening::Thinking { .. } => Kind::Thought,
            Opening::ToolCall { custom: false, .. } => Kind::Call,
            Opening::ToolCall { custom: true, .. } => Kind::CustomCall,
        };
        if self.output.goes_on(kind) {
            self.end_part();
        } else {
            self.begin_item(kind, opening);
        }
        // Thoughts without words have no part.
        if !matches!(kind, Kind::Summary | Kind::Thought) {
            self.begin_part(kind);
        }
    }

    fn delta(&mut self, at: At, text: &str) {
        if !is_answer(at) || text.is_empty() || self.over {
            return;
        }
        let thought = self.output.item.as_ref().map(|item| item.kind);
        if let (None, Some(kind @ (Kind::Summary | Kind::Thought))) = (&self.output.part, thought) {
            self.begin_part(kind);
        }
        self.write_delta(text);
    }

    fn signature(&mut self, at: At, signature: &str) {
        if is_answer(at) && !self.over {
            self.output.sign(signature);
        }
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        if !is_answer(at) || self.over {
            return;
        }
        let Some(part) = self.output.part.as_mut().filter(|part| part.kind == Kind::Text) else { return };
        let number = part.annotation_count;
        let Some(annotation) = part.annotate(citation) else { return };
        part.annotation_count = number.saturating_add(1);
        if self.events {
            self.begin_event("response.output_text.annotation.added");
            self.write_place(true);
            let _ = write!(self.out, "\"annotation_index\":{number},\"annotation\":");
            self.out.extend_from_slice(&annotation);
            self.out.push(b',');
            self.end_event();
        }
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        if !is_answer(at) || self.over {
            return;
        }
        let Some(part) = self.output.part.as_mut().filter(|part| part.kind == Kind::Text) else { return };
        let written = part.probable(tokens);
        if self.events {
            // They belong to deltas that are gone already, so that they travel with one that says nothing.
            self.out.extend_from_slice(&self.prefix);
            self.out.extend_from_slice(b"\"\",\"logprobs\":[");
            self.out.extend_from_slice(&written);
            self.out.extend_from_slice(b"],");
            end_event(&mut self.out, &mut self.sequence);
        }
    }

    fn close(&mut self, at: At) {
        if !is_answer(at) || self.over {
            return;
        }
        let Some(part) = &self.output.part else { return };
        if part.kind == Kind::Call && part.text.is_empty() {
            self.write_delta("{}");
        }
        // The item stays open: a message's next part may follow.
        self.end_part();
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        if choice == 0 {
            self.finish = finish.clone().into_static();
        }
    }

    fn usage(&mut self, usage: &Usage) {
        self.usage = Some(*usage);
    }

    fn ping(&mut self) {
        if self.events && !self.over {
            // A comment: SDKs give up on events that they do not know.
            self.out.extend_from_slice(b": ping\n\n");
        }
    }

    fn failure(&mut self, failure: &Failure) {
        if self.over {
            return;
        }
        if self.head.is_none() {
            self.start(&Start::default());
        }
        self.over = true;
        if self.events {
            self.response_event("response.failed", Stand::Failed(failure));
        } else {
            self.out.clear();
            self.response(Stand::Failed(failure));
        }
    }

    fn end(&mut self) {
        if self.over {
            return;
        }
        if self.head.is_none() {
            self.start(&Start::default());
        }
        self.end_item();
        self.over = true;
        let finish = self.finish.clone();
        let stand = Stand::Over(&finish);
        match (self.events, stand.status()) {
            (true, "incomplete") => self.response_event("response.incomplete", stand),
            (true, _) => self.response_event("response.completed", stand),
            (false, _) => self.response(stand),
        }
    }
}

impl StreamWriter for Writer {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }
}
