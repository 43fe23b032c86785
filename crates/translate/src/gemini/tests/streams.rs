//! Streams, both ways.

use ditto_llm::usage::Usage;
use serde_json::{Value, json};

use super::replies::rich;
use crate::content::Part;
use crate::failure::Failure;
use crate::fold::{Fold, play};
use crate::frame::{SseFrames, SseItem};
use crate::gemini::{Reader, Writer, read_reply};
use crate::reply::{Finish, Reply};
use crate::sequence::Sequencer;
use crate::stream::{At, Frame, Opening, Sink, Start, StreamReader, StreamWriter};
use crate::target::ReplyContext;

fn folded(chunks: &[Value]) -> Result<Reply<'static>, Failure> {
    let mut sink = Sequencer::new(Fold::default());
    let mut reader = Reader::default();
    for chunk in chunks {
        let data = chunk.to_string();
        reader.frame(Frame { name: None, data: data.as_bytes() }, &mut sink);
    }
    reader.end(&mut sink);
    std::mem::take(sink.inner()).finish()
}

/// The same reply in pieces: a part each, text letter by letter, the end at the end.
fn pieces(whole: &Value) -> Vec<Value> {
    let (mut chunks, mut last) = (Vec::new(), Vec::new());
    for candidate in whole["candidates"].as_array().unwrap() {
        let mut chunk = |part: Value, about: &Value| {
            let mut piece = about.clone();
            piece["content"] = json!({"role": "model", "parts": [part]});
            piece["index"] = candidate["index"].clone();
            chunks.push(json!({"candidates": [piece], "modelVersion": whole["modelVersion"],
                "responseId": whole["responseId"],
                "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}}));
        };
        let about =
            json!({"citationMetadata": candidate["citationMetadata"], "logprobsResult": candidate["logprobsResult"]});
        for part in candidate["content"]["parts"].as_array().unwrap() {
            let Some(text) = part["text"].as_str() else {
                chunk(part.clone(), &json!({}));
                continue;
            };
            let piece = |text: &str, signed: bool| {
                let mut piece = part.clone();
                piece["text"] = json!(text);
                piece.as_object_mut().unwrap().retain(|name, _| signed || name != "thoughtSignature");
                piece
            };
            for (at, letter) in text.char_indices() {
                let is_last = at + letter.len_utf8() == text.len() && part.get("thought").is_none();
                chunk(piece(&letter.to_string(), false), if is_last { &about } else { &Value::Null });
            }
            if part.get("thoughtSignature").is_some() {
                chunk(piece("", true), &Value::Null);
            }
        }
        last.push(json!({"content": {"role": "model"}, "finishReason": candidate["finishReason"], "index": candidate["index"]}));
    }
    chunks.push(json!({"candidates": last, "usageMetadata": whole["usageMetadata"]}));
    chunks
}

#[test]
fn a_stream_folds_to_the_whole_reply() {
    let whole = rich().to_string();
    let reply = read_reply(whole.as_bytes()).unwrap();
    assert_eq!(folded(&[rich()]).unwrap(), reply);
    assert_eq!(folded(&pieces(&rich())).unwrap(), reply);
}

#[test]
fn a_stream_that_breaks_off_or_fails_is_a_failure() {
    let piece = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]});
    assert_eq!(folded(std::slice::from_ref(&piece)).unwrap_err(), Failure::broken_off());
    assert_eq!(folded(&[]).unwrap_err(), Failure::broken_off());
    let error = json!({"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE"}});
    let failure = folded(&[piece.clone(), error]).unwrap_err();
    assert_eq!((failure.status, failure.message.as_str()), (503, "Busy."));
    let malformed = json!({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "bad call"}]});
    let failure = folded(&[piece, malformed]).unwrap_err();
    assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("bad call", Some("MALFORMED_FUNCTION_CALL")));
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}});
    assert_eq!(folded(&[blocked]).unwrap().choices[0].finish, Finish::ContentFilter);
}

fn context() -> ReplyContext {
    ReplyContext { model: "asked".into(), request_id: "req".into(), stream: true, ..ReplyContext::default() }
}

fn written(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    let mut writer = Writer::new(context);
    play(reply, &mut writer);
    std::mem::take(writer.output())
}

/// The events of a stream, whose bytes come in pieces of this size.
fn events(stream: &[u8], size: usize) -> Vec<Value> {
    let (mut frames, mut events) = (SseFrames::default(), Vec::new());
    for piece in stream.chunks(size) {
        frames
            .feed(piece, |item| match item {
                SseItem::Data(data) => events.push(serde_json::from_slice(data).unwrap()),
                SseItem::Comment => {}
            })
            .unwrap();
    }
    events
}

fn reply() -> Reply<'static> {
    read_reply(rich().to_string().into_bytes().leak()).unwrap()
}

#[test]
fn what_is_written_folds_to_what_was_read() {
    let stream = written(&reply(), &context());
    for size in [1, 7, stream.len()] {
        let again = folded(&events(&stream, size)).unwrap();
        assert_eq!(again, reply());
    }
}

#[test]
fn text_goes_out_at_once_and_a_call_whole() {
    let mut writer = Writer::new(&context());
    let out = |writer: &mut Writer| String::from_utf8(std::mem::take(writer.output())).unwrap();
    writer.start(&Start { id: "r".into(), model: "m".into(), ..Start::default() });
    let (text, call) = (At { choice: 0, part: 0 }, At { choice: 0, part: 1 });
    writer.open(text, &Opening::Text);
    assert_eq!(out(&mut writer), "");
    writer.delta(text, "a \"b\"");
    let expected = concat!(
        r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"a \"b\""}]},"index":0}],"#,
        r#""modelVersion":"m","responseId":"r"}"#,
        "\r\n\r\n"
    );
    assert_eq!(out(&mut writer), expected);
    writer.close(text);
    writer.open(call, &Opening::ToolCall { id: "c".into(), name: "f".into(), custom: false });
    writer.delta(call, r#"{"a":"#);
    writer.delta(call, "1}");
    assert_eq!(out(&mut writer), "");
    writer.close(call);
    assert!(out(&mut writer).contains(r#"{"functionCall":{"id":"c","name":"f","args":{"a":1}}}"#));
    writer.finish(0, &Finish::ToolCalls);
    writer.usage(&Usage { input: 3, output: 4, ..Usage::default() });
    writer.ping();
    assert_eq!(out(&mut writer), "");
    writer.end();
    let last = &events(out(&mut writer).as_bytes(), 5)[0];
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["totalTokenCount"], 7);
}

#[test]
fn a_stream_is_one_array_or_wrapped_where_that_is_wanted() {
    let array = written(&reply(), &ReplyContext { json_array: true, ..context() });
    let plain = events(&written(&reply(), &context()), 99);
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&array).unwrap(), plain);
    let wrapped = events(&written(&reply(), &ReplyContext { envelope: true, ..context() }), 99);
    let inner: Vec<Value> = wrapped.iter().map(|event| event["response"].clone()).collect();
    assert_eq!(inner, plain);
    assert!(wrapped.iter().all(|event| event["traceId"] == "r-1"));
}

#[test]
fn a_failure_in_the_middle_is_an_event_and_ends_the_array() {
    for json_array in [false, true] {
        let mut writer = Writer::new(&ReplyContext { json_array, ..context() });
        writer.start(&Start::default());
        writer.open(At::default(), &Opening::Text);
        writer.delta(At::default(), "a");
        writer.failure(&Failure::new(503, "Busy."));
        writer.end();
        let output = std::mem::take(writer.output());
        let events = if json_array { serde_json::from_slice(&output).unwrap() } else { events(&output, 3) };
        assert_eq!(events.len(), 2);
        assert_eq!(events[1]["error"]["status"], "UNAVAILABLE");
    }
}

#[test]
fn calls_without_ids_get_the_same_ones_however_the_stream_is_cut() {
    let call = json!({"functionCall": {"name": "f", "args": {"a": 1}}});
    let whole = |id: Value| json!({"candidates": [{"content": {"parts": [call, call]}, "finishReason": "STOP"}], "responseId": id});
    let ids = |reply: Reply<'_>| -> Vec<String> {
        reply.choices[0]
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall(call) => Some(call.id.to_string()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(ids(folded(&[whole(json!("A b/c"))]).unwrap()), ["call_0_Abc", "call_1_Abc"]);
    let nameless = ids(folded(&[whole(Value::Null)]).unwrap());
    assert_ne!(nameless[0], nameless[1]);
    let first = json!({"candidates": [{"content": {"parts": [call]}}]});
    let second = json!({"candidates": [{"content": {"parts": [call]}, "finishReason": "STOP"}]});
    assert_eq!(ids(folded(&[first, second]).unwrap()), nameless);
}
