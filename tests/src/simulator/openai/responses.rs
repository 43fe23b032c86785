//! `POST /v1/responses`.

use serde_json::{Value, json};

use super::conversation::{self, Conversation, Turn};
use super::error::ApiError;
use super::{Answer, CREATED, Call, Reply, count, digest, flag, responses_stream, tokens};

/// A checked request and the answer to it.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) id: String,
    /// The rest of every id in the answer: the provider's ids share it too.
    suffix: String,
    model: String,
    instructions: Value,
    request: Value,
    input_tokens: u64,
    pub(super) turn: Turn,
    max_tokens: Option<u64>,
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let exchange = read(call, body)?;
    Ok(if stream { responses_stream::reply(&exchange) } else { Reply::ok(&exchange.finished()) })
}

fn read(call: &Call<'_>, body: Value) -> Result<Exchange, ApiError> {
    let model = call.model(&body)?;
    let items = items(&body)?;
    let (tools, choice) = conversation::tools(&body)?;
    let tool_tokens = body.get("tools").filter(|tools| tools.is_array()).map_or(0, |t| tokens::count(&t.to_string()));
    let conversation = Conversation {
        speaker: call.state.config.name.clone(),
        digest: digest(&body["input"]),
        messages: items.len(),
        last_user: last_user(&items),
        tools,
        choice,
        format: match body["text"]["format"]["type"].as_str() {
            Some("json_schema") => Some(body["text"]["format"]["schema"].clone()),
            Some("json_object") => Some(Value::Null),
            _ => None,
        },
    };
    let instruction_tokens = tokens::count_content(&body["instructions"]);
    let item_tokens: u64 = items.iter().map(item_tokens).sum();
    Ok(Exchange {
        id: call.id("resp_", &conversation.digest),
        suffix: call.id("", &conversation.digest),
        model,
        instructions: body["instructions"].clone(),
        input_tokens: 3 + instruction_tokens + item_tokens + tool_tokens,
        turn: conversation.turn(call.order),
        max_tokens: count(&body, "max_output_tokens", 16)?,
        request: body,
    })
}

/// The input as a list; a plain text is one item.
fn items(body: &Value) -> Result<Vec<Value>, ApiError> {
    match body.get("input") {
        None | Some(Value::Null) => Err(ApiError::missing("input")),
        Some(text @ Value::String(_)) => Ok(vec![json!({"role": "user", "content": text})]),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(ApiError::wrong_type("input", "a string or an array")),
    }
}

/// The last item, if it is the user's.
fn last_user(items: &[Value]) -> String {
    match items.last() {
        Some(item) if item["role"] == "user" => conversation::text_of(&item["content"]),
        _ => String::new(),
    }
}

fn item_tokens(item: &Value) -> u64 {
    let extra = ["arguments", "output"].into_iter().map(|field| tokens::count_content(&item[field])).sum::<u64>();
    4 + tokens::count_content(&item["content"]) + extra
}

impl Exchange {
    /// The pieces of the text, cut at the request's limit; and whether they were cut.
    pub(super) fn pieces<'a>(&self, text: &'a str) -> (Vec<&'a str>, bool) {
        conversation::limited(text, self.max_tokens)
    }

    pub(super) fn message_id(&self) -> String {
        format!("msg_{}", self.suffix)
    }

    pub(super) fn call_id(&self, at: usize) -> String {
        format!("fc_{}{at:02x}", self.suffix)
    }

    /// The message item; `text` is absent while it is only announced.
    pub(super) fn message(&self, status: &str, text: Option<&str>) -> Value {
        let content: Vec<Value> = text.map(text_part).into_iter().collect();
        json!({"id": self.message_id(), "type": "message", "status": status, "role": "assistant", "content": content})
    }

    /// The response object before anything was said.
    pub(super) fn started(&self) -> Value {
        self.object("in_progress", &[], &Value::Null)
    }

    /// The response object at the end.
    pub(super) fn finished(&self) -> Value {
        let (output, output_tokens, cut) = match &self.turn {
            Turn::Text(text) => {
                let (pieces, cut) = self.pieces(text);
                let status = if cut { "incomplete" } else { "completed" };
                (vec![self.message(status, Some(&pieces.concat()))], pieces.len() as u64, cut)
            }
            Turn::Calls(calls) => {
                let items =
                    calls.iter().enumerate().map(|(at, call)| self.function_call(at, call, "completed")).collect();
                (items, calls.iter().map(conversation::call_tokens).sum(), false)
            }
        };
        let usage = json!({
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.input_tokens + output_tokens,
        });
        let mut object = self.object(if cut { "incomplete" } else { "completed" }, &output, &usage);
        if cut {
            object["incomplete_details"] = json!({"reason": "max_output_tokens"});
        }
        object
    }

    /// The item of a call; its arguments are empty while it is only announced.
    pub(super) fn function_call(&self, at: usize, call: &conversation::ToolCall, status: &str) -> Value {
        let arguments = if status == "in_progress" { "" } else { &call.arguments };
        json!({
            "id": self.call_id(at), "type": "function_call", "status": status,
            "call_id": call.id, "name": call.name, "arguments": arguments,
        })
    }

    fn object(&self, status: &str, output: &[Value], usage: &Value) -> Value {
        let given = |field: &str, default: Value| self.request.get(field).cloned().unwrap_or(default);
        json!({
            "id": self.id,
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": self.instructions,
            "max_output_tokens": self.max_tokens,
            "max_tool_calls": null,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
            "previous_response_id": given("previous_response_id", Value::Null),
            "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null},
            "safety_identifier": null,
            "service_tier": "default",
            "store": given("store", json!(true)),
            "temperature": given("temperature", json!(1.0)),
            "text": given("text", json!({"format": {"type": "text"}, "verbosity": "medium"})),
            "tool_choice": given("tool_choice", json!("auto")),
            "tools": given("tools", json!([])),
            "top_logprobs": 0,
            "top_p": given("top_p", json!(1.0)),
            "truncation": "disabled",
            "usage": usage,
            "user": null,
            "metadata": given("metadata", json!({})),
        })
    }
}

pub(super) fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}
