//! A response as a stream of typed, numbered events.
//! <https://platform.openai.com/docs/api-reference/responses-streaming> (seen 2026-11).

use serde_json::{Value, json};

use super::super::mind::ToolCall;
use super::responses::{Exchange, Item, summary_part};
use super::{Event, Meter, Reply, tokens};

pub(super) fn reply(exchange: &Exchange) -> Reply {
    let mut events = Events { exchange, events: Vec::new() };
    events.add("response.created", json!({"response": exchange.started()}));
    let hidden = Meter::hidden(exchange.said.hidden_tokens());
    events.add_metered("response.in_progress", json!({"response": exchange.started()}), hidden);
    for (at, item) in exchange.items().into_iter().enumerate() {
        events.item(at, item);
    }
    let kind = format!("response.{}", exchange.status());
    let meter = Meter { usage: exchange.told_usage(), ..Meter::default() };
    events.add_metered(&kind, json!({"response": exchange.finished()}), meter);
    Reply::typed_events(events.events)
}

/// Events get their type and number in front.
struct Events<'a> {
    exchange: &'a Exchange,
    events: Vec<Event>,
}

impl Events<'_> {
    fn item(&mut self, at: usize, item: Item<'_>) {
        let opening = match item {
            Item::Reasoning(_) => Meter::hidden(self.exchange.kept_back_tokens()),
            Item::Message { .. } => Meter::default(),
            Item::Call(call) => Meter::shown(call.opening_tokens()),
        };
        let announced = self.exchange.item(at, item, false);
        self.add_metered("response.output_item.added", json!({"output_index": at, "item": announced}), opening);
        let place = json!({"item_id": self.exchange.item_id(at, item), "output_index": at});
        match item {
            Item::Reasoning(thought) => {
                if let Some(summary) = self.exchange.summary(thought) {
                    self.summary(&place, summary);
                }
            }
            Item::Message { text, refused: false } => self.text(&place, text),
            Item::Message { text, refused: true } => self.refusal(&place, text),
            Item::Call(call) => self.call(&place, call),
        }
        let complete = self.exchange.item(at, item, true);
        self.add("response.output_item.done", json!({"output_index": at, "item": complete}));
    }

    fn summary(&mut self, place: &Value, text: &str) {
        let place = placed(place, json!({"summary_index": 0}));
        self.add("response.reasoning_summary_part.added", placed(&place, json!({"part": summary_part("")})));
        for piece in tokens::pieces(text) {
            let event = placed(&place, json!({"delta": piece}));
            self.add_metered("response.reasoning_summary_text.delta", event, Meter::shown(1));
        }
        self.add("response.reasoning_summary_text.done", placed(&place, json!({"text": text})));
        self.add("response.reasoning_summary_part.done", placed(&place, json!({"part": summary_part(text)})));
    }

    fn text(&mut self, place: &Value, text: &str) {
        let exchange = self.exchange;
        let place = placed(place, json!({"content_index": 0}));
        self.add("response.content_part.added", placed(&place, json!({"part": exchange.part("", false)})));
        for piece in tokens::pieces(text) {
            let event = placed(&place, json!({"delta": piece, "logprobs": exchange.logprobs_of(piece)}));
            self.add_metered("response.output_text.delta", event, Meter::shown(1));
        }
        let done = placed(&place, json!({"text": text, "logprobs": exchange.logprobs_of(text)}));
        self.add("response.output_text.done", done);
        self.add("response.content_part.done", placed(&place, json!({"part": exchange.part(text, false)})));
    }

    fn refusal(&mut self, place: &Value, text: &str) {
        let exchange = self.exchange;
        let place = placed(place, json!({"content_index": 0}));
        self.add("response.content_part.added", placed(&place, json!({"part": exchange.part("", true)})));
        for piece in tokens::pieces(text) {
            self.add_metered("response.refusal.delta", placed(&place, json!({"delta": piece})), Meter::shown(1));
        }
        self.add("response.refusal.done", placed(&place, json!({"refusal": text})));
        self.add("response.content_part.done", placed(&place, json!({"part": exchange.part(text, true)})));
    }

    fn call(&mut self, place: &Value, call: &ToolCall) {
        let (kind, arguments) = match self.exchange.is_custom(call) {
            true => ("custom_tool_call_input", "input"),
            false => ("function_call_arguments", "arguments"),
        };
        for piece in tokens::pieces(&call.arguments) {
            let event = placed(place, json!({"delta": piece}));
            self.add_metered(&format!("response.{kind}.delta"), event, Meter::shown(1));
        }
        self.add(&format!("response.{kind}.done"), placed(place, json!({arguments: call.arguments})));
    }

    fn add(&mut self, kind: &str, fields: Value) {
        self.add_metered(kind, fields, Meter::default());
    }

    fn add_metered(&mut self, kind: &str, fields: Value, meter: Meter) {
        let front = json!({"type": kind, "sequence_number": self.events.len()});
        self.events.push(Event { data: placed(&front, fields), meter });
    }
}

/// `place` with more fields.
fn placed(place: &Value, fields: Value) -> Value {
    let mut event = place.clone();
    if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
        event.extend(fields);
    }
    event
}
