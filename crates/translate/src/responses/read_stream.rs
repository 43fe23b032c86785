//! A backend's stream.
//!
//! Servers that are compatible leave events out: a part may begin with its first delta, and come whole at its end. What
//! was not said in deltas is therefore taken from the events that tell the whole.

use super::read_failure::{of_error, of_response};
use super::read_reply::{Said, finish, read_annotation, read_logprob, read_usage, seconds};
use super::wire_reply::{Error, Event, Logprob, Piece, Response};
use crate::failure::Failure;
use crate::json;
use crate::stream::{At, Frame, Opening, Sink, Start, StreamReader};
use crate::text::Text;

/// More parts than these are none that a provider sends.
const PARTS_MAX: usize = 4_096;

/// Reads a stream of events. See the module's documentation.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    over: bool,
    parts: Vec<Known>,
    said: Said,
}

/// A part that was opened; its number is its place in the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) output: u32,
    /// The place in the item; of thoughts and calls, which are one part, 0.
    pub(super) content: u32,
    /// Deltas came.
    pub(super) said: bool,
    pub(super) closed: bool,
    /// Of thoughts: the piece of the summary (even) or of the text (odd) that the last delta was of.
    pub(super) piece: Option<u64>,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over || frame.data == b"[DONE]" {
            return;
        }
        match json::read_reply::<Event<'_>>(frame.data) {
            Some(event) => self.event(event, sink),
            None => self.fail(&Failure::unreadable(), sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            self.fail(&Failure::broken_off(), sink);
        }
    }
}

impl Reader {
    fn event(&mut self, event: Event<'_>, sink: &mut dyn Sink) {
        let at = (event.output_index, event.content_index);
        let delta = event.delta.as_deref().unwrap_or_default();
        match event.kind.as_str() {
            "response.output_text.delta" => self.text(at, &Opening::Text, delta, event.logprobs, sink),
            "response.output_text.done" => self.rest(at, &Opening::Text, event.text, sink),
            "response.refusal.delta" => self.text(at, &Opening::Refusal, delta, None, sink),
            "response.refusal.done" => self.rest(at, &Opening::Refusal, event.refusal, sink),
            "response.reasoning_summary_text.delta" => {
                self.thought(at.0, u64::from(event.summary_index).saturating_mul(2), delta, sink);
            }
            "response.reasoning_text.delta" => {
                self.thought(at.0, u64::from(at.1).saturating_mul(2).saturating_add(1), delta, sink);
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(at.0, delta, sink);
            }
            "response.function_call_arguments.done" => self.missing_arguments(at.0, event.arguments, sink),
            "response.custom_tool_call_input.done" => self.missing_arguments(at.0, event.input, sink),
            "response.content_part.added" => self.part_added(at, event.part, sink),
            "response.content_part.done" => self.part_done(at, sink),
            "response.output_text.annotation.added" => {
                if let (Some(annotation), Some(number)) = (event.annotation, self.open(at, &Opening::Text, sink)) {
                    sink.citation(number, &read_annotation(annotation));
                }
            }
            "response.output_item.added" => self.item_added(at.0, event.item, sink),
            "response.output_item.done" => self.item_done(at.0, event.item, sink),
            "response.created" | "response.in_progress" | "response.queued" => self.start(event.response, sink),
            "response.completed" | "response.incomplete" => self.complete(event.response, sink),
            "response.failed" | "response.cancelled" => {
                self.fail(&of_response(event.response.unwrap_or_default()), sink);
            }
            "error" => self.error(event, sink),
            "keepalive" | "ping" => sink.ping(),
            // An error body without a type of event.
            "" if event.error.is_some() => self.error(event, sink),
            _ => {}
        }
    }

    fn start(&mut self, response: Option<Response<'_>>, sink: &mut dyn Sink) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let response = response.unwrap_or_default();
        sink.start(&Start {
            id: response.id.unwrap_or_default(),
            model: response.model.unwrap_or_default(),
            created: response.created_at.and_then(seconds),
            usage: response.usage.map(|usage| read_usage(&usage)),
            service_tier: response.service_tier,
        });
    }

    /// The number of a part, if it is open.
    pub(super) fn known(&mut self, (output, content): (u32, u32)) -> Option<(At, &mut Known)> {
        let known = |known: &Known| known.output == output && known.content == content;
        let number = self.parts.iter().rposition(known)?;
        let at = At { choice: 0, part: u32::try_from(number).ok()? };
        self.parts.get_mut(number).map(|part| (at, part))
    }

    /// The number of a part, which is opened if it is new.
    pub(super) fn open(
        &mut self,
        (output, content): (u32, u32),
        opening: &Opening<'_>,
        sink: &mut dyn Sink,
    ) -> Option<At> {
        if let Some((at, _)) = self.known((output, content)) {
            return Some(at);
        }
        if self.parts.len() >= PARTS_MAX {
            self.fail(&Failure::unreadable(), sink);
            return None;
        }
        self.start(None, sink);
        let at = At { choice: 0, part: u32::try_from(self.parts.len()).ok()? };
        self.parts.push(Known { output, content, said: false, closed: false, piece: None });
        match opening {
            Opening::ToolCall { .. } => self.said.calls = true,
            Opening::Refusal => self.said.refusal = true,
            _ => {}
        }
        sink.open(at, opening);
        Some(at)
    }

    pub(super) fn close(&mut self, place: (u32, u32), sink: &mut dyn Sink) {
        if let Some((at, known)) = self.known(place)
            && !std::mem::replace(&mut known.closed, true)
        {
            sink.close(at);
        }
    }

    fn text(
        &mut self,
        place: (u32, u32),
        opening: &Opening<'_>,
        delta: &str,
        logprobs: Option<Vec<Logprob<'_>>>,
        sink: &mut dyn Sink,
    ) {
        let Some(at) = self.open(place, opening, sink) else { return };
        if !delta.is_empty() {
            if let Some((_, known)) = self.known(place) {
                known.said = true;
            }
            sink.delta(at, delta);
        }
        if let Some(tokens) = logprobs.filter(|tokens| !tokens.is_empty()) {
            let tokens: Vec<_> = tokens.into_iter().map(read_logprob).collect();
            sink.logprobs(at, &tokens);
        }
    }

    /// The whole of a part, whose deltas were left out.
    pub(super) fn rest(
        &mut self,
        place: (u32, u32),
        opening: &Opening<'_>,
        whole: Option<Text<'_>>,
        sink: &mut dyn Sink,
    ) {
        let said = self.known(place).is_some_and(|(_, known)| known.said);
        if !said && let Some(whole) = whole {
            self.text(place, opening, &whole, None, sink);
        }
    }

    /// More of the thoughts of an item; its pieces are set apart.
    pub(super) fn thought(&mut self, output: u32, piece: u64, delta: &str, sink: &mut dyn Sink) {
        if delta.is_empty() {
            return;
        }
        let Some(at) = self.open((output, 0), &Opening::Thinking { redacted: false }, sink) else { return };
        let Some((_, known)) = self.known((output, 0)) else { return };
        known.said = true;
        if known.piece.replace(piece).is_some_and(|former| former != piece) {
            sink.delta(at, "\n\n");
        }
        sink.delta(at, delta);
    }

    pub(super) fn arguments(&mut self, output: u32, delta: &str, sink: &mut dyn Sink) {
        if let Some((at, known)) = self.known((output, 0))
            && !delta.is_empty()
        {
            known.said = true;
            sink.delta(at, delta);
        }
    }

    pub(super) fn missing_arguments(&mut self, output: u32, whole: Option<Text<'_>>, sink: &mut dyn Sink) {
        let said = self.known((output, 0)).is_none_or(|(_, known)| known.said);
        if let (false, Some(whole)) = (said, whole) {
            self.arguments(output, &whole, sink);
        }
    }

    fn part_added(&mut self, place: (u32, u32), part: Option<Piece<'_>>, sink: &mut dyn Sink) {
        let Some(part) = part else { return };
        match part.kind.as_str() {
            "output_text" => self.text(place, &Opening::Text, part.text.as_deref().unwrap_or_default(), None, sink),
            "refusal" => self.text(place, &Opening::Refusal, part.refusal.as_deref().unwrap_or_default(), None, sink),
            _ => {}
        }
    }

    /// Thoughts go on until their item is done, which brings their proof.
    fn part_done(&mut self, place: (u32, u32), sink: &mut dyn Sink) {
        if self.known(place).is_some_and(|(_, known)| known.piece.is_none()) {
            self.close(place, sink);
        }
    }

    fn complete(&mut self, response: Option<Response<'_>>, sink: &mut dyn Sink) {
        let mut response = response.unwrap_or_default();
        if self.parts.is_empty() {
            for (item, output) in response.output.take().into_iter().flatten().zip(0_u32..) {
                self.item_done(output, Some(item), sink);
            }
        }
        if self.over {
            return;
        }
        let finish = finish(response.status.as_deref(), response.incomplete_details.as_ref(), self.said);
        let usage = response.usage.as_ref().map(read_usage);
        self.start(Some(response), sink);
        sink.finish(0, &finish);
        if let Some(usage) = usage {
            sink.usage(&usage);
        }
        self.over = true;
        sink.end();
    }

    /// An event that tells of an error: its members stand in the event itself, or in an object.
    fn error(&mut self, event: Event<'_>, sink: &mut dyn Sink) {
        let error =
            event.error.unwrap_or(Error { message: event.message, kind: None, code: event.code, param: event.param });
        self.fail(&of_error(None, error), sink);
    }

    fn fail(&mut self, failure: &Failure, sink: &mut dyn Sink) {
        self.over = true;
        sink.failure(failure);
    }
}
