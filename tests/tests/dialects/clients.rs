//! The clients: how each asks, and where it finds the answer.

use ditto_tests::client::TimedEvent;
use ditto_tests::client::{Client, Outgoing, Response};
use serde_json::{Value, json};

/// A client's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Chat,
    Responses,
    Messages,
    Gemini,
    /// Legacy completions, which know no tools.
    Completions,
    /// Gemini in the envelope of its command line.
    Envelope,
}

/// What a client has understood of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Understood {
    pub(super) text: String,
    /// Name and arguments of each call.
    pub(super) calls: Vec<(String, Value)>,
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) finish: String,
}

impl Dialect {
    /// Those that people write for.
    pub(super) const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];
    /// Those, and what is left of others.
    pub(super) const EVERY: [Self; 6] =
        [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Completions, Self::Envelope];

    /// A request that asks this model this, with a tool at hand and room for all that tests have it say.
    pub(super) fn ask(self, client: &Client, model: &str, text: &str, stream: bool) -> Outgoing {
        self.ask_for(300, client, model, text, stream)
    }

    /// The same, for so many tokens at most.
    pub(super) fn ask_for(self, cap: u64, client: &Client, model: &str, text: &str, stream: bool) -> Outgoing {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        match self {
            Self::Chat => {
                let mut body = json!({
                    "model": model, "stream": stream, "max_completion_tokens": cap,
                    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
                    "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema}}],
                });
                if stream {
                    body["stream_options"] = json!({"include_usage": true});
                }
                client.post("/v1/chat/completions", &body)
            }
            Self::Responses => client.post("/v1/responses", &json!({
                "model": model, "stream": stream, "max_output_tokens": cap, "instructions": "Be brief.", "input": text,
                "tools": [{"type": "function", "name": "weather", "parameters": schema, "strict": false}],
            })),
            Self::Messages => client.post("/v1/messages", &json!({
                "model": model, "stream": stream, "max_tokens": cap, "system": "Be brief.",
                "messages": [{"role": "user", "content": text}],
                "tools": [{"name": "weather", "input_schema": schema}],
            })).header("anthropic-version", "2023-06-01"),
            Self::Gemini | Self::Envelope => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let body = json!({
                    "systemInstruction": {"parts": [{"text": "Be brief."}]},
                    "contents": [{"role": "user", "parts": [{"text": text}]}],
                    "generationConfig": {"maxOutputTokens": cap},
                    "tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": schema}]}],
                });
                if self == Self::Gemini {
                    return client.post(&format!("/v1beta/models/{model}:{method}"), &body);
                }
                let envelope = json!({"model": model, "project": "p-1", "user_prompt_id": "u-1", "request": body});
                client.post(&format!("/v1internal:{method}"), &envelope)
            }
            Self::Completions => {
                let mut body = json!({"model": model, "stream": stream, "max_tokens": cap, "prompt": text});
                if stream {
                    body["stream_options"] = json!({"include_usage": true});
                }
                client.post("/v1/completions", &body)
            }
        }
    }

    /// What it understands of a reply.
    pub(super) async fn understand(self, reply: &mut Response, stream: bool) -> Understood {
        if stream {
            let events = reply.events().await;
            let events: Vec<Value> = events.iter().filter_map(json_of).collect();
            return match self {
                Self::Chat => chat_stream(&events),
                Self::Responses => responses_stream(&events),
                Self::Messages => messages_stream(&events),
                Self::Gemini => gemini_stream(&events),
                Self::Completions => completions(&events),
                Self::Envelope => gemini_stream(&unwrapped(&events)),
            };
        }
        let body = reply.json().await;
        match self {
            Self::Chat => chat(&body),
            Self::Responses => responses(&body),
            Self::Messages => messages(&body),
            Self::Gemini => gemini_stream(&[body]),
            Self::Completions => completions(&[body]),
            Self::Envelope => gemini_stream(&unwrapped(&[body])),
        }
    }
}

fn json_of(event: &TimedEvent) -> Option<Value> {
    if event.event.data == "[DONE]" { None } else { Some(serde_json::from_str(&event.event.data).expect("JSON")) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn arguments(text: &Value) -> Value {
    serde_json::from_str(text.as_str().expect("a string")).expect("JSON arguments")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn chat(body: &Value) -> Understood {
    let (choice, usage) = (&body["choices"][0], &body["usage"]);
    let calls = choice["message"]["tool_calls"].as_array().into_iter().flatten();
    let call = |call: &Value| (text(&call["function"]["name"]), arguments(&call["function"]["arguments"]));
    Understood {
        text: text(&choice["message"]["content"]),
        calls: calls.map(call).collect(),
        input: number(&usage["prompt_tokens"]),
        output: number(&usage["completion_tokens"]),
        finish: text(&choice["finish_reason"]),
    }
}

fn chat_stream(events: &[Value]) -> Understood {
    let mut understood = Understood::default();
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in events {
        let delta = &event["choices"][0]["delta"];
        understood.text += &text(&delta["content"]);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = number(&call["index"]) as usize;
            calls.resize(calls.len().max(index + 1), <_>::default());
            calls[index].0 += &text(&call["function"]["name"]);
            calls[index].1 += &text(&call["function"]["arguments"]);
        }
        understood.finish += &text(&event["choices"][0]["finish_reason"]);
        understood.input += number(&event["usage"]["prompt_tokens"]);
        understood.output += number(&event["usage"]["completion_tokens"]);
    }
    let parsed = calls.into_iter().map(|(name, arguments)| (name, serde_json::from_str(&arguments).unwrap()));
    understood.calls = parsed.collect();
    understood
}

fn completions(events: &[Value]) -> Understood {
    let mut understood = Understood::default();
    for event in events {
        understood.text += &text(&event["choices"][0]["text"]);
        understood.finish += &text(&event["choices"][0]["finish_reason"]);
        understood.input += number(&event["usage"]["prompt_tokens"]);
        understood.output += number(&event["usage"]["completion_tokens"]);
    }
    understood
}

/// Replies out of their envelopes.
fn unwrapped(events: &[Value]) -> Vec<Value> {
    events.iter().map(|event| event["response"].clone()).collect()
}

fn responses(body: &Value) -> Understood {
    let mut understood = Understood {
        input: number(&body["usage"]["input_tokens"]),
        output: number(&body["usage"]["output_tokens"]),
        finish: text(&body["status"]),
        ..Understood::default()
    };
    for item in body["output"].as_array().into_iter().flatten() {
        match item["type"].as_str() {
            Some("function_call") => understood.calls.push((text(&item["name"]), arguments(&item["arguments"]))),
            Some("message") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    understood.text += &text(&part["text"]);
                }
            }
            _ => {}
        }
    }
    understood
}

/// The text as its pieces tell it, which is what the last event repeats where the gateway knows the whole of it.
fn responses_stream(events: &[Value]) -> Understood {
    let mut understood = responses(&events.last().expect("events")["response"]);
    let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    let pieces: String = deltas.map(|event| text(&event["delta"])).collect();
    assert!(understood.text.is_empty() || understood.text == pieces, "{pieces:?} became {:?}", understood.text);
    understood.text = pieces;
    understood
}

fn messages(body: &Value) -> Understood {
    let usage = &body["usage"];
    let mut understood = Understood {
        input: number(&usage["input_tokens"]),
        output: number(&usage["output_tokens"]),
        finish: text(&body["stop_reason"]),
        ..Understood::default()
    };
    for block in body["content"].as_array().into_iter().flatten() {
        match block["type"].as_str() {
            Some("text") => understood.text += &text(&block["text"]),
            Some("tool_use") => understood.calls.push((text(&block["name"]), block["input"].clone())),
            _ => {}
        }
    }
    understood
}

fn messages_stream(events: &[Value]) -> Understood {
    let mut understood = Understood::default();
    let mut blocks: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    for event in events {
        match event["type"].as_str().expect("a type") {
            "message_start" => understood.input = number(&event["message"]["usage"]["input_tokens"]),
            "content_block_start" => {
                assert_eq!(number(&event["index"]) as usize, blocks.len());
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                assert_eq!(number(&event["index"]) as usize + 1, blocks.len());
                understood.text += &text(&event["delta"]["text"]);
                inputs.last_mut().expect("a block").push_str(&text(&event["delta"]["partial_json"]));
            }
            "message_delta" => {
                understood.finish = text(&event["delta"]["stop_reason"]);
                understood.output = number(&event["usage"]["output_tokens"]);
                understood.input = understood.input.max(number(&event["usage"]["input_tokens"]));
            }
            _ => {}
        }
    }
    assert_eq!(events.last().expect("events")["type"], "message_stop");
    for (block, input) in blocks.iter().zip(&inputs).filter(|(block, _)| block["type"] == "tool_use") {
        let input = if input.is_empty() { json!({}) } else { serde_json::from_str(input).expect("JSON") };
        understood.calls.push((text(&block["name"]), input));
    }
    understood
}

fn gemini_stream(events: &[Value]) -> Understood {
    let mut understood = Understood::default();
    for event in events {
        for part in event["candidates"][0]["content"]["parts"].as_array().into_iter().flatten() {
            if part["thought"] != true {
                understood.text += &text(&part["text"]);
            }
            if part["functionCall"].is_object() {
                understood.calls.push((text(&part["functionCall"]["name"]), part["functionCall"]["args"].clone()));
            }
        }
        understood.finish += &text(&event["candidates"][0]["finishReason"]);
        let usage = &event["usageMetadata"];
        understood.input = understood.input.max(number(&usage["promptTokenCount"]));
        let output = number(&usage["candidatesTokenCount"]) + number(&usage["thoughtsTokenCount"]);
        understood.output = understood.output.max(output);
    }
    understood
}
