//! Gathers what the events of a response say.

use super::node::{Node, Part};
use super::usage::Report;
use crate::estimate::TextStats;
use crate::usage::{ServiceTier, Usage};

/// Base64 of sound for which one token is taken. OpenAI counts 20 tokens a second, and 24 kbit/s of speech are 200 bytes
/// for each; everything else has more.
const SOUND_BYTES_PER_TOKEN: u64 = 128;
/// Base64 of pictures and sound of Gemini's for which one token is taken. It counts 25 tokens a second for 64 kB of sound,
/// and 1290 for a picture, which has a megabyte or more: <https://ai.google.dev/gemini-api/docs/tokens> (seen 2026-11).
const INLINE_BYTES_PER_TOKEN: u64 = 1024;
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
    open_block: Option<u64>,
    ended: u128,
}

/// What events of the gateway's own repeat of the stream: JSON strings as written between the quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) wanted: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) model: Vec<u8>,
    pub(crate) created: u64,
    pub(crate) sequence: Option<u64>,
    /// Chunks are members of Gemini CLI's envelope.
    pub(crate) enveloped: bool,
}

/// What kind a typed event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum EventType {
    #[default]
    Other,
    /// Anthropic's block has begun, or goes on.
    BlockOpen,
    BlockClosed,
    /// Sound, written as text.
    AudioDelta,
    ItemAdded,
    ItemDone,
    Finished,
    Error,
}

/// What the current event said so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Current {
    pub(super) report: Report,
    /// The report, when it is complete.
    pub(super) usage: Option<Usage>,
    /// It continues the reports before it, rather than to repeat them.
    pub(super) follows: bool,
    pub(super) has_usage: bool,
    pub(super) has_choices: bool,
    pub(super) choice_count: u64,
    /// The current choice, or block.
    pub(super) choice: Option<u64>,
    pub(super) choice_finished: bool,
    pub(super) event_type: EventType,
    /// The text of its item.
    pub(super) item: TextStats,
    /// The text of the whole response that it repeats.
    pub(super) whole: TextStats,
    /// Where the current piece of sound begins.
    pub(super) start: usize,
    /// Bytes of text before the current string, to see whether it has any.
    pub(super) bytes_before: u64,
    pub(super) carried: u64,
    /// The text before this event, for an event that turns out not to count.
    pub(super) text_before: TextStats,
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
    pub(super) deltas: TextStats,
    /// The text of all items that were given as a whole.
    items: TextStats,
    /// The text of the response as its last event repeats it.
    whole: TextStats,
    /// Choices that have begun, and those that are finished, by their bits.
    begun: u128,
    ended: u128,
    pub(super) current: Current,
    /// What a stream's reports said that follow each other.
    pub(super) report: Report,
    /// The current one of the samplings in a report, and the sum of those that the report itself leaves out.
    pub(super) iteration: Report,
    pub(super) iteration_counts: bool,
    pub(super) iterations: Usage,
    /// Anthropic's block that is not closed.
    open_block: Option<u64>,
    /// A chunk of an array has ended, and was this.
    pub(super) chunk: Option<EventFacts>,
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

    /// Anthropic's block that has begun and is not closed.
    pub(crate) fn open_block(&self) -> Option<u64> {
        self.open_block
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
            EventType::BlockOpen => self.open_block = current.choice.or(self.open_block),
            EventType::BlockClosed => self.open_block = None,
            EventType::Other | EventType::AudioDelta => {}
        }
        if let Some(usage) = current.usage {
            match &mut self.usage {
                Some(before) if !current.follows => before.merge(&usage),
                before => *before = Some(usage),
            }
            self.counted_events = self.output_events;
        }
        if current.choice_count > 0 {
            // An event that breaks off may have no choice that is whole.
            self.finished = self.begun > 0 && self.begun == self.ended;
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
        Mark {
            text: self.deltas,
            events: self.output_events,
            sequence: self.identity.sequence,
            open_block: self.open_block,
            ended: self.ended,
        }
    }

    /// Forgets what was delivered since then.
    pub(crate) fn restore(&mut self, mark: &Mark) {
        self.deltas = mark.text;
        self.output_events = mark.events;
        self.identity.sequence = mark.sequence;
        self.open_block = mark.open_block;
        self.ended = mark.ended;
        self.current.text_before = mark.text;
    }

    /// How many output tokens were delivered at the least: one with each delta; where deltas are large, most of what
    /// the text is estimated at; or what the provider says.
    pub(crate) fn delivered_least(&self) -> u64 {
        let text = self.deltas.tokens().saturating_mul(3) / 4;
        let said = self.usage.map_or(0, |usage| usage.output);
        self.output_events.max(text).max(said)
    }

    pub(super) fn stats(&mut self, node: Node) -> &mut TextStats {
        match node {
            Node::Text(Part::Item) => &mut self.current.item,
            Node::Text(Part::Whole) => &mut self.current.whole,
            _ => &mut self.deltas,
        }
    }

    /// A piece of sound, of this length as written.
    pub(super) fn sound(&mut self, length: usize) {
        self.add_bytes(length, SOUND_BYTES_PER_TOKEN);
    }

    /// A picture or sound of Gemini's, of this length as written.
    pub(super) fn inline(&mut self, length: usize) {
        self.add_bytes(length, INLINE_BYTES_PER_TOKEN);
    }

    fn add_bytes(&mut self, length: usize, per_token: u64) {
        self.deltas.add_tokens((length as u64).div_ceil(per_token));
        self.current.carried = self.current.carried.saturating_add(1);
    }

    /// A report of Anthropic's is complete.
    pub(super) fn end_following_report(&mut self) {
        self.report.follow(&self.current.report);
        self.current.follows = true;
        self.current.usage = self.report.usage().map(|usage| usage.plus(&self.iterations));
    }

    /// One of the samplings of a report is complete.
    pub(super) fn end_iteration(&mut self) {
        if let Some(usage) = self.iteration.usage().filter(|_| self.iteration_counts) {
            self.iterations = self.iterations.plus(&usage);
        }
    }

    pub(super) fn end_choice(&mut self) {
        let index = self.current.choice.take().unwrap_or(self.current.choice_count.saturating_sub(1));
        let bit = 1_u128 << index.min(CHOICES_MAX - 1);
        self.begun |= bit;
        if std::mem::take(&mut self.current.choice_finished) {
            self.ended |= bit;
        }
    }
}
