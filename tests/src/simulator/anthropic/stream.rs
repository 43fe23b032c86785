//! A message as a stream of typed events.
//! <https://platform.claude.com/docs/en/build-with-claude/streaming> (seen 2026-11).

use serde_json::{Value, json};

use super::super::mind::{ToolCall, signature};
use super::super::reply::{Event, Meter};
use super::super::tokens;
use super::message::{Block, Exchange, no_edits};

/// Tokens that the first event says were made: the provider tells a few before any is shown.
const FIRST_TOKENS: u64 = 1;

/// The events of a message: start, ping, blocks, the end's reason and usage, stop.
pub(in super::super) fn events(exchange: &Exchange) -> Vec<Event> {
    let mut events = Events { exchange, events: Vec::new() };
    events.start();
    for (index, block) in exchange.blocks().iter().enumerate() {
        events.block(index, block);
    }
    events.end();
    events.events
}

struct Events<'a> {
    exchange: &'a Exchange,
    events: Vec<Event>,
}

impl Events<'_> {
    fn start(&mut self) {
        let exchange = self.exchange;
        let mut message = exchange.envelope();
        let mut meter = Meter::hidden(exchange.said.hidden_tokens());
        if exchange.tells_usage {
            let output = FIRST_TOKENS.min(exchange.said.usage().output);
            message["usage"] = exchange.usage(output, 0);
            meter.usage = Some(output);
        }
        self.push(json!({"type": "message_start", "message": message}), meter);
    }

    fn block(&mut self, index: usize, block: &Block<'_>) {
        let opening = match block {
            Block::Call(call) => Meter::shown(call.opening_tokens()),
            _ => Meter::default(),
        };
        self.push(json!({"type": "content_block_start", "index": index, "content_block": block.opening()}), opening);
        if index == 0 {
            self.push(json!({"type": "ping"}), Meter::default());
        }
        match block {
            Block::Thinking { thought, omitted } => self.thinking(index, thought, *omitted),
            Block::Text(text) => self.pieces(index, "text_delta", "text", text),
            Block::Call(call) => self.call(index, call),
        }
        self.push(json!({"type": "content_block_stop", "index": index}), Meter::default());
    }

    fn thinking(&mut self, index: usize, thought: &str, omitted: bool) {
        let mut meter = Meter::default();
        if omitted {
            meter = Meter::hidden(tokens::count(thought));
        } else {
            self.pieces(index, "thinking_delta", "thinking", thought);
        }
        self.delta(index, json!({"type": "signature_delta", "signature": signature(thought)}), meter);
    }

    fn call(&mut self, index: usize, call: &ToolCall) {
        // Arguments begin with an empty piece.
        self.delta(index, json!({"type": "input_json_delta", "partial_json": ""}), Meter::default());
        self.pieces(index, "input_json_delta", "partial_json", &call.arguments);
    }

    fn pieces(&mut self, index: usize, kind: &str, field: &str, text: &str) {
        for piece in tokens::pieces(text) {
            self.delta(index, json!({"type": kind, field: piece}), Meter::shown(1));
        }
    }

    fn delta(&mut self, index: usize, delta: Value, meter: Meter) {
        self.push(json!({"type": "content_block_delta", "index": index, "delta": delta}), meter);
    }

    fn end(&mut self) {
        let exchange = self.exchange;
        let delta = json!({
            "stop_reason": exchange.stop_reason(),
            "stop_sequence": exchange.stop_sequence(),
            "stop_details": exchange.stop_details(),
        });
        let mut event = json!({"type": "message_delta", "delta": delta});
        let mut meter = Meter::default();
        if exchange.tells_usage {
            let usage = exchange.said.usage();
            event["usage"] = exchange.cumulative_usage(usage.output, usage.reasoning);
            meter = Meter::usage(usage.output);
        }
        if exchange.request.manages_context {
            event["context_management"] = no_edits();
        }
        self.push(event, meter);
        self.push(json!({"type": "message_stop"}), Meter::default());
    }

    fn push(&mut self, data: Value, meter: Meter) {
        self.events.push(Event { data, meter });
    }
}
