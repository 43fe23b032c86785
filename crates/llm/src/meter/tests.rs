//! Recorded shapes of responses, whole and in pieces.

use super::*;

fn meter(endpoint: Endpoint, body: &[u8]) -> Metered {
    let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
    meter.feed(body);
    meter.finish()
}

const CHAT: Endpoint = Endpoint::ChatCompletions;

fn fixtures() -> [(&'static str, Endpoint, &'static [u8]); 10] {
    [
        ("chat", CHAT, include_bytes!("../../tests/fixtures/chat.sse")),
        ("chat_usage", CHAT, include_bytes!("../../tests/fixtures/chat_usage.sse")),
        ("chat_two_choices", CHAT, include_bytes!("../../tests/fixtures/chat_two_choices.sse")),
        ("chat_tools", CHAT, include_bytes!("../../tests/fixtures/chat_tools.sse")),
        ("chat_reasoning", CHAT, include_bytes!("../../tests/fixtures/chat_reasoning.sse")),
        ("completion", Endpoint::Completions, include_bytes!("../../tests/fixtures/completion.sse")),
        ("responses", Endpoint::Responses, include_bytes!("../../tests/fixtures/responses.sse")),
        ("chat_json", CHAT, include_bytes!("../../tests/fixtures/chat.json")),
        ("responses_json", Endpoint::Responses, include_bytes!("../../tests/fixtures/responses.json")),
        ("embeddings_json", Endpoint::Embeddings, include_bytes!("../../tests/fixtures/embeddings.json")),
    ]
}

#[test]
fn reads_usage_tier_and_text_of_every_shape() {
    let usage = |input, output, cached_input, cache_creation, reasoning| {
        Some(Usage { input, output, cached_input, cache_creation, reasoning })
    };
    for ((name, endpoint, body), (used, tier, events, stream)) in fixtures().into_iter().zip([
        (None, Some(ServiceTier::Standard), 20, true),
        (usage(18, 20, 0, 0, 0), Some(ServiceTier::Standard), 20, true),
        (usage(9, 8, 0, 0, 0), Some(ServiceTier::Standard), 8, true),
        (usage(61, 16, 32, 0, 0), Some(ServiceTier::Standard), 11, true),
        (usage(12, 10, 0, 0, 7), Some(ServiceTier::Standard), 10, true),
        (usage(4, 10, 0, 0, 0), None, 10, true),
        (usage(36, 24, 0, 0, 0), Some(ServiceTier::Standard), 15, true),
        (usage(25, 21, 8, 0, 2), Some(ServiceTier::Flex), 1, false),
        (usage(36, 24, 4, 6, 0), Some(ServiceTier::Priority), 3, false),
        (usage(5, 0, 0, 0, 0), None, 0, false),
    ]) {
        let metered = meter(endpoint, body);
        assert_eq!(metered.usage, used, "{name}");
        assert_eq!(metered.service_tier, tier, "{name}");
        assert_eq!(metered.output_events, events, "{name}");
        assert_eq!(metered.is_stream, stream, "{name}");
        assert!(metered.finished, "{name}");
        assert!(!metered.error, "{name}");
        assert_eq!(metered.bytes, body.len() as u64, "{name}");
    }
}

#[test]
fn how_a_response_is_cut_does_not_matter() {
    for (name, endpoint, body) in fixtures() {
        let whole = meter(endpoint, body);
        for at in 0..=body.len() {
            let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
            let (head, tail) = body.split_at(at);
            meter.feed(head);
            meter.feed(tail);
            assert_eq!(meter.finish(), whole, "{name} cut at {at}");
        }
        let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
        body.chunks(1).for_each(|byte| meter.feed(byte));
        assert_eq!(meter.finish(), whole, "{name} cut everywhere");
    }
}
