//! What the model says, as Cohere's chat writes it, whole and as a stream.
//!
//! What is said before tools are called is the plan, and no content.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::mind::{Finish, Said, ToolCall};
use super::super::reply::{Body, Event, Meter, Reply};
use super::super::tokens;

pub(super) fn whole(id: &str, said: &Said, tell_usage: bool) -> Reply {
    let mut message = json!({"role": "assistant"});
    let mut content = Vec::new();
    if let Some(thought) = &said.thinking {
        content.push(json!({"type": "thinking", "thinking": thought}));
    }
    match text(said) {
        Some(plan) if !said.calls.is_empty() => message["tool_plan"] = json!(plan),
        Some(text) => content.push(json!({"type": "text", "text": text})),
        None => {}
    }
    if !content.is_empty() {
        message["content"] = json!(content);
    }
    if !said.calls.is_empty() {
        message["tool_calls"] = said.calls.iter().map(|call| tool_call(call, &call.arguments)).collect();
    }
    let mut reply = json!({"id": id, "message": message, "finish_reason": finish(said)});
    let output = said.usage().output;
    if tell_usage {
        reply["usage"] = usage(said);
    }
    let usage = tell_usage.then_some(output);
    Reply::compact_ok(&reply).metered(Meter { generated: output, delivered: said.shown_tokens(), usage })
}

pub(super) fn stream(id: &str, said: &Said, tell_usage: bool) -> Reply {
    let mut events = Events { events: Vec::new(), index: 0 };
    let start = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let start = json!({"id": id, "type": "message-start", "delta": {"message": start}});
    events.push(start, Meter::hidden(said.hidden_tokens()));
    if let Some(thought) = &said.thinking {
        events.content("thinking", thought);
    }
    match text(said) {
        Some(plan) if !said.calls.is_empty() => events.plan(plan),
        Some(text) => events.content("text", text),
        None => {}
    }
    for (index, call) in said.calls.iter().enumerate() {
        events.call(index, call);
    }
    let mut end = json!({"finish_reason": finish(said)});
    let mut meter = Meter::default();
    if tell_usage {
        end["usage"] = usage(said);
        meter = Meter::usage(said.usage().output);
    }
    events.push(json!({"type": "message-end", "id": id, "delta": end}), meter);
    let mut reply = Reply::typed_events(events.events);
    if let Body::Pieces(pieces) = &mut reply.body {
        pieces.push(Bytes::from_static(b"data: [DONE]\n\n").into());
    }
    reply
}

/// The event that ends a stream which failed.
pub(super) fn failed(message: &str) -> Value {
    json!({"type": "message-end", "delta": {"error": message, "finish_reason": "ERROR"}})
}

struct Events {
    events: Vec<Event>,
    /// The content that is being sent.
    index: usize,
}

impl Events {
    fn content(&mut self, kind: &str, text: &str) {
        let index = self.index;
        let event = |event: &str, content: Value| json!({"type": event, "index": index, "delta": {"message": {"content": content}}});
        self.push(event("content-start", json!({"type": kind, kind: ""})), Meter::default());
        for piece in tokens::pieces(text) {
            self.push(event("content-delta", json!({kind: piece})), Meter::shown(1));
        }
        self.push(json!({"type": "content-end", "index": index}), Meter::default());
        self.index += 1;
    }

    fn plan(&mut self, plan: &str) {
        for piece in tokens::pieces(plan) {
            let delta = json!({"message": {"tool_plan": piece}});
            self.push(json!({"type": "tool-plan-delta", "delta": delta}), Meter::shown(1));
        }
    }

    fn call(&mut self, index: usize, call: &ToolCall) {
        let event = |event: &str, calls: Value| json!({"type": event, "index": index, "delta": {"message": {"tool_calls": calls}}});
        self.push(event("tool-call-start", tool_call(call, "")), Meter::shown(call.opening_tokens()));
        for piece in tokens::pieces(&call.arguments) {
            self.push(event("tool-call-delta", json!({"function": {"arguments": piece}})), Meter::shown(1));
        }
        self.push(json!({"type": "tool-call-end", "index": index}), Meter::default());
    }

    fn push(&mut self, data: Value, meter: Meter) {
        self.events.push(Event { data, meter });
    }
}

fn text(said: &Said) -> Option<&str> {
    said.text.as_deref().or(said.refusal.as_deref()).filter(|text| !text.is_empty())
}

fn tool_call(call: &ToolCall, arguments: &str) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

fn finish(said: &Said) -> &'static str {
    match said.finish() {
        Finish::Stop | Finish::Refusal => "COMPLETE",
        Finish::StopString(_) => "STOP_SEQUENCE",
        Finish::Length => "MAX_TOKENS",
        Finish::Calls => "TOOL_CALL",
        Finish::Filtered => "ERROR",
    }
}

fn usage(said: &Said) -> Value {
    let usage = said.usage();
    let tokens = json!({"input_tokens": usage.input, "output_tokens": usage.output});
    json!({"billed_units": tokens, "tokens": tokens, "cached_tokens": usage.cached_read})
}
