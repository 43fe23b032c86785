//! One candidate of a backend's reply: its parts, as they come.

use std::hash::Hasher;

use super::part_of::fenced;
use super::read_reply;
use super::wire_reply::{CitationMetadata, LogprobsResult, ReplyPart};
use super::wire_request::FunctionCall;
use crate::content::Citation;
use crate::json;
use crate::reply::Finish;
use crate::signature::{self, Maker};
use crate::stream::{At, Opening, Sink};

/// A candidate.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) open: Option<(u32, Kind)>,
    pub(super) next: u32,
    pub(super) calls: u32,
    /// Places of citations are counted in bytes; they are known in characters as long as each has one.
    pub(super) beyond_ascii: bool,
    pub(super) finish: Option<Finish<'static>>,
}

/// What stands beside the parts, and is about their text.
pub(super) struct About<'a> {
    pub(super) logprobs: Option<LogprobsResult<'a>>,
    pub(super) citations: Option<CitationMetadata<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
}

impl State {
    pub(super) fn part(
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

    pub(super) fn close(&mut self, index: u32, sink: &mut dyn Sink) {
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
    pub(super) fn tell(&self, at: At, about: &mut About<'_>, sink: &mut dyn Sink) {
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
