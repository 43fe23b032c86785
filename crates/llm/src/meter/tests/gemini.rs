//! Gemini's replies, and its streams of events or in an array.

use super::*;

fn candidate(text: &str, rest: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}}{rest}}}]}}"#)
}

fn array(body: &str) -> Metered {
    let mut meter = ResponseMeter::new(GEMINI, MeterOptions::default());
    meter.set_content_type(Some(b"application/json; charset=UTF-8"));
    meter.feed(body.as_bytes());
    meter.finish()
}

#[test]
fn reads_the_usage_in_its_shapes() {
    let usage = |input, output, reasoning| Some(Usage { input, output, reasoning, ..Usage::default() });
    for (report, expected) in [
        (r#"{"promptTokenCount":8,"candidatesTokenCount":6,"totalTokenCount":14}"#, usage(8, 6, 0)),
        (
            r#"{"promptTokenCount":10,"candidatesTokenCount":12,"thoughtsTokenCount":5,"totalTokenCount":27}"#,
            usage(10, 17, 5),
        ),
        // The thoughts are part of the candidates: there is no room for them in the total.
        (
            r#"{"promptTokenCount":10,"candidatesTokenCount":12,"thoughtsTokenCount":5,"totalTokenCount":22}"#,
            usage(10, 12, 5),
        ),
        (r#"{"promptTokenCount":10,"candidatesTokenCount":12,"thoughtsTokenCount":5}"#, usage(10, 17, 5)),
        // Thoughts that are in the total only.
        (r#"{"promptTokenCount":10,"candidatesTokenCount":12,"totalTokenCount":30}"#, usage(10, 20, 0)),
        (
            r#"{"promptTokenCount":10,"toolUsePromptTokenCount":90,"candidatesTokenCount":2,"totalTokenCount":102}"#,
            usage(100, 2, 0),
        ),
        (r#"{"promptTokenCount":12,"totalTokenCount":12}"#, usage(12, 0, 0)),
        ("{}", None),
    ] {
        let body = format!(r#"{{"candidates":[],"usageMetadata":{report}}}"#);
        assert_eq!(meter(Endpoint::GenerateContent, body.as_bytes()).usage, expected, "{report}");
        assert_eq!(meter(GEMINI, format!("data: {body}\r\n\r\n").as_bytes()).usage, expected, "{report}");
        assert_eq!(array(&format!("[{body}]")).usage, expected, "{report}");
        let enveloped = format!(r#"{{"response":{body},"traceId":"t"}}"#);
        assert_eq!(meter(Endpoint::GenerateContent, enveloped.as_bytes()).usage, expected, "{report}");
    }
}

#[test]
fn a_stream_is_the_same_in_an_array_as_in_events() {
    let events = meter(GEMINI, include_bytes!("../../../tests/fixtures/gemini.sse"));
    let items = array(include_str!("../../../tests/fixtures/gemini_array.json"));
    assert_eq!(Metered { bytes: 0, ..items }, Metered { bytes: 0, ..events });
    // However much of a reply may be read that is no stream.
    let mut meter = ResponseMeter::new(GEMINI, MeterOptions { max_json_bytes: 0 });
    meter.feed(include_bytes!("../../../tests/fixtures/gemini_array.json"));
    assert_eq!(meter.finish(), items);
}

#[test]
fn a_stream_in_an_array_is_finished_by_its_end() {
    let stop = r#","finishReason":"STOP""#;
    for (body, finished) in [
        (format!("[{}", candidate("a", "")), false),
        (format!("[{},", candidate("a", "")), false),
        (format!("[{}]", candidate("a", "")), true),
        (format!("[{}", candidate("a", stop)), true),
        (format!("[{},\r\n{}\r\n]\n", candidate("a", ""), candidate("b", stop)), true),
        ("[".to_owned(), false),
        ("[]".to_owned(), true),
        (r#"[{"candidates":[{"content":{"parts":[{"text":"a"#.to_owned(), false),
    ] {
        let metered = array(&body);
        assert_eq!((metered.finished, metered.is_stream), (finished, true), "{body}");
    }
    let broken = array(&format!("[{},!!!", candidate("a", "")));
    assert_eq!((broken.unread_bytes, broken.output_events), (3, 1));
}

#[test]
fn a_stream_of_events_is_finished_by_all_its_candidates() {
    let event = |body: String| format!("data: {body}\r\n\r\n");
    let with = |index, rest: &str| event(candidate("a", &format!(r#","index":{index}{rest}"#)));
    let stop = r#","finishReason":"STOP""#;
    for (stream, finished) in [
        (with(0, ""), false),
        (with(0, stop), true),
        (with(0, "") + &with(1, stop), false),
        (with(0, stop) + &with(1, "") + &with(1, stop), true),
        (event(r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#.into()), true),
        (event(r#"{"candidates":[{"content":{"parts":[{"text":"a"#.into()), false),
    ] {
        assert_eq!(meter(GEMINI, stream.as_bytes()).finished, finished, "{stream}");
    }
}

#[test]
fn errors_are_told_from_output() {
    let error = r#"{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}"#;
    for metered in [
        meter(Endpoint::GenerateContent, error.as_bytes()),
        meter(GEMINI, format!("data: {error}\r\n\r\n").as_bytes()),
        array(error),
        array(&format!("[{error}]")),
    ] {
        assert!(metered.error && metered.output_estimate() == 0 && metered.usage.is_none());
    }
    assert!(!array(&format!("[{},{error}]", candidate("a", ""))).error);
}

#[test]
fn pictures_and_embeddings_count_as_what_they_are() {
    let data = "iVBORw0KGgoA".repeat(100_000);
    let body = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"inlineData":{{"mimeType":"x","data":"{data}"}}}}]}}}}]}}"#
    );
    let metered = meter(Endpoint::GenerateContent, body.as_bytes());
    assert_eq!(metered.output_events, 1);
    assert!((1100..1300).contains(&metered.output_estimate()), "{}", metered.output_estimate());
    let embedded = br#"{"embedding":{"values":[0.1,0.2]},"usageMetadata":{"promptTokenCount":5}}"#;
    let metered = meter(Endpoint::GeminiEmbed, embedded);
    assert_eq!((metered.usage.unwrap().input, metered.output_estimate()), (5, 0));
}
