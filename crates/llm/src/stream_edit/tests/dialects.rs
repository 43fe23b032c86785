//! How streams of Anthropic and Gemini are ended at their cap.

use super::*;

const MESSAGES: &str = include_str!("../../../tests/fixtures/messages.sse");
const MESSAGES_TOOLS: &str = include_str!("../../../tests/fixtures/messages_tools.sse");
const GEMINI: &str = include_str!("../../../tests/fixtures/gemini.sse");
const GEMINI_ENVELOPED: &str = include_str!("../../../tests/fixtures/gemini_enveloped.sse");
const GEMINI_ARRAY: &str = include_str!("../../../tests/fixtures/gemini_array.json");
const GENERATE: Endpoint = Endpoint::StreamGenerateContent;

/// What passes however the stream is cut, and whether it was ended.
fn edit_cut_anyhow(endpoint: Endpoint, cap: u64, stream: &str) -> (String, bool) {
    let bytes = stream.as_bytes();
    let (passed, ended, _) = edit(endpoint, capped(cap), [bytes]);
    for at in (0..=bytes.len()).step_by(11) {
        let (head, tail) = bytes.split_at(at);
        let cut = edit(endpoint, capped(cap), [head, tail]);
        assert!((&cut.0, cut.1) == (&passed, ended), "cut at {at} with {cap}");
    }
    let bytewise = edit(endpoint, capped(cap), bytes.chunks(1));
    assert!((&bytewise.0, bytewise.1) == (&passed, ended), "cut everywhere with {cap}");
    (String::from_utf8(passed).unwrap(), ended)
}

#[test]
fn a_stream_within_its_cap_passes_as_it_is() {
    for (endpoint, stream, tokens) in [
        (Endpoint::Messages, MESSAGES, 26),
        (Endpoint::Messages, MESSAGES_TOOLS, 71),
        (GENERATE, GEMINI, 58),
        (GENERATE, GEMINI_ENVELOPED, 31),
        (GENERATE, GEMINI_ARRAY, 58),
    ] {
        assert!(edit_cut_anyhow(endpoint, tokens, stream) == (stream.to_owned(), false), "{endpoint:?}");
    }
}

#[test]
fn a_message_is_ended_at_its_cap() {
    for cap in 1..9 {
        let (passed, ended) = edit_cut_anyhow(Endpoint::Messages, cap, MESSAGES);
        assert!(ended, "{cap}");
        let all = events(passed.as_bytes());
        let [.., text, stop, delta, last] = all.as_slice() else { panic!("too short") };
        assert!(["content_block_delta", "ping"].contains(&text["type"].as_str().unwrap()));
        assert_eq!(*stop, json!({"type": "content_block_stop", "index": 0}));
        assert_eq!(
            *delta,
            json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": null},
                "usage": {"input_tokens": 12, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 100,
                    "output_tokens": cap}})
        );
        assert_eq!(*last, json!({"type": "message_stop"}));
        for (name, event) in passed.lines().filter_map(|line| line.strip_prefix("event: ")).zip(&all) {
            assert_eq!(event["type"], name);
        }
        let kept = passed.find("event: content_block_stop").unwrap();
        assert!(MESSAGES.starts_with(&passed[..kept]), "what was within the cap passes as it came");
    }
}

#[test]
fn only_a_block_that_the_client_knows_is_closed() {
    let blocks = |cap| {
        let (passed, ended) = edit_cut_anyhow(Endpoint::Messages, cap, MESSAGES_TOOLS);
        let of = |kind: &str| -> Vec<Value> {
            let all = events(passed.as_bytes());
            all.iter().filter(|event| event["type"] == kind).map(|event| event["index"].clone()).collect()
        };
        ended.then(|| (of("content_block_start"), of("content_block_stop")))
    };
    let mut seen = Vec::new();
    for (opened, closed) in (4..).map_while(blocks) {
        assert_eq!(opened, closed);
        seen.push(opened.len());
    }
    seen.dedup();
    assert_eq!(seen, [1, 2, 3], "also just before a block that would be too much");
}

#[test]
fn a_generation_is_ended_at_its_cap() {
    for cap in [0, 5, 31, 40, 57] {
        let (passed, ended) = edit_cut_anyhow(GENERATE, cap, GEMINI);
        assert!(ended, "{cap}");
        let all = events(passed.as_bytes());
        let last = all.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "MAX_TOKENS");
        assert_eq!(last["candidates"].as_array().unwrap().len(), 1);
        assert_eq!((&last["modelVersion"], &last["responseId"]), (&json!("gemini-2.5-flash"), &json!("aBcHarbour1")));
        let usage = &last["usageMetadata"];
        let count = |name: &str| usage[name].as_u64().unwrap_or_default();
        assert_eq!((count("promptTokenCount"), count("totalTokenCount")), (7, 7 + cap));
        assert_eq!(count("candidatesTokenCount") + count("thoughtsTokenCount"), cap);
        assert!(all[..all.len() - 1].iter().all(|event| event["candidates"][0].get("finishReason").is_none()));
        let metered = edit(GENERATE, capped(cap), [GEMINI.as_bytes()]).2.meter().metered();
        assert_eq!(metered.output_events as usize, all.iter().filter(|event| has_text(event)).count());
    }
}

fn has_text(event: &Value) -> bool {
    event["candidates"][0]["content"]["parts"][0]["text"].as_str().is_some_and(|text| !text.is_empty())
}

#[test]
fn a_generation_in_an_array_stays_one() {
    let whole: Vec<Value> = serde_json::from_str(GEMINI_ARRAY).unwrap();
    for cap in [0, 5, 31, 40, 57] {
        let (passed, ended) = edit_cut_anyhow(GENERATE, cap, GEMINI_ARRAY);
        assert!(ended, "{cap}");
        let all: Vec<Value> = serde_json::from_str(&passed).unwrap_or_else(|error| panic!("{passed}: {error}"));
        let (last, kept) = all.split_last().unwrap();
        assert_eq!(kept, &whole[..kept.len()]);
        assert_eq!(last["candidates"][0]["finishReason"], "MAX_TOKENS");
        let of_events = events(edit_cut_anyhow(GENERATE, cap, GEMINI).0.as_bytes());
        assert_eq!(all, of_events, "as in events");
    }
}

#[test]
fn spaces_before_an_array_pass() {
    let (passed, ended) = edit_cut_anyhow(GENERATE, 0, &format!(" \n {GEMINI_ARRAY}"));
    assert!(ended && passed.starts_with(" \n [{"));
    assert_eq!(serde_json::from_str::<Vec<Value>>(&passed).unwrap().len(), 1);
}

#[test]
fn the_end_is_in_the_envelope_where_the_stream_is() {
    let (passed, ended) = edit_cut_anyhow(GENERATE, 25, GEMINI_ENVELOPED);
    assert!(ended);
    let all = events(passed.as_bytes());
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["response"]["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(all[1]["response"]["usageMetadata"]["totalTokenCount"], json!(65));
}

proptest! {
    #[test]
    fn any_cuts_give_the_same_stream(
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        (endpoint, stream) in prop::sample::select(vec![
            (Endpoint::Messages, MESSAGES), (Endpoint::Messages, MESSAGES_TOOLS), (GENERATE, GEMINI),
            (GENERATE, GEMINI_ENVELOPED), (GENERATE, GEMINI_ARRAY),
        ]),
        line_end in prop_oneof![Just("\n"), Just("\r\n")],
        cap in prop::option::of(0..80_u64),
    ) {
        let stream = stream.replace('\n', line_end);
        let bytes = stream.as_bytes();
        let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let edits = StreamEdits { drop_usage: false, output_cap: cap };
        let (whole, ended, editor) = edit(endpoint, edits, [bytes]);
        let cut = edit(endpoint, edits, places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]));
        prop_assert!(cut.0 == whole);
        prop_assert_eq!(cut.1, ended);
        prop_assert!(ended || whole == bytes);
        let metered = |editor: &StreamEditor| crate::meter::Metered { bytes: 0, ..editor.meter().metered() };
        prop_assert_eq!(metered(&cut.2), metered(&editor));
    }
}
