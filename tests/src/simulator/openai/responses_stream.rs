//! A response as a stream of typed, numbered events.

use serde_json::{Value, json};

use super::conversation::{ToolCall, Turn, opening_tokens};
use super::responses::{Exchange, text_part};
use super::{Event, Meter, Reply, tokens};

pub(super) fn reply(exchange: &Exchange) -> Reply {
    let mut events = Events::default();
    events.add("response.created", json!({"response": exchange.started()}));
    events.add("response.in_progress", json!({"response": exchange.started()}));
    if let Some(last) = events.0.last_mut() {
        last.meter = Meter::hidden(exchange.reasoning_tokens);
    }
    match &exchange.turn {
        Turn::Text(text) => text_events(exchange, text, &mut events),
        Turn::Calls(calls) => {
            for (at, call) in calls.iter().enumerate() {
                call_events(exchange, at, call, &mut events);
            }
        }
    }
    let finished = exchange.finished();
    let kind = format!("response.{}", exchange.status());
    let meter = Meter { usage: exchange.told_usage(), ..Meter::default() };
    events.add_metered(&kind, json!({"response": finished}), meter);
    Reply::typed_events(events.0)
}

fn text_events(exchange: &Exchange, text: &str, events: &mut Events) {
    let place = json!({"item_id": exchange.message_id(), "output_index": 0, "content_index": 0});
    let placed = |field: &str, value: Value| {
        let mut event = place.clone();
        event[field] = value;
        event
    };
    let item = exchange.message("in_progress", None);
    events.add("response.output_item.added", json!({"output_index": 0, "item": item}));
    events.add("response.content_part.added", placed("part", text_part("")));
    for piece in tokens::pieces(text) {
        let mut event = placed("delta", json!(piece));
        event["logprobs"] = json!([]);
        events.add_metered("response.output_text.delta", event, Meter::shown(1));
    }
    let mut done = placed("text", json!(text));
    done["logprobs"] = json!([]);
    events.add("response.output_text.done", done);
    events.add("response.content_part.done", placed("part", text_part(text)));
    let item = exchange.message(exchange.status(), Some(text));
    events.add("response.output_item.done", json!({"output_index": 0, "item": item}));
}

fn call_events(exchange: &Exchange, at: usize, call: &ToolCall, events: &mut Events) {
    let id = exchange.call_id(at);
    let item = exchange.function_call(at, call, "in_progress");
    let opening = Meter::shown(opening_tokens(call));
    events.add_metered("response.output_item.added", json!({"output_index": at, "item": item}), opening);
    for piece in tokens::pieces(&call.arguments) {
        let event = json!({"item_id": id, "output_index": at, "delta": piece});
        events.add_metered("response.function_call_arguments.delta", event, Meter::shown(1));
    }
    let done = json!({"item_id": id, "output_index": at, "name": call.name, "arguments": call.arguments});
    events.add("response.function_call_arguments.done", done);
    let item = exchange.function_call(at, call, exchange.status());
    events.add("response.output_item.done", json!({"output_index": at, "item": item}));
}

/// Events get their type and number in front.
#[derive(Debug, Default)]
struct Events(Vec<Event>);

impl Events {
    fn add(&mut self, kind: &str, fields: Value) {
        self.add_metered(kind, fields, Meter::default());
    }

    fn add_metered(&mut self, kind: &str, fields: Value, meter: Meter) {
        let mut event = json!({"type": kind, "sequence_number": self.0.len()});
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        self.0.push(Event { data: event, meter });
    }
}
