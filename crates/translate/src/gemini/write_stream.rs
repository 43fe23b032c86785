//! A stream to a client: events as Google writes them, or one JSON array piece by piece.
//!
//! Text goes out at once. A call goes out whole, because the dialect has no pieces of calls; and why a candidate ended
//! goes out with the usage, in the last event.

use std::collections::BTreeMap;
use std::io::Write;

use ditto_llm::usage::Usage;

use super::wire_reply::CitationMetadata;
use super::wire_request::{Content, Part as Wire};
use super::write_failure;
use super::write_reply::{self, OutCandidate, OutEnvelope, OutReply};
use crate::content::{Citation, ToolCall};
use crate::failure::Failure;
use crate::json;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start, StreamWriter};
use crate::target::ReplyContext;
use crate::text::Text;

/// What is kept of a part until it closes: arguments, or a signature.
const HELD_BYTES_MAX: usize = 1 << 20;

/// Writes a client's stream.
#[derive(Debug)]
pub struct Writer {
    output: Vec<u8>,
    envelope: bool,
    array: bool,
    is_first: bool,
    over: bool,
    model: String,
    id: String,
    /// What follows the candidates in every event of text.
    tail: Vec<u8>,
    open: BTreeMap<u32, Open>,
    /// Why candidates ended, and whether a call of theirs is broken.
    finished: BTreeMap<u32, &'static str>,
    malformed: BTreeMap<u32, bool>,
    beyond_ascii: BTreeMap<u32, bool>,
    usage: Option<Usage>,
}

/// The part of a candidate that is open.
#[derive(Debug)]
struct Open {
    opening: Opening<'static>,
    held: String,
    too_long: bool,
    has_words: bool,
}

impl Writer {
    /// A writer for this request.
    pub fn new(context: &ReplyContext) -> Self {
        Self {
            output: Vec::new(),
            envelope: context.envelope,
            array: context.json_array,
            is_first: true,
            over: false,
            model: context.model.clone(),
            id: context.request_id.clone(),
            tail: Vec::new(),
            open: BTreeMap::new(),
            finished: BTreeMap::new(),
            malformed: BTreeMap::new(),
            beyond_ascii: BTreeMap::new(),
            usage: None,
        }
    }

    fn begin(&mut self) {
        let start: &[u8] = match (self.array, self.is_first) {
            (true, true) => b"[",
            (true, false) => b",\r\n",
            (false, _) => b"data: ",
        };
        self.output.extend_from_slice(start);
        self.is_first = false;
    }

    fn close_event(&mut self) {
        self.output.extend_from_slice(if self.array { b"\r\n" } else { b"\r\n\r\n" });
    }

    fn candidate(&mut self, candidate: OutCandidate<'_>) {
        self.event(vec![candidate], None);
    }

    fn event(&mut self, candidates: Vec<OutCandidate<'_>>, usage: Option<Usage>) {
        self.begin();
        let (model, id) = (std::mem::take(&mut self.model), std::mem::take(&mut self.id));
        let usage_metadata = usage.as_ref().map(write_reply::usage);
        let reply = OutReply { candidates, usage_metadata, model_version: &model, response_id: &id };
        if self.envelope {
            json::append(&mut self.output, &OutEnvelope { response: &reply, trace_id: &id });
        } else {
            json::append(&mut self.output, &reply);
        }
        (self.model, self.id) = (model, id);
        self.close_event();
    }

    fn part(&mut self, choice: u32, part: Wire<'_>) {
        self.candidate(OutCandidate { content: content(vec![part]), index: choice, ..OutCandidate::default() });
    }

    /// An event of text, straight into the output.
    fn words(&mut self, choice: u32, thought: bool, text: &str) {
        self.begin();
        let out = &mut self.output;
        if self.envelope {
            out.extend_from_slice(b"{\"response\":");
        }
        out.extend_from_slice(b"{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":");
        json::append(out, &text);
        if thought {
            out.extend_from_slice(b",\"thought\":true");
        }
        out.extend_from_slice(b"}]},\"index\":");
        if choice == 0 {
            out.push(b'0');
        } else {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{choice}");
        }
        out.extend_from_slice(&self.tail);
        self.close_event();
    }

    fn call(&mut self, choice: u32, open: Open) {
        let Opening::ToolCall { id, name, custom } = open.opening else { return };
        let call = ToolCall { id, name, arguments: open.held.into(), custom, cache: None };
        match write_reply::function_call(&call).filter(|_| !open.too_long) {
            Some(part) => self.part(choice, part),
            None => {
                self.malformed.insert(choice, true);
            }
        }
    }

    fn thought_ended(&mut self, choice: u32, open: &Open, redacted: bool) {
        if open.held.is_empty() || open.too_long {
            return;
        }
        let is_thought = open.has_words || !write_reply::is_of_text(&open.held);
        let signature = super::proof::for_client(&open.held, redacted);
        self.part(choice, write_reply::thought(Text::default(), Some(signature), is_thought));
    }

    fn finish_body(&mut self) {
        self.over = true;
        if self.array {
            self.output.extend_from_slice(if self.is_first { b"[]" } else { b"]" });
        }
    }
}

fn content(parts: Vec<Wire<'_>>) -> Content<'_> {
    Content { role: Some("model".into()), parts, ..Content::default() }
}

impl Open {
    fn hold(&mut self, text: &str) {
        if self.held.len().saturating_add(text.len()) > HELD_BYTES_MAX {
            self.too_long = true;
        } else {
            self.held.push_str(text);
        }
    }
}

impl Sink for Writer {
    fn start(&mut self, start: &Start<'_>) {
        if !start.model.is_empty() {
            self.model = start.model.to_string();
        }
        if !start.id.is_empty() {
            self.id = start.id.to_string();
        }
        self.usage = start.usage;
        let mut tail = b"}],\"modelVersion\":".to_vec();
        json::append(&mut tail, &self.model);
        tail.extend_from_slice(b",\"responseId\":");
        json::append(&mut tail, &self.id);
        tail.push(b'}');
        if self.envelope {
            tail.extend_from_slice(b",\"traceId\":");
            json::append(&mut tail, &self.id);
            tail.push(b'}');
        }
        self.tail = tail;
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        let opening = match opening {
            Opening::Text => Opening::Text,
            Opening::Refusal => Opening::Refusal,
            Opening::Thinking { redacted } => Opening::Thinking { redacted: *redacted },
            Opening::ToolCall { id, name, custom } => {
                let (id, name) = (id.clone().into_static(), name.clone().into_static());
                Opening::ToolCall { id, name, custom: *custom }
            }
        };
        self.open.insert(at.choice, Open { opening, held: String::new(), too_long: false, has_words: false });
    }

    fn delta(&mut self, at: At, text: &str) {
        let Some(open) = self.open.get_mut(&at.choice) else { return };
        let is_thought = match open.opening {
            Opening::ToolCall { .. } => return open.hold(text),
            Opening::Thinking { .. } => true,
            Opening::Text | Opening::Refusal => false,
        };
        if text.is_empty() {
            return;
        }
        open.has_words = true;
        if !is_thought && !text.is_ascii() {
            self.beyond_ascii.insert(at.choice, true);
        }
        self.words(at.choice, is_thought, text);
    }

    fn signature(&mut self, at: At, signature: &str) {
        if let Some(open) = self.open.get_mut(&at.choice) {
            open.hold(signature);
        }
    }

    fn citation(&mut self, at: At, citation: &Citation<'_>) {
        let ascii = !self.beyond_ascii.contains_key(&at.choice);
        let Some(cited) = write_reply::cite(citation, ascii) else { return };
        let citation_metadata = Some(CitationMetadata { citations: Some(vec![cited]) });
        let content = content(vec![write_reply::words(Text::default())]);
        self.candidate(OutCandidate { content, citation_metadata, index: at.choice, ..OutCandidate::default() });
    }

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        let logprobs_result = write_reply::logprobs(tokens);
        let content = content(vec![write_reply::words(Text::default())]);
        self.candidate(OutCandidate { content, logprobs_result, index: at.choice, ..OutCandidate::default() });
    }

    fn close(&mut self, at: At) {
        let Some(open) = self.open.remove(&at.choice) else { return };
        match open.opening {
            Opening::ToolCall { .. } => self.call(at.choice, open),
            Opening::Thinking { redacted } => self.thought_ended(at.choice, &open, redacted),
            Opening::Text | Opening::Refusal => {}
        }
    }

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        let malformed = self.malformed.contains_key(&choice);
        self.finished.insert(choice, write_reply::finish_word(finish, malformed));
    }

    fn usage(&mut self, usage: &Usage) {
        self.usage = Some(*usage);
    }

    /// The dialect has no event for it.
    fn ping(&mut self) {}

    fn failure(&mut self, failure: &Failure) {
        if self.over {
            return;
        }
        self.begin();
        self.output.extend_from_slice(&write_failure::write_failure(failure).1);
        self.close_event();
        self.finish_body();
    }

    fn end(&mut self) {
        if self.over {
            return;
        }
        let last = |(index, word): (u32, &'static str)| {
            let content = content(vec![write_reply::words(Text::default())]);
            OutCandidate { content, finish_reason: Some(word), index, ..OutCandidate::default() }
        };
        let candidates = std::mem::take(&mut self.finished).into_iter().map(last).collect();
        self.event(candidates, self.usage);
        self.finish_body();
    }
}

impl StreamWriter for Writer {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }
}
