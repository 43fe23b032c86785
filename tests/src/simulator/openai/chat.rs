//! `POST /v1/chat/completions`.

use serde_json::{Value, json};

use super::conversation::{self, Conversation, ToolCall, Turn};
use super::error::ApiError;
use super::{Answer, Bill, CREATED, Call, Meter, Reply, chat_stream, count, digest, flag, service_tier, tokens};

/// A checked request and the answer to it; plain and streamed replies are two ways to write it down.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) service_tier: String,
    /// What each choice says, as far as the limit let it.
    pub(super) turn: Turn,
    /// Whether the limit cut it.
    cut: bool,
    /// Choices asked for.
    pub(super) n: u64,
    prompt_tokens: u64,
    cached_tokens: u64,
    /// Thought before each choice.
    pub(super) reasoning_tokens: u64,
    pub(super) include_usage: bool,
    /// Tell the usage so far in each event.
    pub(super) running_usage: bool,
    /// Pad the events of a stream to hide the length of what they say.
    pub(super) obfuscate: bool,
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let chat = read(call, &body, stream)?;
    let bill = Bill {
        model: chat.model.clone(),
        service_tier: Some(chat.service_tier.clone()),
        stream,
        prompt_tokens: chat.prompt_tokens,
        cached_tokens: chat.cached_tokens,
    };
    if stream {
        return Ok(chat_stream::reply(&chat).billed(bill));
    }
    let mut reply = plain(&chat);
    let mut meter = Meter {
        generated: chat.completion_tokens(),
        delivered: chat.turn.tokens() * chat.n,
        usage: Some(chat.completion_tokens()),
    };
    if call.manner.no_usage {
        reply.as_object_mut().map(|reply| reply.remove("usage"));
        meter.usage = None;
    }
    Ok(Reply::ok(&reply).metered(meter).billed(bill))
}

fn read(call: &Call<'_>, body: &Value, stream: bool) -> Result<Chat, ApiError> {
    let model = call.model(body)?;
    let messages = messages(body)?;
    let options = match body.get("stream_options") {
        None | Some(Value::Null) => &Value::Null,
        Some(_) if !stream => {
            return Err(
                ApiError::invalid("'stream_options' may only be given when 'stream' is on.").param("stream_options")
            );
        }
        Some(options) => options,
    };
    let (tools, choice) = conversation::tools(body)?;
    let tool_tokens = body.get("tools").filter(|tools| tools.is_array()).map_or(0, |t| tokens::count(&t.to_string()));
    let max_tokens = match count(body, "max_completion_tokens", 1)? {
        Some(limit) => Some(limit),
        None => count(body, "max_tokens", 1)?,
    };
    let manner = call.manner;
    let (reasoning_tokens, left) = manner.reason(manner.cap(max_tokens));
    let conversation = Conversation {
        speaker: call.state.config.name.clone(),
        digest: digest(&body["messages"]),
        messages: messages.len(),
        last_user: last_user(messages),
        tools,
        choice,
        format: format(&body["response_format"]),
        tokens: manner.tokens,
    };
    let (turn, cut) = conversation.turn(call.order).under(left);
    let prompt_tokens = prompt_tokens(messages) + tool_tokens;
    Ok(Chat {
        id: call.id("chatcmpl-", &conversation.digest),
        model,
        service_tier: service_tier(body),
        turn,
        cut,
        n: count(body, "n", 1)?.unwrap_or(1).min(128),
        prompt_tokens,
        cached_tokens: manner.cached_tokens.min(prompt_tokens),
        reasoning_tokens,
        include_usage: options["include_usage"] == true && !manner.no_usage,
        running_usage: manner.running_usage,
        obfuscate: options["include_obfuscation"] != false,
    })
}

fn messages(body: &Value) -> Result<&[Value], ApiError> {
    let messages = match body.get("messages") {
        None | Some(Value::Null) => return Err(ApiError::missing("messages")),
        Some(Value::Array(messages)) => messages,
        Some(_) => return Err(ApiError::wrong_type("messages", "an array")),
    };
    if messages.is_empty() {
        let error = ApiError::invalid("'messages' is an empty array: at least one message is needed.");
        return Err(error.param("messages").code("empty_array"));
    }
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().ok_or_else(|| ApiError::missing(&format!("messages[{at}].role")))?;
        if !matches!(role, "system" | "developer" | "user" | "assistant" | "tool" | "function") {
            let wanted = "'system', 'developer', 'user', 'assistant', 'tool' or 'function'";
            return Err(ApiError::invalid_value(&format!("messages[{at}].role"), wanted));
        }
        if role == "tool" && !message["tool_call_id"].is_string() {
            return Err(ApiError::missing(&format!("messages[{at}].tool_call_id")));
        }
    }
    Ok(messages)
}

/// The last message, if it is the user's: after a tool's result the assistant speaks for itself.
fn last_user(messages: &[Value]) -> String {
    match messages.last() {
        Some(message) if message["role"] == "user" => conversation::text_of(&message["content"]),
        _ => String::new(),
    }
}

fn format(response_format: &Value) -> Option<Value> {
    match response_format["type"].as_str()? {
        "json_schema" => Some(response_format["json_schema"]["schema"].clone()),
        "json_object" => Some(Value::Null),
        _ => None,
    }
}

fn prompt_tokens(messages: &[Value]) -> u64 {
    3 + messages.iter().map(|message| 4 + tokens::count_content(&message["content"])).sum::<u64>()
}

fn plain(chat: &Chat) -> Value {
    let choices: Vec<Value> = (0..chat.n)
        .map(|index| {
            let message = match &chat.turn {
                Turn::Text(text) => message(&json!(text)),
                Turn::Calls(calls) => {
                    let mut message = message(&Value::Null);
                    message["tool_calls"] = calls.iter().map(tool_call).collect();
                    message
                }
            };
            json!({"index": index, "message": message, "logprobs": null, "finish_reason": chat.finish()})
        })
        .collect();
    json!({
        "id": chat.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": chat.model,
        "choices": choices,
        "usage": chat.usage(chat.completion_tokens(), chat.reasoning_tokens * chat.n),
        "service_tier": chat.service_tier,
        "system_fingerprint": null,
    })
}

fn message(content: &Value) -> Value {
    json!({"role": "assistant", "content": content, "refusal": null, "annotations": []})
}

fn tool_call(call: &ToolCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

impl Chat {
    /// Why a choice ends.
    pub(super) fn finish(&self) -> &'static str {
        match &self.turn {
            _ if self.cut => "length",
            Turn::Text(_) => "stop",
            Turn::Calls(_) => "tool_calls",
        }
    }

    /// The output of all choices, reasoning included.
    pub(super) fn completion_tokens(&self) -> u64 {
        (self.reasoning_tokens + self.turn.tokens()) * self.n
    }

    /// A usage with so much output.
    pub(super) fn usage(&self, completion_tokens: u64, reasoning_tokens: u64) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        })
    }
}
