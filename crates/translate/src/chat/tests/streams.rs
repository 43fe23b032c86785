//! Streams, both ways.

use super::*;
use crate::failure::Failure;
use crate::reply::Finish;

/// Reads events as a backend sends them.
fn fold(stream: &[u8]) -> Result<Reply<'static>, Failure> {
    let mut sink = Sequencer::new(Fold::default());
    let (mut frames, mut reader) = (SseFrames::default(), Reader::default());
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

fn events(chunks: &[Value]) -> Vec<u8> {
    let mut stream: Vec<u8> = chunks.iter().flat_map(|chunk| format!("data: {chunk}\n\n").into_bytes()).collect();
    stream.extend_from_slice(b"data: [DONE]\n\n");
    stream
}

/// A stream of deltas of one choice, read.
fn said(deltas: &[Value], finish: &str) -> Reply<'static> {
    let chunk = |delta: &Value| json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": delta}]});
    let mut chunks: Vec<Value> = deltas.iter().map(chunk).collect();
    chunks.push(json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}));
    fold(&events(&chunks)).unwrap()
}

fn calls(reply: &Reply<'_>) -> Vec<(String, String, String)> {
    let calls = reply.choices[0].parts.iter().filter_map(|part| match part {
        crate::content::Part::ToolCall(call) => {
            Some((call.id.to_string(), call.name.to_string(), call.arguments.to_string()))
        }
        _ => None,
    });
    calls.collect()
}

#[test]
fn a_stream_that_is_written_reads_as_the_reply_that_it_was() {
    let body = replies::rich().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    let mut writer = Writer::new(&context());
    play(&reply, &mut writer);
    let stream = std::mem::take(writer.output());
    let text = String::from_utf8(stream.clone()).unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(fold(&stream), Ok(reply));
}

#[test]
fn chunks_look_as_openais() {
    let body = json!({"id": "r", "model": "m", "created": 5, "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"content": "Hi"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    let body = body.to_string();
    let mut writer = Writer::new(&context());
    play(&read_reply(body.as_bytes()).unwrap(), &mut writer);
    let text = String::from_utf8(std::mem::take(writer.output())).unwrap();
    let chunks: Vec<Value> =
        text.split("\n\n").filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok()).collect();
    let chunk = |choices: Value, usage: Value| {
        json!({"id": "r", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": choices,
            "usage": usage})
    };
    let choice = |delta: Value, finish: Value| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null)
    };
    assert_eq!(
        chunks,
        [
            choice(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null),
            choice(json!({"content": "Hi"}), Value::Null),
            choice(json!({}), json!("stop")),
            chunk(
                json!([]),
                json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}})
            ),
        ]
    );
}

#[test]
fn calls_are_told_apart_however_they_are_numbered() {
    let two = |first: &str, second: &str| {
        let call = |id: &str| (id.to_owned(), "f".to_owned(), "{\"a\":1}".to_owned());
        vec![call(first), call(second)]
    };
    let function = |arguments: &str| json!({"name": "f", "arguments": arguments});
    let more = |arguments: &str| json!({"arguments": arguments});
    // OpenAI: id and name once; here with the pieces of both mixed.
    let openai = said(
        &[
            json!({"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": function("")}]}),
            json!({"tool_calls": [{"index": 1, "id": "y", "type": "function", "function": function("{\"a\"")}]}),
            json!({"tool_calls": [{"index": 0, "function": more("{\"a\":1}")}]}),
            json!({"tool_calls": [{"index": 1, "function": more(":1}")}]}),
        ],
        "tool_calls",
    );
    assert_eq!(calls(&openai), two("x", "y"));
    // Always 0, with new ids, and whole at once.
    let zero = said(
        &[
            json!({"content": "a", "tool_calls": [{"index": 0, "id": "x", "function": function("{\"a\":1}")}]}),
            json!({"tool_calls": [{"index": 0, "id": "y", "function": function("{\"a\":1}")}]}),
        ],
        "stop",
    );
    assert_eq!((calls(&zero), &zero.choices[0].finish), (two("x", "y"), &Finish::ToolCalls));
    // Without numbers, and with ids and names repeated.
    let repeated = said(
        &[
            json!({"tool_calls": [{"id": "x", "function": function("{\"a\"")}]}),
            json!({"tool_calls": [{"id": "x", "function": function(":1}")}]}),
            json!({"tool_calls": [{"id": "y", "function": function("{\"a\"")}, {"function": more(":1}")}]}),
        ],
        "tool_calls",
    );
    assert_eq!(calls(&repeated), two("x", "y"));
    // Without ids: one call ends where its object does.
    let bare = said(
        &[
            json!({"tool_calls": [{"index": 0, "function": function("{\"a\":1}")}]}),
            json!({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": {"a": 1}}}]}),
        ],
        "stop",
    );
    assert_eq!(calls(&bare), two("call_a_0_0", "call_a_0_1"));
    // The former form.
    let legacy =
        said(&[json!({"function_call": function("{\"a\"")}), json!({"function_call": more(":1}")})], "function_call");
    assert_eq!(calls(&legacy), two("call_a_0_0", "")[..1]);
}

#[test]
fn usage_is_found_wherever_it_stands() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
    let choice = json!({"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"});
    let mut inside = choice.clone();
    inside["usage"] = usage.clone();
    for chunks in [
        vec![json!({"choices": [choice]}), json!({"choices": [], "usage": usage})],
        vec![json!({"choices": [choice], "usage": usage})],
        vec![json!({"choices": [inside]})],
        vec![
            json!({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}),
            json!({"usage": usage}),
        ],
    ] {
        let reply = fold(&events(&chunks)).unwrap();
        assert_eq!(reply.usage.map(|usage| (usage.input, usage.output)), Some((3, 4)), "{chunks:?}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_a_failure() {
    let chunk = |finish: Value| json!({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": finish}]});
    let stream = |chunk: Value| format!("data: {chunk}\n\n").into_bytes();
    assert_eq!(fold(&stream(chunk(Value::Null))).unwrap_err().status, 502);
    assert_eq!(fold(b"").unwrap_err().status, 502);
    // Some servers forget the end.
    assert!(fold(&stream(chunk("stop".into()))).is_ok());
}

#[test]
fn an_error_in_the_stream_is_a_failure() {
    for (event, status, message) in [
        (json!({"error": {"message": "m", "type": "server_error", "code": null}}), 500, "m"),
        (
            json!({"error": {"message": "m", "code": 429}, "choices": [{"delta": {}, "finish_reason": "error"}]}),
            429,
            "m",
        ),
        (json!({"error": "m"}), 500, "m"),
        (json!({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}), 400, "m"),
        (json!({"error": {"message": "m", "type": "rate_limit_error"}}), 429, "m"),
        (json!({"choices": 7}), 502, "The backend's reply could not be understood."),
    ] {
        let failure = fold(&events(&[json!({"choices": [{"delta": {"content": "a"}}]}), event.clone()])).unwrap_err();
        assert_eq!((failure.status, failure.message.as_str()), (status, message), "{event}");
    }
    let unknown = [json!({"type": "ping"}), json!({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})];
    assert!(fold(&events(&unknown)).is_ok());
}

#[test]
fn a_failure_is_told_in_the_stream() {
    use crate::stream::Sink;
    let mut writer = Writer::new(&context());
    writer.failure(&Failure::new(429, "slow"));
    let text = String::from_utf8(std::mem::take(writer.output())).unwrap();
    let event = r#"{"error":{"message":"slow","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#;
    assert_eq!(text, format!("data: {event}\n\n"));
}
