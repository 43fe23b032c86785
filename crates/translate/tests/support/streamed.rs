//! A backend's whole reply as the stream that the backend would have sent.

use ditto_translate::plan::Dialect;
use serde_json::{Map, Value, json};

use super::frames;

/// The stream of a reply.
pub(crate) fn streamed(dialect: Dialect, reply: &Value) -> Vec<u8> {
    let events = match dialect {
        Dialect::Chat => chat(reply),
        Dialect::Responses => responses(reply),
        Dialect::Messages => messages(reply),
        Dialect::Gemini => vec![reply.clone()],
        Dialect::Cohere => cohere(reply),
        Dialect::Converse => return frames::of_lines(converse(reply).as_bytes()),
    };
    let mut stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    if matches!(dialect, Dialect::Chat | Dialect::Cohere) {
        stream.push_str("data: [DONE]\n\n");
    }
    stream.into_bytes()
}

/// The members of an object, but for these.
fn but(object: &Value, names: &[&str]) -> Map<String, Value> {
    let members = object.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn with(mut object: Map<String, Value>, name: &str, value: Value) -> Value {
    object.insert(name.to_owned(), value);
    Value::Object(object)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn chat(reply: &Value) -> Vec<Value> {
    let mut head = but(reply, &["choices", "usage"]);
    if reply["object"] == "chat.completion" {
        head.insert("object".to_owned(), json!("chat.completion.chunk"));
    }
    let chunk = |choice: Value| with(head.clone(), "choices", json!([choice]));
    let mut events = Vec::new();
    for choice in list(&reply["choices"]) {
        let mut delta = choice["message"].clone();
        for (call, index) in delta["tool_calls"].as_array_mut().into_iter().flatten().zip(0..) {
            call["index"] = json!(index);
        }
        if delta["tool_calls"].is_null() {
            delta.as_object_mut().unwrap().remove("tool_calls");
        }
        let said = but(&choice, &["message", "finish_reason", "stop_reason"]);
        events.push(chunk(with(with(said, "delta", delta).as_object().unwrap().clone(), "finish_reason", Value::Null)));
        let end = but(&choice, &["message", "logprobs"]);
        events.push(chunk(with(end, "delta", json!({}))));
    }
    let mut last = head.clone();
    last.insert("choices".to_owned(), json!([]));
    events.push(with(last, "usage", reply["usage"].clone()));
    events
}

fn messages(reply: &Value) -> Vec<Value> {
    let ends = ["content", "stop_reason", "stop_sequence", "stop_details"];
    let start = with(but(reply, &ends), "content", json!([]));
    let mut events = vec![json!({"type": "message_start", "message": start})];
    for (block, index) in list(&reply["content"]).into_iter().zip(0..) {
        let (start, deltas) = block_events(&block);
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        let delta = |delta| json!({"type": "content_block_delta", "index": index, "delta": delta});
        events.extend(deltas.into_iter().map(delta));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let delta: Map<String, Value> =
        but(reply, &[]).into_iter().filter(|(name, _)| ends[1..].contains(&name.as_str())).collect();
    events.push(json!({"type": "message_delta", "delta": delta, "usage": reply["usage"]}));
    events.push(json!({"type": "message_stop"}));
    events
}

fn block_events(block: &Value) -> (Value, Vec<Value>) {
    match block["type"].as_str().unwrap() {
        "text" => {
            let mut deltas = vec![json!({"type": "text_delta", "text": block["text"]})];
            deltas.extend(
                list(&block["citations"]).iter().map(|cited| json!({"type": "citations_delta", "citation": cited})),
            );
            (json!({"type": "text", "text": ""}), deltas)
        }
        "thinking" => (
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            vec![
                json!({"type": "thinking_delta", "thinking": block["thinking"]}),
                json!({"type": "signature_delta", "signature": block["signature"]}),
            ],
        ),
        "tool_use" => {
            let input = block["input"].to_string();
            (
                with(but(block, &["input"]), "input", json!({})),
                vec![json!({"type": "input_json_delta", "partial_json": input})],
            )
        }
        _ => (block.clone(), Vec::new()),
    }
}

fn responses(reply: &Value) -> Vec<Value> {
    let mut start = but(reply, &["output", "usage", "incomplete_details", "completed_at"]);
    start.insert("status".to_owned(), json!("in_progress"));
    let mut events = vec![json!({"type": "response.created", "response": with(start, "output", json!([]))})];
    for (item, index) in list(&reply["output"]).into_iter().zip(0..) {
        let is_message = item["type"] == "message";
        let added = if is_message { with(but(&item, &["content"]), "content", json!([])) } else { item.clone() };
        let added = if item["type"] == "function_call" {
            with(but(&item, &["arguments"]), "arguments", json!(""))
        } else {
            added
        };
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": added}));
        if is_message {
            piece_events(&item, index, &mut events);
        }
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    let end = if reply["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
    events.push(json!({"type": end, "response": reply}));
    events
}

fn piece_events(item: &Value, output: u32, events: &mut Vec<Value>) {
    for (piece, content) in list(&item["content"]).into_iter().zip(0..) {
        let event = |name: &str, member: &str, value: Value| {
            json!({"type": format!("response.{name}"), "item_id": item["id"], "output_index": output,
                "content_index": content, member: value})
        };
        let kind = piece["type"].as_str().unwrap();
        let text = piece["text"].as_str().or(piece["refusal"].as_str()).unwrap();
        let member = if kind == "refusal" { "refusal" } else { "text" };
        events.push(event("content_part.added", "part", json!({"type": kind, member: ""})));
        let mut delta = event(&format!("{kind}.delta"), "delta", json!(text));
        delta["logprobs"] = piece["logprobs"].clone();
        events.push(delta);
        for annotation in list(&piece["annotations"]) {
            events.push(event("output_text.annotation.added", "annotation", annotation));
        }
        events.push(event(&format!("{kind}.done"), member, json!(text)));
        events.push(event("content_part.done", "part", piece.clone()));
    }
}

/// The lines of a stream's frames.
fn converse(reply: &Value) -> String {
    let mut lines = String::from("messageStart {\"role\":\"assistant\"}\n");
    let mut line = |name: &str, payload: Value| lines.push_str(&format!("{name} {payload}\n"));
    for (block, index) in list(&reply["output"]["message"]["content"]).into_iter().zip(0..) {
        let event = |member: &str, value: Value| json!({"contentBlockIndex": index, member: value});
        let (start, deltas) = converse_block(&block);
        start.into_iter().for_each(|start| line("contentBlockStart", event("start", start)));
        deltas.into_iter().for_each(|delta| line("contentBlockDelta", event("delta", delta)));
        line("contentBlockStop", json!({"contentBlockIndex": index}));
    }
    let is_end = |(name, _): &(String, Value)| ["stopReason", "additionalModelResponseFields"].contains(&name.as_str());
    let (end, metadata): (Map<_, _>, Map<_, _>) = but(reply, &["output"]).into_iter().partition(is_end);
    line("messageStop", end.into());
    line("metadata", metadata.into());
    lines
}

/// How a block of Converse's begins, if it says so, and what then comes of it.
fn converse_block(block: &Value) -> (Option<Value>, Vec<Value>) {
    let Some((kind, block)) = block.as_object().unwrap().iter().next() else { return (None, Vec::new()) };
    match kind.as_str() {
        "text" => (None, vec![json!({"text": block})]),
        "citationsContent" => {
            let texts = list(&block["content"]).into_iter();
            let citations = list(&block["citations"]).into_iter().map(|cited| json!({"citation": cited}));
            (None, texts.chain(citations).collect())
        }
        "reasoningContent" => {
            let thought = but(&block["reasoningText"], &[]).into_iter().chain(but(block, &["reasoningText"]));
            let delta = |(name, value): (String, Value)| json!({"reasoningContent": {name: value}});
            // A signature comes last.
            let mut deltas: Vec<Value> = thought.map(delta).collect();
            deltas.sort_by_key(|delta| delta["reasoningContent"].get("signature").is_some());
            (None, deltas)
        }
        "toolUse" => {
            let input = json!({"toolUse": {"input": block["input"].to_string()}});
            (Some(json!({"toolUse": but(block, &["input"])})), vec![input])
        }
        "toolResult" => {
            (Some(json!({"toolResult": but(block, &["content"])})), vec![json!({"toolResult": block["content"]})])
        }
        _ => (None, vec![json!({kind: block})]),
    }
}

fn cohere(reply: &Value) -> Vec<Value> {
    let message = &reply["message"];
    let start = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let mut events =
        vec![with(but(reply, &["message", "finish_reason", "usage", "logprobs"]), "type", "message-start".into())];
    events[0]["delta"] = json!({"message": start});
    let event = |kind: &str, index: u32, member: &str, value: &Value| json!({"type": kind, "index": index, "delta": {"message": {member: value}}});
    for (part, index) in list(&message["content"]).into_iter().zip(0..) {
        let kind = part["type"].as_str().unwrap();
        events.push(event("content-start", index, "content", &json!({"type": kind, kind: ""})));
        let mut delta = event("content-delta", index, "content", &but(&part, &["type"]).into());
        delta["logprobs"] = reply["logprobs"][0].clone();
        events.push(delta);
        for (citation, number) in list(&message["citations"]).into_iter().zip(0..).filter(|_| kind == "text") {
            events.push(event("citation-start", number, "citations", &citation));
            events.push(json!({"type": "citation-end", "index": number}));
        }
        events.push(json!({"type": "content-end", "index": index}));
    }
    if let Some(plan) = message.get("tool_plan") {
        events.push(json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": plan}}}));
    }
    for (call, index) in list(&message["tool_calls"]).into_iter().zip(0..) {
        let mut start = call.clone();
        start["function"]["arguments"] = json!("");
        events.push(event("tool-call-start", index, "tool_calls", &start));
        if let Some(arguments) = call["function"].get("arguments") {
            let more = json!({"function": {"arguments": arguments}});
            events.push(event("tool-call-delta", index, "tool_calls", &more));
        }
        events.push(json!({"type": "tool-call-end", "index": index}));
    }
    let end = json!({"finish_reason": reply["finish_reason"], "usage": reply["usage"]});
    events.push(json!({"type": "message-end", "delta": end}));
    events
}
