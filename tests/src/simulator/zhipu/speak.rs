//! What the model says, as Zhipu's chat writes it, whole and as a stream. A stream's last chunk tells the usage.

use serde_json::{Value, json};

use super::super::mind::{Finish, Said};
use super::super::openai::CREATED;
use super::super::reply::{Event, Meter, Reply};
use super::super::tokens;

/// An answer with what its chunks repeat.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) id: String,
    pub(super) request_id: String,
    pub(super) model: String,
    pub(super) said: Said,
    pub(super) tell_usage: bool,
}

impl Spoken {
    pub(super) fn whole(&self) -> Reply {
        let mut message = json!({"role": "assistant", "content": self.text().unwrap_or_default()});
        if let Some(thought) = &self.said.thinking {
            message["reasoning_content"] = json!(thought);
        }
        if !self.said.calls.is_empty() {
            message["tool_calls"] = (0..self.said.calls.len()).map(|at| self.call(at)).collect();
        }
        let mut reply = self.envelope("chat.completion");
        reply["request_id"] = json!(self.request_id);
        reply["choices"] = json!([{"index": 0, "finish_reason": self.finish(), "message": message}]);
        let output = self.said.usage().output;
        if self.tell_usage {
            reply["usage"] = self.usage();
        }
        let usage = self.tell_usage.then_some(output);
        Reply::compact_ok(&reply).metered(Meter { generated: output, delivered: self.said.shown_tokens(), usage })
    }

    pub(super) fn stream(&self) -> Reply {
        let mut events = Vec::new();
        let mut hidden = self.said.hidden_tokens();
        let mut push = |delta: Value, shown: u64| {
            let mut chunk = self.envelope("chat.completion.chunk");
            chunk["choices"] = json!([{"index": 0, "delta": delta}]);
            let meter = Meter { generated: shown + std::mem::take(&mut hidden), delivered: shown, usage: None };
            events.push(Event { data: chunk, meter });
        };
        for (name, text) in [("reasoning_content", self.said.thinking.as_deref()), ("content", self.text())] {
            for piece in text.map(tokens::pieces).unwrap_or_default() {
                push(json!({"role": "assistant", name: piece}), 1);
            }
        }
        for (at, call) in self.said.calls.iter().enumerate() {
            // A call comes whole, unless `tool_stream` asks for its pieces, which is not simulated.
            push(json!({"role": "assistant", "tool_calls": [self.call(at)]}), call.tokens());
        }
        let mut last = self.envelope("chat.completion.chunk");
        let delta = json!({"role": "assistant", "content": ""});
        last["choices"] = json!([{"index": 0, "finish_reason": self.finish(), "delta": delta}]);
        let mut meter = Meter::hidden(hidden);
        if self.tell_usage {
            last["usage"] = self.usage();
            meter.usage = Some(self.said.usage().output);
        }
        events.push(Event { data: last, meter });
        Reply::data_events(events)
    }

    /// Its kind is not in the reference, and is in every reply; clients look for it.
    fn envelope(&self, object: &str) -> Value {
        json!({"id": self.id, "created": CREATED, "object": object, "model": self.model})
    }

    fn text(&self) -> Option<&str> {
        self.said.text.as_deref().or(self.said.refusal.as_deref())
    }

    fn call(&self, at: usize) -> Value {
        let Some(call) = self.said.calls.get(at) else { return Value::Null };
        let function = json!({"name": call.name, "arguments": call.arguments});
        json!({"id": call.id, "index": at, "type": "function", "function": function})
    }

    fn finish(&self) -> &'static str {
        match self.said.finish() {
            Finish::Stop | Finish::StopString(_) => "stop",
            Finish::Length => "length",
            Finish::Calls => "tool_calls",
            Finish::Refusal | Finish::Filtered => "sensitive",
        }
    }

    fn usage(&self) -> Value {
        let usage = self.said.usage();
        json!({
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached_read},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        })
    }
}
