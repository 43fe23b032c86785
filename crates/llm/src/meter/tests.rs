//! Recorded shapes of responses, whole and in pieces.

use super::*;

mod anthropic;
mod gemini;
mod usage;

fn meter(endpoint: Endpoint, body: &[u8]) -> Metered {
    let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
    meter.feed(body);
    meter.finish()
}

const CHAT: Endpoint = Endpoint::ChatCompletions;

const GEMINI: Endpoint = Endpoint::StreamGenerateContent;

fn fixtures() -> [(&'static str, Endpoint, &'static [u8]); 17] {
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
        ("messages", Endpoint::Messages, include_bytes!("../../tests/fixtures/messages.sse")),
        ("messages_tools", Endpoint::Messages, include_bytes!("../../tests/fixtures/messages_tools.sse")),
        ("messages_json", Endpoint::Messages, include_bytes!("../../tests/fixtures/messages.json")),
        ("gemini", GEMINI, include_bytes!("../../tests/fixtures/gemini.sse")),
        ("gemini_array", GEMINI, include_bytes!("../../tests/fixtures/gemini_array.json")),
        ("gemini_enveloped", GEMINI, include_bytes!("../../tests/fixtures/gemini_enveloped.sse")),
        ("gemini_json", Endpoint::GenerateContent, include_bytes!("../../tests/fixtures/gemini.json")),
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
        (usage(142, 26, 100, 30, 0), Some(ServiceTier::Standard), 9, true),
        (usage(480, 71, 0, 0, 19), Some(ServiceTier::Priority), 11, true),
        // With the summary that was written on the way.
        (usage(33 + 950, 58 + 40, 8 + 50, 4, 0), Some(ServiceTier::Standard), 4, false),
        (usage(7, 27 + 31, 4, 0, 31), None, 5, true),
        (usage(7, 27 + 31, 4, 0, 31), None, 5, true),
        (usage(40, 22 + 9, 0, 0, 9), None, 4, true),
        (usage(11 + 30, 24, 0, 0, 0), Some(ServiceTier::Flex), 4, false),
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

#[test]
fn a_usage_report_counts_when_it_is_whole() {
    for (name, endpoint, body) in fixtures() {
        let whole = meter(endpoint, body);
        let mut so_far = ResponseMeter::new(endpoint, MeterOptions::default());
        for byte in body.chunks(1) {
            so_far.feed(byte);
            let usage = so_far.metered().usage;
            // Anthropic and Gemini tell it bit by bit, so that it grows.
            let grows = whole.is_stream && matches!(endpoint, Endpoint::Messages | GEMINI);
            let within = grows && usage.zip(whole.usage).is_some_and(|(usage, whole)| usage.output <= whole.output);
            assert!(usage.is_none() || usage == whole.usage || within, "{name}: {usage:?}");
        }
    }
}

#[test]
fn sound_counts_by_its_length() {
    let data = "T2dn".repeat(320);
    for (endpoint, body) in [
        (CHAT, format!("{{\"choices\":[{{\"message\":{{\"audio\":{{\"data\":\"{data}\",\"transcript\":\"\"}}}}}}]}}")),
        (CHAT, format!("data: {{\"choices\":[{{\"delta\":{{\"audio\":{{\"data\":\"{data}\"}}}}}}]}}\n\n")),
        (Endpoint::Responses, format!("data: {{\"type\":\"response.audio.delta\",\"delta\":\"{data}\"}}\n\n")),
        (Endpoint::Responses, format!("data: {{\"delta\":\"{data}\",\"type\":\"response.output_audio.delta\"}}\n\n")),
    ] {
        let metered = meter(endpoint, body.as_bytes());
        assert_eq!(metered.output_events, 1, "{endpoint:?}");
        assert!((10..=11).contains(&metered.output_estimate()), "{endpoint:?}: {}", metered.output_estimate());
    }
}

#[test]
fn errors_are_told_from_output() {
    for (endpoint, body) in [
        (CHAT, r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#),
        (CHAT, "data: {\"error\":{\"message\":\"no\"}}\n\ndata: [DONE]\n\n"),
        (Endpoint::Responses, "event: error\ndata: {\"type\":\"error\",\"message\":\"no\"}\n\n"),
        (
            Endpoint::Responses,
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\"},\"usage\":null}}\n\n",
        ),
    ] {
        let metered = meter(endpoint, body.as_bytes());
        assert!(metered.error && metered.output_estimate() == 0, "{body}");
    }
    let after_output = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"error\":{}}\n\n";
    let metered = meter(CHAT, after_output.as_bytes());
    assert!(!metered.error && metered.output_estimate() == 1 && !metered.finished);
    assert!(!meter(CHAT, br#"{"error":null,"choices":[]}"#).error);
}

#[test]
fn a_response_is_finished_by_its_own_word_only() {
    let chunk = |index, reason: &str| {
        format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":{reason}}}]}}\n\n")
    };
    let stop = "\"stop\"";
    for (stream, finished) in [
        (chunk(0, "null"), false),
        (chunk(0, stop), true),
        (chunk(0, stop) + &chunk(1, "null"), false),
        (chunk(0, "null") + &chunk(1, stop), false),
        (chunk(1, stop) + &chunk(0, stop), true),
        (chunk(0, "null") + "data: [DONE]", true),
        (chunk(0, "null") + "data:[DONE]\r\n\r\n", true),
        (chunk(0, "null") + "data: [DONE]!\n\n", false),
        (chunk(0, "null") + "data: [DON", false),
        ("data: {\"type\":\"response.incomplete\"}\n\n".to_owned(), true),
        ("data: {\"type\":\"response.in_progress\"}\n\n".to_owned(), false),
        ("{\"choices\":[]".to_owned(), false),
    ] {
        assert_eq!(meter(CHAT, stream.as_bytes()).finished, finished, "{stream}");
    }
}

#[test]
fn the_content_type_decides_before_the_first_bytes() {
    let of_type = |content_type: &[u8], body: &[u8]| {
        let mut meter = ResponseMeter::new(CHAT, MeterOptions::default());
        meter.set_content_type(Some(content_type));
        meter.feed(body);
        meter.finish()
    };
    let json = br#"{"usage":{"prompt_tokens":1}}"#;
    assert!(of_type(b"Application/JSON; charset=utf-8", json).usage.is_some());
    assert!(of_type(b"application/problem+json", json).usage.is_some());
    assert!(of_type(b"text/plain", json).usage.is_some());
    assert!(of_type(b"text/event-stream; charset=utf-8", json).is_stream);
    // Sound is no text: it counts by its length.
    let sound = of_type(b"audio/mpeg", json);
    assert_eq!((sound.usage, sound.unread_bytes), (None, json.len() as u64));
}

#[test]
fn json_is_read_as_far_as_allowed_and_the_rest_counts_by_its_length() {
    let body = include_bytes!("../../tests/fixtures/chat.json");
    for (max_json_bytes, known) in [(0, false), (300, false), (body.len(), true), (usize::MAX, true)] {
        let mut meter = ResponseMeter::new(CHAT, MeterOptions { max_json_bytes });
        body.chunks(64).for_each(|piece| meter.feed(piece));
        let metered = meter.finish();
        assert_eq!(metered.usage.is_some(), known, "{max_json_bytes}");
        assert_eq!(metered.unread_bytes, body.len().saturating_sub(max_json_bytes) as u64);
        assert!(metered.output_estimate() >= 21, "{max_json_bytes}");
    }
    // What turns out not to be JSON counts by its length too.
    let broken = [&b"{\"choices\":"[..], &[b'x'; 300]].concat();
    for piece in [1, 7, 12, 100, broken.len()] {
        let mut meter = ResponseMeter::new(CHAT, MeterOptions::default());
        broken.chunks(piece).for_each(|piece| meter.feed(piece));
        let metered = meter.finish();
        assert_eq!((metered.unread_bytes, metered.output_estimate()), (300, 100), "in pieces of {piece}");
    }
}

#[test]
fn what_is_compressed_counts_by_its_bytes_where_text_was_to_come() {
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 6, 0, 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0];
    for body in [&gzip[..], b"(\xb5\x2f\xfd\x04\x58", b"x\x9c\x4b\x4c\x4a\x06", b"\x0b\x02\x80data: x\n\n\x03"] {
        for endpoint in [CHAT, Endpoint::Completions, Endpoint::Responses] {
            let metered = meter(endpoint, body);
            assert!(!metered.finished && !metered.is_stream && metered.compressed, "{body:?}");
            assert_eq!(metered.output_estimate(), body.len() as u64, "{body:?}");
        }
        for endpoint in [Endpoint::Embeddings, Endpoint::Other] {
            assert_eq!(meter(endpoint, body).output_estimate(), 0, "{body:?}");
        }
    }
    for text in ["data: \u{4e2d}\n\n", "\u{feff}: comment\r\n\r\n", "retry: 3\n"] {
        let metered = meter(CHAT, text.as_bytes());
        assert!(metered.is_stream && !metered.compressed && metered.output_estimate() == 0, "{text}");
    }
}

/// The delivered text of each event: the tokens that had to be made for it.
fn delivered(event: &serde_json::Value) -> u64 {
    let tokens = |value: &serde_json::Value| {
        value.as_str().map_or(0, |text| tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64)
    };
    let mut sum = match event["type"].as_str() {
        Some(kind) if kind.ends_with(".delta") => tokens(&event["delta"]),
        Some("response.output_item.added") => tokens(&event["item"]["name"]),
        _ => 0,
    };
    for part in ["text", "thinking", "partial_json"] {
        sum += tokens(&event["delta"][part]);
    }
    sum += tokens(&event["content_block"]["name"]);
    let candidates = event["candidates"].as_array().or(event["response"]["candidates"].as_array());
    for part in
        candidates.into_iter().flatten().flat_map(|candidate| candidate["content"]["parts"].as_array()).flatten()
    {
        let call = &part["functionCall"];
        let arguments = if call["args"].is_null() { String::new() } else { call["args"].to_string() };
        sum += tokens(&part["text"]) + tokens(&call["name"]) + tokens(&arguments.into());
    }
    for choice in event["choices"].as_array().into_iter().flatten() {
        let delta = &choice["delta"];
        sum += tokens(&choice["text"]) + tokens(&delta["content"]) + tokens(&delta["reasoning_content"]);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            sum += tokens(&call["function"]["name"]) + tokens(&call["function"]["arguments"]);
        }
    }
    sum
}

#[test]
fn a_stream_that_breaks_off_is_never_estimated_below_what_was_delivered() {
    let mut streams: Vec<(String, Endpoint, String)> = fixtures()
        .into_iter()
        .filter(|(_, _, body)| !body.starts_with(b"{") && !body.starts_with(b"["))
        .map(|(name, endpoint, body)| (name.to_owned(), endpoint, String::from_utf8(body.to_vec()).unwrap()))
        .collect();
    // Providers that send many tokens at once.
    for (name, text) in [
        ("english", include_str!("../../tests/samples/english.txt")),
        ("chinese", include_str!("../../tests/samples/chinese.txt")),
        ("code", include_str!("../../tests/samples/code.txt")),
        ("mixed", include_str!("../../tests/samples/mixed.txt")),
    ] {
        let characters: Vec<char> = text.chars().collect();
        let chunks = characters.chunks(40).map(|chunk| {
            let content: String = chunk.iter().collect();
            format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": {"content": content}}]}))
        });
        streams.push((name.to_owned(), CHAT, chunks.collect()));
    }
    for (name, endpoint, stream) in streams {
        let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
        let mut tokens = 0;
        for event in stream.split_inclusive("\n\n") {
            meter.feed(event.as_bytes());
            let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            if let Ok(event) = serde_json::from_str(data) {
                tokens += delivered(&event);
            }
            let estimate = meter.metered().output_estimate();
            assert!(estimate >= tokens, "{name}: {estimate} for {tokens} up to {event}");
        }
        assert!(tokens > 0, "{name}");
        let estimate = meter.metered().output_estimate();
        assert!(estimate <= 2 * tokens + 10, "{name}: {estimate} for {tokens}");
    }
}

#[test]
fn a_word_inside_of_a_broken_event_does_not_end_the_stream() {
    for (stream, finished) in [("data: {\"choices\":/[DONE]\n\n", false), ("data: [DONE]\n\n", true)] {
        for at in 0..=stream.len() {
            let (head, tail) = stream.as_bytes().split_at(at);
            let mut meter = ResponseMeter::new(CHAT, MeterOptions::default());
            meter.set_content_type(Some(b"text/event-stream"));
            meter.feed(head);
            meter.feed(tail);
            assert_eq!(meter.finish().finished, finished, "cut at {at}");
        }
    }
}
