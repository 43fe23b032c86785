//! A stream, read into the canonical form: <https://docs.cohere.com/docs/streaming> (seen 2026-11).
//!
//! Content and calls are numbered each for itself; the plan has no number.

use super::read_failure::read_failure;
use super::read_reply::{PARTS_MAX, citation, failure_of_end, read_finish};
use super::wire_reply as wire;
use crate::failure::Failure;
use crate::json;
use crate::sequence::{self, FIRST_CALL};
use crate::stream::{At, Frame, Opening, Sink, Start, StreamReader};

/// The plan's number.
const PLAN: u32 = 0;
/// Calls in one reply.
const CALLS_MAX: u32 = 256;
/// Content begins with this number, behind all calls.
const CONTENT: u32 = FIRST_CALL + CALLS_MAX;

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Reader {
    /// The text that is open.
    open: Option<u32>,
    /// The call that is open, which has no arguments yet.
    no_arguments: Option<u32>,
    over: bool,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        match json::read_reply::<wire::Event<'_>>(frame.data) {
            Some(event) if event.kind.is_empty() && event.message.is_some() => {
                self.fail(&read_failure(500, frame.data), sink);
            }
            Some(event) => self.event(event, sink),
            None if frame.data.first() == Some(&b'{') => self.fail(&Failure::unreadable(), sink),
            None => {}
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            self.fail(&Failure::broken_off(), sink);
        }
    }
}

impl Reader {
    fn fail(&mut self, failure: &Failure, sink: &mut dyn Sink) {
        self.over = true;
        sink.failure(failure);
    }

    fn event(&mut self, event: wire::Event<'_>, sink: &mut dyn Sink) {
        let wire::Event { kind, id, index, delta, .. } = event;
        let delta = delta.unwrap_or_default();
        if kind == "message-end" {
            return self.finish(delta, sink);
        }
        let message = delta.message.unwrap_or_default();
        if kind == "message-start" {
            return sink.start(&Start { id: id.unwrap_or_default(), ..Start::default() });
        }
        if usize::try_from(index).is_ok_and(|index| index >= PARTS_MAX) {
            return self.fail(&Failure::unreadable(), sink);
        }
        match kind.as_str() {
            "content-start" | "content-delta" => {
                if let Some(part) = message.content.and_then(|content| content.0) {
                    self.content(index, &part, sink);
                }
            }
            "tool-plan-delta" => {
                if let Some(plan) = message.tool_plan {
                    self.text(PLAN, &Opening::Text, &plan, sink);
                }
            }
            "content-end" => self.close(sink),
            "tool-call-start" | "tool-call-delta" | "tool-call-end" => {
                let call = message.tool_calls.and_then(|calls| calls.0).unwrap_or_default();
                self.call(&kind, index, call, sink);
            }
            "citation-start" => {
                let cited = message.citations.and_then(|citations| citations.0);
                if let (Some(cited), Some(part)) = (cited, self.open) {
                    sink.citation(At { choice: 0, part }, &citation(cited));
                }
            }
            _ => {}
        }
    }

    fn content(&mut self, index: u32, part: &wire::Part<'_>, sink: &mut dyn Sink) {
        let number = CONTENT.saturating_add(index);
        match (&part.thinking, &part.text) {
            (Some(thought), _) => self.text(number, &Opening::Thinking { redacted: false }, thought, sink),
            (None, Some(text)) => self.text(number, &Opening::Text, text, sink),
            (None, None) => {}
        }
    }

    fn text(&mut self, part: u32, opening: &Opening<'_>, text: &str, sink: &mut dyn Sink) {
        let at = At { choice: 0, part };
        if self.open != Some(part) {
            self.close(sink);
            self.open = Some(part);
            sink.open(at, opening);
        }
        if !text.is_empty() {
            sink.delta(at, text);
        }
    }

    fn close(&mut self, sink: &mut dyn Sink) {
        if let Some(part) = self.open.take() {
            sink.close(At { choice: 0, part });
        }
    }

    fn call(&mut self, kind: &str, index: u32, call: wire::ToolCall<'_>, sink: &mut dyn Sink) {
        if index >= CALLS_MAX {
            return self.fail(&Failure::unreadable(), sink);
        }
        let at = At { choice: 0, part: sequence::call_part(index) };
        let arguments = call.function.arguments;
        if kind == "tool-call-start" {
            self.close(sink);
            self.no_arguments = Some(index);
            sink.open(at, &sequence::call(call.id, call.function.name));
        }
        if !arguments.is_empty() {
            self.no_arguments = None;
            sink.delta(at, &arguments);
        }
        if kind == "tool-call-end" {
            // Other providers send an empty object, which their clients read as JSON.
            if self.no_arguments.take() == Some(index) {
                sink.delta(at, "{}");
            }
            sink.close(at);
        }
    }

    fn finish(&mut self, delta: wire::Delta<'_>, sink: &mut dyn Sink) {
        let reason = delta.finish_reason.unwrap_or_default();
        if let Some(usage) = delta.usage.and_then(wire::WireUsage::read) {
            sink.usage(&usage);
        }
        if let Some(failure) = failure_of_end(&reason, delta.error.as_deref()) {
            return self.fail(&failure, sink);
        }
        self.over = true;
        self.close(sink);
        sink.finish(0, &read_finish(&reason));
        sink.end();
    }
}
