//! A stream for a client: typed and numbered events, in the order that the official SDKs check.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming> (seen 2026-11).

use std::io::Write as _;

use ditto_llm::usage::Usage;

use super::output::{Kind, Output};
use super::write_reply::{Head, Stand, response};
use crate::content::Citation;
use crate::failure::Failure;
use crate::json;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start, StreamWriter};
use crate::target::ReplyContext;

/// Writes a stream, or collects a whole reply in the same way.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    context: ReplyContext,
    /// Events are written; else only the response at the end.
    events: bool,
    /// Thoughts are shown as a summary, because the client asked for one.
    summaries: bool,
    head: Option<Head>,
    output: Output,
    /// What stands in front of the open part's deltas, up to the string.
    prefix: Vec<u8>,
    /// The next event's number.
    sequence: u64,
    finish: Finish<'static>,
    usage: Option<Usage>,
    over: bool,
}

impl Writer {
    /// For a stream.
    pub fn new(context: &ReplyContext) -> Self {
        let asked = |echo: &json::Raw<'_>| {
            let echo = echo.value();
            let reasoning = echo.get("reasoning");
            ["summary", "generate_summary"]
                .iter()
                .any(|name| reasoning.is_some_and(|r| r.get(name).is_some_and(|s| !s.is_null())))
        };
        Self {
            out: Vec::new(),
            summaries: context.echo.as_ref().is_some_and(asked),
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

    fn begin_event(&mut self, kind: &str) {
        for piece in ["event: ", kind, "\ndata: {\"type\":\"", kind, "\","] {
            self.out.extend_from_slice(piece.as_bytes());
        }
    }

    fn end_event(&mut self) {
        end_event(&mut self.out, &mut self.sequence);
    }

    /// An event that holds the response.
    fn response_event(&mut self, kind: &str, stand: Stand<'_>) {
        self.begin_event(kind);
        self.out.extend_from_slice(b"\"response\":");
        self.response(stand);
        self.out.push(b',');
        self.end_event();
    }

    fn response(&mut self, stand: Stand<'_>) {
        let text = Some(self.output.text.as_slice()).filter(|_| !self.events);
        if let Some(head) = &self.head {
            response(&mut self.out, head, stand, self.output.items(), text, self.usage.as_ref());
        }
    }

    /// The places that the open item's events name: its id, its index, and the index of the open part.
    fn write_place(&mut self, with_item_id: bool) {
        let Some(item) = &self.output.item else { return };
        if with_item_id {
            let _ = write!(self.out, "\"item_id\":\"{}\",", item.id);
        }
        let _ = write!(self.out, "\"output_index\":{},", item.place);
        match self.output.part.as_ref().map(|part| (part.kind, part.place)) {
            Some((Kind::Text | Kind::Refusal | Kind::Thought, place)) => {
                let _ = write!(self.out, "\"content_index\":{place},");
            }
            Some((Kind::Summary, place)) => {
                let _ = write!(self.out, "\"summary_index\":{place},");
            }
            Some(_) | None => {}
        }
    }

    fn begin_item(&mut self, kind: Kind, opening: &Opening<'_>) {
        self.end_item();
        self.output.begin_item(kind, opening);
        if self.events {
            self.begin_event("response.output_item.added");
            self.write_place(false);
            self.out.extend_from_slice(b"\"item\":");
            if let Some(item) = &self.output.item {
                item.write(false, &mut self.out);
            }
            self.out.push(b',');
            self.end_event();
        }
    }

    fn begin_part(&mut self, kind: Kind) {
        self.output.begin_part(kind);
        if !self.events {
            return;
        }
        match kind {
            Kind::Text | Kind::Refusal | Kind::Thought => self.part_event("response.content_part.added"),
            Kind::Summary => self.part_event("response.reasoning_summary_part.added"),
            Kind::Call | Kind::CustomCall => {}
        }
        let whole = std::mem::take(&mut self.out);
        self.begin_event(delta_event(kind));
        self.write_place(true);
        self.out.extend_from_slice(b"\"delta\":");
        self.prefix = std::mem::replace(&mut self.out, whole);
    }

    /// An event that holds the open part.
    fn part_event(&mut self, kind: &str) {
        self.begin_event(kind);
        self.write_place(true);
        self.out.extend_from_slice(b"\"part\":");
        if let Some(part) = &self.output.part {
            part.write(&mut self.out);
        }
        self.out.push(b',');
        self.end_event();
    }

    fn end_part(&mut self) {
        let Some(kind) = self.output.part.as_ref().map(|part| part.kind) else { return };
        if self.events {
            self.done_event(kind);
            match kind {
                Kind::Text | Kind::Refusal | Kind::Thought => self.part_event("response.content_part.done"),
                Kind::Summary => self.part_event("response.reasoning_summary_part.done"),
                Kind::Call | Kind::CustomCall => {}
            }
        }
        self.output.end_part();
    }

    /// The event with all that was said in the open part.
    fn done_event(&mut self, kind: Kind) {
        let (event, member) = match kind {
            Kind::Text => ("response.output_text.done", "text"),
            Kind::Refusal => ("response.refusal.done", "refusal"),
            Kind::Summary => ("response.reasoning_summary_text.done", "text"),
            Kind::Thought => ("response.reasoning_text.done", "text"),
            Kind::Call => ("response.function_call_arguments.done", "arguments"),
            Kind::CustomCall => ("response.custom_tool_call_input.done", "input"),
        };
        self.begin_event(event);
        self.write_place(true);
        if let (Kind::Call, Some(item)) = (kind, &self.output.item) {
            self.out.extend_from_slice(b"\"name\":");
            json::append(&mut self.out, &item.name);
            self.out.push(b',');
        }
        if let Some(part) = &self.output.part {
            for piece in ["\"", member, "\":\""] {
                self.out.extend_from_slice(piece.as_bytes());
            }
            self.out.extend_from_slice(&part.text);
            self.out.extend_from_slice(b"\",");
            if kind == Kind::Text {
                self.out.extend_from_slice(b"\"logprobs\":[");
                self.out.extend_from_slice(&part.logprobs);
                self.out.extend_from_slice(b"],");
            }
        }
        self.end_event();
    }

    fn end_item(&mut self) {
        self.end_part();
        let Some((item, written)) = self.output.end_item() else { return };
        if self.events {
            self.begin_event("response.output_item.done");
            let _ = write!(self.out, "\"output_index\":{},\"item\":", item.place);
            self.out.extend_from_slice(&written);
            self.out.push(b',');
            self.end_event();
        }
    }

    fn write_delta(&mut self, text: &str) {
        let Some(kind) = self.output.part.as_ref().map(|part| part.kind) else { return };
        if self.events {
            self.out.extend_from_slice(&self.prefix);
        }
        let start = self.out.len().saturating_add(1);
        json::append(&mut self.out, &text);
        let end = self.out.len().saturating_sub(1);
        self.output.extend(self.out.get(start..end).unwrap_or_default());
        if self.events {
            let after: &[u8] = if kind == Kind::Text { b",\"logprobs\":[]," } else { b"," };
            self.out.extend_from_slice(after);
            end_event(&mut self.out, &mut self.sequence);
        } else {
            self.out.clear();
        }
        if self.output.is_full() {
            self.failure(&Failure::new(502, "The backend's reply is too long."));
        }
    }
}

fn end_event(out: &mut Vec<u8>, sequence: &mut u64) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "\"sequence_number\":{sequence}}}\n\n");
    *sequence = sequence.saturating_add(1);
}

fn delta_event(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "response.output_text.delta",
        Kind::Refusal => "response.refusal.delta",
        Kind::Summary => "response.reasoning_summary_text.delta",
        Kind::Thought => "response.reasoning_text.delta",
        Kind::Call => "response.function_call_arguments.delta",
        Kind::CustomCall => "response.custom_tool_call_input.delta",
    }
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
