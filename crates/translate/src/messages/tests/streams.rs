use serde_json::{Value, json};

use super::super::{Reader, Writer, read_reply};
use crate::failure::Failure;
use crate::fold::{Fold, play};
use crate::frame::{SseFrames, SseItem};
use crate::reply::Reply;
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader, StreamWriter};
use crate::target::ReplyContext;

fn sse(events: &[Value]) -> Vec<u8> {
    let event = |data: &Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    events.iter().map(event).collect::<String>().into_bytes()
}

pub(super) fn folded(stream: &[u8]) -> Result<Reply<'static>, Failure> {
    let mut sink = Sequencer::new(Fold::default());
    let mut reader = Reader::default();
    let mut frames = SseFrames::default();
    frames
        .feed(stream, |item| {
            if let SseItem::Data(data) = item {
                reader.frame(Frame { name: None, data }, &mut sink);
            }
        })
        .unwrap();
    reader.end(&mut sink);
    std::mem::take(sink.inner()).finish()
}

pub(super) fn events() -> Vec<Value> {
    let delta = |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let start =
        |index: u32, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 7, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 20,
                "output_tokens": 1}}}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        json!({"type": "ping"}),
        delta(0, json!({"type": "thinking_delta", "thinking": "Hm"})),
        delta(0, json!({"type": "thinking_delta", "thinking": "."})),
        delta(0, json!({"type": "signature_delta", "signature": "EqQBCg=="})),
        stop(0),
        start(1, json!({"type": "redacted_thinking", "data": "EmwK"})),
        stop(1),
        start(2, json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"query\":\"x\"}"})),
        stop(2),
        start(3, json!({"type": "text", "text": ""})),
        delta(3, json!({"type": "text_delta", "text": "It is \"so\"\n"})),
        delta(3, json!({"type": "text_delta", "text": "é."})),
        delta(3, json!({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "so"}})),
        stop(3),
        start(4, json!({"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}})),
        delta(4, json!({"type": "input_json_delta", "partial_json": ""})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "{\"path\":"})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "\"a\"}"})),
        stop(4),
        start(5, json!({"type": "tool_use", "id": "toolu_2", "name": "list", "input": {}})),
        delta(5, json!({"type": "input_json_delta", "partial_json": ""})),
        stop(5),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 30}}),
        json!({"type": "message_stop"}),
    ]
}

fn whole() -> Vec<u8> {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCg=="},
            {"type": "redacted_thinking", "data": "EmwK"},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
            {"type": "text", "text": "It is \"so\"\né.", "citations": [{"type": "char_location", "cited_text": "so"}]},
            {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path":"a"}},
            {"type": "tool_use", "id": "toolu_2", "name": "list", "input": {}}
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 7, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 20,
            "output_tokens": 30}
    })
    .to_string()
    .into_bytes()
}

#[test]
fn a_stream_folds_to_the_whole_reply() {
    let whole = whole();
    assert_eq!(folded(&sse(&events())), Ok(read_reply(&whole).unwrap()));
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let whole = whole();
    let reply = read_reply(&whole).unwrap();
    let mut writer = Writer::new(&ReplyContext::default());
    play(&reply, &mut writer);
    let stream = std::mem::take(writer.output());
    let again = folded(&stream).unwrap();
    // The tag of a signature is put in front by the reader, whoever made it: here there are two.
    let text = format!("{again:?}").replace("ditto.a.ditto.a.", "ditto.a.");
    assert_eq!(text, format!("{reply:?}"));
}

#[test]
fn the_order_of_events_is_anthropics() {
    let whole = whole();
    let mut writer = Writer::new(&ReplyContext::default());
    play(&read_reply(&whole).unwrap(), &mut writer);
    let stream = String::from_utf8(std::mem::take(writer.output())).unwrap();
    let names: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let mut expected = vec!["message_start", block[0], block[1], block[1], block[2], block[0], block[2]];
    expected.extend([block[0], block[1], block[1], block[2], block[0], block[1], block[2]]);
    expected.extend([block[0], block[1], block[2]]);
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(names, expected);
    for pair in stream.split("\n\n").filter(|pair| !pair.is_empty()) {
        let (name, data) = pair.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
    }
    assert!(stream.contains(r#""usage":{"input_tokens":7,"cache_creation_input_tokens":10,"#), "{stream}");
    assert!(stream.contains(r#""index":4"#) && !stream.contains(r#""index":5"#), "{stream}");
}

#[test]
fn an_error_in_mid_stream_ends_it() {
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let mut events = events();
    events.truncate(4);
    assert_eq!(folded(&sse(&events)).unwrap_err(), Failure::broken_off());
    events.push(error);
    let failure = folded(&sse(&events)).unwrap_err();
    assert_eq!((failure.status, failure.message.as_str()), (503, "Overloaded"));
    let mut writer = Writer::new(&ReplyContext::default());
    crate::stream::Sink::failure(&mut writer, &failure);
    let written = String::from_utf8(std::mem::take(writer.output())).unwrap();
    assert!(written.starts_with("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\""));
}

#[test]
fn amazon_wraps_events_and_names_exceptions() {
    use base64::Engine;
    let encode = |event: &Value| base64::engine::general_purpose::STANDARD.encode(event.to_string());
    let wrapped = |event: &Value| json!({"bytes": encode(event), "p": "abc"}).to_string();
    let mut sink = Sequencer::new(Fold::default());
    let mut reader = Reader::default();
    for event in events() {
        reader.frame(Frame { name: Some("chunk"), data: wrapped(&event).as_bytes() }, &mut sink);
    }
    reader.end(&mut sink);
    let whole = whole();
    assert_eq!(std::mem::take(sink.inner()).finish(), Ok(read_reply(&whole).unwrap()));
    let mut sink = Sequencer::new(Fold::default());
    let frame = Frame { name: Some("throttlingException"), data: br#"{"message":"Slow down"}"# };
    Reader::default().frame(frame, &mut sink);
    let failure = std::mem::take(sink.inner()).finish().unwrap_err();
    assert_eq!((failure.status, failure.message.as_str()), (429, "Slow down"));
}

/// Some servers tell other numbers at the end than at the start; whoever settles takes the larger ones.
#[test]
fn usage_grows() {
    let stream = sse(&[
        json!({"type": "message_start", "message": {"id": "m", "model": "glm", "content": [],
            "usage": {"input_tokens": 34_824, "output_tokens": 0}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 3_883,
            "output_tokens": 49, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 30_464}}),
        json!({"type": "message_stop"}),
    ]);
    let usage = folded(&stream).unwrap().usage.unwrap();
    assert_eq!((usage.input, usage.cached_input, usage.output), (34_824, 30_464, 49));
}
