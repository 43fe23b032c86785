//! A chat answer as a stream: role, thoughts, content, refusal and tool-call deltas, finish, usage if asked for,
//! `[DONE]`. <https://platform.openai.com/docs/api-reference/chat-streaming> (seen 2026-11).

use serde_json::{Value, json};

use super::super::mind::ToolCall;
use super::chat::Chat;
use super::{CREATED, Event, Meter, Reply, tokens};

pub(super) fn reply(chat: &Chat) -> Reply {
    let mut stream = Stream { chat, events: Vec::new(), completion_tokens: 0, reasoning_tokens: 0 };
    for index in 0..chat.n {
        stream.turn(index);
        stream.push(choice(index, &json!({}), Some(chat.finish())), Meter::default());
    }
    if chat.include_usage {
        stream.usage();
    }
    Reply::data_events(stream.events)
}

struct Stream<'a> {
    chat: &'a Chat,
    events: Vec<Event>,
    /// The output of the events so far, reasoning included.
    completion_tokens: u64,
    reasoning_tokens: u64,
}

impl Stream<'_> {
    fn turn(&mut self, index: u64) {
        let said = &self.chat.said;
        let hidden = Meter::hidden(said.hidden_tokens());
        let texts = [&said.thinking, &said.text, &said.refusal].into_iter().any(Option::is_some);
        if texts || said.calls.is_empty() {
            let content = said.text.as_ref().map(|_| "");
            let role = json!({"role": "assistant", "content": content, "refusal": null});
            self.push(choice(index, &role, None), hidden);
        }
        self.thoughts(index);
        self.pieces(index, "content", said.text.as_deref());
        self.pieces(index, "refusal", said.refusal.as_deref());
        for (at, call) in said.calls.iter().enumerate() {
            self.call(index, at, call, (!texts && at == 0).then_some(hidden));
        }
    }

    fn thoughts(&mut self, index: u64) {
        for piece in self.chat.said.thinking.as_deref().map(tokens::pieces).unwrap_or_default() {
            self.reasoning_tokens += 1;
            self.push(choice(index, &json!({"reasoning_content": piece}), None), Meter::shown(1));
        }
    }

    fn pieces(&mut self, index: u64, field: &str, text: Option<&str>) {
        for piece in text.map(tokens::pieces).unwrap_or_default() {
            let mut choice = choice(index, &json!({field: piece}), None);
            let (content, refusal) = if field == "content" { (Some(piece), None) } else { (None, Some(piece)) };
            choice["logprobs"] = self.chat.logprobs_of(content, refusal);
            self.push(choice, Meter::shown(1));
        }
    }

    /// The events of a call; the first of a turn without text says the role too, and has the hidden tokens.
    fn call(&mut self, index: u64, at: usize, call: &ToolCall, first: Option<Meter>) {
        let (kind, arguments) = self.chat.call_fields(call);
        let called = json!({"name": call.name, arguments: ""});
        let opening = json!([{"index": at, "id": call.id, "type": kind, kind: called}]);
        let mut meter = Meter::shown(call.opening_tokens());
        let opening = match first {
            Some(hidden) => {
                meter.generated += hidden.generated;
                json!({"role": "assistant", "content": null, "tool_calls": opening, "refusal": null})
            }
            None => json!({"tool_calls": opening}),
        };
        self.push(choice(index, &opening, None), meter);
        for piece in tokens::pieces(&call.arguments) {
            let more = json!([{"index": at, kind: {arguments: piece}}]);
            self.push(choice(index, &json!({"tool_calls": more}), None), Meter::shown(1));
        }
    }

    /// The event at the end that has no choices.
    fn usage(&mut self) {
        let mut event = envelope(self.chat);
        let reasoning = self.chat.said.usage().reasoning * self.chat.n;
        event["choices"] = json!([]);
        event["usage"] = self.chat.usage(self.chat.completion_tokens(), reasoning);
        let meter = Meter::usage(self.chat.completion_tokens());
        self.events.push(Event { data: obfuscated(self.chat, event), meter });
    }

    fn push(&mut self, choice: Value, mut meter: Meter) {
        self.completion_tokens += meter.generated;
        self.reasoning_tokens += meter.generated - meter.delivered;
        let mut event = envelope(self.chat);
        event["choices"] = json!([choice]);
        if self.chat.include_usage {
            event["usage"] = Value::Null;
            if self.chat.running_usage {
                event["usage"] = self.chat.usage(self.completion_tokens, self.reasoning_tokens);
                meter.usage = Some(self.completion_tokens);
            }
        }
        self.events.push(Event { data: obfuscated(self.chat, event), meter });
    }
}

fn choice(index: u64, delta: &Value, finish: Option<&str>) -> Value {
    json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish})
}

fn envelope(chat: &Chat) -> Value {
    json!({
        "id": chat.id,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": chat.model,
        "service_tier": chat.service_tier,
        "system_fingerprint": null,
    })
}

/// Pads the event to a multiple of 16 bytes, as the provider hides lengths.
fn obfuscated(chat: &Chat, mut event: Value) -> Value {
    if chat.obfuscate {
        let missing = 16 - event.to_string().len() % 16;
        event["obfuscation"] = json!("x".repeat(missing));
    }
    event
}
