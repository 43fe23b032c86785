//! Whole replies and errors.

use super::bodies::REPLY;
use super::*;
use crate::content::{Part, TextPart, Thinking};
use crate::failure::FailureKind;
use crate::reply::Finish;
use ditto_llm::usage::Usage;

#[test]
fn a_rich_reply_is_read() {
    let reply = read_reply(REPLY.as_bytes()).unwrap();
    assert_eq!((reply.id.as_str(), reply.model.as_str()), ("resp_68f1", "gpt-5.2-2026-01-15"));
    assert_eq!((reply.created, reply.service_tier.as_deref()), (Some(1_763_712_000), Some("default")));
    let usage = Usage { input: 120, output: 45, cached_input: 64, cache_creation: 32, reasoning: 20 };
    assert_eq!(reply.usage, Some(usage));
    let [choice] = reply.choices.as_slice() else { panic!("{reply:?}") };
    assert_eq!(choice.finish, Finish::ToolCalls);
    let thinking = Thinking {
        text: "Looked at \"both\".\n\nChose.".into(),
        signature: Some("ditto.o.gAAAAAB=".into()),
        redacted: false,
    };
    assert_eq!(choice.parts[0], Part::Thinking(thinking));
    let Part::Text(TextPart { text, citations, .. }) = &choice.parts[1] else { panic!("{choice:?}") };
    assert_eq!((text.as_str(), citations[0].span), ("Zürich:\n14 °C", Some((0, 6))));
    assert_eq!(choice.logprobs[0].top[0].token, "Zur");
    let calls = choice.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.as_str(), call.name.as_str(), call.arguments.as_str(), call.custom)),
        _ => None,
    });
    let calls = calls.collect::<Vec<_>>();
    assert_eq!(calls[0], ("call_a", "weather", "{\"city\":\"Zürich\"}", false));
    assert_eq!(calls[2], ("call_c", "exec", "print(1)\n", true));
}

#[test]
fn a_written_reply_reads_as_itself_and_has_what_the_sdks_need() {
    let reply = read_reply(REPLY.as_bytes()).unwrap();
    let request = br#"{"model": "m", "input": "x", "instructions": "Be brief.", "temperature": 0.5, "store": true,
        "tools": [{"type": "function", "name": "weather", "parameters": {}, "strict": true}], "tool_choice": "required"}"#;
    let context = ReplyContext { echo: echo(request), ..context() };
    let body = write_reply(&reply, &context);
    let written = parsed(&body);
    assert_eq!(written["object"], "response");
    assert_eq!(written["status"], "completed");
    assert_eq!(written["output_text"], "Zürich:\n14 °C");
    assert_eq!(written["output"].as_array().unwrap().len(), 5);
    assert_eq!(written["usage"]["total_tokens"], 165);
    assert_eq!(written["usage"]["input_tokens_details"], json!({"cached_tokens": 64, "cache_write_tokens": 32}));
    assert_eq!((&written["instructions"], &written["temperature"]), (&json!("Be brief."), &json!(0.5)));
    assert_eq!((&written["tool_choice"], &written["tools"][0]["strict"]), (&json!("required"), &json!(true)));
    assert_eq!((&written["store"], &written["top_p"], &written["metadata"]), (&json!(false), &json!(1.0), &json!({})));
    assert_eq!((&written["parallel_tool_calls"], &written["error"]), (&json!(true), &json!(null)));
    let again = read_reply(&body).unwrap();
    assert_eq!(again.usage, reply.usage);
    assert_eq!(again.choices[0].parts[2..], reply.choices[0].parts[2..]);
    assert_eq!(again.choices[0].logprobs, reply.choices[0].logprobs);
}

#[test]
fn statuses_are_ends_both_ways() {
    for (members, finish, status) in [
        (r#""status":"completed","output":[]"#, Finish::Stop, "completed"),
        (
            r#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]"#,
            Finish::Length,
            "incomplete",
        ),
        (
            r#""status":"incomplete","output":[{"type":"function_call","name":"f","arguments":"{\"a"}]"#,
            Finish::Length,
            "incomplete",
        ),
        (
            r#""status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]"#,
            Finish::ContentFilter,
            "incomplete",
        ),
        (
            r#""output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]"#,
            Finish::Refusal,
            "completed",
        ),
    ] {
        let body = format!("{{{members}}}");
        let reply = read_reply(body.as_bytes()).unwrap();
        assert_eq!(reply.choices[0].finish, finish, "{body}");
        let written = parsed(&write_reply(&reply, &context()));
        assert_eq!(written["status"], status);
        assert_eq!(written["incomplete_details"].is_null(), status == "completed");
    }
}

#[test]
fn a_reply_that_failed_is_a_failure() {
    let body =
        br#"{"id":"r","status":"failed","error":{"code":"server_error","message":"The model broke."},"output":[]}"#;
    assert_eq!(read_reply(body), None);
    let failure = read_failure(200, body);
    assert_eq!(
        (failure.status, failure.kind, failure.message.as_str()),
        (500, FailureKind::Server, "The model broke.")
    );
    assert_eq!(read_failure(200, br#"{"status":"cancelled","output":[]}"#).status, 502);
    assert_eq!(read_failure(200, b"<html>").kind, FailureKind::Server);
}

#[test]
fn errors_are_read_and_written() {
    let body = br#"{"error":{"message":"No such model.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#;
    let failure = read_failure(404, body);
    assert_eq!((failure.status, failure.kind), (404, FailureKind::NotFound));
    let (status, written) = write_failure(&failure);
    assert_eq!(status, 404);
    assert_eq!(parsed(&written), parsed(body));
    let quota = br#"{"error":{"message":"Pay.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    assert_eq!(read_failure(429, quota).kind, FailureKind::Billing);
    assert_eq!(read_failure(503, b"upstream connect error").message, "upstream connect error");
    let number = br#"{"error":{"message":"x","code":400}}"#;
    assert_eq!(read_failure(400, number).code, None);
    assert_eq!(write_failure(&Failure::new(529, "busy")).0, 503);
    let (_, written) = write_failure(&Failure::new(401, "who"));
    assert_eq!(parsed(&written)["error"]["type"], "authentication_error");
}

#[test]
fn what_replies_repeat_needs_an_object() {
    assert_eq!(echo(b"[]"), None);
    assert_eq!(echo(b"{"), None);
    assert!(echo(b"{}").unwrap().is_object());
    let many_lines =
        echo(b"{\"instructions\": \"a\\n  b\", \"tools\": [\r\n  {\n    \"name\": \"f  g\"\n  }\n]}").unwrap();
    assert!(!many_lines.get().contains(['\n', '\r']), "an event's data are one line");
    let value = many_lines.value();
    assert_eq!((&value["instructions"], &value["tools"]), (&json!("a\n  b"), &json!([{"name": "f  g"}])));
}
