//! `POST /v1/responses`.

use serde_json::{Value, json};

use super::super::mind::{Finish, Said, ToolCall, signature};
use super::{
    Answer, Bill, CREATED, Call, Meter, Reply, chat, flag, responses_request, responses_stream, service_tier, tokens,
    tools,
};

/// A checked request and the answer to it.
#[derive(Debug)]
pub(super) struct Exchange {
    id: String,
    /// The rest of every id in the answer: the provider's ids share it too.
    suffix: String,
    model: String,
    request: Value,
    service_tier: String,
    pub(super) said: Said,
    /// Names of tools whose input is text and no JSON.
    customs: Vec<String>,
    max_tokens: Option<u64>,
    /// Whether thoughts are shown in a summary.
    shows_summary: bool,
    /// Tell how likely each token was, and so many others in its place.
    logprobs: Option<u64>,
    /// Whether the end tells of usage.
    tells_usage: bool,
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let (heard, mut items) = responses_request::read(call, &body)?;
    let said = call.think(&heard, "call_");
    let includes = |name: &str| body["include"].as_array().is_some_and(|names| names.iter().any(|given| given == name));
    let exchange = Exchange {
        id: call.id("resp_", &heard.digest),
        suffix: call.id("", &heard.digest),
        service_tier: service_tier(&body),
        shows_summary: responses_request::shows_summary(&body),
        logprobs: includes("message.output_text.logprobs").then(|| body["top_logprobs"].as_u64().unwrap_or(0)),
        tells_usage: !call.manner.no_usage,
        customs: tools::customs(&body),
        max_tokens: heard.max_tokens,
        model: heard.model,
        said,
        request: body,
    };
    if exchange.request["store"] != false {
        items.extend(exchange.output());
        call.state.responses.keep(&exchange.id, items);
    }
    let bill = Bill {
        model: exchange.model.clone(),
        service_tier: Some(exchange.service_tier.clone()),
        stream,
        prompt_tokens: exchange.said.usage().input,
        cached_tokens: exchange.said.usage().cached_read,
    };
    if stream {
        return Ok(responses_stream::reply(&exchange).billed(bill));
    }
    let delivered = exchange.said.shown_tokens() - exchange.kept_back_tokens();
    let meter = Meter { generated: exchange.said.usage().output, delivered, usage: exchange.told_usage() };
    Ok(Reply::ok(&exchange.finished()).metered(meter).billed(bill))
}

/// An item of the output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Reasoning(&'a str),
    Message { text: &'a str, refused: bool },
    Call(&'a ToolCall),
}

impl Exchange {
    /// The items of the output, in order.
    pub(super) fn items(&self) -> Vec<Item<'_>> {
        let said = &self.said;
        let mut items: Vec<Item<'_>> = said.thinking.as_deref().map(Item::Reasoning).into_iter().collect();
        items.extend(said.text.as_deref().map(|text| Item::Message { text, refused: false }));
        items.extend(said.refusal.as_deref().map(|text| Item::Message { text, refused: true }));
        items.extend(said.calls.iter().map(Item::Call));
        items
    }

    /// The output that the usage at the end tells of.
    pub(super) fn told_usage(&self) -> Option<u64> {
        self.tells_usage.then(|| self.said.usage().output)
    }

    /// Tokens of a thought that is not shown.
    pub(super) fn kept_back_tokens(&self) -> u64 {
        if self.shows_summary { 0 } else { self.said.thinking_tokens() }
    }

    /// How it ends.
    pub(super) fn status(&self) -> &'static str {
        match self.said.finish() {
            Finish::Length | Finish::Filtered => "incomplete",
            _ => "completed",
        }
    }

    /// How an item ends: only the last one can be cut.
    pub(super) fn status_of(&self, at: usize) -> &'static str {
        if at + 1 == self.items().len() { self.status() } else { "completed" }
    }

    /// The id of the item at this place.
    pub(super) fn item_id(&self, at: usize, item: Item<'_>) -> String {
        match item {
            Item::Reasoning(_) => format!("rs_{}", self.suffix),
            Item::Message { .. } => format!("msg_{}", self.suffix),
            Item::Call(call) if self.is_custom(call) => format!("ctc_{}{at:02x}", self.suffix),
            Item::Call(_) => format!("fc_{}{at:02x}", self.suffix),
        }
    }

    /// The item, announced or complete.
    pub(super) fn item(&self, at: usize, item: Item<'_>, complete: bool) -> Value {
        let id = self.item_id(at, item);
        let status = if complete { self.status_of(at) } else { "in_progress" };
        match item {
            Item::Reasoning(thought) => {
                let summary: Vec<Value> =
                    self.summary(thought).filter(|_| complete).map(summary_part).into_iter().collect();
                json!({"id": id, "type": "reasoning", "summary": summary, "encrypted_content": signature(thought)})
            }
            Item::Message { text, refused } => {
                let content: Vec<Value> = complete.then(|| self.part(text, refused)).into_iter().collect();
                json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
            }
            Item::Call(call) => {
                let text = if complete { &call.arguments } else { "" };
                let (kind, arguments) =
                    if self.is_custom(call) { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
                json!({
                    "id": id, "type": kind, "status": status,
                    "call_id": call.id, "name": call.name, arguments: text,
                })
            }
        }
    }

    /// Whether a call is one of a tool whose input is text.
    pub(super) fn is_custom(&self, call: &ToolCall) -> bool {
        self.customs.contains(&call.name)
    }

    /// What is shown of a thought.
    pub(super) fn summary<'a>(&self, thought: &'a str) -> Option<&'a str> {
        self.shows_summary.then_some(thought)
    }

    /// A message's part.
    pub(super) fn part(&self, text: &str, refused: bool) -> Value {
        if refused {
            return json!({"type": "refusal", "refusal": text});
        }
        json!({"type": "output_text", "annotations": [], "logprobs": self.logprobs_of(text), "text": text})
    }

    /// How likely the tokens of a text were; empty unless asked for.
    pub(super) fn logprobs_of(&self, text: &str) -> Value {
        let Some(top) = self.logprobs else { return json!([]) };
        tokens::pieces(text).into_iter().map(|piece| chat::logprob(piece, top)).collect()
    }

    /// The response object before anything was said.
    pub(super) fn started(&self) -> Value {
        self.object("in_progress", &[], &Value::Null)
    }

    fn output(&self) -> Vec<Value> {
        self.items().into_iter().enumerate().map(|(at, item)| self.item(at, item, true)).collect()
    }

    /// The response object at the end.
    pub(super) fn finished(&self) -> Value {
        let output = self.output();
        let usage = self.told_usage().map_or(Value::Null, |output_tokens| {
            let usage = self.said.usage();
            json!({
                "input_tokens": usage.input,
                "input_tokens_details": {"cached_tokens": usage.cached_read, "cache_write_tokens": usage.cache_creation},
                "output_tokens": output_tokens,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning},
                "total_tokens": usage.input + output_tokens,
            })
        });
        let mut object = self.object(self.status(), &output, &usage);
        object["incomplete_details"] = match self.said.finish() {
            Finish::Length => json!({"reason": "max_output_tokens"}),
            Finish::Filtered => json!({"reason": "content_filter"}),
            _ => Value::Null,
        };
        object
    }

    fn object(&self, status: &str, output: &[Value], usage: &Value) -> Value {
        let given = |field: &str, default: Value| match &self.request[field] {
            Value::Null => default,
            value => value.clone(),
        };
        let reasoning = &self.request["reasoning"];
        json!({
            "id": self.id,
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": false,
            "completed_at": if status == "completed" { json!(CREATED) } else { Value::Null },
            "error": null,
            "incomplete_details": null,
            "instructions": self.request["instructions"],
            "max_output_tokens": self.max_tokens,
            "max_tool_calls": self.request["max_tool_calls"],
            "model": self.model,
            "output": output,
            "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
            "previous_response_id": self.request["previous_response_id"],
            "prompt_cache_key": self.request["prompt_cache_key"],
            "reasoning": {"effort": reasoning["effort"], "summary": reasoning["summary"]},
            "safety_identifier": self.request["safety_identifier"],
            "service_tier": self.service_tier,
            "store": given("store", json!(true)),
            "temperature": given("temperature", json!(1.0)),
            "text": given("text", json!({"format": {"type": "text"}, "verbosity": "medium"})),
            "tool_choice": given("tool_choice", json!("auto")),
            "tools": given("tools", json!([])),
            "top_logprobs": given("top_logprobs", json!(0)),
            "top_p": given("top_p", json!(1.0)),
            "truncation": given("truncation", json!("disabled")),
            "usage": usage,
            "user": self.request["user"],
            "metadata": given("metadata", json!({})),
        })
    }
}

pub(super) fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}
