//! Changes a stream of events while it passes: takes out the usage that the client did not ask for, and ends the stream
//! where it would deliver more than it may.
//!
//! Whole events pass untouched and at once; Gemini's chunks in an array count as events. Of a piece that stops inside an event, the tail is held back until the
//! event is complete, or has become longer than any that could be changed.

mod ending;

use crate::endpoint::Endpoint;
use crate::meter::{EventFacts, Mark, MeterOptions, ResponseMeter};
use ending::Ending;

/// How much of an event is held back until it is complete.
pub const HELD_BYTES_MAX: usize = 64 << 10;

/// What is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamEdits {
    /// Takes out the event that has usage and nothing else.
    pub drop_usage: bool,
    /// Ends the stream before it delivers more than this many tokens, over all choices.
    pub output_cap: Option<u64>,
}

/// What becomes of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// It passes as it is.
    Unchanged,
    /// These bytes pass in its place; there may be none.
    Replace(Vec<u8>),
    /// These bytes pass in its place, and the stream is over: everything that comes after is dropped.
    End(Vec<u8>),
}

/// Changes a response piece by piece, and meters it. What is no stream of events passes as it is.
#[derive(Debug)]
pub struct StreamEditor {
    endpoint: Endpoint,
    edits: StreamEdits,
    meter: ResponseMeter,
    /// The beginning of the current event.
    held: Vec<u8>,
    /// The beginning of the current event has passed: it cannot be taken out any more.
    passing: bool,
    /// The latest event was taken out.
    dropped: bool,
    /// Some event has passed, or a part of one.
    begun: bool,
    ended: bool,
    /// What the events said that were let pass.
    passed: Mark,
}

/// What was decided about the events of one piece.
#[derive(Debug, Default)]
struct Cuts {
    /// Parts of the piece that do not pass.
    removed: Vec<(usize, usize)>,
    /// What was held back before does not pass.
    drop_held: bool,
    /// The stream ends at this place of the piece.
    end: Option<usize>,
}

impl StreamEditor {
    /// An editor for the response of this endpoint.
    pub fn new(endpoint: Endpoint, edits: StreamEdits) -> Self {
        Self::with_meter(endpoint, edits, MeterOptions::default())
    }

    /// The same with a meter of its own options.
    pub fn with_meter(endpoint: Endpoint, edits: StreamEdits, options: MeterOptions) -> Self {
        let mut meter = ResponseMeter::new(endpoint, options);
        meter.events_mut().reading.identity.wanted = edits.output_cap.is_some();
        Self {
            endpoint,
            edits,
            meter,
            held: Vec::new(),
            passing: false,
            dropped: false,
            begun: false,
            ended: false,
            passed: Mark::default(),
        }
    }

    /// Says what the response's `content-type` is. Without it, the first bytes decide.
    pub fn set_content_type(&mut self, content_type: Option<&[u8]>) {
        self.meter.set_content_type(content_type);
    }

    /// The meter, which sees everything that the backend sends until the stream is ended.
    pub fn meter(&self) -> &ResponseMeter {
        &self.meter
    }

    /// Takes the next piece and says what passes. With the last one, `end_of_stream` is set, so that nothing is held.
    pub fn feed(&mut self, piece: &[u8], end_of_stream: bool) -> Edited {
        if self.ended {
            return Edited::Replace(Vec::new());
        }
        self.meter.decide(piece);
        if !self.meter.is_stream() {
            self.meter.feed_other(piece);
            return Edited::Unchanged;
        }
        if self.edits == StreamEdits::default() {
            self.meter.feed(piece);
            return Edited::Unchanged;
        }
        let mut left_over = self.meter.reader().left_over(piece);
        let mut cuts = Cuts::default();
        if left_over > 0 && self.dropped {
            cuts.removed.push((0, left_over));
        }
        if self.meter.is_array() && !self.begun && self.held.is_empty() {
            // Spaces before the array pass, as they would alone.
            left_over = piece.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(piece.len());
        }
        let tail = self.read(piece, left_over, &mut cuts);
        match cuts.end {
            Some(end) => self.end(piece, &mut cuts, end),
            None => self.pass(piece, cuts, tail, end_of_stream),
        }
    }

    /// Reads the events of a piece and decides about each. Returns where the last one begins that is not complete.
    fn read(&mut self, piece: &[u8], from: usize, cuts: &mut Cuts) -> usize {
        let Self { edits, meter, passing, dropped, begun, passed, .. } = self;
        let mut start = from;
        let mut first = true;
        meter.feed_events(piece, &mut |end, facts, events| {
            let whole = !std::mem::take(passing);
            let over = edits.output_cap.is_some_and(|cap| facts.carried && events.reading.delivered_least() > cap);
            *dropped = whole && (over || is_unwanted(edits, facts));
            *begun |= !over || !whole;
            if over {
                cuts.drop_held = first && whole;
                cuts.end = Some(if whole { start } else { end });
                if whole {
                    events.reading.restore(passed);
                }
                return false;
            }
            if *dropped {
                cuts.drop_held |= first;
                cuts.removed.push((start, end));
            }
            *passed = events.reading.mark();
            start = end;
            first = false;
            true
        });
        start
    }

    /// Lets the piece pass, but for what is cut out of it and the event at its end that is not complete.
    fn pass(&mut self, piece: &[u8], mut cuts: Cuts, tail: usize, end_of_stream: bool) -> Edited {
        // Where no event ended, the tail continues what is held.
        let continues = tail == 0 && !cuts.drop_held;
        let held_already = if continues { self.held.len() } else { 0 };
        let waiting = piece.len().saturating_sub(tail).saturating_add(held_already);
        let hold = waiting > 0 && !end_of_stream && !self.passing && waiting <= HELD_BYTES_MAX;
        self.passing |= waiting > 0 && !hold;
        let held = if hold && continues { Vec::new() } else { std::mem::take(&mut self.held) };
        if hold && tail < piece.len() {
            self.held.extend_from_slice(piece.get(tail..).unwrap_or_default());
            cuts.removed.push((tail, piece.len()));
        }
        let held = if cuts.drop_held { Vec::new() } else { held };
        if held.is_empty() && cuts.removed.is_empty() {
            return Edited::Unchanged;
        }
        Edited::Replace(cuts.rest(held, piece))
    }

    /// Ends the stream at this place of the piece.
    fn end(&mut self, piece: &[u8], cuts: &mut Cuts, end: usize) -> Edited {
        self.ended = true;
        let held = std::mem::take(&mut self.held);
        let held = if cuts.drop_held { Vec::new() } else { held };
        cuts.removed.push((end, piece.len()));
        let mut bytes = cuts.rest(held, piece);
        let ending = Ending {
            output_cap: self.edits.output_cap.unwrap_or_default(),
            in_array: self.meter.is_array(),
            begun: self.begun,
        };
        ending.write(&mut bytes, self.endpoint, &self.meter.events().reading);
        Edited::End(bytes)
    }
}

impl Cuts {
    /// What was held and the piece, without the parts that were removed.
    fn rest(&self, mut held: Vec<u8>, piece: &[u8]) -> Vec<u8> {
        held.reserve(piece.len());
        let mut at = 0;
        for &(start, end) in &self.removed {
            held.extend_from_slice(piece.get(at..start).unwrap_or_default());
            at = end;
        }
        held.extend_from_slice(piece.get(at..).unwrap_or_default());
        held
    }
}

fn is_unwanted(edits: &StreamEdits, facts: EventFacts) -> bool {
    edits.drop_usage && facts.usage_only
}

#[cfg(test)]
mod tests;
