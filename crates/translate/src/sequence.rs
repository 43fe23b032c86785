//! Makes the order that writers rely on (see [`crate::stream`]) of whatever a backend sends.
//!
//! Parts that overlap, which chat completions allow for calls of tools, are told apart by the reader's own numbers: one
//! part is open at a time, what belongs to others waits until it closes, and the parts are numbered anew. Text that
//! goes on after something else has begun becomes a part of its own. What a backend leaves out (an end of a part, a
//! start) is made up for.

use std::collections::BTreeMap;

use ditto_llm::usage::Usage;

use crate::content::Citation;
use crate::failure::Failure;
use crate::fold::CHOICES_MAX;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start};
use crate::text::Text;

/// Parts of one choice; behaviour of providers stays far below.
const PARTS_MAX: u32 = 4_096;
/// Bytes of parts that wait for another to close.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// A sink in front of a sink. See the module's documentation.
#[derive(Debug)]
pub struct Sequencer<S> {
    sink: S,
    phase: Phase,
    usage: Option<Usage>,
    choices: BTreeMap<u32, Choice>,
    waiting_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Running,
    Over,
}

#[derive(Debug, Default)]
struct Choice {
    /// The reader's number of the part that is open, and what kind it is.
    open: Option<(u32, Opening<'static>)>,
    /// The next number to give.
    next: u32,
    /// Parts that wait, by the reader's numbers.
    waiting: BTreeMap<u32, Waiting>,
    /// Parts that were closed because something else began; they may go on as new ones.
    interrupted: BTreeMap<u32, Opening<'static>>,
    finished: bool,
}

/// A part that waits for another to close.
#[derive(Debug)]
struct Waiting {
    opening: Opening<'static>,
    events: Vec<Event>,
    closed: bool,
}

#[derive(Debug)]
enum Event {
    Delta(String),
    Signature(String),
    Citation(Citation<'static>),
    Logprobs(Vec<Logprob<'static>>),
}

impl<S: Sink> Sequencer<S> {
    /// In front of `sink`.
    pub fn new(sink: S) -> Self {
        Self { sink, phase: Phase::Before, usage: None, choices: BTreeMap::new(), waiting_bytes: 0 }
    }

    /// The sink behind it.
    pub fn inner(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The same, to look at.
    pub fn behind(&self) -> &S {
        &self.sink
    }

    /// Whether nothing more can come.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn is_running(&mut self) -> bool {
        if self.phase == Phase::Before {
            self.start(&Start::default());
        }
        self.phase == Phase::Running
    }

    /// Whether this choice may still say something.
    fn admits(&mut self, at: At) -> bool {
        if !self.is_running() {
            return false;
        }
        let known = self.choices.len();
        let in_bounds = (at.choice as usize) < CHOICES_MAX && known <= CHOICES_MAX;
        let choice = self.choices.entry(at.choice).or_default();
        let in_bounds = in_bounds && choice.next < PARTS_MAX && choice.waiting.len() < PARTS_MAX as usize;
        if !in_bounds {
            self.failure(&Failure::unreadable());
            return false;
        }
        !choice.finished
    }

    /// Gives an event of a part to the sink, or has it wait.
    fn event(&mut self, at: At, event: Event) {
        if !self.admits(at) {
            return;
        }
        let interrupted = self.choices.get_mut(&at.choice).and_then(|choice| choice.interrupted.remove(&at.part));
        if let Some(opening) = interrupted {
            self.open(at, &opening);
        }
        let Some(choice) = self.choices.get_mut(&at.choice) else { return };
        if choice.open.as_ref().is_some_and(|(part, _)| *part == at.part) {
            let at = At { part: choice.next, ..at };
            return emit(&mut self.sink, at, &event);
        }
        let Some(waiting) = choice.waiting.get_mut(&at.part) else { return };
        self.waiting_bytes = self.waiting_bytes.saturating_add(event.bytes());
        waiting.events.push(event);
        if self.waiting_bytes > WAITING_BYTES_MAX {
            self.failure(&Failure::unreadable());
        }
    }

    /// Closes what is open of a choice, and lets what waits go on as far as it can.
    fn advance(&mut self, index: u32) {
        let Some(choice) = self.choices.get_mut(&index) else { return };
        loop {
            if choice.open.take().is_some() {
                self.sink.close(At { choice: index, part: choice.next });
                choice.next = choice.next.saturating_add(1);
            }
            let Some((part, waiting)) = choice.waiting.pop_first() else { return };
            let at = At { choice: index, part: choice.next };
            self.sink.open(at, &waiting.opening);
            for event in &waiting.events {
                self.waiting_bytes = self.waiting_bytes.saturating_sub(event.bytes());
                emit(&mut self.sink, at, event);
            }
            choice.open = Some((part, waiting.opening));
            if !waiting.closed {
                return;
            }
        }
    }

    fn close_all(&mut self, index: u32) {
        loop {
            self.advance(index);
            let Some(choice) = self.choices.get(&index) else { return };
            if choice.open.is_none() && choice.waiting.is_empty() {
                return;
            }
        }
    }
}

impl Event {
    fn bytes(&self) -> usize {
        match self {
            Self::Delta(text) | Self::Signature(text) => text.len().saturating_add(size_of::<Self>()),
            Self::Citation(_) => 256,
            Self::Logprobs(tokens) => tokens.len().saturating_mul(256),
        }
    }
}

fn emit(sink: &mut impl Sink, at: At, event: &Event) {
    match event {
        Event::Delta(text) => sink.delta(at, text),
        Event::Signature(signature) => sink.signature(at, signature),
        Event::Citation(citation) => sink.citation(at, citation),
        Event::Logprobs(tokens) => sink.logprobs(at, tokens),
    }
}

fn into_static(opening: &Opening<'_>) -> Opening<'static> {
    match opening {
        Opening::Text => Opening::Text,
        Opening::Thinking { redacted } => Opening::Thinking { redacted: *redacted },
        Opening::Refusal => Opening::Refusal,
        Opening::ToolCall { id, name, custom } => {
            Opening::ToolCall { id: id.clone().into_static(), name: name.clone().into_static(), custom: *custom }
        }
    }
}

impl<S: Sink> Sink for Sequencer<S> {
    fn start(&mut self, start: &Start<'_>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            self.usage = start.usage;
            self.sink.start(start);
        }
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        if !self.admits(at) {
            return;
        }
        let Some(choice) = self.choices.get_mut(&at.choice) else { return };
        let known = choice.open.as_ref().is_some_and(|(part, _)| *part == at.part);
        if known || choice.waiting.contains_key(&at.part) {
            return;
        }
        // A call may go on later; whatever else is open is over when something new begins.
        if matches!(choice.open, Some((_, Opening::ToolCall { .. }))) {
            let waiting = Waiting { opening: into_static(opening), events: Vec::new(), closed: false };
            choice.waiting.insert(at.part, waiting);
            return;
        }
        if let Some((part, opening)) = choice.open.take() {
            self.sink.close(At { part: choice.next, ..at });
            choice.next = choice.next.saturating_add(1);
            choice.interrupted.insert(part, opening);
        }
        choice.open = Some((at.part, into_static(opening)));
        self.sink.open(At { part: choice.next, ..at }, opening);
    }

    fn delta(&mut self, at: At, text: &str) {
        if text.is_empty() {
            return;
        }
        // The way of nearly every delta, without a copy.
        if self.phase == Phase::Running
            && let Some(choice) = self.choices.get(&at.choice)
            && choice.open.as_ref().is_some_and(|(part, _)| *part == at.part)
            && !choice.finished
        {
            return self.sink.delta(At { part: choice.next, ..at }, text);
        }
        self.event(at, Event::Delta(text.to_owned()));
    }

    fn signature(&mut self, at: At, signature: &str) {
        self.event(at, Event::Signature(signature.to_owned()));
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        self.event(at, Event::Citation(citation.clone().into_static()));
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        if !tokens.is_empty() {
            self.event(at, Event::Logprobs(tokens.iter().cloned().map(Logprob::into_static).collect()));
        }
    }

    fn close(&mut self, at: At) {
        let Some(choice) = self.choices.get_mut(&at.choice) else { return };
        if self.phase != Phase::Running {
            return;
        }
        if choice.open.as_ref().is_some_and(|(part, _)| *part == at.part) {
            self.advance(at.choice);
        } else if let Some(waiting) = choice.waiting.get_mut(&at.part) {
            waiting.closed = true;
        }
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        if !self.admits(At { choice, part: 0 }) {
            return;
        }
        self.close_all(choice);
        self.sink.finish(choice, finish);
        if let Some(known) = self.choices.get_mut(&choice) {
            known.finished = true;
        }
    }

    fn usage(&mut self, usage: &Usage) {
        if !self.is_running() {
            return;
        }
        let mut merged = self.usage.unwrap_or_default();
        merged.merge(usage);
        // Nothing at all is a number too: what a guardrail stops costs none.
        if self.usage.replace(merged) != Some(merged) {
            self.sink.usage(&merged);
        }
    }

    fn ping(&mut self) {
        if self.phase == Phase::Running {
            self.sink.ping();
        }
    }

    fn failure(&mut self, failure: &Failure) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            self.sink.failure(failure);
        }
    }

    fn end(&mut self) {
        if !self.is_running() {
            return;
        }
        // A reply without any choice is an empty one.
        self.choices.entry(0).or_default();
        let open: Vec<u32> =
            self.choices.iter().filter(|(_, choice)| !choice.finished).map(|(index, _)| *index).collect();
        for index in open {
            self.finish(index, &Finish::Stop);
        }
        self.phase = Phase::Over;
        self.sink.end();
    }
}

/// Names parts by what they are, for readers of dialects that do not number them: text, thoughts and refusals of chat
/// completions, and their calls by index.
pub fn call_part(index: u32) -> u32 {
    index.saturating_add(FIRST_CALL)
}

/// The numbers before it are free for parts of other kinds.
pub const FIRST_CALL: u32 = 8;

/// An opening for a call.
pub fn call<'a>(id: impl Into<Text<'a>>, name: impl Into<Text<'a>>) -> Opening<'a> {
    Opening::ToolCall { id: id.into(), name: name.into(), custom: false }
}

#[cfg(test)]
mod tests;
