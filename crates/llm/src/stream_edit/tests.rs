//! What passes the editor: everything but the event that is taken out, and nothing beyond the cap.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod dialects;

const CHAT: &str = include_str!("../../tests/fixtures/chat_usage.sse");
const TWO_CHOICES: &str = include_str!("../../tests/fixtures/chat_two_choices.sse");
const COMPLETION: &str = include_str!("../../tests/fixtures/completion.sse");
const RESPONSES: &str = include_str!("../../tests/fixtures/responses.sse");
const DROP: StreamEdits = StreamEdits { drop_usage: true, output_cap: None };

fn capped(cap: u64) -> StreamEdits {
    StreamEdits { drop_usage: false, output_cap: Some(cap) }
}

/// What passes when the stream comes in these pieces, and whether the editor ended it.
fn edit<'a>(
    endpoint: Endpoint,
    edits: StreamEdits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, bool, StreamEditor) {
    let mut editor = StreamEditor::new(endpoint, edits);
    let (mut passed, mut ended) = (Vec::new(), false);
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        match editor.feed(piece, pieces.peek().is_none()) {
            Edited::Unchanged => passed.extend_from_slice(piece),
            Edited::Replace(bytes) => passed.extend(bytes),
            Edited::End(bytes) => {
                assert!(!ended);
                ended = true;
                passed.extend(bytes);
            }
        }
    }
    (passed, ended, editor)
}

/// The stream without the event that has this in its data.
fn without(stream: &str, mark: &str, line_end: &str) -> String {
    let blank = line_end.repeat(2);
    stream.split_inclusive(blank.as_str()).filter(|event| !event.contains(mark)).collect()
}

/// The data of all events, parsed.
fn events(stream: &[u8]) -> Vec<Value> {
    let stream = std::str::from_utf8(stream).unwrap();
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data))).collect()
}

#[test]
fn the_usage_nobody_asked_for_is_taken_out_however_the_stream_is_cut() {
    for (endpoint, stream) in [
        (Endpoint::ChatCompletions, CHAT),
        (Endpoint::ChatCompletions, TWO_CHOICES),
        (Endpoint::Completions, COMPLETION),
        // Nothing in these is only usage.
        (Endpoint::ChatCompletions, include_str!("../../tests/fixtures/chat.sse")),
        (Endpoint::ChatCompletions, include_str!("../../tests/fixtures/chat_reasoning.sse")),
        (Endpoint::Responses, RESPONSES),
    ] {
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = stream.replace('\n', line_end);
            let expected = without(&stream, "\"choices\":[],", line_end);
            let bytes = stream.as_bytes();
            let near_line_ends = |at: &usize| {
                let around = &bytes[at.saturating_sub(4)..bytes.len().min(at + 4)];
                at.is_multiple_of(97) || around.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
            };
            for at in (0..=bytes.len()).filter(near_line_ends) {
                let (head, tail) = bytes.split_at(at);
                let (passed, ended, editor) = edit(endpoint, DROP, [head, tail]);
                assert!(passed == expected.as_bytes(), "{line_end:?} cut at {at}");
                assert!(!ended);
                let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
                meter.feed(bytes);
                assert_eq!(editor.meter().metered(), meter.metered(), "the meter sees all");
            }
            let (passed, ..) = edit(endpoint, DROP, bytes.chunks(1));
            assert!(passed == expected.as_bytes(), "{line_end:?} cut everywhere");
        }
    }
}

#[test]
fn whole_events_pass_at_once_and_untouched() {
    let mut editor = StreamEditor::new(Endpoint::ChatCompletions, DROP);
    for event in CHAT.split_inclusive("\n\n") {
        let expected = if event.contains("\"choices\":[],") { Edited::Replace(Vec::new()) } else { Edited::Unchanged };
        assert_eq!(editor.feed(event.as_bytes(), false), expected, "{event}");
    }
    let mut editor = StreamEditor::new(Endpoint::ChatCompletions, DROP);
    let (whole, part) = CHAT.split_at(CHAT.find("\n\n").unwrap() + 10);
    assert_eq!(editor.feed(whole.as_bytes(), false), Edited::Replace(whole[..whole.len() - 8].into()));
    assert_eq!(editor.feed(&part.as_bytes()[..1], false), Edited::Replace(Vec::new()));
    assert_eq!(editor.feed(b"", true), Edited::Replace(part_held(whole, part)));
}

/// The eight bytes that were held of the first piece, and one of the second.
fn part_held(whole: &str, part: &str) -> Vec<u8> {
    [&whole.as_bytes()[whole.len() - 8..], &part.as_bytes()[..1]].concat()
}

#[test]
fn an_event_longer_than_any_that_is_changed_is_not_held() {
    let text = "x".repeat(2 * HELD_BYTES_MAX);
    let stream = format!("data: {{\"choices\":[],\"note\":\"{text}\",\"usage\":{{\"prompt_tokens\":1}}}}\n\n");
    let mut editor = StreamEditor::new(Endpoint::ChatCompletions, DROP);
    let mut passed = Vec::new();
    for (number, piece) in stream.as_bytes().chunks(40_000).enumerate() {
        match editor.feed(piece, false) {
            Edited::Unchanged => passed.extend_from_slice(piece),
            Edited::Replace(bytes) => passed.extend(bytes),
            Edited::End(_) => panic!("nothing ends here"),
        }
        assert_eq!(passed.is_empty(), number == 0);
    }
    assert!(passed == stream.as_bytes());
    assert_eq!(editor.meter().metered().usage.unwrap().input, 1);
    // The next event can be taken out again.
    let usage = b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
    assert_eq!(editor.feed(usage, false), Edited::Replace(Vec::new()));
}

#[test]
fn a_stream_within_its_cap_passes_as_it_is() {
    for (endpoint, stream, tokens) in [
        (Endpoint::ChatCompletions, CHAT, 20),
        (Endpoint::ChatCompletions, TWO_CHOICES, 8),
        (Endpoint::Completions, COMPLETION, 10),
        (Endpoint::Responses, RESPONSES, 24),
    ] {
        let (passed, ended, _) = edit(endpoint, capped(tokens), [stream.as_bytes()]);
        assert!(!ended && passed == stream.as_bytes());
    }
}

#[test]
fn a_chat_is_ended_at_its_cap() {
    for cap in 0..20 {
        for at in (0..=CHAT.len()).step_by(7) {
            let (head, tail) = CHAT.as_bytes().split_at(at);
            let (passed, ended, editor) = edit(Endpoint::ChatCompletions, capped(cap), [head, tail]);
            assert!(ended);
            let metered = editor.meter().metered();
            assert_eq!(metered.output_events, cap);
            let events = events(&passed);
            let contents = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
            assert_eq!(contents.filter(|content| !content.is_empty()).count() as u64, cap);
            let [.., last, done] = events.as_slice() else { panic!("too short") };
            assert_eq!(
                *last,
                json!({"id": "chatcmpl-A1b2", "object": "chat.completion.chunk", "created": 1_764_000_000,
                    "model": "gpt-4o-mini-2024-07-18",
                    "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
            );
            assert_eq!(*done, json!("[DONE]"));
            let expected = CHAT.split_inclusive("\n\n").take(1 + cap as usize).collect::<String>();
            assert!(passed.starts_with(expected.as_bytes()), "what was within the cap passes as it came");
        }
    }
}

#[test]
fn each_open_choice_is_finished() {
    let (passed, ended, _) = edit(Endpoint::ChatCompletions, capped(3), [TWO_CHOICES.as_bytes()]);
    assert!(ended);
    let events = events(&passed);
    let finished: Vec<_> = events.iter().filter(|event| event["choices"][0]["finish_reason"] == "length").collect();
    assert_eq!(
        finished.iter().map(|event| event["choices"][0]["index"].clone()).collect::<Vec<_>>(),
        [json!(0), json!(1)]
    );
}

#[test]
fn completions_and_responses_are_ended_in_their_own_way() {
    let (passed, ended, _) = edit(Endpoint::Completions, capped(2), COMPLETION.as_bytes().chunks(50));
    assert!(ended);
    let all = events(&passed);
    assert_eq!(all.len(), 2 + 2);
    assert_eq!(all[2]["choices"], json!([{"text": "", "index": 0, "logprobs": null, "finish_reason": "length"}]));
    assert_eq!((&all[2]["id"], &all[2]["model"]), (&json!("cmpl-7"), &json!("davinci-002")));

    let (passed, ended, editor) = edit(Endpoint::Responses, capped(4), RESPONSES.as_bytes().chunks(50));
    assert!(ended);
    let all = events(&passed);
    let last = all.last().unwrap();
    assert_eq!(all.iter().filter(|event| event["type"] == "response.output_text.delta").count(), 4);
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["sequence_number"], json!(8));
    assert_eq!(last["response"]["id"], "resp_0a1b");
    assert_eq!(last["response"]["model"], "gpt-4.1-mini-2025-04-14");
    assert_eq!(last["response"]["created_at"], json!(1_764_000_002));
    assert_eq!(last["response"]["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(editor.meter().metered().output_events, 4);
}

#[test]
fn nothing_passes_after_the_end() {
    let mut editor = StreamEditor::new(Endpoint::ChatCompletions, capped(1));
    assert!(matches!(editor.feed(CHAT.as_bytes(), false), Edited::End(_)));
    assert_eq!(editor.feed(b"data: more\n\n", false), Edited::Replace(Vec::new()));
    assert_eq!(editor.feed(b"", true), Edited::Replace(Vec::new()));
}

#[test]
fn a_large_delta_cannot_hide_tokens_from_the_cap() {
    let text = include_str!("../../tests/samples/english.txt");
    let event = format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let (passed, ended, _) = edit(Endpoint::ChatCompletions, capped(400), [event.as_bytes()]);
    assert!(ended && !String::from_utf8(passed).unwrap().contains("ferry"));
}

#[test]
fn what_is_no_stream_passes() {
    let body = include_bytes!("../../tests/fixtures/chat.json");
    for edits in [DROP, capped(1)] {
        let mut editor = StreamEditor::new(Endpoint::ChatCompletions, edits);
        editor.set_content_type(Some(b"application/json"));
        for piece in body.chunks(100) {
            assert_eq!(editor.feed(piece, false), Edited::Unchanged);
        }
        assert_eq!(editor.meter().metered().usage.unwrap().output, 21);
    }
}

proptest! {
    #[test]
    fn any_cuts_give_the_same_stream(
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        line_end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        cap in prop::option::of(0..30_u64),
    ) {
        let stream = CHAT.replace('\n', line_end);
        let bytes = stream.as_bytes();
        let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let edits = StreamEdits { drop_usage: true, output_cap: cap };
        let (whole, ended, editor) = edit(Endpoint::ChatCompletions, edits, [bytes]);
        let cut = edit(Endpoint::ChatCompletions, edits, places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]));
        prop_assert!(cut.0 == whole);
        prop_assert_eq!(cut.1, ended);
        prop_assert_eq!(cut.2.meter().metered().output_estimate(), editor.meter().metered().output_estimate());
    }
}
