//! A backend's stream: each event is a small reply.
//!
//! There is no event for the end: a stream is complete when every candidate has its `finishReason`, and the body is
//! over. What comes after a `finishReason` (usage, mostly) is still taken.

use std::collections::BTreeMap;
use std::hash::Hasher;

use ditto_llm::usage::Usage;

use super::part_of::fenced;
use super::wire_reply::{Candidate, Chunk, CitationMetadata, LogprobsResult, ReplyPart};
use super::wire_request::FunctionCall;
use super::{read_failure, read_reply};
use crate::content::Citation;
use crate::failure::Failure;
use crate::fold::CHOICES_MAX;
use crate::json;
use crate::reply::Finish;
use crate::signature::{self, Maker};
use crate::stream::{At, Frame, Opening, Sink, Start, StreamReader};
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
    usage: Usage,
}

/// A candidate.
#[derive(Debug, Default)]
struct State {
    open: Option<(u32, Kind)>,
    next: u32,
    calls: u32,
    /// Places of citations are counted in bytes; they are known in characters as long as each has one.
    beyond_ascii: bool,
    finish: Option<Finish<'static>>,
}

/// What stands beside the parts, and is about their text.
struct About<'a> {
    logprobs: Option<LogprobsResult<'a>>,
    citations: Option<CitationMetadata<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
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
        if self.usage != Usage::default() {
            sink.usage(&self.usage);
        }
        sink.end();
    }
}

impl Reader {
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
        let before = self.usage;
        self.usage.merge(&usage);
        if self.usage != before {
            sink.usage(&self.usage);
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

impl State {
    fn part(
        &mut self,
        index: u32,
        reply_id: &str,
        part: ReplyPart<'_>,
        about: Option<&mut About<'_>>,
        sink: &mut dyn Sink,
    ) {
        let proof = part.thought_signature.filter(|proof| !proof.is_empty());
        if let Some(call) = part.function_call {
            self.call(index, reply_id, &call, proof.as_deref(), sink);
        } else if let Some(data) = part.inline_data {
            // No stream of another dialect has a place for it, and the request could not ask for it.
            let mime = data.mime_type.unwrap_or_default();
            self.words(index, Kind::Text, &format!("[The reply holds {mime} here, which cannot be shown.]"), sink);
        } else if let Some(code) = part.executable_code {
            self.words(index, Kind::Text, &fenced(&code.code, code.language.as_deref()), sink);
        } else if let Some(result) = part.code_execution_result {
            self.words(index, Kind::Text, &fenced(&result.output, None), sink);
        } else {
            let kind = if part.thought == Some(true) { Kind::Thinking } else { Kind::Text };
            self.words(index, kind, &part.text.unwrap_or_default(), sink);
            if let (Some(about), Some((part, Kind::Text))) = (about, self.open) {
                self.tell(At { choice: index, part }, about, sink);
            }
            if let Some(proof) = proof {
                self.sign(index, kind, &proof, sink);
            }
        }
    }

    fn words(&mut self, index: u32, kind: Kind, text: &str, sink: &mut dyn Sink) {
        if text.is_empty() {
            return;
        }
        self.beyond_ascii |= kind == Kind::Text && !text.is_ascii();
        let at = self.open(index, kind, sink);
        sink.delta(at, text);
    }

    /// The part of this kind that is open, or a new one.
    fn open(&mut self, index: u32, kind: Kind, sink: &mut dyn Sink) -> At {
        if let Some((part, _)) = self.open.filter(|(_, open)| *open == kind) {
            return At { choice: index, part };
        }
        self.close(index, sink);
        let at = self.number(index);
        self.open = Some((at.part, kind));
        let opening = match kind {
            Kind::Text => Opening::Text,
            Kind::Thinking => Opening::Thinking { redacted: false },
        };
        sink.open(at, &opening);
        at
    }

    fn number(&mut self, index: u32) -> At {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        At { choice: index, part }
    }

    fn close(&mut self, index: u32, sink: &mut dyn Sink) {
        if let Some((part, _)) = self.open.take() {
            sink.close(At { choice: index, part });
        }
    }

    /// A signature: of these thoughts, or of the text before it, which has no place for one. Then thoughts without words
    /// carry it, so that it comes back after that text.
    fn sign(&mut self, index: u32, kind: Kind, proof: &str, sink: &mut dyn Sink) {
        if kind == Kind::Text {
            self.close(index, sink);
        }
        let at = self.open(index, Kind::Thinking, sink);
        sink.signature(at, &signature::tag(Maker::Gemini, proof));
        self.close(index, sink);
    }

    fn call(&mut self, index: u32, reply_id: &str, call: &FunctionCall<'_>, proof: Option<&str>, sink: &mut dyn Sink) {
        self.close(index, sink);
        let arguments = match call.args.as_ref().map(json::Raw::get) {
            None | Some("null") => "{}".into(),
            Some(args) => compact(args),
        };
        let id = match call.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => self.id(index, reply_id, &call.name, &arguments),
        };
        self.calls = self.calls.saturating_add(1);
        let id = match proof {
            Some(proof) => signature::attach(&id, proof),
            None => id,
        };
        let at = self.number(index);
        sink.open(at, &Opening::ToolCall { id: id.into(), name: call.name.borrowed(), custom: false });
        sink.delta(at, &arguments);
        sink.close(at);
    }

    /// An id for a call that has none: the same however the reply is cut, and another in every reply.
    fn id(&self, index: u32, reply_id: &str, name: &str, arguments: &str) -> String {
        let number = self.calls;
        if !reply_id.is_empty() {
            return match index {
                0 => format!("call_{number}_{reply_id}"),
                _ => format!("call_{number}_{index}_{reply_id}"),
            };
        }
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        hasher.write(name.as_bytes());
        hasher.write(arguments.as_bytes());
        format!("call_{number}_{:016x}", hasher.finish())
    }

    /// Tells, once, what is known about the open text.
    fn tell(&self, at: At, about: &mut About<'_>, sink: &mut dyn Sink) {
        if let Some(result) = about.logprobs.take() {
            sink.logprobs(at, &read_reply::logprobs(result));
        }
        for citation in about.citations.take().and_then(|metadata| metadata.citations).unwrap_or_default() {
            let span = Some(citation.start_index.unwrap_or_default()).zip(citation.end_index);
            let span = span.filter(|_| !self.beyond_ascii);
            sink.citation(at, &Citation { url: citation.uri, title: citation.title, span, ..Citation::default() });
        }
    }
}

/// Fowler, Noll and Vo's hash: the same in every version of this program.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// JSON text without the spaces between its values; Google indents whole replies.
fn compact(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keep = |letter: &char| {
        if within {
            within = escaped || *letter != '"';
            escaped = !escaped && *letter == '\\';
            return true;
        }
        within = *letter == '"';
        !letter.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lose_only_the_spaces_between_their_values() {
        assert_eq!(compact("{\n  \"a b\": [1, \"c \\\" \\\\\", 2 ]\n}"), "{\"a b\":[1,\"c \\\" \\\\\",2]}");
    }
}
