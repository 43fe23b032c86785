//! Items of a backend's stream, as they are announced and once they are whole.

use super::read_reply::{read_annotation, read_call, read_logprob, reasoning_signature, reasoning_text};
use super::read_stream::Reader;
use super::wire_reply::{Item, Piece};
use crate::stream::{Opening, Sink};
use crate::text::Text;

impl Reader {
    pub(super) fn item_added(&mut self, output: u32, item: Option<Item<'_>>, sink: &mut dyn Sink) {
        let Some(item) = item else { return };
        if matches!(item.kind.as_str(), "function_call" | "custom_tool_call") {
            self.call(output, item, false, sink);
        }
    }

    pub(super) fn call(&mut self, output: u32, item: Item<'_>, whole: bool, sink: &mut dyn Sink) {
        let call = read_call(item);
        let opening = Opening::ToolCall { id: call.id, name: call.name, custom: call.custom };
        if self.open((output, 0), &opening, sink).is_some() && whole {
            self.missing_arguments(output, Some(call.arguments), sink);
            self.close((output, 0), sink);
        }
    }

    pub(super) fn item_done(&mut self, output: u32, item: Option<Item<'_>>, sink: &mut dyn Sink) {
        let Some(item) = item else { return };
        match item.kind.as_str() {
            "message" => {
                for (piece, content) in item.content.into_iter().flatten().zip(0_u32..) {
                    self.whole_piece((output, content), piece, sink);
                }
            }
            "reasoning" => self.whole_thought(output, item, sink),
            "function_call" | "custom_tool_call" => self.call(output, item, true, sink),
            _ => {}
        }
    }

    /// A part of a message, once it is whole; one that nothing was heard of is told in full.
    pub(super) fn whole_piece(&mut self, place: (u32, u32), piece: Piece<'_>, sink: &mut dyn Sink) {
        let is_new = self.known(place).is_none();
        match piece.kind.as_str() {
            "output_text" => self.rest(place, &Opening::Text, piece.text.or_else(|| Some(Text::default())), sink),
            "refusal" => self.rest(place, &Opening::Refusal, piece.refusal.or_else(|| Some(Text::default())), sink),
            _ => return,
        }
        if is_new && let Some((at, _)) = self.known(place) {
            let tokens: Vec<_> = piece.logprobs.into_iter().flatten().map(read_logprob).collect();
            if !tokens.is_empty() {
                sink.logprobs(at, &tokens);
            }
            for annotation in piece.annotations.into_iter().flatten() {
                sink.citation(at, &read_annotation(annotation));
            }
        }
        self.close(place, sink);
    }

    pub(super) fn whole_thought(&mut self, output: u32, item: Item<'_>, sink: &mut dyn Sink) {
        let signature = reasoning_signature(&item);
        let said = self.known((output, 0)).is_some_and(|(_, known)| known.said);
        if !said {
            self.thought(output, 0, &reasoning_text(item), sink);
        }
        if let Some(signature) = signature
            && let Some(at) = self.open((output, 0), &Opening::Thinking { redacted: false }, sink)
        {
            sink.signature(at, &signature);
        }
        self.close((output, 0), sink);
    }
}
