//! Gathers what the events of a response say.

use super::node::{Node, Part};
use super::usage::Report;
use crate::estimate::TextStats;
use crate::json::{Escape, Kind, Syntax, Take, Value, Visit, Written};
use crate::usage::{ServiceTier, Usage};

/// Longer types of events and names of tiers are none that are known.
const WORD_BYTES_MAX: usize = 64;
/// Longer ids and models are not copied into events of the gateway's own.
const IDENTITY_BYTES_MAX: usize = 256;
/// Base64 of sound for which one token is taken. OpenAI counts 20 tokens a second, and 24 kbit/s of speech are 200 bytes
/// for each; everything else has more.
const SOUND_BYTES_PER_TOKEN: u64 = 128;
/// Choices that are told apart; those beyond share the last place.
const CHOICES_MAX: u64 = 128;

/// What an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EventFacts {
    /// It has usage, and `choices` without any.
    pub(crate) usage_only: bool,
    /// It carried output.
    pub(crate) carried: bool,
}

/// What was delivered up to the end of an event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    text: TextStats,
    events: u64,
    sequence: Option<u64>,
}

/// What events of the gateway's own repeat of the stream: JSON strings as written between the quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) wanted: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) model: Vec<u8>,
    pub(crate) created: u64,
    pub(crate) sequence: Option<u64>,
}

/// What kind a typed event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum EventType {
    #[default]
    Other,
    /// Sound, written as text.
    AudioDelta,
    ItemAdded,
    ItemDone,
    Finished,
    Error,
}

/// What the current event said so far.
#[derive(Debug, Clone, Copy, Default)]
struct Current {
    report: Report,
    /// The report, when it is complete.
    usage: Option<Usage>,
    has_usage: bool,
    has_choices: bool,
    choice_count: u64,
    /// The current choice.
    choice: Option<u64>,
    choice_finished: bool,
    event_type: EventType,
    /// The text of its item.
    item: TextStats,
    /// The text of the whole response that it repeats.
    whole: TextStats,
    /// Where the current piece of sound begins.
    start: usize,
    /// Bytes of text before the current string, to see whether it has any.
    bytes_before: u64,
    carried: u64,
    /// The text before this event, for an event that turns out not to count.
    text_before: TextStats,
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    pub(crate) usage: Option<Usage>,
    pub(crate) service_tier: Option<ServiceTier>,
    pub(crate) output_events: u64,
    /// How many of them there were when usage was told last.
    pub(crate) counted_events: u64,
    pub(crate) finished: bool,
    pub(crate) error: bool,
    pub(crate) identity: Identity,
    /// The text of all deltas.
    deltas: TextStats,
    /// The text of all items that were given as a whole.
    items: TextStats,
    /// The text of the response as its last event repeats it.
    whole: TextStats,
    /// Choices that have begun, and those that are finished, by their bits.
    begun: u128,
    ended: u128,
    current: Current,
}

impl Reading {
    /// The largest of the ways in which the text was given.
    pub(crate) fn output_text(&self) -> TextStats {
        [self.deltas, self.items, self.whole].into_iter().max_by_key(TextStats::tokens_high).unwrap_or_default()
    }

    /// The choices that have begun and are not finished.
    pub(crate) fn open_choices(&self) -> impl Iterator<Item = u32> {
        let open = self.begun & !self.ended;
        (0..128).filter(move |index| open >> index & 1 == 1)
    }

    /// Takes over what the current event said.
    pub(crate) fn end_event(&mut self, done: bool) -> EventFacts {
        let current = std::mem::take(&mut self.current);
        self.output_events = self.output_events.saturating_add(current.carried);
        if current.event_type == EventType::AudioDelta {
            let length = self.deltas.bytes().saturating_sub(current.text_before.bytes());
            self.deltas = current.text_before;
            self.deltas.add_tokens(length.div_ceil(SOUND_BYTES_PER_TOKEN));
        }
        match current.event_type {
            EventType::ItemAdded => {
                self.deltas.merge(&current.item);
                self.output_events = self.output_events.saturating_add(u64::from(current.item.bytes() > 0));
            }
            EventType::ItemDone => self.items.merge(&current.item),
            EventType::Finished => {
                self.whole = current.whole;
                self.finished = true;
            }
            EventType::Error => {
                self.error = true;
                self.finished = true;
            }
            EventType::Other | EventType::AudioDelta => {}
        }
        if let Some(usage) = current.usage {
            self.usage.get_or_insert_default().merge(&usage);
            self.counted_events = self.output_events;
        }
        if current.choice_count > 0 {
            self.finished = self.begun == self.ended;
        }
        self.finished |= done;
        self.current.text_before = self.deltas;
        EventFacts {
            usage_only: current.has_usage && current.has_choices && current.choice_count == 0,
            carried: current.carried > 0,
        }
    }

    /// What was delivered up to here.
    pub(crate) fn mark(&self) -> Mark {
        Mark { text: self.deltas, events: self.output_events, sequence: self.identity.sequence }
    }

    /// Forgets what was delivered since then.
    pub(crate) fn restore(&mut self, mark: &Mark) {
        self.deltas = mark.text;
        self.output_events = mark.events;
        self.identity.sequence = mark.sequence;
        self.current.text_before = mark.text;
    }

    /// How many output tokens were delivered at the least: one with each delta; where deltas are large, most of what
    /// the text is estimated at; or what the provider says.
    pub(crate) fn delivered_least(&self) -> u64 {
        let text = self.deltas.tokens().saturating_mul(3) / 4;
        let said = self.usage.map_or(0, |usage| usage.output);
        self.output_events.max(text).max(said)
    }

    fn stats(&mut self, node: Node) -> &mut TextStats {
        match node {
            Node::Text(Part::Item) => &mut self.current.item,
            Node::Text(Part::Whole) => &mut self.current.whole,
            _ => &mut self.deltas,
        }
    }

    /// A piece of sound, of this length as written.
    fn sound(&mut self, length: usize) {
        self.deltas.add_tokens((length as u64).div_ceil(SOUND_BYTES_PER_TOKEN));
        self.current.carried = self.current.carried.saturating_add(1);
    }

    fn end_choice(&mut self) {
        let index = self.current.choice.take().unwrap_or(self.current.choice_count.saturating_sub(1));
        let bit = 1_u128 << index.min(CHOICES_MAX - 1);
        self.begun |= bit;
        if std::mem::take(&mut self.current.choice_finished) {
            self.ended |= bit;
        }
    }
}

impl Visit for Reading {
    type Node = Node;
    type Error = Syntax;

    #[inline]
    fn wants_names(&self, object: Node) -> bool {
        object.wants_names()
    }

    #[inline]
    fn member(&mut self, object: Node, name: &[u8]) -> Result<Node, Syntax> {
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
            (Node::Text(Part::Delta) | Node::Content | Node::ContentPart, Value::Text(_)) => {
                let some = self.deltas.bytes() > self.current.bytes_before;
                self.current.carried = self.current.carried.saturating_add(u64::from(some));
            }
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
