use serde_json::{Value, json};

use super::super::{read_reply, write_reply};
use super::value;
use crate::reply::Finish;
use crate::target::ReplyContext;

pub(super) fn rich() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCg=="},
            {"type": "redacted_thinking", "data": "EmwK"},
            {"type": "text", "text": "It is \"so\".", "citations": [
                {"type": "char_location", "cited_text": "so", "document_index": 0, "document_title": "T",
                    "start_char_index": 1, "end_char_index": 3}
            ]},
            {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}},
            {"type": "tool_use", "id": "toolu_2", "name": "list", "input": {}}
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 7, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 20,
            "output_tokens": 30, "output_tokens_details": {"thinking_tokens": 4}}
    })
}

#[test]
fn a_reply_returns_as_it_came_with_tagged_signatures() {
    let body = rich().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    let usage = reply.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.reasoning), (37, 30, 4));
    assert_eq!((usage.cached_input, usage.cache_creation), (20, 10));
    let mut expected = rich();
    expected["content"][0]["signature"] = "ditto.a.EqQBCg==".into();
    expected["content"][1]["data"] = "ditto.a.EmwK".into();
    assert_eq!(value(&write_reply(&reply, &ReplyContext::default())), expected);
}

#[test]
fn reasons_of_an_end_are_kept() {
    for (reason, finish) in [
        ("end_turn", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("stop_sequence", Finish::StopSequence(Some("END".into()))),
        ("tool_use", Finish::ToolCalls),
        ("refusal", Finish::Refusal),
        ("pause_turn", Finish::Pause),
    ] {
        let stop = if reason == "stop_sequence" { json!("END") } else { Value::Null };
        let call = json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}});
        let content = if reason == "tool_use" { vec![call] } else { Vec::new() };
        let body =
            json!({"type": "message", "content": content, "stop_reason": reason, "stop_sequence": stop}).to_string();
        let reply = read_reply(body.as_bytes()).unwrap();
        assert_eq!(reply.choices[0].finish, finish);
        let context = ReplyContext { model: "m".into(), request_id: "r".into(), ..ReplyContext::default() };
        let written = value(&write_reply(&reply, &context));
        assert_eq!((&written["stop_reason"], &written["stop_sequence"]), (&json!(reason), &stop));
        assert_eq!((&written["model"], &written["id"]), (&json!("m"), &json!("msg_r")));
    }
}
