//! The shapes in which providers report usage.

use super::*;

/// What a single chat chunk with this usage is metered as.
fn usage_of(usage: &str) -> Option<Usage> {
    let json = format!("{{\"choices\":[],\"usage\":{usage}}}").replace('\n', "");
    let metered = meter(CHAT, json.as_bytes());
    let streamed = meter(CHAT, format!("data: {json}\n\n").as_bytes());
    assert_eq!(streamed.usage, metered.usage, "{usage}");
    metered.usage
}

#[test]
fn reads_the_usage_of_many_providers() {
    let usage = |input, output| Usage { input, output, ..Usage::default() };
    for (report, expected) in [
        (r#"{"prompt_tokens":3,"completion_tokens":4}"#, usage(3, 4)),
        (r#"{"input_tokens":3,"output_tokens":4,"total_tokens":7}"#, usage(3, 4)),
        // A total beyond the sum is output that is not shown: thinking.
        (r#"{"prompt_tokens":7,"completion_tokens":12,"total_tokens":402}"#, usage(7, 395)),
        (r#"{"prompt_tokens":7,"total_tokens":7}"#, usage(7, 0)),
        (r#"{"total_tokens":9}"#, usage(0, 9)),
        // The cache beside the input, as Anthropic has it.
        (
            r#"{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":20,"output_tokens":4}"#,
            Usage { input: 33, output: 4, cached_input: 20, cache_creation: 10, reasoning: 0 },
        ),
        (
            r#"{"prompt_tokens":3,"cache_read_input_tokens":20,"completion_tokens":4,"total_tokens":27}"#,
            Usage { input: 23, output: 4, cached_input: 20, ..Usage::default() },
        ),
        // The same names for a part of the input: the total has no room for more.
        (
            r#"{"prompt_tokens":33,"cache_creation_input_tokens":10,"cache_read_input_tokens":20,
                "prompt_tokens_details":{"cached_tokens":20},"completion_tokens":4,"total_tokens":37}"#,
            Usage { input: 33, output: 4, cached_input: 20, cache_creation: 10, reasoning: 0 },
        ),
        (
            r#"{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010,
                "prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":200},
                "completion_tokens_details":{"reasoning_tokens":9}}"#,
            Usage { input: 1000, output: 10, cached_input: 300, cache_creation: 200, reasoning: 9 },
        ),
        (
            r#"{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null,"x":[{"total_tokens":99}]}"#,
            usage(1, 2),
        ),
        (
            r#"{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":50}}"#,
            Usage { cached_input: 1, ..usage(1, 2) },
        ),
        (r#"{"prompt_tokens":18446744073709551615,"completion_tokens":2,"total_tokens":1}"#, usage(u64::MAX, 2)),
    ] {
        assert_eq!(usage_of(report), Some(expected), "{report}");
    }
    for nothing in ["null", "{}", "7", "[]", r#"{"prompt_tokens":"3"}"#, r#"{"prompt_tokens":-3}"#] {
        assert_eq!(usage_of(nothing), None, "{nothing}");
    }
}

#[test]
fn only_the_usage_of_the_response_itself_counts() {
    for body in [
        r#"{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":9}"}}]}"#,
        r#"{"choices":[{"usage":{"prompt_tokens":9}}]}"#,
        r#"{"metadata":{"usage":{"prompt_tokens":9}},"response":{"output":[{"usage":{"prompt_tokens":9}}]}}"#,
        r#"[{"usage":{"prompt_tokens":9}}]"#,
        r#"{"usage ":{"prompt_tokens":9}}"#,
    ] {
        assert_eq!(meter(CHAT, body.as_bytes()).usage, None, "{body}");
        assert_eq!(meter(CHAT, format!("data: {body}\n\n").as_bytes()).usage, None, "{body}");
    }
    let escaped = r#"{"us\u0061ge":{"prompt\u005ftokens":9}}"#;
    assert_eq!(meter(CHAT, escaped.as_bytes()).usage.unwrap().input, 9);
}

#[test]
fn usage_that_grows_in_a_stream_is_taken_at_its_largest() {
    let chunk = |prompt, completion| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"a\"}}}}],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion}}}}}\n\n"
        )
    };
    let stream = [chunk(5, 1), chunk(5, 2), chunk(5, 3)].concat();
    for (events, output) in [(1, 1), (2, 2), (3, 3)] {
        let part: String = stream.split_inclusive("\n\n").take(events).collect();
        let usage = meter(CHAT, part.as_bytes()).usage.unwrap();
        assert_eq!((usage.input, usage.output), (5, output));
    }
}
