//! `POST /v1/chat/completions`.

use serde_json::{Value, json};

use super::super::mind::{Finish, Said, ToolCall};
use super::{
    Answer, Bill, CREATED, Call, Meter, Reply, chat_request, chat_stream, count, flag, service_tier, tokens, tools,
};

/// A checked request and the answer to it; plain and streamed replies are two ways to write it down.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) service_tier: String,
    /// What each choice says.
    pub(super) said: Said,
    /// Names of tools whose input is text and no JSON.
    customs: Vec<String>,
    /// Choices asked for.
    pub(super) n: u64,
    /// Tell how likely each token was, and so many others in its place.
    pub(super) logprobs: Option<u64>,
    pub(super) include_usage: bool,
    /// Tell the usage so far in each event.
    pub(super) running_usage: bool,
    /// Pad the events of a stream to hide the length of what they say.
    pub(super) obfuscate: bool,
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let heard = chat_request::read(call, &body, stream)?;
    let said = call.think(&heard, "call_");
    let options = &body["stream_options"];
    let chat = Chat {
        id: call.id("chatcmpl-", &heard.digest),
        model: heard.model,
        service_tier: service_tier(&body),
        said,
        customs: tools::customs(&body),
        n: count(&body, "n", 1)?.unwrap_or(1),
        logprobs: (body["logprobs"] == true).then(|| body["top_logprobs"].as_u64().unwrap_or(0)),
        include_usage: options["include_usage"] == true && !call.manner.no_usage,
        running_usage: call.manner.running_usage,
        obfuscate: options["include_obfuscation"] != false,
    };
    let bill = Bill {
        model: chat.model.clone(),
        service_tier: Some(chat.service_tier.clone()),
        stream,
        prompt_tokens: chat.said.usage().input,
        cached_tokens: chat.said.usage().cached_read,
    };
    if stream {
        return Ok(chat_stream::reply(&chat).billed(bill));
    }
    let mut reply = plain(&chat);
    let mut meter = Meter {
        generated: chat.completion_tokens(),
        delivered: chat.said.shown_tokens() * chat.n,
        usage: Some(chat.completion_tokens()),
    };
    if call.manner.no_usage {
        reply.as_object_mut().map(|reply| reply.remove("usage"));
        meter.usage = None;
    }
    Ok(Reply::ok(&reply).metered(meter).billed(bill))
}

fn plain(chat: &Chat) -> Value {
    let said = &chat.said;
    let choices: Vec<Value> = (0..chat.n)
        .map(|index| {
            let mut message = json!({
                "role": "assistant", "content": said.text, "refusal": said.refusal, "annotations": [],
            });
            // As compatible providers tell thoughts; OpenAI itself hides them.
            if let Some(thought) = &said.thinking {
                message["reasoning_content"] = json!(thought);
            }
            if !said.calls.is_empty() {
                message["tool_calls"] = said.calls.iter().map(|call| chat.tool_call(call)).collect();
            }
            let texts = (said.text.as_deref(), said.refusal.as_deref());
            let logprobs = chat.logprobs_of(texts.0, texts.1);
            json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": chat.finish()})
        })
        .collect();
    json!({
        "id": chat.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": chat.model,
        "choices": choices,
        "usage": chat.usage(chat.completion_tokens(), said.usage().reasoning * chat.n),
        "service_tier": chat.service_tier,
        "system_fingerprint": null,
    })
}

impl Chat {
    /// What a call's object is called, and its arguments in it.
    pub(super) fn call_fields(&self, call: &ToolCall) -> (&'static str, &'static str) {
        if self.customs.contains(&call.name) { ("custom", "input") } else { ("function", "arguments") }
    }

    fn tool_call(&self, call: &ToolCall) -> Value {
        let (kind, arguments) = self.call_fields(call);
        json!({"id": call.id, "type": kind, kind: {"name": call.name, arguments: call.arguments}})
    }

    /// Why a choice ends.
    pub(super) fn finish(&self) -> &'static str {
        match self.said.finish() {
            Finish::Stop | Finish::StopString(_) | Finish::Refusal => "stop",
            Finish::Length => "length",
            Finish::Calls => "tool_calls",
            Finish::Filtered => "content_filter",
        }
    }

    /// The output of all choices, reasoning included.
    pub(super) fn completion_tokens(&self) -> u64 {
        self.said.usage().output * self.n
    }

    /// How likely the tokens of a text or refusal were; null unless asked for.
    pub(super) fn logprobs_of(&self, text: Option<&str>, refusal: Option<&str>) -> Value {
        let Some(top) = self.logprobs else { return Value::Null };
        let list =
            |text: &str| -> Value { tokens::pieces(text).into_iter().map(|piece| logprob(piece, top)).collect() };
        json!({"content": text.map(list), "refusal": refusal.map(list)})
    }

    /// A usage with so much output.
    pub(super) fn usage(&self, completion_tokens: u64, reasoning_tokens: u64) -> Value {
        let usage = self.said.usage();
        let mut told = json!({
            "prompt_tokens": usage.input,
            "completion_tokens": completion_tokens,
            "total_tokens": usage.input + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_read, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        });
        if usage.cache_creation > 0 {
            told["prompt_tokens_details"]["cache_write_tokens"] = json!(usage.cache_creation);
        }
        told
    }
}

/// A token with so many others that were likely in its place, itself among them.
pub(super) fn logprob(token: &str, top: u64) -> Value {
    let entry = |token: &str, logprob: f64| json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()});
    let others = (0..top).map(|rank| match rank {
        0 => entry(token, -0.25),
        _ => entry(&"?".repeat(usize::try_from(rank).unwrap_or(1)), -1.5 * rank as f64),
    });
    let others: Vec<Value> = others.collect();
    let mut logprob = entry(token, -0.25);
    logprob["top_logprobs"] = json!(others);
    logprob
}
