//! In strict mode, what is reserved covers whatever can be billed.

use proptest::prelude::*;

use super::*;

/// Requests of every kind, their usage in replies recorded under the same names.
const REQUESTS: [(&str, &str); 7] = [
    (CHAT, r#"{"model":"m","messages":[{"role":"user","content":"Where is the harbour?"}]}"#),
    (CHAT, r#"{"model":"m","stream":true,"max_tokens":64,"n":2,"messages":[]}"#),
    (CHAT, r#"{"model":"m","max_completion_tokens":64,"service_tier":"flex","messages":[]}"#),
    ("/v1/completions", r#"{"model":"m","prompt":"a","n":1,"best_of":3,"max_tokens":40}"#),
    ("/v1/responses", r#"{"model":"m","input":"a","max_output_tokens":80,"service_tier":"priority"}"#),
    ("/v1/responses", r#"{"model":"m","input":"a","service_tier":"auto"}"#),
    ("/v1/embeddings", r#"{"model":"m","input":["a","b"]}"#),
];

/// Replies as providers send them.
const REPLIES: [(Endpoint, &[u8]); 10] = [
    (Endpoint::ChatCompletions, include_bytes!("../../../../crates/llm/tests/fixtures/chat.sse")),
    (Endpoint::ChatCompletions, include_bytes!("../../../../crates/llm/tests/fixtures/chat_usage.sse")),
    (Endpoint::ChatCompletions, include_bytes!("../../../../crates/llm/tests/fixtures/chat_two_choices.sse")),
    (Endpoint::ChatCompletions, include_bytes!("../../../../crates/llm/tests/fixtures/chat_tools.sse")),
    (Endpoint::ChatCompletions, include_bytes!("../../../../crates/llm/tests/fixtures/chat_reasoning.sse")),
    (Endpoint::ChatCompletions, include_bytes!("../../../../crates/llm/tests/fixtures/chat.json")),
    (Endpoint::Completions, include_bytes!("../../../../crates/llm/tests/fixtures/completion.sse")),
    (Endpoint::Responses, include_bytes!("../../../../crates/llm/tests/fixtures/responses.sse")),
    (Endpoint::Responses, include_bytes!("../../../../crates/llm/tests/fixtures/responses.json")),
    (Endpoint::Embeddings, include_bytes!("../../../../crates/llm/tests/fixtures/embeddings.json")),
];

/// A number of dollars for a token; none at all at times.
fn dollars() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 4 => (1..1_000_000_u32).prop_map(|nanos| f64::from(nanos) * 1e-12)]
}

/// A price list with one model that has any of the prices that such lists have.
fn priced() -> impl Strategy<Value = PriceTable> {
    const NAMES: [&str; 14] = [
        "input_cost_per_token",
        "output_cost_per_token",
        "output_cost_per_reasoning_token",
        "cache_read_input_token_cost",
        "cache_creation_input_token_cost",
        "input_cost_per_token_priority",
        "output_cost_per_token_priority",
        "cache_read_input_token_cost_priority",
        "input_cost_per_token_flex",
        "output_cost_per_token_flex",
        "input_cost_per_token_above_1k_tokens",
        "output_cost_per_token_above_1k_tokens",
        "input_cost_per_token_above_100_tokens",
        "output_cost_per_token_above_100_tokens",
    ];
    prop::collection::vec(prop::option::of(dollars()), NAMES.len()).prop_map(|costs| {
        let mut row = serde_json::json!({"litellm_provider": "p", "input_cost_per_token": 1e-6});
        for (name, cost) in NAMES.into_iter().zip(costs) {
            if let Some(cost) = cost {
                row[name] = cost.into();
            }
        }
        let rows = serde_json::json!({"m": row});
        PriceTable::from_litellm(rows.to_string().as_bytes()).unwrap().table
    })
}

fn asked<'a>(path: &'a str, body: &'a Scanned, prices: &'a PriceTable) -> Asked<'a> {
    let body_bytes = body.body_bytes as u64;
    Asked {
        kind: Kind::of(true, path),
        path,
        model: "m",
        body: Some(body),
        anthropic: false,
        body_bytes,
        prices: vec![prices.get("m")],
    }
}

/// Classes that a provider may bill a request of this one in.
fn may_serve(tier: ServiceTier) -> Vec<Option<ServiceTier>> {
    match tier {
        ServiceTier::Auto => {
            vec![None, Some(ServiceTier::Standard), Some(ServiceTier::Flex), Some(ServiceTier::Priority)]
        }
        tier => vec![None, Some(tier), Some(ServiceTier::Standard)],
    }
}

proptest! {
    #[test]
    fn whatever_a_request_uses_within_its_cap_was_reserved(
        prices in priced(),
        request in prop::sample::select(REQUESTS.to_vec()),
        (input, output) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        (cached, creation, reasoning) in (0..2_000_u64, 0..2_000_u64, 0..2_000_u64),
        fills in any::<bool>(),
    ) {
        let (path, body) = request;
        let scanned = scan(body);
        let asked = asked(path, &scanned, &prices);
        let need = need(&asked, &[true; 4], true, &Metering::default()).unwrap();
        let within = |index: prop::sample::Index, most: u64| if fills { most } else { index.index(most as usize + 1) as u64 };
        let (input, output) = (within(input, need.input), within(output, need.output));
        let usage = Usage {
            input,
            output,
            cached_input: cached.min(input),
            cache_creation: creation.min(input),
            reasoning: reasoning.min(output),
        };
        for service_tier in may_serve(need.tier) {
            let metered = Metered { usage: Some(usage), service_tier, finished: true, ..Metered::default() };
            let charge = charge(&need, asked.kind, prices.get("m"), &Ended { status: 200, metered });
            let price = prices.get("m").unwrap();
            // The charge is the whole price: nothing was cut off to make it fit.
            prop_assert_eq!(charge.amounts.tokens, usage.total());
            prop_assert_eq!(charge.amounts.pico_usd, price.cost(&usage, service_tier.unwrap_or(need.tier)));
            prop_assert!(need.amounts.covers(&charge.amounts), "{:?} for {:?}", need.amounts, charge.amounts);
            prop_assert_eq!(charge.overrun, 0);
        }
    }

    #[test]
    fn no_recorded_reply_is_charged_more_than_was_reserved_wherever_it_ends(
        prices in priced(),
        request in prop::sample::select(REQUESTS.to_vec()),
        (endpoint, reply) in prop::sample::select(REPLIES.to_vec()),
        end in any::<prop::sample::Index>(),
        status in prop::sample::select(vec![0_u16, 200, 400, 500, 504]),
    ) {
        let (path, body) = request;
        let scanned = scan(body);
        let asked = asked(path, &scanned, &prices);
        let need = need(&asked, &[true; 4], true, &Metering::default()).unwrap();
        let metered = metered(endpoint, &reply[..end.index(reply.len() + 1)]);
        let charge = charge(&need, asked.kind, prices.get("m"), &Ended { status, metered });
        let (charged, reserved) = (charge.amounts, need.amounts);
        prop_assert!(charged.tokens <= reserved.tokens && charged.pico_usd <= reserved.pico_usd);
    }
}
