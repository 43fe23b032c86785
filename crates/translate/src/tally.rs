//! Counts what a reply delivers, and ends it where it would deliver more than it may.

use ditto_llm::estimate::TextStats;
use ditto_llm::usage::Usage;

use crate::content::Citation;
use crate::failure::Failure;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start};

/// A sink in front of a sink, which sees what passes.
#[derive(Debug)]
pub struct Tally<S> {
    sink: S,
    cap: Option<u64>,
    counted: Counted,
    /// The reply was ended here; nothing more passes.
    ended: bool,
}

/// What passed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// The latest usage.
    pub usage: Option<Usage>,
    /// The text: content, thoughts, refusals, calls.
    pub text: TextStats,
    /// Deltas that carried something.
    pub events: u64,
    /// Those of them that came after the last usage.
    pub events_after_usage: u64,
    /// The reply came to its own end.
    pub finished: bool,
    /// The backend failed.
    pub failed: bool,
}

impl<S: Sink> Tally<S> {
    /// In front of `sink`. With a cap, the reply is ended before it delivers more than so many tokens.
    pub fn new(sink: S, cap: Option<u64>) -> Self {
        Self { sink, cap, counted: Counted::default(), ended: false }
    }

    /// The sink behind it.
    pub fn inner(&mut self) -> &mut S {
        &mut self.sink
    }

    /// What passed until now.
    pub fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Whether the reply was ended here.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Counts a delta. Returns whether it may pass.
    fn carries(&mut self, at: At, text: &str) -> bool {
        self.counted.text.add(text.as_bytes());
        self.counted.events = self.counted.events.saturating_add(1);
        self.counted.events_after_usage = self.counted.events_after_usage.saturating_add(1);
        // A token with each delta, or most of what the text is estimated at: never more than was delivered.
        let least = self.counted.events.max(self.counted.text.tokens().saturating_mul(3) / 4);
        if self.cap.is_none_or(|cap| least <= cap) {
            return true;
        }
        self.ended = true;
        self.sink.close(at);
        self.sink.finish(at.choice, &Finish::Length);
        if let Some(usage) = &self.counted.usage {
            self.sink.usage(usage);
        }
        self.sink.end();
        false
    }
}

impl<S: Sink> Sink for Tally<S> {
    fn start(&mut self, start: &Start<'_>) {
        if start.usage.is_some() {
            self.counted.usage = start.usage;
        }
        self.sink.start(start);
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        if self.ended {
            return;
        }
        if let Opening::ToolCall { name, .. } = opening {
            self.counted.text.add(name.as_bytes());
        }
        self.sink.open(at, opening);
    }

    fn delta(&mut self, at: At, text: &str) {
        if !self.ended && self.carries(at, text) {
            self.sink.delta(at, text);
        }
    }

    fn signature(&mut self, at: At, signature: &str) {
        if !self.ended {
            self.sink.signature(at, signature);
        }
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        if !self.ended {
            self.sink.citation(at, citation);
        }
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        if !self.ended {
            self.sink.logprobs(at, tokens);
        }
    }

    fn close(&mut self, at: At) {
        if !self.ended {
            self.sink.close(at);
        }
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        if !self.ended {
            self.sink.finish(choice, finish);
        }
    }

    fn usage(&mut self, usage: &Usage) {
        self.counted.usage = Some(*usage);
        self.counted.events_after_usage = 0;
        if !self.ended {
            self.sink.usage(usage);
        }
    }

    fn ping(&mut self) {
        if !self.ended {
            self.sink.ping();
        }
    }

    fn failure(&mut self, failure: &Failure) {
        self.counted.failed = true;
        if !self.ended {
            self.sink.failure(failure);
        }
    }

    fn end(&mut self) {
        self.counted.finished = true;
        if !self.ended {
            self.sink.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Fold;

    #[test]
    fn a_reply_that_outruns_its_cap_is_ended_as_if_it_had_kept_it() {
        let mut tally = Tally::new(Fold::default(), Some(2));
        let at = At::default();
        tally.start(&Start::default());
        tally.open(at, &Opening::Text);
        for word in ["a", " b", " c", " d"] {
            tally.delta(at, word);
        }
        tally.usage(&Usage { input: 1, output: 9, ..Usage::default() });
        tally.end();
        assert!(tally.ended());
        assert_eq!(tally.counted().usage.map(|usage| usage.output), Some(9));
        let reply = std::mem::take(tally.inner()).finish().unwrap();
        assert_eq!(reply.choices[0].finish, Finish::Length);
        assert_eq!(reply.choices[0].parts, [crate::content::Part::text("a b")]);
    }
}
