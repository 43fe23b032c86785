//! A backend's stream, read into the canonical form.
//!
//! <https://platform.claude.com/docs/en/build-with-claude/streaming> (seen 2026-11). A part has the number of its
//! block; the numbers of blocks that are left out are missing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ditto_llm::usage::Usage;

use super::read_failure::{failure_of, kind_of};
use super::read_reply::{PARTS_MAX, read_citation, read_finish, tagged};
use super::usage;
use super::wire_reply as wire;
use crate::failure::{Failure, FailureKind};
use crate::json;
use crate::reply::Finish;
use crate::stream::{At, Frame, Opening, Sink, Start, StreamReader};
use crate::text::Text;

/// Blocks that are open at once; Anthropic has one at a time.
const OPEN_MAX: usize = 256;

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Reader {
    open: Vec<Open>,
    /// The larger of all numbers that were told, as whoever settles the request counts it.
    usage: Usage,
    blocks: u32,
    over: bool,
}

/// A block that has begun.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: u32,
    /// It calls a tool, and no arguments have come yet.
    no_arguments: bool,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        if let Some(name) = frame.name.filter(|name| name.ends_with("Exception")) {
            return self.fail(&failure_of(kind_of_exception(name), frame.data), sink);
        }
        match json::read_reply::<wire::Event<'_>>(frame.data) {
            Some(wire::Event { bytes: Some(chunk), .. }) => self.chunk(&chunk, sink),
            Some(event) => self.event(event, frame.data, sink),
            None => self.unreadable(frame.data, sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if !self.over {
            self.fail(&Failure::broken_off(), sink);
        }
    }
}

/// The kind of an exception of Amazon's event streams.
pub(super) fn kind_of_exception(name: &str) -> FailureKind {
    match name {
        "throttlingException" => FailureKind::RateLimited,
        "validationException" => FailureKind::InvalidRequest,
        "modelTimeoutException" => FailureKind::Timeout,
        "serviceUnavailableException" => FailureKind::Overloaded,
        _ => FailureKind::Server,
    }
}

impl Reader {
    /// Amazon wraps each event in base64:
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html> (seen 2026-11).
    fn chunk(&mut self, chunk: &str, sink: &mut dyn Sink) {
        let data = STANDARD.decode(chunk).unwrap_or_default();
        match json::read_reply::<wire::Event<'_>>(&data) {
            Some(event) => self.event(event, &data, sink),
            None => self.fail(&Failure::unreadable(), sink),
        }
    }

    fn event(&mut self, event: wire::Event<'_>, data: &[u8], sink: &mut dyn Sink) {
        match event.kind.as_str() {
            "content_block_delta" => self.delta(&event, sink),
            "content_block_start" => self.start_block(event, sink),
            "content_block_stop" => self.stop_block(event.index, sink),
            "message_start" => self.start(&event, sink),
            "message_delta" => self.finish(event, sink),
            "message_stop" => {
                self.over = true;
                sink.end();
            }
            "ping" => sink.ping(),
            "error" => {
                let kind = event.error.as_ref().and_then(|error| error.kind.as_deref()).map(kind_of);
                self.fail(&failure_of(kind.unwrap_or(FailureKind::Server), data), sink);
            }
            _ => {}
        }
    }

    fn fail(&mut self, failure: &Failure, sink: &mut dyn Sink) {
        self.over = true;
        sink.failure(failure);
    }

    fn unreadable(&mut self, data: &[u8], sink: &mut dyn Sink) {
        // Some servers end with OpenAI's mark, or send lines that are no JSON.
        if data.first() == Some(&b'{') {
            self.fail(&Failure::unreadable(), sink);
        }
    }

    fn start(&mut self, event: &wire::Event<'_>, sink: &mut dyn Sink) {
        let message = event.message.as_ref();
        let message: wire::Message<'_> =
            message.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let known = message.usage.as_ref().and_then(usage::read);
        self.usage.merge(&known.unwrap_or_default());
        sink.start(&Start {
            id: message.id.unwrap_or_default(),
            model: message.model.unwrap_or_default(),
            created: None,
            // The first output tokens are told there too, but what counts is told at the end.
            usage: known,
            service_tier: message.usage.and_then(|usage| usage.service_tier),
        });
    }

    fn start_block(&mut self, event: wire::Event<'_>, sink: &mut dyn Sink) {
        let (Some(index), Some(block)) = (event.index, event.content_block) else { return };
        self.blocks = self.blocks.saturating_add(1);
        let many = usize::try_from(self.blocks).is_ok_and(|blocks| blocks > PARTS_MAX);
        if many || self.open.len() >= OPEN_MAX {
            return self.fail(&Failure::unreadable(), sink);
        }
        let at = At { choice: 0, part: index };
        let opening = match block.kind.as_str() {
            "text" => Opening::Text,
            "thinking" => Opening::Thinking { redacted: false },
            "redacted_thinking" => Opening::Thinking { redacted: true },
            "tool_use" => Opening::ToolCall {
                id: block.id.unwrap_or_default(),
                name: block.name.unwrap_or_default(),
                custom: false,
            },
            _ => return,
        };
        sink.open(at, &opening);
        let mut open = Open { index, no_arguments: matches!(opening, Opening::ToolCall { .. }) };
        // Most beginnings are empty; some servers give all at once.
        let input = block.input.as_ref().map(json::Raw::get).filter(|input| *input != "{}" && *input != "null");
        let input = input.filter(|_| open.no_arguments);
        open.no_arguments &= input.is_none();
        self.open.push(open);
        for text in [block.text.as_deref(), block.thinking.as_deref(), input].into_iter().flatten() {
            delta(at, text, sink);
        }
        if let Some(signature) = tagged(block.signature.or(block.data)) {
            sink.signature(at, &signature);
        }
        block.citations.into_iter().flatten().for_each(|raw| sink.citation(at, &read_citation(raw)));
    }

    fn delta(&mut self, event: &wire::Event<'_>, sink: &mut dyn Sink) {
        let (Some(index), Some(more)) = (event.index, &event.delta) else { return };
        let Some(open) = self.open.iter_mut().find(|open| open.index == index) else { return };
        open.no_arguments &= more.partial_json.as_deref().is_none_or(str::is_empty);
        let at = At { choice: 0, part: index };
        for text in [&more.text, &more.partial_json, &more.thinking].into_iter().flatten() {
            delta(at, text, sink);
        }
        if let Some(signature) = tagged(more.signature.as_ref().map(Text::borrowed)) {
            sink.signature(at, &signature);
        }
        if let Some(citation) = &more.citation {
            sink.citation(at, &read_citation(citation.borrowed()));
        }
    }

    fn stop_block(&mut self, index: Option<u32>, sink: &mut dyn Sink) {
        let Some(index) = index else { return };
        let Some(place) = self.open.iter().position(|open| open.index == index) else { return };
        let at = At { choice: 0, part: index };
        // Anthropic sends nothing where others send an empty object, which their clients read as JSON.
        if self.open.swap_remove(place).no_arguments {
            sink.delta(at, "{}");
        }
        sink.close(at);
    }

    fn finish(&mut self, event: wire::Event<'_>, sink: &mut dyn Sink) {
        if let Some(told) = event.usage.as_ref().and_then(usage::read) {
            self.usage.merge(&told);
            sink.usage(&self.usage);
        }
        let Some(delta) = event.delta else { return };
        let Some(reason) = delta.stop_reason else { return };
        let finish = read_finish(&reason, delta.stop_sequence);
        if let (Finish::Refusal, Some(words)) = (&finish, delta.stop_details.and_then(|details| details.explanation)) {
            let at = At { choice: 0, part: u32::MAX };
            sink.open(at, &Opening::Refusal);
            sink.delta(at, &words);
            sink.close(at);
        }
        sink.finish(0, &finish);
    }
}

fn delta(at: At, text: &str, sink: &mut dyn Sink) {
    if !text.is_empty() {
        sink.delta(at, text);
    }
}
