//! What is found of limits, choices, options, tiers, input that is elsewhere, and text.

use super::*;
use crate::estimate::TextStats;
use crate::usage::ServiceTier;

#[test]
fn finds_the_caps_and_the_largest_of_them() {
    let body = br#"{"max_tokens":5,"max_output_tokens" : null ,"max_completion_tokens":70,"a":{"max_tokens":900}}"#;
    let found = scan(body).unwrap();
    assert_eq!(found.max_output, Some(70));
    let caps = found.max_output_field.unwrap();
    for (cap, value, written) in [
        (caps.max_tokens, Some(5), "5"),
        (caps.max_output_tokens, None, "null"),
        (caps.max_completion_tokens, Some(70), "70"),
    ] {
        let cap = cap.unwrap();
        assert_eq!((cap.value, &body[cap.start..cap.end]), (value, written.as_bytes()));
    }
    assert_eq!(caps.iter().count(), 3);
    let none = scan(br#"{"messages":[{"max_tokens":3}]}"#).unwrap();
    assert_eq!((none.max_output, none.max_output_field), (None, None));
    assert_eq!(scan(br#"{"max_tokens":18446744073709551615}"#).unwrap().max_output, Some(u64::MAX));
}

#[test]
fn counts_are_whole_numbers_or_null() {
    use Field::{BestOf, CandidateCount, MaxCompletionTokens, MaxOutputTokens, MaxTokens, N};
    for field in [MaxTokens, MaxCompletionTokens, MaxOutputTokens, N, BestOf, CandidateCount] {
        let name = field.name();
        for value in ["-1", "1.5", "1e3", "1.0", "-0", "\"5\"", "true", "[5]", "{}", "18446744073709551616"] {
            let error = scan(format!("{{\"{name}\": {value} }}").as_bytes()).unwrap_err();
            assert_eq!((error.kind, error.offset), (ScanErrorKind::NotCount(field), name.len() + 5), "{name} {value}");
            assert!(error.to_string().contains(name));
        }
        for value in ["0", "7", "null"] {
            scan(format!("{{\"{name}\":{value}}}").as_bytes()).unwrap();
        }
        let twice = scan(format!("{{\"{name}\":null,\"{name}\":1}}").as_bytes()).unwrap_err();
        assert_eq!(twice.kind, ScanErrorKind::Duplicate(field));
    }
    for twice in [
        r#"{"stream_options":null,"stream_options":{}}"#,
        r#"{"service_tier":"flex","service_tier":"flex"}"#,
        r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#,
        r#"{"stream":true,"stream":true}"#,
        r#"{"candidate_count":1,"candidateCount":1}"#,
    ] {
        assert!(matches!(scan(twice.as_bytes()).unwrap_err().kind, ScanErrorKind::Duplicate(_)), "{twice}");
    }
}

#[test]
fn the_number_of_choices_is_the_largest_that_is_asked_for() {
    for (body, choices) in [
        ("{}", 1),
        (r#"{"n":null}"#, 1),
        (r#"{"n":0}"#, 1),
        (r#"{"n":3}"#, 3),
        (r#"{"n":3,"best_of":5}"#, 5),
        (r#"{"candidate_count":4,"n":2}"#, 4),
        (r#"{"candidateCount":4}"#, 4),
        (r#"{"x":{"n":9}}"#, 1),
    ] {
        assert_eq!(scan(body.as_bytes()).unwrap().choices, choices, "{body}");
    }
}

#[test]
fn finds_the_stream_options() {
    let options = |body: &str| {
        scan(body.as_bytes())
            .unwrap()
            .stream_options
            .map(|options| (body[options.start..options.end].to_owned(), options.include_usage))
    };
    assert_eq!(options("{}"), None);
    for (value, asked) in [
        ("null", false),
        ("{}", false),
        (r#"{"include_usage":true}"#, true),
        (r#"{ "a" : {"include_usage":true} }"#, false),
        (r#"{"include_usage":false,"a":[1]}"#, false),
        (r#"{"include_usage":"true"}"#, false),
    ] {
        let body = format!("{{\"a\":1, \"stream_options\" : {value} , \"include_usage\":true}}");
        assert_eq!(options(&body), Some((value.to_owned(), asked)));
    }
}

#[test]
fn reads_the_tier() {
    for (value, tier) in [
        ("null", ServiceTier::Standard),
        ("\"default\"", ServiceTier::Standard),
        ("\"flex\"", ServiceTier::Flex),
        ("\"prior\\u0069ty\"", ServiceTier::Priority),
        ("\"auto\"", ServiceTier::Auto),
        // What is not known may be billed as any.
        ("\"turbo\"", ServiceTier::Auto),
        ("7", ServiceTier::Auto),
        (&format!("\"{}\"", "x".repeat(500)), ServiceTier::Auto),
    ] {
        assert_eq!(scan(format!("{{\"service_tier\":{value}}}").as_bytes()).unwrap().service_tier, tier, "{value}");
    }
    assert_eq!(scan(b"{}").unwrap().service_tier, ServiceTier::Standard);
}

#[test]
fn tells_where_members_can_be_inserted() {
    for (body, place) in [("{}", Some((1, false))), (" \n{ \"a\":1}", Some((3, true))), ("[{}]", None), ("7", None)] {
        let found = scan(body.as_bytes()).unwrap();
        assert_eq!(found.open_brace.map(|at| (at, found.has_members)), place, "{body}");
        assert_eq!(found.body_bytes, body.len());
    }
}

#[test]
fn input_that_the_body_does_not_bound_is_noticed() {
    let message = |part: &str| format!(r#"{{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
    let item = |item: &str| format!(r#"{{"input":[{item}]}}"#);
    for body in [
        r#"{"previous_response_id":"resp_1"}"#.to_owned(),
        r#"{"conversation":{"id":"conv_1"}}"#.to_owned(),
        r#"{"prompt":{"id":"pmpt_1","variables":{"a":"b"}}}"#.to_owned(),
        r#"{"web_search_options":{}}"#.to_owned(),
        r#"{"prediction":{"type":"content","content":"x"}}"#.to_owned(),
        r#"{"tools":[{"type":"function","name":"f"},{"type":"web_search"}]}"#.to_owned(),
        r#"{"tools":[{"type":"mcp","server_url":"https://example.com"}]}"#.to_owned(),
        r#"{"tools":[{"type":"computer_use_preview"}]}"#.to_owned(),
        r#"{"data_sources":[{"type":"azure_search"}]}"#.to_owned(),
        message(r#"{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}"#),
        message(r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}"#),
        message(r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}"#),
        message(r#"{"type":"file","file":{"file_id":"file-1"}}"#),
        message(r#"{"image_url":"x"}"#),
        message(r#"{"type":"something_new"}"#),
        message(r#"{"t\u0079pe":"video_url"}"#),
        r#"{"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}"#.to_owned(),
        item(r#"{"type":"item_reference","id":"msg_1"}"#),
        item(r#"{"role":"user","content":[{"type":"input_image","file_id":"file-1"}]}"#),
        item(r#"{"role":"user","content":[{"type":"input_file","file_url":"https://example.com/a.pdf"}]}"#),
        item(r#"{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"x"}]}"#),
        item(r#"{"type":"mcp_call"}"#),
    ] {
        assert!(scan(body.as_bytes()).unwrap().unbounded, "{body}");
    }
    for body in [
        r#"{"previous_response_id":null,"conversation":null,"web_search_options":null,"plugins":[]}"#.to_owned(),
        r#"{"prompt":"x"}"#.to_owned(),
        r#"{"prompt":["x",[1,2]]}"#.to_owned(),
        r#"{"input":"https://example.com/a.png"}"#.to_owned(),
        r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":
            {"type":{"type":"string"},"image_url":{"type":"string"}}}}},{"type":"custom","name":"g"}]}"#
            .to_owned(),
        r#"{"metadata":{"type":"image_url","file_id":"x"},"text":{"format":{"type":"json_schema"}}}"#.to_owned(),
        r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":
            {"name":"f","arguments":"{\"type\":\"image_url\"}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}]}"#
            .to_owned(),
        message(r#"{"type":"text","text":"image_url"},{"type":"refusal","refusal":"no"}"#),
        item(r#"{"role":"user","content":"x"},{"type":"function_call","name":"f","arguments":"{}","call_id":"c"}"#),
        item(
            r#"{"type":"function_call_output","call_id":"c","output":"x"},{"type":"reasoning","summary":[{"type":"summary_text","text":"x"}]}"#,
        ),
        item(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}"#),
    ] {
        assert!(!scan(body.as_bytes()).unwrap().unbounded, "{body}");
    }
}

#[test]
fn text_is_gathered_where_prompts_are_made_of_it() {
    let tokens = |body: &str| scan(body.as_bytes()).unwrap().text.tokens();
    let plain = tokens(r#"{"prompt":"two words"}"#);
    assert!(plain >= 2);
    for same in [
        r#"{"input":"two words","model":"a-long-model-name","user":"someone else","metadata":{"a":"more words"}}"#,
        r#"{"instructions":"two words"}"#,
        r#"{"prompt":["two words"]}"#,
    ] {
        assert_eq!(tokens(same), plain, "{same}");
    }
    let chat = tokens(r#"{"messages":[{"role":"user","content":"two words"}]}"#);
    assert_eq!(tokens(r#"{"messages":[{"role":"user","content":[{"type":"text","text":"two words"}]}]}"#), chat);
    assert_eq!(tokens(r#"{"input":[{"role":"user","content":"two words"}]}"#), chat);
    let twice = r#"{"messages":[{"role":"user","content":"two words"},{"role":"user","content":"two words"}]}"#;
    assert!(tokens(twice).abs_diff(2 * chat) <= 1);
    let tool = tokens(
        r#"{"tools":[{"type":"function","function":{"name":"get_tide","description":"Gives the tide.","parameters":
        {"type":"object","properties":{"harbour":{"type":"string"}},"required":["harbour"]}}}]}"#,
    );
    assert!((20..40).contains(&tool), "{tool}");
}

#[test]
fn without_text_everything_else_is_found() {
    let body = br#"{"model":"m","n":2,"tools":[{"type":"function","name":"f"}],"messages":[{"role":"user","content":
        [{"type":"image_url","image_url":"x"},{"type":"text","text":"a \\n b"}]}],"max_tokens":3}"#;
    let with = scan(body).unwrap();
    let mut scanner = Scanner::without_text();
    scanner.feed(body).unwrap();
    let without = scanner.finish().unwrap();
    assert!(with.text.tokens() > 0);
    assert_eq!(without, Scanned { text: TextStats::default(), ..with });
}
