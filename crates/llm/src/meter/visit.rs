//! Reads an event, value by value, into what was gathered of the response.

use super::node::{Node, Part};
use super::reading::{EventType, Reading};
use crate::json::{Escape, Kind, Syntax, Take, Value, Visit, Written};
use crate::usage::{ServiceTier, Usage};

/// Longer types of events and names of tiers are none that are known.
const WORD_BYTES_MAX: usize = 64;
/// Longer ids and models are not copied into events of the gateway's own.
const IDENTITY_BYTES_MAX: usize = 256;
/// What JSON that a model writes has around each name, and what it has for a number.
const MEMBER_TOKENS: u64 = 2;
const NUMBER_TOKENS: u64 = 2;

impl Visit for Reading {
    type Node = Node;
    type Error = Syntax;

    #[inline]
    fn wants_names(&self, object: Node) -> bool {
        object.wants_names()
    }

    #[inline]
    fn member(&mut self, object: Node, name: &[u8]) -> Result<Node, Syntax> {
        if object == Node::Arguments {
            self.argument(name);
        }
        Ok(object.member(name))
    }

    #[inline]
    fn item(&mut self, array: Node) -> Node {
        array.item()
    }

    #[inline]
    fn begin(&mut self, node: Node, kind: Kind, start: usize) -> Result<Take, Syntax> {
        match (node, kind) {
            (
                Node::Text(_) | Node::Content | Node::ContentPart | Node::ItemContent(_) | Node::ItemPart(_),
                Kind::Text,
            ) => {
                self.current.bytes_before = self.stats(node).bytes();
                return Ok(Take::Text);
            }
            _ if node.is_others() => return Ok(self.begin_other(node, kind, start)),
            (Node::ServiceTier | Node::Type, Kind::Text) => return Ok(Take::Keep(WORD_BYTES_MAX)),
            (Node::Id | Node::Model, Kind::Text) if self.identity.wanted => return Ok(Take::Keep(IDENTITY_BYTES_MAX)),
            (Node::Choices, Kind::Array) => self.current.has_choices = true,
            (Node::Choice, Kind::Object) => {
                self.current.choice_count = self.current.choice_count.saturating_add(1);
            }
            (Node::Usage, Kind::Object) => self.current.has_usage = true,
            (Node::Sound, Kind::Text) => self.current.start = start,
            (Node::Error, Kind::Object | Kind::Text) => self.error = true,
            _ => {}
        }
        Ok(Take::Skip)
    }

    #[inline]
    fn text(&mut self, node: Node, run: &[u8]) {
        self.stats(node).add(run);
    }

    fn escape(&mut self, node: Node, escape: Escape) {
        match escape {
            Escape::Byte(byte) => self.stats(node).add(&[byte]),
            Escape::Unit(unit) => self.stats(node).add_unit(unit),
        }
    }

    #[inline]
    fn end(&mut self, node: Node, value: Value<'_>, end: usize) -> Result<(), Syntax> {
        match (node, value) {
            (Node::Text(Part::Delta) | Node::Content | Node::ContentPart, Value::Text(_)) => self.end_text(),
            _ if node.is_others() => self.end_other(node, value, end),
            (Node::Count(count), Value::Number(Some(value))) => self.current.report.set(count, value),
            (Node::Usage, Value::Object) => self.current.usage = self.current.report.usage(),
            (Node::Sound, Value::Text(_)) => self.sound(end.saturating_sub(self.current.start)),
            (Node::Choice, Value::Object) => self.end_choice(),
            (Node::Index, Value::Number(index)) => self.current.choice = index,
            (Node::FinishReason, Value::Text(_)) => self.current.choice_finished = true,
            (Node::ServiceTier, Value::Text(Some(name))) => {
                self.service_tier = ServiceTier::of_name(name).or(self.service_tier);
            }
            (Node::Type, Value::Text(Some(name))) => self.current.event_type = event_type(name),
            (Node::Id, Value::Text(Some(id))) if self.identity.wanted => replace(&mut self.identity.id, id),
            (Node::Model, Value::Text(Some(model))) if self.identity.wanted => replace(&mut self.identity.model, model),
            (Node::Created, Value::Number(Some(created))) => self.identity.created = created,
            (Node::Sequence, Value::Number(sequence)) => self.identity.sequence = sequence.or(self.identity.sequence),
            _ => {}
        }
        Ok(())
    }
}

/// What is not OpenAI's.
impl Reading {
    /// A name in JSON that the model wrote.
    #[inline(never)]
    fn argument(&mut self, name: &[u8]) {
        self.deltas.begin();
        self.deltas.add(name);
        self.deltas.add_tokens(MEMBER_TOKENS);
    }

    /// A delta's text has ended.
    fn end_text(&mut self) {
        let some = self.deltas.bytes() > self.current.bytes_before;
        self.current.carried = self.current.carried.saturating_add(u64::from(some));
    }

    #[inline(never)]
    fn begin_other(&mut self, node: Node, kind: Kind, start: usize) -> Take {
        match (node, kind) {
            (Node::Arguments | Node::Summary, Kind::Text) => {
                self.current.bytes_before = self.deltas.bytes();
                return Take::Text;
            }
            (Node::AnthropicType | Node::IterationType, Kind::Text) => return Take::Keep(WORD_BYTES_MAX),
            (Node::Candidate, Kind::Object) => {
                self.current.choice_count = self.current.choice_count.saturating_add(1);
            }
            (Node::AnthropicUsage, Kind::Object) => self.iterations = Usage::default(),
            (Node::Iteration, Kind::Object) => (self.iteration, self.iteration_counts) = Default::default(),
            (Node::GeminiResponse, Kind::Object) => self.identity.enveloped = true,
            (Node::Arguments, Kind::Number) => self.deltas.add_tokens(NUMBER_TOKENS),
            (Node::Arguments, Kind::True | Kind::False | Kind::Null) => self.deltas.add_tokens(1),
            (Node::InlineBytes, Kind::Text) => self.current.start = start,
            _ => {}
        }
        Take::Skip
    }

    #[inline(never)]
    fn end_other(&mut self, node: Node, value: Value<'_>, end: usize) {
        match (node, value) {
            (Node::Arguments | Node::Summary, Value::Text(_)) => self.end_text(),
            (Node::AnthropicType, Value::Text(Some(name))) => self.current.event_type = anthropic_event(name),
            (Node::StopReason, Value::Text(_)) => self.finished = true,
            (Node::IterationType, Value::Text(Some(name))) => {
                self.iteration_counts = name.is("compaction") || name.is("advisor_message");
            }
            (Node::IterationCount(count), Value::Number(Some(value))) => self.iteration.set(count, value),
            (Node::Iteration, Value::Object) => self.end_iteration(),
            (Node::AnthropicUsage, Value::Object) => self.end_following_report(),
            (Node::GeminiUsage, Value::Object) => self.current.usage = self.current.report.usage(),
            (Node::InlineBytes, Value::Text(_)) => self.inline(end.saturating_sub(self.current.start)),
            (Node::Candidate, Value::Object) => self.end_choice(),
            (Node::GeminiChunk, Value::Object) => self.chunk = Some(self.end_event(false)),
            _ => {}
        }
    }
}

/// Keeps the first value: it is the response's own.
fn replace(kept: &mut Vec<u8>, written: Written<'_>) {
    if kept.is_empty() {
        kept.extend_from_slice(written.bytes);
    }
}

fn event_type(name: Written<'_>) -> EventType {
    match name.bytes {
        b"response.output_item.added" => EventType::ItemAdded,
        b"response.output_item.done" => EventType::ItemDone,
        b"response.completed" | b"response.incomplete" => EventType::Finished,
        b"response.failed" | b"error" => EventType::Error,
        b"response.audio.delta" | b"response.output_audio.delta" => EventType::AudioDelta,
        _ => EventType::Other,
    }
}

/// The kind of an event of Anthropic's.
fn anthropic_event(name: Written<'_>) -> EventType {
    match name.bytes {
        b"content_block_start" | b"content_block_delta" => EventType::BlockOpen,
        b"content_block_stop" => EventType::BlockClosed,
        b"message_stop" => EventType::Finished,
        b"error" => EventType::Error,
        _ => EventType::Other,
    }
}
