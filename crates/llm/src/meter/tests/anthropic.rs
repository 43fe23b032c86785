//! Anthropic's replies and streams.

use super::*;

fn message(body: &str) -> Metered {
    meter(Endpoint::Messages, body.as_bytes())
}

fn event(data: &str) -> String {
    format!("event: x\ndata: {data}\n\n")
}

fn start(usage: &str) -> String {
    event(&format!(r#"{{"type":"message_start","message":{{"id":"m","content":[],"usage":{usage}}}}}"#))
}

fn delta(usage: &str) -> String {
    event(&format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{usage}}}"#))
}

const TEXT: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi there"}}"#;

#[test]
fn the_usage_of_a_stream_is_told_bit_by_bit() {
    let usage = |input, output, cached_input, cache_creation| Usage {
        input,
        output,
        cached_input,
        cache_creation,
        reasoning: 0,
    };
    for (first, last, expected) in [
        (r#"{"input_tokens":15,"output_tokens":5}"#, r#"{"output_tokens":21}"#, usage(15, 21, 0, 0)),
        (
            r#"{"input_tokens":15,"cache_creation_input_tokens":13,"cache_read_input_tokens":12,"output_tokens":1}"#,
            r#"{"output_tokens":21}"#,
            usage(40, 21, 12, 13),
        ),
        // The whole input at first, and later what of it was cached.
        (
            r#"{"input_tokens":34824,"output_tokens":0}"#,
            r#"{"input_tokens":3883,"output_tokens":49,"cache_creation_input_tokens":0,"cache_read_input_tokens":30464}"#,
            usage(34347, 49, 30464, 0),
        ),
        // Zeros for what is not known.
        (r#"{"input_tokens":0,"output_tokens":0}"#, r#"{"input_tokens":9,"output_tokens":3}"#, usage(9, 3, 0, 0)),
        (
            r#"{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1}"#,
            r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}"#,
            usage(13, 3, 4, 0),
        ),
        (r#"{"input_tokens":9,"output_tokens":7}"#, r#"{"output_tokens":3}"#, usage(9, 7, 0, 0)),
        ("null", r#"{"input_tokens":9,"output_tokens":3}"#, usage(9, 3, 0, 0)),
    ] {
        let stream = start(first) + &event(TEXT) + &delta(last);
        let metered = message(&stream);
        assert_eq!(metered.usage, Some(expected), "{stream}");
        assert!(metered.finished && metered.uncounted_events == 0);
    }
}

#[test]
fn samplings_that_the_sum_leaves_out_are_added_once() {
    let iterations = |kind: &str| {
        format!(
            r#"{{"input_tokens":9,"output_tokens":3,"iterations":[{{"type":"{kind}","input_tokens":100,"output_tokens":10}},
            {{"output_tokens":3,"input_tokens":9,"type":"message"}}]}}"#
        )
        .replace('\n', "")
    };
    for (kind, expected) in [("compaction", (109, 13)), ("advisor_message", (109, 13)), ("message", (9, 3))] {
        let usage = iterations(kind);
        let stream = start(r#"{"input_tokens":9,"output_tokens":1}"#) + &delta(&usage) + &delta(&usage);
        let used = message(&stream).usage.unwrap();
        assert_eq!((used.input, used.output), expected, "{kind}");
    }
}

#[test]
fn what_came_after_the_last_usage_is_known_as_such() {
    let stream = start(r#"{"input_tokens":9,"output_tokens":1}"#) + &event(TEXT) + &event(TEXT);
    let metered = message(&stream);
    assert_eq!((metered.uncounted_events, metered.output_events, metered.finished), (2, 2, false));
    assert!((4..8).contains(&metered.output_estimate()), "{}", metered.output_estimate());
}

#[test]
fn a_stream_is_finished_by_its_own_word_only() {
    for (last, finished) in [
        (r#"{"type":"message_stop"}"#, true),
        (r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#, true),
        (r#"{"type":"message_delta","delta":{"stop_reason":null}}"#, false),
        (r#"{"type":"content_block_stop","index":0}"#, false),
        (r#"{"type":"ping"}"#, false),
        (r#"{"type":"message_sto"#, false),
    ] {
        assert_eq!(message(&(event(TEXT) + &event(last))).finished, finished, "{last}");
    }
}

#[test]
fn errors_are_told_from_output() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#;
    let alone = message(error);
    assert!(alone.error && alone.output_estimate() == 0 && alone.usage.is_none());
    assert!(message(&event(error)).error);
    let after = message(&(event(TEXT) + &event(error)));
    assert!(!after.error && after.output_events == 1);
}

#[test]
fn counting_tokens_uses_none() {
    for (endpoint, body) in [
        (Endpoint::CountTokens, r#"{"input_tokens":42}"#),
        (Endpoint::CountTokens, r#"{"input_tokens":42,"usage":{"input_tokens":42}}"#),
        (Endpoint::GeminiCountTokens, r#"{"totalTokens":42,"usageMetadata":{"promptTokenCount":42}}"#),
    ] {
        let metered = meter(endpoint, body.as_bytes());
        assert_eq!((metered.usage, metered.output_estimate(), metered.finished), (None, 0, true), "{body}");
    }
    assert!(meter(Endpoint::CountTokens, br#"{"type":"error","error":{"type":"x"}}"#).error);
}

#[test]
fn a_ranking_uses_input_only() {
    for (body, input) in [
        (
            r#"{"results":[],"meta":{"billed_units":{"search_units":1},"tokens":{"input_tokens":214,"output_tokens":2}}}"#,
            216,
        ),
        (r#"{"results":[],"usage":{"total_tokens":15}}"#, 15),
    ] {
        let metered = meter(Endpoint::Rerank, body.as_bytes());
        assert_eq!(metered.usage, Some(Usage { input, ..Usage::default() }), "{body}");
        assert_eq!(metered.output_estimate(), 0);
    }
}
