//! A backend's stream: each event is a small reply.
//!
//! There is no event for the end: a stream is complete when every candidate has its `finishReason`, and the body is
//! over. What comes after a `finishReason` (usage, mostly) is still taken.

use std::collections::BTreeMap;

use ditto_llm::usage::Usage;

use super::candidate::{About, Kind, State};
use super::wire_reply::{Candidate, Chunk, ReplyPart};
use super::{read_failure, read_reply};
use crate::failure::Failure;
use crate::fold::CHOICES_MAX;
use crate::json;
use crate::reply::Finish;
use crate::stream::{At, Frame, Sink, Start, StreamReader};
use crate::text::Text;

/// Parts of one candidate.
const PARTS_MAX: u32 = 4_096;

/// Reads a stream of `streamGenerateContent?alt=sse`.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    over: bool,
    /// What makes ids of calls unlike those of other replies.
    reply_id: String,
    candidates: BTreeMap<u32, State>,
    usage: Option<Usage>,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        // Gateways in between may end a stream as OpenAI does.
        if self.over || frame.data == b"[DONE]" || frame.data.is_empty() {
            return;
        }
        let chunk: Chunk<'_> = match json::read_reply(frame.data) {
            Some(chunk) => chunk,
            None => return self.fail(&Failure::unreadable(), sink),
        };
        if chunk.error.is_some() {
            let failure = read_failure::in_stream(frame.data);
            return self.fail(&failure, sink);
        }
        self.chunk(chunk, sink);
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        if self.candidates.is_empty() || self.candidates.values().any(|state| state.finish.is_none()) {
            return self.fail(&Failure::broken_off(), sink);
        }
        self.over = true;
        for (index, state) in &mut self.candidates {
            state.close(*index, sink);
            if let Some(finish) = &state.finish {
                sink.finish(*index, finish);
            }
        }
        if let Some(usage) = &self.usage {
            sink.usage(usage);
        }
        sink.end();
    }
}

impl Reader {
    /// A piece that is no error.
    pub(super) fn chunk(&mut self, chunk: Chunk<'_>, sink: &mut dyn Sink) {
        self.start(&chunk, sink);
        if let Some(usage) = &chunk.usage_metadata {
            self.count(read_reply::usage(usage), sink);
        }
        let blocked = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason).is_some();
        for (candidate, place) in chunk.candidates.unwrap_or_default().into_iter().zip(0_u32..) {
            let index = candidate.index.unwrap_or(place);
            if usize::try_from(index).is_ok_and(|index| index < CHOICES_MAX) {
                self.candidate(index, candidate, sink);
            }
            if self.over {
                return;
            }
        }
        if blocked {
            self.candidates.entry(0).or_default().finish.get_or_insert(Finish::ContentFilter);
        }
    }

    fn fail(&mut self, failure: &Failure, sink: &mut dyn Sink) {
        self.over = true;
        sink.failure(failure);
    }

    fn start(&mut self, chunk: &Chunk<'_>, sink: &mut dyn Sink) {
        if self.started {
            return;
        }
        self.started = true;
        let id = chunk.response_id.as_ref().map(Text::borrowed).unwrap_or_default();
        let safe = |letter: &char| letter.is_ascii_alphanumeric() || "_-".contains(*letter);
        self.reply_id = id.chars().filter(safe).take(32).collect();
        let model = chunk.model_version.as_ref().map(Text::borrowed).unwrap_or_default();
        let usage = chunk.usage_metadata.as_ref().map(read_reply::usage);
        let usage = usage.map(|usage| Usage { output: 0, reasoning: 0, ..usage });
        sink.start(&Start { id, model, created: None, usage, service_tier: None });
    }

    /// Usage grows; a later event may leave numbers out.
    fn count(&mut self, usage: Usage, sink: &mut dyn Sink) {
        let mut merged = self.usage.unwrap_or_default();
        merged.merge(&usage);
        if self.usage.replace(merged) != Some(merged) {
            sink.usage(&merged);
        }
    }

    fn candidate(&mut self, index: u32, candidate: Candidate<'_>, sink: &mut dyn Sink) {
        let state = self.candidates.entry(index).or_default();
        let mut about = About { logprobs: candidate.logprobs_result, citations: candidate.citation_metadata };
        let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        let last_text = parts.iter().rposition(ReplyPart::is_words);
        for (place, part) in parts.into_iter().enumerate() {
            if state.next >= PARTS_MAX {
                return self.fail(&Failure::new(502, "The backend's reply has too many parts."), sink);
            }
            let about = Some(&mut about).filter(|_| last_text == Some(place));
            state.part(index, &self.reply_id, part, about, sink);
        }
        // Without any text, there is nothing that it could be about.
        if let Some((part, Kind::Text)) = state.open {
            state.tell(At { choice: index, part }, &mut about, sink);
        }
        let Some(reason) = candidate.finish_reason.filter(|reason| !reason.is_empty()) else { return };
        match read_reply::finish(&reason, state.calls > 0) {
            Some(finish) => state.finish = Some(finish),
            None => {
                let said = candidate.finish_message.unwrap_or_default();
                let message =
                    if said.is_empty() { format!("The model ended with {reason}.") } else { said.into_string() };
                self.fail(&Failure { code: Some(reason.into_string()), ..Failure::new(502, message) }, sink);
            }
        }
    }
}
