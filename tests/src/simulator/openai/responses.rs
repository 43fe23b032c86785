//! `POST /v1/responses`.

use serde_json::{Value, json};

use super::conversation::{self, Conversation, Turn};
use super::error::ApiError;
use super::{Answer, Bill, CREATED, Call, Meter, Reply, count, digest, flag, responses_stream, service_tier, tokens};

/// A checked request and the answer to it.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) id: String,
    /// The rest of every id in the answer: the provider's ids share it too.
    suffix: String,
    model: String,
    instructions: Value,
    request: Value,
    service_tier: String,
    input_tokens: u64,
    cached_tokens: u64,
    pub(super) reasoning_tokens: u64,
    /// What is said, as far as the limit let it.
    pub(super) turn: Turn,
    /// Whether the limit cut it.
    cut: bool,
    max_tokens: Option<u64>,
    /// Whether the end tells of usage.
    tells_usage: bool,
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let exchange = read(call, body)?;
    let bill = Bill {
        model: exchange.model.clone(),
        service_tier: Some(exchange.service_tier.clone()),
        stream,
        prompt_tokens: exchange.input_tokens,
        cached_tokens: exchange.cached_tokens,
    };
    if stream {
        return Ok(responses_stream::reply(&exchange).billed(bill));
    }
    let meter =
        Meter { generated: exchange.output_tokens(), delivered: exchange.turn.tokens(), usage: exchange.told_usage() };
    Ok(Reply::ok(&exchange.finished()).metered(meter).billed(bill))
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
        tokens: call.manner.tokens,
    };
    let instruction_tokens = tokens::count_content(&body["instructions"]);
    let item_tokens: u64 = items.iter().map(item_tokens).sum();
    let input_tokens = 3 + instruction_tokens + item_tokens + tool_tokens;
    let max_tokens = count(&body, "max_output_tokens", 16)?;
    let (reasoning_tokens, left) = call.manner.reason(call.manner.cap(max_tokens));
    let (turn, cut) = conversation.turn(call.order).under(left);
    Ok(Exchange {
        id: call.id("resp_", &conversation.digest),
        suffix: call.id("", &conversation.digest),
        model,
        instructions: body["instructions"].clone(),
        service_tier: service_tier(&body),
        input_tokens,
        cached_tokens: call.manner.cached_tokens.min(input_tokens),
        reasoning_tokens,
        turn,
        cut,
        max_tokens,
        tells_usage: !call.manner.no_usage,
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
    /// All output, reasoning included.
    fn output_tokens(&self) -> u64 {
        self.reasoning_tokens + self.turn.tokens()
    }

    /// The output that the usage at the end tells of.
    pub(super) fn told_usage(&self) -> Option<u64> {
        self.tells_usage.then(|| self.output_tokens())
    }

    /// How it ends.
    pub(super) fn status(&self) -> &'static str {
        if self.cut { "incomplete" } else { "completed" }
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
        let output: Vec<Value> = match &self.turn {
            Turn::Text(text) => vec![self.message(self.status(), Some(text))],
            Turn::Calls(calls) => {
                let item = |(at, call)| self.function_call(at, call, self.status());
                calls.iter().enumerate().map(item).collect()
            }
        };
        let usage = self.told_usage().map_or(Value::Null, |output_tokens| {
            json!({
                "input_tokens": self.input_tokens,
                "input_tokens_details": {"cached_tokens": self.cached_tokens},
                "output_tokens": output_tokens,
                "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
                "total_tokens": self.input_tokens + output_tokens,
            })
        });
        let mut object = self.object(self.status(), &output, &usage);
        if self.cut {
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
            "service_tier": self.service_tier,
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
