//! Edits are held against a parser: the edited body says what was meant, and everything else as before.

use serde_json::{Value, json};

use super::*;
use crate::scan::Scanner;

fn scan(body: &str) -> Scanned {
    scan_for(Endpoint::default(), body)
}

fn scan_for(endpoint: Endpoint, body: &str) -> Scanned {
    let mut scanner = Scanner::for_endpoint(endpoint);
    scanner.feed(body.as_bytes()).unwrap();
    scanner.finish().unwrap()
}

/// The body with the edits made, as a parser reads it. That no member occurs twice is seen by the scanner.
fn edited(body: &str, edits: &[Edit]) -> Value {
    edited_for(Endpoint::default(), body, edits)
}

fn edited_for(endpoint: Endpoint, body: &str, edits: &[Edit]) -> Value {
    let (prefix, rest) = body.as_bytes().split_at(reach(edits));
    let mut result = apply(prefix, edits).unwrap();
    result.extend_from_slice(rest);
    assert_eq!(result.len() as isize - body.len() as isize, growth(edits));
    scan_for(endpoint, std::str::from_utf8(&result).unwrap());
    serde_json::from_slice(&result).unwrap()
}

#[test]
fn usage_is_asked_for_once_and_the_other_options_stay() {
    for (body, options) in [
        (r#"{"stream":true}"#, json!({"include_usage": true})),
        (r#"{"stream":true,"stream_options":null}"#, json!({"include_usage": true})),
        (r#"{"stream_options":{},"stream":true}"#, json!({"include_usage": true})),
        (
            r#"{"stream_options":{ "a": {"include_usage":1} }}"#,
            json!({"a": {"include_usage": 1}, "include_usage": true}),
        ),
        (r#"{"stream_options":{"include_usage" : false , "a":1}}"#, json!({"a": 1, "include_usage": true})),
        (r#"{"stream_options":{"a":1,"include_\u0075sage":null}}"#, json!({"a": 1, "include_usage": true})),
    ] {
        let edit = include_usage(&scan(body), Endpoint::ChatCompletions).expect(body);
        let value = edited(body, &[edit]);
        assert_eq!(value["stream_options"], options, "{body}");
        let mut before: Value = serde_json::from_str(body).unwrap();
        before["stream_options"] = options;
        assert_eq!(value, before, "{body}");
    }
    assert_eq!(
        edited("{}", &[include_usage(&scan("{}"), Endpoint::Completions).unwrap()])["stream_options"],
        json!({"include_usage": true})
    );
    let asked = scan(r#"{"stream_options":{"include_usage":true}}"#);
    assert_eq!(include_usage(&asked, Endpoint::ChatCompletions), None);
    assert_eq!(include_usage(&scan("{}"), Endpoint::Responses), None);
    assert_eq!(include_usage(&scan(r#"{"stream_options":"x"}"#), Endpoint::ChatCompletions), None);
    assert_eq!(include_usage(&scan("[1]"), Endpoint::ChatCompletions), None);
}

#[test]
fn the_output_is_capped_whatever_caps_there_were() {
    const CHAT: Endpoint = Endpoint::ChatCompletions;
    for (endpoint, model, body, expected) in [
        (CHAT, "gpt-4o", r#"{"model":"x"}"#, json!({"model": "x", "max_tokens": 50})),
        (CHAT, "o3-mini", "{}", json!({"max_completion_tokens": 50})),
        (CHAT, "openai/gpt-5-nano", "{ }", json!({"max_completion_tokens": 50})),
        (CHAT, "omni", "{}", json!({"max_tokens": 50})),
        (CHAT, "gpt-4o", r#"{"max_tokens":51}"#, json!({"max_tokens": 50})),
        (CHAT, "gpt-4o", r#"{"max_tokens":50}"#, json!({"max_tokens": 50})),
        (CHAT, "gpt-4o", r#"{"max_tokens":7}"#, json!({"max_tokens": 7})),
        (
            CHAT,
            "gpt-4o",
            r#"{"max_completion_tokens":70,"max_tokens":60}"#,
            json!({"max_completion_tokens": 50, "max_tokens": 50}),
        ),
        (CHAT, "gpt-4o", r#"{"max_tokens":null}"#, json!({"max_tokens": 50})),
        (CHAT, "o1", r#"{"max_tokens":null}"#, json!({"max_tokens": null, "max_completion_tokens": 50})),
        (
            CHAT,
            "gpt-4o",
            r#"{"max_completion_tokens":9,"max_tokens":null}"#,
            json!({"max_completion_tokens": 9, "max_tokens": null}),
        ),
        (
            CHAT,
            "gpt-4o",
            r#"{"max_tokens":null,"max_completion_tokens":null}"#,
            json!({"max_tokens": 50, "max_completion_tokens": null}),
        ),
        (CHAT, "gpt-4o", r#"{"max_output_tokens":1}"#, json!({"max_output_tokens": 1, "max_tokens": 50})),
        (
            Endpoint::Completions,
            "o1",
            r#"{"max_completion_tokens":1}"#,
            json!({"max_completion_tokens": 1, "max_tokens": 50}),
        ),
        (Endpoint::Responses, "x", r#"{"max_tokens":1}"#, json!({"max_tokens": 1, "max_output_tokens": 50})),
        (Endpoint::Responses, "x", r#"{"a":1,"max_output_tokens":null}"#, json!({"a": 1, "max_output_tokens": 50})),
    ] {
        let edits = cap_output(&scan(body), endpoint, model, 50);
        assert_eq!(edited(body, &edits), expected, "{model} {body}");
    }
    for endpoint in Endpoint::ALL {
        assert_eq!(cap_output(&scan_for(endpoint, "{}"), endpoint, "x", 1).is_empty(), !endpoint.generates());
        if !matches!(endpoint, CHAT | Endpoint::Completions) {
            assert_eq!(include_usage(&scan_for(endpoint, "{}"), endpoint), None, "{endpoint:?}");
        }
    }
}

#[test]
fn the_output_of_a_message_is_capped() {
    for (body, expected) in [
        (r#"{"max_tokens":51,"messages":[]}"#, json!({"max_tokens": 50, "messages": []})),
        (r#"{"max_tokens":50}"#, json!({"max_tokens": 50})),
        (r#"{"max_tokens":0}"#, json!({"max_tokens": 0})),
        (r#"{"max_tokens":null}"#, json!({"max_tokens": 50})),
        (r#"{"model":"o1"}"#, json!({"model": "o1", "max_tokens": 50})),
    ] {
        let edits = cap_output(&scan_for(Endpoint::Messages, body), Endpoint::Messages, "o1", 50);
        assert_eq!(edited_for(Endpoint::Messages, body, &edits), expected, "{body}");
    }
}

#[test]
fn the_output_of_a_generation_is_capped_where_its_configuration_is() {
    let cap = |cap| json!({"maxOutputTokens": cap});
    for (body, expected) in [
        ("{}", json!({"generationConfig": cap(50)})),
        (r#"{"contents":[]}"#, json!({"contents": [], "generationConfig": cap(50)})),
        (r#"{"generationConfig":null}"#, json!({"generationConfig": cap(50)})),
        (r#"{"generationConfig":{ }}"#, json!({"generationConfig": cap(50)})),
        (r#"{"generation_config":{}}"#, json!({"generation_config": cap(50)})),
        (
            r#"{"generationConfig":{"temperature":1}}"#,
            json!({"generationConfig": {"temperature": 1, "maxOutputTokens": 50}}),
        ),
        (r#"{"generationConfig":{"maxOutputTokens":51}}"#, json!({"generationConfig": cap(50)})),
        (r#"{"generationConfig":{"maxOutputTokens":7}}"#, json!({"generationConfig": cap(7)})),
        (r#"{"generationConfig":{"maxOutputTokens":0}}"#, json!({"generationConfig": cap(50)})),
        (
            r#"{"generation_config":{"max_output_tokens":null}}"#,
            json!({"generation_config": {"max_output_tokens": 50}}),
        ),
        (r#"{"model":"m","request":{}}"#, json!({"model": "m", "request": {"generationConfig": cap(50)}})),
        (
            r#"{"request":{"contents":[]},"model":"m"}"#,
            json!({"model": "m", "request": {"contents": [], "generationConfig": cap(50)}}),
        ),
        (
            r#"{"request":{"generationConfig":{"topK":1,"maxOutputTokens":99}},"project":"p"}"#,
            json!({"project": "p", "request": {"generationConfig": {"topK": 1, "maxOutputTokens": 50}}}),
        ),
        // A mistake, which stays one.
        (r#"{"generationConfig":[]}"#, json!({"generationConfig": []})),
    ] {
        for endpoint in [Endpoint::GenerateContent, Endpoint::StreamGenerateContent] {
            let edits = cap_output(&scan_for(endpoint, body), endpoint, "m", 50);
            assert_eq!(edited_for(endpoint, body, &edits), expected, "{body}");
        }
    }
}

#[test]
fn the_model_is_found_again_after_edits() {
    for body in [
        r#"{"model":"m","stream":true}"#,
        r#"{"stream_options":{},"max_tokens":1000,"model":"m"}"#,
        r#"{"max_tokens":1000,"model":"m","stream_options":null}"#,
    ] {
        let scanned = scan(body);
        let mut edits = cap_output(&scanned, Endpoint::ChatCompletions, "m", 5);
        edits.extend(include_usage(&scanned, Endpoint::ChatCompletions));
        sort(&mut edits);
        let after = apply(body.as_bytes(), &edits).unwrap();
        let mut model = scanned.model.unwrap();
        shift(&mut model, &edits);
        assert_eq!(after.get(model.start..model.end), Some(b"\"m\"".as_slice()), "{body}");
    }
    for body in [
        r#"{"model":"m","request":{"generationConfig":{"maxOutputTokens":10000}}}"#,
        r#"{"request":{"contents":[]},"model":"m"}"#,
    ] {
        let scanned = scan_for(Endpoint::GenerateContent, body);
        let edits = cap_output(&scanned, Endpoint::GenerateContent, "m", 5);
        let after = apply(body.as_bytes(), &edits).unwrap();
        let mut model = scanned.model.unwrap();
        shift(&mut model, &edits);
        assert_eq!(after.get(model.start..model.end), Some(b"\"m\"".as_slice()), "{body}");
    }
}

#[test]
fn edits_that_do_not_fit_are_refused() {
    let edit = |start, end| Edit { start, end, with: b"x".to_vec() };
    assert_eq!(apply(b"abc", &[edit(1, 2)]), Some(b"axc".to_vec()));
    assert_eq!(apply(b"abc", &[edit(2, 4)]), None);
    assert_eq!(apply(b"abc", &[edit(2, 1)]), None);
    assert_eq!(apply(b"abc", &[edit(0, 2), edit(1, 3)]), None);
    assert_eq!(apply(b"abc", &[]), Some(b"abc".to_vec()));
}
