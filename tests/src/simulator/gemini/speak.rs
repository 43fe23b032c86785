//! What the model says, as candidates: whole, as events, or as an array that grows.
//!
//! Events end in CRLF, and the array's elements are apart as Google sends them. Each chunk tells the usage so far.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::mind::{Finish, Said, ToolCall};
use super::super::reply::{Event, Meter, Piece, Reply};
use super::super::tokens;
use super::generate::json_reply;

/// An answer with what its chunks repeat.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) id: String,
    pub(super) model: String,
    /// What the model's parts are signed with, if it signs them.
    pub(super) signature: Option<String>,
    pub(super) candidates: u64,
    pub(super) tell_usage: bool,
    pub(super) traffic: Option<&'static str>,
    pub(super) said: Said,
}

/// A part of a candidate, and the tokens in it.
struct Part {
    value: Value,
    shown: u64,
    thought: bool,
}

pub(super) fn whole(spoken: &Spoken) -> Reply {
    let mut reply = json!({});
    let parts = spoken.parts(false);
    let delivered: u64 = parts.iter().map(|part| part.shown).sum();
    if spoken.blocks() {
        // Nothing was made, so nothing but the prompt counts.
        reply["promptFeedback"] = json!({"blockReason": "PROHIBITED_CONTENT"});
        spoken.close(&mut reply, 0, 0);
        let usage = spoken.tell_usage.then_some(0);
        return json_reply(&reply).metered(Meter { usage, ..Meter::default() });
    } else {
        let parts: Vec<Value> = parts.into_iter().map(|part| part.value).collect();
        let candidate = |index| {
            let mut candidate = json!({});
            // A candidate without parts has a role all the same.
            candidate["content"] = if parts.is_empty() { json!({}) } else { json!({"parts": parts}) };
            candidate["content"]["role"] = json!("model");
            candidate["finishReason"] = json!(spoken.finish());
            candidate["index"] = json!(index);
            candidate
        };
        reply["candidates"] = (0..spoken.candidates).map(candidate).collect();
    }
    let usage = spoken.said.usage();
    let output = usage.output * spoken.times();
    spoken.close(&mut reply, output - usage.reasoning * spoken.times(), usage.reasoning * spoken.times());
    let usage = spoken.tell_usage.then_some(output);
    json_reply(&reply).metered(Meter { generated: output, delivered: delivered * spoken.times(), usage })
}

/// The answer in chunks, each a `GenerateContentResponse`.
pub(super) fn chunks(spoken: &Spoken) -> Vec<Event> {
    let mut stream = Stream { spoken, events: Vec::new(), said: 0, thought: 0 };
    if spoken.blocks() {
        stream.push(json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), 0, 0, false);
        return stream.events;
    }
    let parts = spoken.parts(true);
    let usage = spoken.said.usage();
    let thought: u64 = parts.iter().filter(|part| part.thought).map(|part| part.shown).sum();
    let shown: u64 = parts.iter().map(|part| part.shown).sum();
    for index in 0..spoken.candidates {
        let mut hidden = usage.reasoning.saturating_sub(thought);
        // A call that a limit cut was made and is not shown.
        let unsaid = usage.output.saturating_sub(shown + hidden);
        for part in &parts {
            let content = json!({"parts": [part.value], "role": "model"});
            let chunk = json!({"candidates": [{"content": content, "index": index}]});
            stream.push(chunk, part.shown, std::mem::take(&mut hidden), part.thought);
        }
        let mut last = json!({"text": ""});
        if let Some(signature) = spoken.signature.as_ref().filter(|_| spoken.said.calls.is_empty()) {
            last["thoughtSignature"] = json!(signature);
        }
        let content = json!({"parts": [last], "role": "model"});
        let end = json!({"content": content, "finishReason": spoken.finish(), "index": index});
        stream.said += unsaid;
        stream.push(json!({"candidates": [end]}), 0, hidden, false);
        if let Some(event) = stream.events.last_mut() {
            event.meter.generated += unsaid;
        }
    }
    stream.events
}

/// The chunks as server-sent events.
pub(super) fn events(chunks: Vec<Event>) -> Reply {
    let piece = |Event { data, meter }| Piece { bytes: Bytes::from(format!("data: {data}\r\n\r\n")), meter };
    Reply::stream("text/event-stream", chunks.into_iter().map(piece).collect())
}

/// The chunks as an array of which each element is sent when it is known.
pub(super) fn array(chunks: Vec<Event>) -> Reply {
    let piece = |(at, Event { data, meter })| {
        let before = if at == 0 { "[" } else { "\n,\r\n" };
        Piece { bytes: Bytes::from(format!("{before}{data:#}")), meter }
    };
    let mut pieces: Vec<Piece> = chunks.into_iter().enumerate().map(piece).collect();
    pieces.push(Bytes::from_static(b"\n]").into());
    Reply::stream("application/json; charset=UTF-8", pieces)
}

struct Stream<'a> {
    spoken: &'a Spoken,
    events: Vec<Event>,
    /// Tokens of text and calls so far.
    said: u64,
    /// Tokens of thought so far, shown or not.
    thought: u64,
}

impl Stream<'_> {
    fn push(&mut self, mut chunk: Value, shown: u64, hidden: u64, is_thought: bool) {
        self.thought += hidden + if is_thought { shown } else { 0 };
        self.said += if is_thought { 0 } else { shown };
        self.spoken.close(&mut chunk, self.said, self.thought);
        let usage = self.spoken.tell_usage.then_some(self.said + self.thought);
        self.events.push(Event { data: chunk, meter: Meter { generated: shown + hidden, delivered: shown, usage } });
    }
}

impl Spoken {
    /// A refusal blocks the prompt: there is no candidate then.
    fn blocks(&self) -> bool {
        self.said.refusal.is_some()
    }

    fn times(&self) -> u64 {
        self.candidates.max(1)
    }

    fn finish(&self) -> &'static str {
        match self.said.finish() {
            Finish::Length => "MAX_TOKENS",
            Finish::Filtered | Finish::Refusal => "SAFETY",
            Finish::Stop | Finish::StopString(_) | Finish::Calls => "STOP",
        }
    }

    /// Thought, text and calls; in a stream, text comes token by token and its signature in the end.
    fn parts(&self, stream: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        for (text, thought) in [(&self.said.thinking, true), (&self.said.text, false)] {
            let Some(text) = text else { continue };
            let pieces = if stream { tokens::pieces(text) } else { vec![text.as_str()] };
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                let value = if thought { json!({"text": piece, "thought": true}) } else { json!({"text": piece}) };
                parts.push(Part { value, shown: tokens::count(piece), thought });
            }
        }
        let mut calls: Vec<Part> = self.said.calls.iter().filter_map(|call| self.call(call)).collect();
        if let Some(signature) = &self.signature {
            let signed = match calls.first_mut() {
                Some(first) => Some(first),
                None if stream => None,
                None => parts.last_mut().filter(|part| !part.thought),
            };
            if let Some(part) = signed {
                part.value["thoughtSignature"] = json!(signature);
            }
        }
        parts.extend(calls);
        parts
    }

    /// A call; one that a limit cut has no arguments to speak of, and is not sent.
    fn call(&self, call: &ToolCall) -> Option<Part> {
        let arguments: Value = serde_json::from_str(&call.arguments).ok()?;
        let mut function = json!({"name": call.name, "args": arguments});
        if self.signature.is_some() {
            function["id"] = json!(call.id);
        }
        Some(Part { value: json!({"functionCall": function}), shown: call.tokens(), thought: false })
    }

    /// Adds what stands at the end of each chunk.
    fn close(&self, chunk: &mut Value, said: u64, thought: u64) {
        if self.tell_usage {
            let usage = self.said.usage();
            let mut told = json!({"promptTokenCount": usage.input});
            if said > 0 {
                told["candidatesTokenCount"] = json!(said);
            }
            told["totalTokenCount"] = json!(usage.input + said + thought);
            if usage.cached_read > 0 {
                told["cachedContentTokenCount"] = json!(usage.cached_read);
                told["cacheTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": usage.cached_read}]);
            }
            told["promptTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": usage.input}]);
            if thought > 0 {
                told["thoughtsTokenCount"] = json!(thought);
            }
            if let Some(traffic) = self.traffic {
                told["trafficType"] = json!(traffic);
            }
            chunk["usageMetadata"] = told;
        }
        chunk["modelVersion"] = json!(self.model);
        chunk["responseId"] = json!(self.id);
    }
}
