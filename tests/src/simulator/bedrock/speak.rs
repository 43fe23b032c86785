//! What the model says, as Converse writes it: whole, and as a stream of binary events.

use serde_json::{Value, json};

use super::super::mind::{Finish, Said, Usage, signature};
use super::super::reply::{Meter, Piece, Reply};
use super::super::tokens;
use crate::event_stream::Frame;

/// Fills each event up, as the service does to hide lengths.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

pub(super) fn whole(said: &Said, tell_usage: bool) -> Reply {
    let mut content = Vec::new();
    if let Some(thought) = &said.thinking {
        let text = json!({"text": thought, "signature": signature(thought)});
        content.push(json!({"reasoningContent": {"reasoningText": text}}));
    }
    for text in [&said.text, &said.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
        content.push(json!({"text": text}));
    }
    for call in &said.calls {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        content.push(json!({"toolUse": {"toolUseId": call.id, "name": call.name, "input": input}}));
    }
    let message = json!({"role": "assistant", "content": content});
    let mut reply = json!({"metrics": {"latencyMs": 7}, "output": {"message": message}});
    reply["stopReason"] = json!(stop_reason(said));
    let output = said.usage().output;
    if tell_usage {
        reply["usage"] = usage(said.usage());
    }
    let usage = tell_usage.then_some(output);
    Reply::bytes(http::StatusCode::OK, "application/json", reply.to_string().into()).metered(Meter {
        generated: output,
        delivered: said.shown_tokens(),
        usage,
    })
}

pub(super) fn stream(said: &Said, tell_usage: bool) -> Reply {
    let mut events = Events { pieces: Vec::new(), index: 0 };
    events.push("messageStart", json!({"role": "assistant"}), Meter::hidden(said.hidden_tokens()));
    if let Some(thought) = &said.thinking {
        for piece in tokens::pieces(thought) {
            events.delta(json!({"reasoningContent": {"text": piece}}), Meter::shown(1));
        }
        events.delta(json!({"reasoningContent": {"signature": signature(thought)}}), Meter::default());
        events.stop();
    }
    for text in [&said.text, &said.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
        for piece in tokens::pieces(text) {
            events.delta(json!({"text": piece}), Meter::shown(1));
        }
        events.stop();
    }
    for call in &said.calls {
        let start = json!({"toolUse": {"toolUseId": call.id, "name": call.name}});
        let start = json!({"contentBlockIndex": events.index, "start": start});
        events.push("contentBlockStart", start, Meter::shown(call.opening_tokens()));
        for piece in tokens::pieces(&call.arguments) {
            events.delta(json!({"toolUse": {"input": piece}}), Meter::shown(1));
        }
        events.stop();
    }
    events.push("messageStop", json!({"stopReason": stop_reason(said)}), Meter::default());
    if tell_usage {
        let metadata = json!({"metrics": {"latencyMs": 7}, "usage": usage(said.usage())});
        events.push("metadata", metadata, Meter::usage(said.usage().output));
    }
    Reply::stream(CONTENT_TYPE, events.pieces)
}

pub(super) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

struct Events {
    pieces: Vec<Piece>,
    /// The content block that is being sent.
    index: usize,
}

impl Events {
    fn delta(&mut self, delta: Value, meter: Meter) {
        let delta = json!({"contentBlockIndex": self.index, "delta": delta});
        self.push("contentBlockDelta", delta, meter);
    }

    fn stop(&mut self) {
        self.push("contentBlockStop", json!({"contentBlockIndex": self.index}), Meter::default());
        self.index += 1;
    }

    fn push(&mut self, name: &str, mut payload: Value, meter: Meter) {
        let length = 4 + payload.to_string().len() % 31;
        payload["p"] = json!(PADDING.get(..length).unwrap_or_default());
        self.pieces.push(Piece { bytes: Frame::event(name, &payload).encode().into(), meter });
    }
}

fn stop_reason(said: &Said) -> &'static str {
    match said.finish() {
        Finish::Stop => "end_turn",
        Finish::StopString(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Refusal | Finish::Filtered => "content_filtered",
    }
}

/// What came from a cache and went into one is not in the input here, but in the total.
fn usage(usage: Usage) -> Value {
    let fresh = usage.input - usage.cached_read - usage.cache_creation;
    json!({
        "inputTokens": fresh,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cached_read,
        "cacheWriteInputTokens": usage.cache_creation,
    })
}
