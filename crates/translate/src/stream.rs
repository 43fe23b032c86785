//! A reply as a stream, in the canonical form: readers of backends' streams call a [`Sink`], writers of clients' streams
//! are one.
//!
//! A sink may rely on this order, which [`crate::sequence::Sequencer`] makes of whatever a backend sends:
//!
//! 1. `start`, once;
//! 2. of each choice: `open`, then its deltas, then `close`, for one part after the other, numbered from 0; parts do not
//!    overlap;
//! 3. `finish` of each choice, once, after its parts;
//! 4. `usage` at any time, each with larger numbers than the one before; the last one comes before `end`;
//! 5. `end`, once, or `failure`, once, and then nothing more. `ping` at any time before.

use ditto_llm::usage::Usage;

use crate::content::Citation;
use crate::failure::Failure;
use crate::reply::{Finish, Logprob};
use crate::text::Text;

/// What is known at the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start<'a> {
    /// The backend's id for the reply; empty: it gives none.
    pub id: Text<'a>,
    /// The model, as the backend names it.
    pub model: Text<'a>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// What is known of the usage: the input, and output that the backend counts before it comes.
    pub usage: Option<Usage>,
    /// The class of service, in the backend's words.
    pub service_tier: Option<Text<'a>>,
}

/// Where a delta belongs: the choice, and its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// The answer's index.
    pub choice: u32,
    /// The part's number in it.
    pub part: u32,
}

/// What kind of part begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening<'a> {
    /// Text; its deltas are text.
    Text,
    /// Thoughts; its deltas are text.
    Thinking {
        /// There are no words, only a signature.
        redacted: bool,
    },
    /// The model declines; its deltas are text.
    Refusal,
    /// A call of a tool; its deltas are the arguments' JSON text, which may be empty.
    ToolCall {
        /// Ties the result to the call.
        id: Text<'a>,
        /// The tool.
        name: Text<'a>,
        /// The tool takes free text.
        custom: bool,
    },
}

/// Takes a reply's events. See the module's documentation for their order.
pub trait Sink {
    /// The reply begins.
    fn start(&mut self, start: &Start<'_>);
    /// A part begins.
    fn open(&mut self, at: At, opening: &Opening<'_>);
    /// More of the open part.
    fn delta(&mut self, at: At, text: &str);
    /// The signature of the open part, which is thinking.
    fn signature(&mut self, at: At, signature: &str);
    /// A reference in the open part, which is text.
    fn citation(&mut self, at: At, citation: &Citation<'_>);
    /// Probabilities of tokens of the open part, which is text.
    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]);
    /// The open part is complete.
    fn close(&mut self, at: At);
    /// A choice is complete.
    fn finish(&mut self, choice: u32, finish: &Finish<'_>);
    /// What has been used so far.
    fn usage(&mut self, usage: &Usage);
    /// The backend is still there.
    fn ping(&mut self);
    /// The backend failed; nothing more comes.
    fn failure(&mut self, failure: &Failure);
    /// The reply is complete.
    fn end(&mut self);
}

/// Writes a client's stream.
pub trait StreamWriter: Sink + std::fmt::Debug {
    /// The bytes that were not taken yet. The caller takes them after each piece of the backend's.
    fn output(&mut self) -> &mut Vec<u8>;
}

/// One frame of a backend's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The name of the event where it stands outside the data (AWS); events of SSE have it in their data.
    pub name: Option<&'a str>,
    /// The data: JSON, or `[DONE]`.
    pub data: &'a [u8],
}

/// Reads a backend's stream, frame by frame.
pub trait StreamReader: std::fmt::Debug {
    /// The next frame.
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink);
    /// The body is over. A stream that did not come to its own end broke off: that is a failure.
    fn end(&mut self, sink: &mut dyn Sink);
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn start(&mut self, start: &Start<'_>) {
        (**self).start(start);
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        (**self).open(at, opening);
    }

    fn delta(&mut self, at: At, text: &str) {
        (**self).delta(at, text);
    }

    fn signature(&mut self, at: At, signature: &str) {
        (**self).signature(at, signature);
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        (**self).citation(at, citation);
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        (**self).logprobs(at, tokens);
    }

    fn close(&mut self, at: At) {
        (**self).close(at);
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        (**self).finish(choice, finish);
    }

    fn usage(&mut self, usage: &Usage) {
        (**self).usage(usage);
    }

    fn ping(&mut self) {
        (**self).ping();
    }

    fn failure(&mut self, failure: &Failure) {
        (**self).failure(failure);
    }

    fn end(&mut self) {
        (**self).end();
    }
}
