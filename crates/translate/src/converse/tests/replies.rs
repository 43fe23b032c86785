use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Reader, read_failure, read_reply};
use crate::content::{Part, Thinking};
use crate::failure::{Failure, FailureKind};
use crate::fold::Fold;
use crate::reply::{Finish, Reply};
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader};

fn folded(events: &[(&str, Value)]) -> Result<Reply<'static>, Failure> {
    let mut sink = Sequencer::new(Fold::default());
    let mut reader = Reader::default();
    for (name, payload) in events {
        reader.frame(Frame { name: Some(name), data: payload.to_string().as_bytes() }, &mut sink);
    }
    reader.end(&mut sink);
    std::mem::take(sink.inner()).finish()
}

fn whole() -> Value {
    json!({"output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "U0lH"}}},
        {"reasoningContent": {"redactedContent": "UkVE"}},
        {"text": "It’s \"so\"."},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city":"Köln"}}},
        {"toolUse": {"toolUseId": "tooluse_2", "name": "now", "input": {}}},
    ]}}, "stopReason": "tool_use", "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 42,
        "cacheReadInputTokens": 10, "cacheWriteInputTokens": 20}, "metrics": {"latencyMs": 1}})
}

fn events() -> Vec<(&'static str, Value)> {
    let delta = |index: u32, delta: Value| ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
    let call = |index: u32, id: &str, name: &str| {
        let start = json!({"toolUse": {"toolUseId": id, "name": name}});
        ("contentBlockStart", json!({"contentBlockIndex": index, "start": start}))
    };
    let stop = |index: u32| ("contentBlockStop", json!({"contentBlockIndex": index, "p": "abc"}));
    vec![
        ("messageStart", json!({"role": "assistant", "p": "abcd"})),
        delta(0, json!({"reasoningContent": {"text": "Let me "}})),
        delta(0, json!({"reasoningContent": {"text": "see."}})),
        delta(0, json!({"reasoningContent": {"signature": "U0"}})),
        delta(0, json!({"reasoningContent": {"signature": "lH"}})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "UkVE"}})),
        stop(1),
        delta(2, json!({"text": "It’s "})),
        ("somethingNew", json!({"a": 1})),
        delta(2, json!({"text": "\"so\"."})),
        stop(2),
        call(3, "tooluse_1", "weather"),
        delta(3, json!({"toolUse": {"input": "{\"city\":"}})),
        delta(3, json!({"toolUse": {"input": "\"Köln\"}"}})),
        stop(3),
        call(4, "tooluse_2", "now"),
        stop(4),
        ("messageStop", json!({"stopReason": "tool_use"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 42,
            "cacheReadInputTokens": 10, "cacheWriteInputTokens": 20}, "metrics": {"latencyMs": 1}}),
        ),
    ]
}

#[test]
fn a_reply_is_the_same_in_a_stream() {
    let body = whole().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    assert_eq!(folded(&events()).unwrap(), reply);
    let usage = reply.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.cached_input, usage.cache_creation), (35, 7, 10, 20));
    assert_eq!(reply.choices[0].finish, Finish::ToolCalls);
    let signed = Thinking { text: "Let me see.".into(), signature: Some("ditto.c.U0lH".into()), redacted: false };
    assert_eq!(reply.choices[0].parts[0], Part::Thinking(signed));
}

#[test]
fn cited_text_keeps_its_references() {
    let cited = json!({"content": [{"text": "Rain."}], "citations": [{"title": "News",
        "sourceContent": [{"text": "It rains."}], "location": {"web": {"url": "https://h/"}}}]});
    let body = json!({"output": {"message": {"content": [{"citationsContent": cited}]}}, "stopReason": "end_turn"});
    let body = body.to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    let Part::Text(text) = &reply.choices[0].parts[0] else { panic!("{reply:?}") };
    assert_eq!((text.text.as_str(), text.citations[0].url.as_deref()), ("Rain.", Some("https://h/")));
}

/// Each piece of bytes has its own end in base64.
#[test]
fn redacted_thoughts_come_in_pieces() {
    let delta = |content: &str| {
        let thought = json!({"reasoningContent": {"redactedContent": content}});
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": thought}))
    };
    let end = ("messageStop", json!({"stopReason": "end_turn"}));
    let stop = ("contentBlockStop", json!({"contentBlockIndex": 0}));
    let reply = folded(&[delta("UkU="), delta("RA=="), delta("IQ=="), stop, end]).unwrap();
    let whole = Thinking { signature: Some("ditto.c.UkVEIQ==".into()), redacted: true, ..Thinking::default() };
    assert_eq!(reply.choices[0].parts, [Part::Thinking(whole)]);
}

#[test]
fn a_stream_without_an_end_broke_off() {
    let mut events = events();
    events.truncate(18);
    assert_eq!(folded(&events).unwrap_err(), Failure::broken_off());
}

#[test]
fn a_stream_without_usage_is_whole() {
    let mut events = events();
    events.pop();
    assert_eq!(folded(&events).unwrap().usage, None);
}

#[test]
fn failures_keep_their_words() {
    let failure = read_failure(429, br#"{"message":"Too many tokens"}"#);
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::RateLimited, "Too many tokens"));
    assert_eq!(read_failure(424, br#"{"Message":"x"}"#).kind, FailureKind::Server);
    let mut events = events();
    events.insert(3, ("modelStreamErrorException", json!({"message": "it broke"})));
    assert_eq!(folded(&events).unwrap_err().message, "it broke");
    events[3].0 = "throttlingException";
    assert_eq!(folded(&events).unwrap_err().status, 429);
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(
        name in prop::sample::select(vec!["messageStart", "contentBlockDelta", "contentBlockStart", "messageStop",
            "metadata", "xException"]),
        body in prop::collection::vec(any::<u8>(), 0..100),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = (read_reply(&body), read_failure(500, &body));
        let whole = whole().to_string();
        let _ = read_reply(whole.get(..cut.index(whole.len())).unwrap_or_default().as_bytes());
        let mut sink = Sequencer::new(Fold::default());
        let mut reader = Reader::default();
        for (_, payload) in events() {
            // Any payload under any name.
            reader.frame(Frame { name: Some(name), data: payload.to_string().as_bytes() }, &mut sink);
        }
        reader.frame(Frame { name: Some(name), data: &body }, &mut sink);
        reader.end(&mut sink);
    }
}
