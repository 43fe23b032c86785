//! What one choice of a backend's stream says: pieces become parts.
//!
//! Chat completions does not number its parts, so they are numbered here in the order in which they begin. Text that
//! goes on after something else is a new part.

use super::finish;
use super::ids::call_id;
use super::slots::{Slots, TooMany};
use super::wire_reply::{Block, Call, Choice, Piece, Said};
use crate::content::Citation;
use crate::json::TextOr;
use crate::reply::Finish;
use crate::signature::{self, Maker};
use crate::stream::{At, Opening, Sink};
use crate::text::Text;

/// Bytes of arguments that wait for their call's name.
const HELD_BYTES_MAX: usize = 1 << 20;

/// What is known of a choice.
#[derive(Debug, Default)]
pub(super) struct Speech {
    next: u32,
    /// The part that text goes to.
    run: Option<(Run, u32)>,
    slots: Slots,
    held_bytes: usize,
    refuses: bool,
    pub(super) finish: Option<Finish<'static>>,
}

/// Kinds of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Text,
    Thinking,
    Refusal,
}

/// A choice that speaks into a sink.
pub(super) struct Speaker<'s> {
    pub(super) speech: &'s mut Speech,
    pub(super) choice: u32,
    /// The reply's id, for calls that have none.
    pub(super) reply: &'s str,
    pub(super) sink: &'s mut dyn Sink,
}

impl Speaker<'_> {
    /// Says what a chunk brings.
    pub(super) fn say(&mut self, read: Choice<'_>) -> Result<(), TooMany> {
        let tokens = read.logprobs.and_then(|logprobs| logprobs.read());
        let tokens = tokens.map(|logprobs| logprobs.tokens()).unwrap_or_default();
        // A stream whose only chunk is a whole reply.
        if let Some(said) = read.delta.or(read.message) {
            self.said(said)?;
        }
        if let Some((Run::Text, part)) = self.speech.run
            && !tokens.is_empty()
        {
            self.sink.logprobs(self.at(part), &tokens);
        }
        if let Some(word) = read.finish_reason.filter(|word| !word.is_empty())
            && self.speech.finish.is_none()
        {
            self.speech.finish = Some(finish::read(&word, read.stop_reason.as_ref()).into_static());
        }
        Ok(())
    }

    /// The choice is over.
    pub(super) fn finish(&mut self) {
        self.open_rest();
        self.end_run();
        let calls_tools = !self.speech.slots.0.is_empty();
        let finish = self.speech.finish.take().unwrap_or_default();
        let finish = finish::of_content(finish, calls_tools, self.speech.refuses);
        self.sink.finish(self.choice, &finish);
        self.speech.finish = Some(finish);
    }

    fn at(&self, part: u32) -> At {
        At { choice: self.choice, part }
    }

    fn said(&mut self, said: Said<'_>) -> Result<(), TooMany> {
        let thoughts = said.reasoning_content.or(said.reasoning).unwrap_or_default();
        self.text(Run::Thinking, &thoughts);
        for block in said.thinking_blocks.and_then(|blocks| blocks.read()).into_iter().flatten() {
            self.block(block, !thoughts.is_empty());
        }
        match said.content {
            Some(TextOr::Text(text)) => self.text(Run::Text, &text),
            Some(TextOr::List(pieces)) => pieces.into_iter().for_each(|piece| self.piece(piece)),
            None => {}
        }
        for annotation in said.annotations.and_then(|annotations| annotations.read()).into_iter().flatten() {
            if let Some(cited) = annotation.url_citation {
                let part = self.run(Run::Text);
                self.sink.citation(self.at(part), &Citation::from(cited));
            }
        }
        self.text(Run::Refusal, &said.refusal.unwrap_or_default());
        for call in said.tool_calls.into_iter().flatten() {
            self.call(&call)?;
        }
        if let Some(function) = said.function_call {
            self.call(&Call { index: Some(0), id: None, function: Some(function), custom: None })?;
        }
        Ok(())
    }

    fn text(&mut self, run: Run, text: &str) {
        if !text.is_empty() {
            let part = self.run(run);
            self.sink.delta(self.at(part), text);
        }
    }

    fn piece(&mut self, piece: Piece<'_>) {
        match piece.thinking {
            Some(TextOr::Text(text)) => self.text(Run::Thinking, &text),
            Some(TextOr::List(words)) => {
                for text in words.into_iter().filter_map(|words| words.text) {
                    self.text(Run::Thinking, &text);
                }
            }
            None => {}
        }
        self.text(Run::Text, &piece.text.unwrap_or_default());
    }

    /// A piece of what LiteLLM calls a thinking block; `told`: its text came in `reasoning_content` too.
    fn block(&mut self, block: Block<'_>, told: bool) {
        if let Some(data) = block.data.filter(|data| !data.is_empty()) {
            let part = self.begin(&Opening::Thinking { redacted: true });
            self.sink.signature(self.at(part), &tagged(&data));
            self.sink.close(self.at(part));
            return;
        }
        if !told {
            self.text(Run::Thinking, &block.thinking.unwrap_or_default());
        }
        if let Some(signature) = block.signature.filter(|signature| !signature.is_empty()) {
            let part = self.run(Run::Thinking);
            self.sink.signature(self.at(part), &tagged(&signature));
            self.end_run();
        }
    }

    /// The part that text of this kind goes to.
    fn run(&mut self, run: Run) -> u32 {
        if let Some((open, part)) = self.speech.run
            && open == run
        {
            return part;
        }
        let opening = match run {
            Run::Text => Opening::Text,
            Run::Thinking => Opening::Thinking { redacted: false },
            Run::Refusal => Opening::Refusal,
        };
        self.speech.refuses |= run == Run::Refusal;
        let part = self.begin(&opening);
        self.speech.run = Some((run, part));
        part
    }

    fn end_run(&mut self) {
        if let Some((_, part)) = self.speech.run.take() {
            self.sink.close(self.at(part));
        }
    }

    /// Opens the next part. Calls that are whole are over then; others may go on.
    fn begin(&mut self, opening: &Opening<'_>) -> u32 {
        self.end_run();
        let choice = self.choice;
        for slot in self.speech.slots.0.iter_mut().filter(|slot| !slot.closed && slot.balance.is_whole()) {
            if let Some(part) = slot.part {
                slot.closed = true;
                self.sink.close(At { choice, part });
            }
        }
        let part = self.speech.next;
        self.speech.next = part.saturating_add(1);
        self.sink.open(self.at(part), opening);
        part
    }

    fn call(&mut self, piece: &Call<'_>) -> Result<(), TooMany> {
        let Some(place) = self.speech.slots.place(piece)? else { return Ok(()) };
        let arguments = match (&piece.function, &piece.custom) {
            (Some(function), _) => function.arguments.as_ref().map(|arguments| arguments.text()),
            (None, Some(custom)) => custom.input.as_ref().map(Text::borrowed),
            (None, None) => None,
        };
        self.open_call(place, false);
        let Some(slot) = self.speech.slots.0.get_mut(place) else { return Ok(()) };
        let Some(arguments) = arguments.filter(|text| !text.is_empty() && !slot.closed) else { return Ok(()) };
        if !slot.custom {
            slot.balance.feed(&arguments);
        }
        match slot.part {
            Some(part) => self.sink.delta(At { choice: self.choice, part }, &arguments),
            None => {
                slot.held.push_str(&arguments);
                self.speech.held_bytes = self.speech.held_bytes.saturating_add(arguments.len());
                if self.speech.held_bytes > HELD_BYTES_MAX {
                    return Err(TooMany);
                }
            }
        }
        Ok(())
    }

    /// Opens a call once its name is known, or `anyway`.
    fn open_call(&mut self, place: usize, anyway: bool) {
        let Some(slot) = self.speech.slots.0.get_mut(place) else { return };
        if slot.part.is_some() || (slot.name.is_empty() && !anyway) {
            return;
        }
        let id = match slot.id.as_str() {
            "" => Text::from(call_id(self.reply, self.choice, place)),
            id => Text::from(id.to_owned()),
        };
        let opening = Opening::ToolCall { id, name: slot.name.clone().into(), custom: slot.custom };
        let held = std::mem::take(&mut slot.held);
        let part = self.begin(&opening);
        if let Some(slot) = self.speech.slots.0.get_mut(place) {
            slot.part = Some(part);
        }
        if !held.is_empty() {
            self.sink.delta(self.at(part), &held);
        }
    }

    /// Opens the calls whose name never came, and closes all.
    fn open_rest(&mut self) {
        for place in 0..self.speech.slots.0.len() {
            self.open_call(place, true);
        }
        for slot in self.speech.slots.0.iter_mut().filter(|slot| !slot.closed) {
            slot.closed = true;
            if let Some(part) = slot.part {
                self.sink.close(At { choice: self.choice, part });
            }
        }
    }
}

/// LiteLLM has signatures of Anthropic's; a gateway like this one has tagged them.
pub(super) fn tagged(signature: &str) -> String {
    match signature::untag(signature, None) {
        Some(_) => signature.to_owned(),
        None => signature::tag(Maker::Anthropic, signature),
    }
}
