//! Whole replies, both ways.

use ditto_llm::usage::Usage;
use serde_json::{Value, json};

use crate::content::{Part, Thinking, ToolCall};
use crate::gemini::{read_reply, write_reply};
use crate::reply::{Choice, Finish, Logprob, Reply};
use crate::signature::{Maker, tag};
use crate::target::ReplyContext;

/// Everything that a reply may hold, as AI Studio writes it.
pub(super) fn rich() -> Value {
    json!({
        "candidates": [
            {"content": {"role": "model", "parts": [
                {"text": "I think.", "thought": true},
                {"text": "Hello.", "thoughtSignature": "AAEC"},
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "AQID"},
                {"functionCall": {"id": "own", "name": "g", "args": {}}}]},
             "finishReason": "STOP", "index": 0,
             "citationMetadata": {"citations": [{"startIndex": 1, "endIndex": 3, "uri": "https://h", "title": "H"}]},
             "logprobsResult": {
                "topCandidates": [{"candidates": [{"token": "H", "tokenId": 3, "logProbability": -0.1}]}],
                "chosenCandidates": [{"token": "H", "tokenId": 3, "logProbability": -0.1}]},
             "avgLogprobs": -0.1, "safetyRatings": [{"category": "X", "probability": "LOW"}]},
            {"content": {"role": "model", "parts": [{"text": "Cut"}]}, "finishReason": "MAX_TOKENS", "index": 1}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7,
            "cachedContentTokenCount": 4, "toolUsePromptTokenCount": 2, "totalTokenCount": 24,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}]},
        "modelVersion": "gemini-2.5-pro", "responseId": "r-1"
    })
}

#[test]
fn a_rich_reply_is_read_whole() {
    let body = rich().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    assert_eq!((reply.id.as_str(), reply.model.as_str()), ("r-1", "gemini-2.5-pro"));
    let usage = Usage { input: 12, output: 12, cached_input: 4, cache_creation: 0, reasoning: 7 };
    assert_eq!(reply.usage, Some(usage));
    let [first, second] = reply.choices.as_slice() else { panic!("{reply:?}") };
    assert_eq!((&first.finish, &second.finish), (&Finish::ToolCalls, &Finish::Length));
    assert_eq!(first.logprobs.len(), 1);
    let calls: Vec<_> = first
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some((call.id.as_str(), call.arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("call_0_r-1__sig__AQID", r#"{"a":1}"#), ("own", "{}")]);
    let signature = Some(tag(Maker::Gemini, "AAEC").into());
    assert_eq!(first.parts[2], Part::Thinking(Thinking { signature, ..Thinking::default() }));
}

#[test]
fn ends_have_their_meaning() {
    let ends = |reason: &str| {
        let body = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": reason}]}).to_string();
        read_reply(body.as_bytes()).map(|reply| reply.choices[0].finish.clone().into_static())
    };
    assert_eq!(ends("STOP"), Some(Finish::Stop));
    assert_eq!(ends("SAFETY"), Some(Finish::ContentFilter));
    assert_eq!(ends("RECITATION"), Some(Finish::ContentFilter));
    assert_eq!(ends("SOMETHING_NEW"), Some(Finish::Stop));
    assert_eq!(ends("MALFORMED_FUNCTION_CALL"), None);
    let blocked =
        read_reply(br#"{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}"#);
    let blocked = blocked.unwrap();
    assert_eq!((&blocked.choices[0].finish, blocked.usage.unwrap().input), (&Finish::ContentFilter, 3));
    assert_eq!(read_reply(br#"{"error": {"code": 500}}"#), None);
    assert_eq!(read_reply(b"{}"), None);
}

#[test]
fn pictures_and_code_in_a_reply_are_shown_as_text() {
    let body = br#"{"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}]}, "finishReason": "STOP"}]}"#;
    let reply = read_reply(body).unwrap();
    let [Part::Text(text)] = reply.choices[0].parts.as_slice() else { panic!("{reply:?}") };
    assert!(
        text.text.contains("image/png") && text.text.ends_with("```python\nprint(1)\n```\n```\n1\n```\n"),
        "{text:?}"
    );
}

fn context() -> ReplyContext {
    ReplyContext { model: "asked".into(), request_id: "req".into(), ..ReplyContext::default() }
}

fn foreign<'a>() -> Reply<'a> {
    let thinking =
        Thinking { text: "hm".into(), signature: Some(tag(Maker::Anthropic, "s/g").into()), redacted: false };
    let call = |arguments: &'static str| {
        Part::ToolCall(ToolCall {
            id: "toolu_1".into(),
            name: "f".into(),
            arguments: arguments.into(),
            custom: false,
            cache: None,
        })
    };
    let logprobs = vec![Logprob { token: "a".into(), logprob: -0.5, ..Logprob::default() }];
    Reply {
        choices: vec![
            Choice {
                parts: vec![Part::Thinking(thinking), Part::text("a"), call(r#"{"x":1}"#)],
                finish: Finish::ToolCalls,
                logprobs,
            },
            Choice { parts: vec![call(r#"{"x":"#)], finish: Finish::ToolCalls, logprobs: Vec::new() },
            Choice { parts: vec![Part::Refusal("no".into())], finish: Finish::Refusal, logprobs: Vec::new() },
        ],
        usage: Some(Usage { input: 10, output: 8, cached_input: 3, cache_creation: 1, reasoning: 6 }),
        ..Reply::default()
    }
}

#[test]
fn a_reply_is_written_as_google_writes_it() {
    let body: Value = serde_json::from_slice(&write_reply(&foreign(), &context())).unwrap();
    let proof = crate::gemini::base64::encode(b"ditto.a.s/g");
    assert_eq!(
        body,
        json!({
            "candidates": [
                {"content": {"role": "model", "parts": [
                    {"text": "hm", "thought": true, "thoughtSignature": proof},
                    {"text": "a"},
                    {"functionCall": {"id": "toolu_1", "name": "f", "args": {"x": 1}}}]},
                 "finishReason": "STOP", "index": 0, "avgLogprobs": -0.5, "logprobsResult": {
                    "topCandidates": [{"candidates": []}], "chosenCandidates": [{"token": "a", "logProbability": -0.5}]}},
                {"content": {"role": "model", "parts": []}, "finishReason": "MALFORMED_FUNCTION_CALL", "index": 1},
                {"content": {"role": "model", "parts": [{"text": "no"}]}, "finishReason": "SAFETY", "index": 2}],
            "usageMetadata": {"promptTokenCount": 10, "cachedContentTokenCount": 3, "candidatesTokenCount": 2,
                "thoughtsTokenCount": 6, "totalTokenCount": 18},
            "modelVersion": "asked", "responseId": "req"
        })
    );
    let wrapped = write_reply(&foreign(), &ReplyContext { envelope: true, ..context() });
    let wrapped: Value = serde_json::from_slice(&wrapped).unwrap();
    assert_eq!((&wrapped["response"], &wrapped["traceId"]), (&body, &json!("req")));
}

#[test]
fn places_of_citations_are_told_only_while_bytes_are_characters() {
    let spans = |text: &str| {
        let cited = json!({"citations": [{"endIndex": 3, "uri": "https://h"}]});
        let candidate =
            json!({"content": {"parts": [{"text": text}]}, "citationMetadata": cited, "finishReason": "STOP"});
        let body = json!({"candidates": [candidate]}).to_string();
        let reply = read_reply(body.as_bytes()).unwrap();
        let [Part::Text(text)] = reply.choices[0].parts.as_slice() else { panic!("{reply:?}") };
        text.citations[0].span
    };
    assert_eq!(spans("Hello"), Some((0, 3)));
    assert_eq!(spans("Hällo"), None);
}

#[test]
fn a_reply_that_is_written_is_read_back() {
    let body = rich().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    let written = write_reply(&reply, &context());
    assert_eq!(read_reply(&written).unwrap(), reply);
}
