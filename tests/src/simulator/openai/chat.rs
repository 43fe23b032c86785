//! `POST /v1/chat/completions`.

use serde_json::{Value, json};

use super::conversation::{self, Conversation, ToolCall, Turn};
use super::error::ApiError;
use super::{Answer, CREATED, Call, Reply, chat_stream, count, digest, flag, tokens};

/// A checked request and the answer to it; plain and streamed replies are two ways to write it down.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) turn: Turn,
    pub(super) max_tokens: Option<u64>,
    /// Choices asked for.
    pub(super) n: u64,
    pub(super) prompt_tokens: u64,
    pub(super) include_usage: bool,
    /// Pad the events of a stream to hide the length of what they say.
    pub(super) obfuscate: bool,
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let chat = read(call, &body, stream)?;
    Ok(if stream { chat_stream::reply(&chat) } else { Reply::ok(&plain(&chat)) })
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
    let conversation = Conversation {
        speaker: call.state.config.name.clone(),
        digest: digest(&body["messages"]),
        messages: messages.len(),
        last_user: last_user(messages),
        tools,
        choice,
        format: format(&body["response_format"]),
    };
    Ok(Chat {
        id: call.id("chatcmpl-", &conversation.digest),
        model,
        turn: conversation.turn(call.order),
        max_tokens,
        n: count(body, "n", 1)?.unwrap_or(1).min(128),
        prompt_tokens: prompt_tokens(messages) + tool_tokens,
        include_usage: options["include_usage"] == true,
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
            let (message, finish) = match &chat.turn {
                Turn::Text(text) => {
                    let (pieces, cut) = conversation::limited(text, chat.max_tokens);
                    (message(&json!(pieces.concat())), if cut { "length" } else { "stop" })
                }
                Turn::Calls(calls) => {
                    let mut message = message(&Value::Null);
                    message["tool_calls"] = calls.iter().map(tool_call).collect();
                    (message, "tool_calls")
                }
            };
            json!({"index": index, "message": message, "logprobs": null, "finish_reason": finish})
        })
        .collect();
    json!({
        "id": chat.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": chat.model,
        "choices": choices,
        "usage": usage(chat),
        "service_tier": "default",
        "system_fingerprint": null,
    })
}

fn message(content: &Value) -> Value {
    json!({"role": "assistant", "content": content, "refusal": null, "annotations": []})
}

fn tool_call(call: &ToolCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

/// The usage of the whole answer; every choice counts.
pub(super) fn usage(chat: &Chat) -> Value {
    let each = match &chat.turn {
        Turn::Text(text) => conversation::limited(text, chat.max_tokens).0.len() as u64,
        Turn::Calls(calls) => calls.iter().map(conversation::call_tokens).sum(),
    };
    let completion = each * chat.n;
    json!({
        "prompt_tokens": chat.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": chat.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
