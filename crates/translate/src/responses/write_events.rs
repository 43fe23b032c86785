//! The events of a stream for a client: what each holds, and the state that they share.

use std::io::Write as _;

use super::output::Kind;
use super::write_reply::{Stand, response};
use super::write_stream::Writer;
use crate::failure::Failure;
use crate::json;
use crate::stream::{Opening, Sink as _};

impl Writer {
    pub(super) fn begin_event(&mut self, kind: &str) {
        for piece in ["event: ", kind, "\ndata: {\"type\":\"", kind, "\","] {
            self.out.extend_from_slice(piece.as_bytes());
        }
    }

    pub(super) fn end_event(&mut self) {
        end_event(&mut self.out, &mut self.sequence);
    }

    /// An event that holds the response.
    pub(super) fn response_event(&mut self, kind: &str, stand: Stand<'_>) {
        self.begin_event(kind);
        self.out.extend_from_slice(b"\"response\":");
        self.response(stand);
        self.out.push(b',');
        self.end_event();
    }

    pub(super) fn response(&mut self, stand: Stand<'_>) {
        let text = Some(self.output.text.as_slice()).filter(|_| !self.events);
        if let Some(head) = &self.head {
            response(&mut self.out, head, stand, self.output.items(), text, self.usage.as_ref());
        }
    }

    /// The places that the open item's events name: its id, its index, and the index of the open part.
    pub(super) fn write_place(&mut self, with_item_id: bool) {
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

    pub(super) fn begin_item(&mut self, kind: Kind, opening: &Opening<'_>) {
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

    pub(super) fn begin_part(&mut self, kind: Kind) {
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
    pub(super) fn part_event(&mut self, kind: &str) {
        self.begin_event(kind);
        self.write_place(true);
        self.out.extend_from_slice(b"\"part\":");
        if let Some(part) = &self.output.part {
            part.write(&mut self.out);
        }
        self.out.push(b',');
        self.end_event();
    }

    pub(super) fn end_part(&mut self) {
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
    pub(super) fn done_event(&mut self, kind: Kind) {
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

    pub(super) fn end_item(&mut self) {
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

    pub(super) fn write_delta(&mut self, text: &str) {
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

pub(super) fn end_event(out: &mut Vec<u8>, sequence: &mut u64) {
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
