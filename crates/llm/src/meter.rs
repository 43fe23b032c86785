//! Meters a response while it passes: what it used, and what was delivered so far.
//!
//! The provider's own count is taken when there is one. Until then, and when a stream ends without it, the text that
//! was delivered is estimated. Streams and single JSON replies are read as they pass, in constant memory; nothing of
//! them is kept.

mod form;
mod node;
mod reading;
mod usage;
mod visit;

pub use crate::endpoint::Endpoint;
use crate::estimate::TextStats;
use crate::json::Json;
use crate::sse::{SseReader, SseSink};
use crate::usage::{ServiceTier, Usage};
use form::{Form, is_text};
use node::Node;
pub(crate) use reading::{EventFacts, Identity, Mark, Reading};

/// How a response is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterOptions {
    /// How many bytes of a JSON reply are read at most; what comes after is counted only. 0: JSON is not read at all.
    /// Streams are always read.
    pub max_json_bytes: usize,
}

impl Default for MeterOptions {
    fn default() -> Self {
        Self { max_json_bytes: 64 << 20 }
    }
}

/// What a response used and delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metered {
    /// What the provider says was used; for a stream, the latest word.
    pub usage: Option<Usage>,
    /// The class of service that the response names.
    pub service_tier: Option<ServiceTier>,
    /// The text that was delivered: content, reasoning, refusals, calls of tools.
    pub output_text: TextStats,
    /// Deltas that carried something. A provider sends at least one token with each.
    pub output_events: u64,
    /// Those of them that came after the last usage, which says nothing of them.
    pub uncounted_events: u64,
    /// The response is complete by its own word: `[DONE]`, a `finish_reason` for all choices, a final event, the end of
    /// the JSON.
    pub finished: bool,
    /// The response is a stream: of events, or of chunks in an array.
    pub is_stream: bool,
    /// The response is an error and delivered nothing.
    pub error: bool,
    /// Bytes of the body seen.
    pub bytes: u64,
    /// Bytes of the body that were not read, so that nothing is known of them.
    pub unread_bytes: u64,
    /// They are no text: compressed, although that was not asked for.
    pub compressed: bool,
}

impl Metered {
    /// An estimate of the output tokens that is not below what was delivered.
    ///
    /// Providers send at least one token with each delta, and where they send more, the text has at most as many tokens
    /// as [`TextStats::tokens_high`] says. Of bytes that could not be read, each three are taken for a token: JSON takes
    /// more than that for a token of its text. Compressed, prose has some two bytes for a token, so each counts for one;
    /// what repeats itself can have less.
    pub fn output_estimate(&self) -> u64 {
        let unread = if self.compressed { self.unread_bytes } else { self.unread_bytes.div_ceil(3) };
        self.output_events.max(self.output_text.tokens_high()).saturating_add(unread)
    }
}

/// Reads a response piece by piece. See the module's documentation.
#[derive(Debug, Clone)]
pub struct ResponseMeter {
    form: Form,
    /// The response says that it is JSON.
    says_json: bool,
    options: MeterOptions,
    bytes: u64,
    unread_bytes: u64,
    compressed: bool,
    sse: SseReader,
    events: Events,
}

impl ResponseMeter {
    /// A meter for the response of this endpoint.
    pub fn new(endpoint: Endpoint, options: MeterOptions) -> Self {
        Self {
            form: Form::Unknown,
            says_json: false,
            options,
            bytes: 0,
            unread_bytes: 0,
            compressed: false,
            sse: SseReader::default(),
            events: Events::new(endpoint),
        }
    }

    /// Says what the response's `content-type` is. Without it, the first bytes decide.
    pub fn set_content_type(&mut self, content_type: Option<&[u8]>) {
        let Some(content_type) = content_type else { return };
        let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let is = |name: &[u8]| essence.eq_ignore_ascii_case(name);
        let ends = |name: &[u8]| {
            let from = essence.len().saturating_sub(name.len());
            essence.get(from..).is_some_and(|end| end.eq_ignore_ascii_case(name))
        };
        self.says_json = ends(b"/json") || ends(b"+json");
        self.form = if is(b"text/event-stream") {
            Form::Events
        } else if self.says_json && self.may_be_array() {
            // The first byte tells a stream from an error.
            Form::Unknown
        } else if self.says_json {
            self.json_form()
        } else if essence.is_empty() || is(b"text/plain") || is(b"application/octet-stream") {
            Form::Unknown
        } else {
            Form::Opaque
        };
    }

    fn json_form(&self) -> Form {
        if self.options.max_json_bytes == 0 { Form::Opaque } else { Form::Json }
    }

    /// Whether the reply may be a stream in an array.
    fn may_be_array(&self) -> bool {
        self.events.endpoint == Endpoint::StreamGenerateContent
    }

    /// Reads the next piece of the body.
    pub fn feed(&mut self, piece: &[u8]) {
        self.decide(piece);
        match self.form {
            Form::Events => {
                self.feed_events(piece, &mut |_, _, _| true);
            }
            Form::Array => {
                self.bytes = self.bytes.saturating_add(piece.len() as u64);
                self.feed_array(piece);
            }
            Form::Unknown | Form::Json | Form::Opaque => self.feed_other(piece),
        }
    }

    /// Finds out what kind of body it is, if that is not known yet.
    pub(crate) fn decide(&mut self, piece: &[u8]) {
        if self.form != Form::Unknown {
            return;
        }
        // What JSON takes for space, and nothing else: the pieces before are not read again.
        if let Some(first) = piece.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.form = match first {
                b'[' if self.may_be_array() => Form::Array,
                b'{' | b'[' => self.json_form(),
                _ if self.says_json => self.json_form(),
                _ => Form::Events,
            };
            if self.form == Form::Events && !is_text(piece) {
                (self.form, self.compressed) = (Form::Opaque, true);
            }
        }
    }

    /// Whether the body is known to be a stream: of events, or of chunks in an array.
    pub fn is_stream(&self) -> bool {
        matches!(self.form, Form::Events | Form::Array)
    }

    /// Whether it is a stream of chunks in an array.
    pub(crate) fn is_array(&self) -> bool {
        self.form == Form::Array
    }

    /// Reads a piece of a stream. With the end of each event, `at_end` is given its place in the piece, what it was, and
    /// the events so far; it says whether to go on. The end of an array counts as an event without anything in it.
    pub(crate) fn feed_events(
        &mut self,
        piece: &[u8],
        at_end: &mut dyn FnMut(usize, EventFacts, &mut Events) -> bool,
    ) -> usize {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.form != Form::Array {
            return self.sse.feed(piece, &mut EventSink { events: &mut self.events, at_end });
        }
        self.feed_chunks(piece, at_end)
    }

    /// The same for a stream in an array.
    fn feed_chunks(&mut self, piece: &[u8], at_end: &mut dyn FnMut(usize, EventFacts, &mut Events) -> bool) -> usize {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            // A chunk, or the array, ends with one of these, so that each part has one end at most.
            let length = memchr::memchr2(b'}', b']', rest).map_or(rest.len(), |end| end.saturating_add(1));
            at = at.saturating_add(length);
            let was_complete = self.events.json.is_complete();
            self.feed_array(rest.get(..length).unwrap_or_default());
            let ended = self.events.json.is_complete() && !was_complete;
            let chunk = self.events.reading.chunk.take().or(ended.then(EventFacts::default));
            if chunk.is_some_and(|facts| !at_end(at, facts, &mut self.events)) {
                break;
            }
        }
        at
    }

    fn feed_array(&mut self, part: &[u8]) {
        let read = self.events.json(part);
        self.unread_bytes = self.unread_bytes.saturating_add(part.len().saturating_sub(read) as u64);
    }

    /// Reads a piece of what is no stream of events.
    pub(crate) fn feed_other(&mut self, piece: &[u8]) {
        let room = (self.options.max_json_bytes as u64).saturating_sub(self.bytes);
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        let readable = match self.form {
            Form::Json if !self.events.failed => usize::try_from(room).unwrap_or(usize::MAX).min(piece.len()),
            Form::Unknown => piece.len(),
            _ => 0,
        };
        let mut read = readable;
        if self.form == Form::Json {
            read = self.events.json(piece.get(..readable).unwrap_or(piece));
        }
        self.unread_bytes = self.unread_bytes.saturating_add(piece.len().saturating_sub(read) as u64);
    }

    pub(crate) fn reader(&self) -> &SseReader {
        &self.sse
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub(crate) fn events_mut(&mut self) -> &mut Events {
        &mut self.events
    }

    /// What was metered, at the end.
    pub fn finish(self) -> Metered {
        self.metered()
    }

    /// What was metered so far. An event that has begun counts with what has come of it.
    pub fn metered(&self) -> Metered {
        let mut events = self.events.clone();
        let whole = events.json.is_complete() && !events.failed;
        events.end_event();
        let reading = &events.reading;
        let output_text = reading.output_text();
        // An endpoint that delivers no text has no output to estimate, and what is unknown may deliver sound.
        let delivers_text = match self.events.endpoint {
            Endpoint::Other => self.form == Form::Json,
            endpoint => endpoint.generates(),
        };
        let usage = match self.events.endpoint {
            // What was counted was not used.
            Endpoint::CountTokens | Endpoint::GeminiCountTokens => None,
            // Nothing is generated, and some tell only a total.
            Endpoint::Rerank => reading.usage.map(|usage| Usage { input: usage.total(), output: 0, ..usage }),
            _ => reading.usage,
        };
        Metered {
            usage,
            service_tier: reading.service_tier,
            output_text,
            output_events: reading.output_events,
            uncounted_events: reading.output_events.saturating_sub(reading.counted_events),
            finished: match self.form {
                Form::Json => whole,
                Form::Array => whole || reading.finished,
                Form::Unknown | Form::Events | Form::Opaque => reading.finished,
            },
            is_stream: self.is_stream(),
            error: reading.error && reading.output_events == 0,
            bytes: self.bytes,
            unread_bytes: if delivers_text { self.unread_bytes } else { 0 },
            compressed: self.compressed,
        }
    }
}

/// The events of a response, one after the other. A JSON reply is one event.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    endpoint: Endpoint,
    json: Json<Node>,
    pub(crate) reading: Reading,
    /// The current event is not JSON, or no longer.
    failed: bool,
    /// The first bytes of the current event, where it does not begin like an object.
    word: [u8; DONE.len()],
    word_length: usize,
}

const DONE: &[u8] = b"[DONE]";

impl Events {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            json: Json::rooted(Node::root(endpoint)),
            reading: Reading::default(),
            failed: false,
            word: [0; DONE.len()],
            word_length: 0,
        }
    }

    /// Returns how many bytes were read: all, unless this is no JSON or not any longer.
    fn json(&mut self, part: &[u8]) -> usize {
        if self.failed {
            return 0;
        }
        let before = self.json.consumed();
        match self.json.feed(part, &mut self.reading) {
            Ok(()) => part.len(),
            Err((_, offset)) => {
                self.failed = true;
                offset.saturating_sub(before).min(part.len())
            }
        }
    }

    fn data(&mut self, part: &[u8]) {
        // What broke off as JSON may be cut just before such a word, which is not its beginning.
        let begins = self.json.consumed() == 0 && !self.failed;
        if begins && !part.starts_with(b"{") || self.word_length > 0 {
            for &byte in part.iter().take(DONE.len() + 1) {
                if let Some(place) = self.word.get_mut(self.word_length) {
                    *place = byte;
                }
                self.word_length = self.word_length.saturating_add(1);
            }
        }
        self.json(part);
    }

    /// Takes over what the current event said, and begins the next one.
    fn end_event(&mut self) -> EventFacts {
        let done = self.word_length == DONE.len() && self.word == DONE;
        let facts = self.reading.end_event(done);
        self.json.reset();
        self.failed = false;
        self.word_length = 0;
        facts
    }
}

/// Joins the reader of events with what reads them.
struct EventSink<'a> {
    events: &'a mut Events,
    at_end: &'a mut dyn FnMut(usize, EventFacts, &mut Events) -> bool,
}

impl SseSink for EventSink<'_> {
    fn data(&mut self, part: &[u8]) {
        self.events.data(part);
    }

    fn end(&mut self, end: usize, has_data: bool) -> bool {
        let facts = if has_data { self.events.end_event() } else { EventFacts::default() };
        (self.at_end)(end, facts, self.events)
    }
}

#[cfg(test)]
mod tests;
