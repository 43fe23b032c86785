//! Streams of backends, and those for clients.

use super::bodies::{REPLY, STREAM, sse};
use super::*;
use crate::content::{Part, ToolCall};
use crate::failure::FailureKind;
use crate::reply::{Choice, Finish};
use crate::stream::{At, Opening, Sink, Start};

#[test]
fn a_stream_folds_to_the_whole_reply_however_it_is_cut() {
    let whole = read_reply(REPLY.as_bytes()).unwrap();
    let stream = sse(STREAM);
    for piece in [1, 2, 7, 64, 1_000, usize::MAX] {
        assert_eq!(fold_stream(&stream, piece).as_ref(), Ok(&whole), "pieces of {piece}");
    }
}

#[test]
fn events_that_compatible_servers_leave_out_are_made_up_for() {
    let stream = sse(&[
        ("response.created", r#""response":{"id":"","model":"m","created_at":123.0}"#),
        ("response.output_text.delta", r#""output_index":0,"content_index":0,"delta":"Hel""#),
        ("response.output_text.delta", r#""output_index":0,"content_index":0,"delta":"lo""#),
        (
            "response.output_item.done",
            r#""output_index":1,"item":{"type":"function_call","arguments":"{\"a\":1}","call_id":"c","name":"f"}"#,
        ),
        ("response.reasoning_text.done", r#""output_index":2,"content_index":0,"text":"hm""#),
        (
            "response.output_item.done",
            r#""output_index":2,"item":{"type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}]}"#,
        ),
        ("response.completed", r#""response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":2}}"#),
    ]);
    let reply = fold_stream(&stream, 50).unwrap();
    let choice = &reply.choices[0];
    assert_eq!(choice.finish, Finish::ToolCalls);
    assert_eq!(choice.parts[0], Part::text("Hello"));
    assert!(matches!(&choice.parts[1], Part::ToolCall(ToolCall { arguments, .. }) if arguments == "{\"a\":1}"));
    assert!(matches!(&choice.parts[2], Part::Thinking(thinking) if thinking.text == "hm"));
    assert_eq!((reply.created, reply.usage.unwrap().total()), (Some(123), 5));

    let only_the_end =
        format!("data: {{\"type\":\"response.completed\",\"response\":{REPLY}}}\n\n").replace("\n  ", " ");
    let whole = read_reply(REPLY.as_bytes()).unwrap();
    let folded = fold_stream(only_the_end.replace("\n}}", "}}").as_bytes(), 999).unwrap();
    assert_eq!(folded.choices, whole.choices);
}

#[test]
fn failures_in_mid_stream_are_seen_in_every_form() {
    let started = ("response.created", r#""response":{"id":"r"}"#);
    let failed = r#""response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}"#;
    for (event, kind, message) in [
        (("response.failed", failed), FailureKind::RateLimited, "slow"),
        (("error", r#""code":"server_error","message":"oops","param":null"#), FailureKind::Server, "oops"),
        (("error", r#""error":{"type":"invalid_request_error","message":"bad"}"#), FailureKind::InvalidRequest, "bad"),
        (("response.output_text.delta", r#""delta":7"#), FailureKind::Server, "could not be understood"),
        (("response.created", ""), FailureKind::Server, "broke off"),
    ] {
        let failure = fold_stream(&sse(&[started, event]), 10).unwrap_err();
        assert_eq!(failure.kind, kind, "{event:?}");
        assert!(failure.message.contains(message), "{failure:?}");
    }
}

#[test]
fn a_written_stream_folds_to_its_reply() {
    for summary in ["null", "\"auto\""] {
        let body = format!(r#"{{"reasoning":{{"summary":{summary}}}}}"#);
        let context = ReplyContext { echo: echo(body.as_bytes()), ..context() };
        let reply = read_reply(REPLY.as_bytes()).unwrap();
        let stream = stream_of(&reply, &context);
        let mut folded = fold_stream(&stream, 33).unwrap();
        // What is encrypted is tagged once more by our own reader.
        let Part::Thinking(thinking) = &mut folded.choices[0].parts[0] else { panic!("{folded:?}") };
        assert_eq!(thinking.signature.as_deref(), Some("ditto.o.ditto.o.gAAAAAB="));
        thinking.signature = Some("ditto.o.gAAAAAB=".into());
        let mut expected = reply.clone();
        for part in folded.choices[0].parts.iter_mut().chain(&mut expected.choices[0].parts) {
            if let Part::Text(text) = part {
                text.citations.iter_mut().for_each(|citation| citation.native = None);
            }
        }
        assert_eq!(folded, expected);
    }
}

/// The order and the members that OpenAI's SDKs check:
/// <https://github.com/openai/openai-node/blob/master/src/internal/responses/response-accumulator.ts> (seen 2026-11).
fn check_order(events: &[Value]) {
    assert_eq!(events[0]["type"], "response.created");
    assert_eq!(events[1]["type"], "response.in_progress");
    let mut items: Vec<Value> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number));
        let kind = event["type"].as_str().unwrap();
        if kind == "response.output_item.added" {
            assert_eq!(event["output_index"], json!(items.len()));
            assert_eq!(event["item"]["status"], "in_progress");
            items.push(event["item"].clone());
            continue;
        }
        let Some(place) = event["output_index"].as_u64() else { continue };
        let item = &mut items[usize::try_from(place).unwrap()];
        if kind == "response.output_item.done" {
            for member in ["id", "type", "call_id"] {
                assert_eq!(item[member], event["item"][member]);
            }
            *item = event["item"].clone();
            continue;
        }
        assert_eq!(item["id"], event["item_id"], "{event}");
        let list = if event["summary_index"].is_u64() { "summary" } else { "content" };
        let index = event["summary_index"].as_u64().or(event["content_index"].as_u64());
        if kind.ends_with("part.added") {
            let known = item[list].as_array().map_or(0, Vec::len);
            assert_eq!(index, Some(known as u64), "{event}");
            item[list].as_array_mut().unwrap().push(event["part"].clone());
        }
        let text = if let Some(index) = index {
            let part = &item[list][usize::try_from(index).unwrap()];
            assert!(part.is_object(), "{event}");
            part
        } else {
            &*item
        };
        for (suffix, member) in [("text.done", "text"), ("refusal.done", "refusal")] {
            assert!(!kind.ends_with(suffix) || event[member].is_string(), "{event} {text}");
        }
    }
    let last = events.last().unwrap();
    assert_eq!(last["response"]["output"], json!(items), "the last event holds all items");
}

#[test]
fn streams_have_the_order_and_members_that_the_sdks_check() {
    let reply = read_reply(REPLY.as_bytes()).unwrap();
    let events = events(&stream_of(&reply, &context()));
    check_order(&events);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.annotation.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, expected);
    let whole = parsed(&write_reply(&reply, &context()));
    let last = &events.last().unwrap()["response"];
    for member in ["id", "model", "status", "output", "usage", "created_at", "tools", "incomplete_details"] {
        assert_eq!(whole[member], last[member], "{member}");
    }
}

#[test]
fn a_writer_makes_up_for_what_a_reply_lacks() {
    let mut writer = Writer::new(&context());
    writer.start(&Start::default());
    let call = Opening::ToolCall { id: "".into(), name: "now".into(), custom: false };
    writer.open(At::default(), &call);
    writer.close(At::default());
    writer.ping();
    writer.finish(0, &Finish::Length);
    writer.end();
    let written = std::mem::take(writer.output());
    assert!(std::str::from_utf8(&written).unwrap().contains("\n\n: ping\n\n"));
    let events = events(&written);
    check_order(&events);
    let response = &events.last().unwrap()["response"];
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
    assert_eq!(response["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!((&response["id"], &response["model"]), (&json!("resp_r1"), &json!("alias")));
    assert_eq!(response["output"][0]["arguments"], "{}");
    assert_eq!(response["output"][0]["call_id"], "call_0");
}

#[test]
fn a_failure_ends_a_stream_that_has_begun_and_one_that_has_not() {
    let failure = Failure::new(429, "too fast");
    for begun in [false, true] {
        let mut writer = Writer::new(&context());
        if begun {
            writer.start(&Start::default());
            writer.open(At::default(), &Opening::Text);
            writer.delta(At::default(), "Hel");
        }
        writer.failure(&failure);
        writer.end();
        let events = events(writer.output());
        assert_eq!(events[0]["type"], "response.created");
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.failed");
        assert_eq!(last["response"]["status"], "failed");
        assert_eq!(last["response"]["error"], json!({"code": "rate_limit_exceeded", "message": "too fast"}));
    }
}

#[test]
fn a_refusal_and_thoughts_without_words_have_their_own_events() {
    let thinking =
        crate::content::Thinking { signature: Some("ditto.a.x".into()), redacted: true, ..Default::default() };
    let parts = vec![Part::Thinking(thinking), Part::Refusal("No.".into())];
    let choice = Choice { parts, finish: Finish::Refusal, ..Choice::default() };
    let reply = Reply { choices: vec![choice], ..Reply::default() };
    let events = events(&stream_of(&reply, &context()));
    check_order(&events);
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["encrypted_content"], "redacted:ditto.a.x");
    assert_eq!(output[0]["content"], json!([]));
    assert_eq!(output[1]["content"], json!([{"type": "refusal", "refusal": "No."}]));
    assert!(events.iter().any(|event| event["type"] == "response.refusal.delta" && event["delta"] == "No."));
}
