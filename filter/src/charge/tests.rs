//! What requests need and are charged, endpoint by endpoint and ending by ending.

use ditto_llm::meter::{MeterOptions, ResponseMeter};
use ditto_llm::scan::Scanner;
use ditto_pricing::PriceTable;

use super::*;

mod endings;
mod needs;
mod strict;

/// Units that a key's accounts limit.
const TOKENS: [bool; 4] = [true, false, false, false];
const COST: [bool; 4] = [false, true, false, false];
const WINDOWS: [bool; 4] = [false, false, true, true];

const CHAT: &str = "/v1/chat/completions";

/// What is found in a body.
fn scan(body: &str) -> Scanned {
    let mut scanner = Scanner::default();
    scanner.feed(body.as_bytes()).unwrap();
    scanner.finish().unwrap()
}

/// Models with prices, in dollars for a token; some say how much they take and make.
fn prices() -> PriceTable {
    let rows = serde_json::json!({
        "small": {"litellm_provider": "p", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
        "large": {
            "litellm_provider": "p", "input_cost_per_token": 1e-5, "output_cost_per_token": 3e-5,
            "input_cost_per_token_priority": 2e-5, "output_cost_per_token_priority": 6e-5,
            "max_input_tokens": 1_000, "max_output_tokens": 500,
        },
    });
    PriceTable::from_litellm(rows.to_string().as_bytes()).unwrap().table
}

/// What a `POST` with this body needs; `models` are what the candidates would be asked for.
fn need_of(path: &str, body: &str, models: &[&str], limited: &[bool; 4], strict: bool) -> Result<Need, Fault> {
    let scanned = scan(body);
    let prices = prices();
    let asked = Asked {
        kind: Kind::of(true, path),
        path,
        model: scanned.model.as_ref().map_or("", |model| &model.name),
        body: Some(&scanned),
        anthropic: false,
        body_bytes: body.len() as u64,
        prices: models.iter().map(|model| prices.get(model)).collect(),
    };
    need(&asked, limited, strict, &Metering::default())
}

/// What is metered of a reply.
fn metered(endpoint: Endpoint, reply: &[u8]) -> Metered {
    let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
    meter.feed(reply);
    meter.metered()
}

fn code(fault: &Fault) -> (u16, &'static str) {
    (fault.status(), fault.code())
}
