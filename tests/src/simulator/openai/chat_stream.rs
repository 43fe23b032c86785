//! A chat answer as a stream: role, content or tool-call deltas, finish, usage if asked for, `[DONE]`.

use serde_json::{Value, json};

use super::chat::Chat;
use super::conversation::{self, ToolCall, Turn};
use super::{CREATED, Event, Meter, Reply, tokens};

pub(super) fn reply(chat: &Chat) -> Reply {
    let mut stream = Stream { chat, events: Vec::new(), completion_tokens: 0, reasoning_tokens: 0 };
    for index in 0..chat.n {
        match &chat.turn {
            Turn::Text(text) => stream.text(index, text),
            Turn::Calls(calls) => stream.calls(index, calls),
        }
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
    fn text(&mut self, index: u64, text: &str) {
        let role = json!({"role": "assistant", "content": "", "refusal": null});
        self.push(choice(index, &role, None), Meter::hidden(self.chat.reasoning_tokens));
        for piece in tokens::pieces(text) {
            self.push(choice(index, &json!({"content": piece}), None), Meter::shown(1));
        }
    }

    fn calls(&mut self, index: u64, calls: &[ToolCall]) {
        if calls.is_empty() {
            let role = json!({"role": "assistant", "content": null, "refusal": null});
            self.push(choice(index, &role, None), Meter::hidden(self.chat.reasoning_tokens));
        }
        for (at, call) in calls.iter().enumerate() {
            let function = json!({"name": call.name, "arguments": ""});
            let opening = json!([{"index": at, "id": call.id, "type": "function", "function": function}]);
            let mut meter = Meter::shown(conversation::opening_tokens(call));
            let opening = match at {
                0 => json!({"role": "assistant", "content": null, "tool_calls": opening, "refusal": null}),
                _ => json!({"tool_calls": opening}),
            };
            if at == 0 {
                meter.generated += self.chat.reasoning_tokens;
            }
            self.push(choice(index, &opening, None), meter);
            for piece in tokens::pieces(&call.arguments) {
                let more = json!([{"index": at, "function": {"arguments": piece}}]);
                self.push(choice(index, &json!({"tool_calls": more}), None), Meter::shown(1));
            }
        }
    }

    /// The event at the end that has no choices.
    fn usage(&mut self) {
        let mut event = envelope(self.chat);
        event["choices"] = json!([]);
        event["usage"] = self.chat.usage(self.completion_tokens, self.reasoning_tokens);
        let meter = Meter::usage(self.completion_tokens);
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
