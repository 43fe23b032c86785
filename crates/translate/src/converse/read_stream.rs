//! A stream, read into the canonical form:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html> (seen 2026-11).
//!
//! A part has the number of its block. Only calls of tools begin with an event of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::read_failure::of_exception;
use super::read_reply::{PARTS_MAX, citation, failure_of_end, read_finish, tagged};
use super::wire_reply as wire;
use crate::failure::Failure;
use crate::json;
use crate::reply::Finish;
use crate::sequence;
use crate::stream::{At, Frame, Opening, Sink, Start, StreamReader};

/// Blocks that are open at once; the service has one at a time.
const OPEN_MAX: usize = 256;
/// A longer signature is none.
const SIGNATURE_BYTES_MAX: usize = 1 << 20;
/// The events that say something here.
const EVENTS: [&str; 6] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Reader {
    open: Vec<Open>,
    blocks: usize,
    started: bool,
    /// Why the reply ended; of a model that failed, how.
    finish: Option<Result<Finish<'static>, Failure>>,
    over: bool,
}

/// A block that has begun.
#[derive(Debug)]
struct Open {
    index: u32,
    /// It calls a tool, and no arguments have come yet.
    no_arguments: bool,
    /// In pieces, until the block ends.
    signature: String,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        let name = frame.name.unwrap_or_default();
        if self.over {
            return;
        }
        if name.ends_with("Exception") {
            return self.fail(&of_exception(name, frame.data), sink);
        }
        if !EVENTS.contains(&name) {
            return;
        }
        let Some(event) = json::read_reply::<wire::Event<'_>>(frame.data) else {
            return self.fail(&Failure::unreadable(), sink);
        };
        if !self.started {
            self.started = true;
            sink.start(&Start::default());
        }
        match name {
            "contentBlockDelta" => self.delta(event, sink),
            "contentBlockStart" => self.start_block(event, sink),
            "contentBlockStop" => self.stop_block(event.content_block_index, sink),
            "messageStop" => {
                let reason = event.stop_reason.unwrap_or_default();
                // What was used comes after it, so that a failure is told when that has come.
                self.finish = Some(read_finish(&reason).ok_or_else(|| failure_of_end(&reason)));
            }
            "metadata" => {
                if let Some(usage) = event.usage {
                    sink.usage(&usage.read());
                }
                self.end(sink);
            }
            _ => {}
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        self.over = true;
        match self.finish.take() {
            Some(Ok(finish)) => {
                sink.finish(0, &finish);
                sink.end();
            }
            Some(Err(failure)) => sink.failure(&failure),
            None => sink.failure(&Failure::broken_off()),
        }
    }
}

impl Reader {
    fn fail(&mut self, failure: &Failure, sink: &mut dyn Sink) {
        self.over = true;
        sink.failure(failure);
    }

    fn start_block(&mut self, event: wire::Event<'_>, sink: &mut dyn Sink) {
        if let Some(call) = event.start.and_then(|start| start.tool_use) {
            let opening = sequence::call(call.tool_use_id, call.name);
            self.open(event.content_block_index, &opening, sink);
        }
    }

    /// The open block of this number, which begins now if it has not.
    fn open(&mut self, index: u32, opening: &Opening<'_>, sink: &mut dyn Sink) -> Option<&mut Open> {
        if !self.open.iter().any(|open| open.index == index) {
            self.blocks = self.blocks.saturating_add(1);
            if self.blocks > PARTS_MAX || self.open.len() >= OPEN_MAX {
                self.fail(&Failure::unreadable(), sink);
                return None;
            }
            let no_arguments = matches!(opening, Opening::ToolCall { .. });
            self.open.push(Open { index, no_arguments, signature: String::new() });
            sink.open(At { choice: 0, part: index }, opening);
        }
        self.open.iter_mut().find(|open| open.index == index)
    }

    fn delta(&mut self, event: wire::Event<'_>, sink: &mut dyn Sink) {
        let index = event.content_block_index;
        let at = At { choice: 0, part: index };
        let Some(more) = event.delta else { return };
        if let Some(text) = &more.text
            && self.open(index, &Opening::Text, sink).is_some()
        {
            sink.delta(at, text);
        }
        if let Some(input) = more.tool_use.map(|call| call.input).filter(|input| !input.is_empty())
            && let Some(open) = self.open.iter_mut().find(|open| open.index == index)
        {
            open.no_arguments = false;
            sink.delta(at, &input);
        }
        if let Some(thought) = more.reasoning_content {
            self.think(index, &thought, sink);
        }
        if let Some(cited) = more.citation
            && self.open(index, &Opening::Text, sink).is_some()
        {
            sink.citation(at, &citation(cited));
        }
    }

    fn think(&mut self, index: u32, thought: &wire::Reasoning<'_>, sink: &mut dyn Sink) {
        let opening = Opening::Thinking { redacted: thought.redacted_content.is_some() };
        let Some(open) = self.open(index, &opening, sink) else { return };
        if let Some(signature) = &thought.signature {
            open.signature.push_str(signature);
        }
        if let Some(content) = &thought.redacted_content {
            append_bytes(&mut open.signature, content);
        }
        if open.signature.len() > SIGNATURE_BYTES_MAX {
            return self.fail(&Failure::unreadable(), sink);
        }
        if let Some(text) = thought.text.as_ref().filter(|text| !text.is_empty()) {
            sink.delta(At { choice: 0, part: index }, text);
        }
    }

    fn stop_block(&mut self, index: u32, sink: &mut dyn Sink) {
        let Some(place) = self.open.iter().position(|open| open.index == index) else { return };
        let open = self.open.swap_remove(place);
        let at = At { choice: 0, part: index };
        // Other providers send an empty object, which their clients read as JSON.
        if open.no_arguments {
            sink.delta(at, "{}");
        }
        if !open.signature.is_empty() {
            sink.signature(at, &tagged(&open.signature));
        }
        sink.close(at);
    }
}

/// Appends bytes to others, both in base64. Only what ends between its letters of four must be written anew.
fn append_bytes(held: &mut String, more: &str) {
    let joined = || Some([STANDARD.decode(&*held).ok()?, STANDARD.decode(more).ok()?].concat());
    match Some(&*held).filter(|held| held.ends_with('=')).and_then(|_| joined()) {
        Some(joined) => *held = STANDARD.encode(joined),
        None => held.push_str(more),
    }
}
