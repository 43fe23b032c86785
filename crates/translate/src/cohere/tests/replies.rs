use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Reader, read_failure, read_reply};
use crate::failure::{Failure, FailureKind};
use crate::fold::Fold;
use crate::reply::{Finish, Reply};
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader};

fn folded(events: &[Value]) -> Result<Reply<'static>, Failure> {
    let mut sink = Sequencer::new(Fold::default());
    let mut reader = Reader::default();
    for event in events {
        reader.frame(Frame { name: None, data: event.to_string().as_bytes() }, &mut sink);
    }
    reader.frame(Frame { name: None, data: b"[DONE]" }, &mut sink);
    reader.end(&mut sink);
    std::mem::take(sink.inner()).finish()
}

fn usage() -> Value {
    json!({"billed_units": {"input_tokens": 3, "output_tokens": 9}, "tokens": {"input_tokens": 70.0,
        "output_tokens": 9.0}, "cached_tokens": 64})
}

fn whole() -> Value {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    json!({"id": "c14c80c3", "finish_reason": "TOOL_CALL", "usage": usage(), "message": {"role": "assistant",
        "content": [{"type": "thinking", "thinking": "Two cities."}],
        "tool_plan": "I will \"ask\".",
        "tool_calls": [call("weather_a", "{\"city\":\"Köln\"}"), call("weather_b", "{}")]}})
}

fn events() -> Vec<Value> {
    let content = |kind: &str, part: Value| json!({"type": kind, "index": 0, "delta": {"message": {"content": part}}});
    let call = |kind: &str, index: u32, call: Value| json!({"type": kind, "index": index, "delta": {"message": {"tool_calls": call}}});
    let start = |id: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": ""}});
    let plan = |text: &str| json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}});
    vec![
        json!({"id": "c14c80c3", "type": "message-start", "delta": {"message": {"role": "assistant", "content": [],
            "tool_plan": "", "tool_calls": [], "citations": []}}}),
        content("content-start", json!({"type": "thinking", "thinking": ""})),
        content("content-delta", json!({"thinking": "Two "})),
        content("content-delta", json!({"thinking": "cities."})),
        json!({"type": "content-end", "index": 0}),
        plan("I will "),
        plan("\"ask\"."),
        call("tool-call-start", 0, start("weather_a")),
        call("tool-call-delta", 0, json!({"function": {"arguments": "{\"city\":"}})),
        call("tool-call-delta", 0, json!({"function": {"arguments": "\"Köln\"}"}})),
        json!({"type": "tool-call-end", "index": 0}),
        call("tool-call-start", 1, start("weather_b")),
        json!({"type": "tool-call-end", "index": 1}),
        json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage()}}),
    ]
}

#[test]
fn a_reply_is_the_same_in_a_stream() {
    let body = whole().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    assert_eq!(folded(&events()).unwrap(), reply);
    let usage = reply.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.cached_input), (70, 9, 64));
    assert_eq!(reply.choices[0].finish, Finish::ToolCalls);
    assert_eq!(reply.choices[0].parts.len(), 4);
}

#[test]
fn what_ends_badly_is_a_failure() {
    let mut cut = events();
    cut.pop();
    assert_eq!(folded(&cut).unwrap_err(), Failure::broken_off());
    cut.push(json!({"type": "message-end", "delta": {"error": "it broke", "finish_reason": "ERROR"}}));
    assert_eq!(folded(&cut).unwrap_err().message, "it broke");
    let failure = read_failure(429, br#"{"id":"x","message":"slow down"}"#);
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::RateLimited, "slow down"));
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(body in prop::collection::vec(any::<u8>(), 0..100), cut in any::<prop::sample::Index>()) {
        let _ = (read_reply(&body), read_failure(500, &body));
        let mut sink = Sequencer::new(Fold::default());
        let mut reader = Reader::default();
        let events = events();
        let event = cut.get(&events).to_string();
        let cut = event.as_bytes().get(..cut.index(event.len())).unwrap_or_default();
        for data in [event.as_bytes(), cut, &body] {
            reader.frame(Frame { name: None, data }, &mut sink);
            let _ = read_reply(data);
        }
        reader.end(&mut sink);
    }
}
