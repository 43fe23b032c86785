//! Whole replies, both ways.

use super::*;
use crate::content::Part;
use crate::reply::Finish;

pub(super) fn rich() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1755133856, "model": "gpt-5-nano-2025-08-07",
        "service_tier": "default",
        "choices": [
            {"index": 0, "finish_reason": "tool_calls",
                "logprobs": {"content": [{"token": "H", "logprob": -0.25, "bytes": [72],
                    "top_logprobs": [{"token": "J", "logprob": -2.5, "bytes": null}]}], "refusal": null},
                "message": {
                    "role": "assistant", "content": "Hi \"there\"\n", "refusal": null,
                    "annotations": [{"type": "url_citation", "url_citation":
                        {"start_index": 0, "end_index": 2, "title": "T", "url": "https://h/"}}],
                    "reasoning_content": "hm",
                    "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "ditto.a.S"}],
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                        {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]}},
            {"index": 1, "finish_reason": "stop", "logprobs": null,
                "message": {"role": "assistant", "content": null, "refusal": "No.", "annotations": []}}],
        "usage": {"prompt_tokens": 162, "completion_tokens": 287, "total_tokens": 449,
            "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5, "cache_creation_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 256}}
    })
}

#[test]
fn a_rich_reply_is_written_as_it_was_read() {
    let body = rich().to_string();
    let reply = read_reply(body.as_bytes()).unwrap();
    assert_eq!(reply.choices[1].finish, Finish::Refusal);
    assert_eq!(serde_json::from_slice::<Value>(&write_reply(&reply, &context())).unwrap(), rich());
}

#[test]
fn servers_differ() {
    let reply = |choice: Value| {
        let body: &'static str = json!({"id": "a-1", "model": "m", "choices": [choice]}).to_string().leak();
        read_reply(body.as_bytes()).unwrap().choices.remove(0)
    };
    // Arguments as an object, no id, and the wrong reason.
    let choice = reply(json!({"finish_reason": "stop", "message": {"content": "", "tool_calls": [
        {"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "", "function": {"name": "f", "arguments": null}}]}}));
    assert_eq!(choice.finish, Finish::ToolCalls);
    let [Part::ToolCall(first), Part::ToolCall(second)] = choice.parts.as_slice() else { panic!("{choice:?}") };
    assert_eq!((first.id.as_str(), first.arguments.as_str()), ("call_a1_0_0", r#"{"a":1}"#));
    assert_eq!((second.id.as_str(), second.arguments.as_str()), ("call_a1_0_1", ""));
    let choice = reply(json!({"finish_reason": "tool_calls", "message": {"content": "a"}}));
    assert_eq!(choice.finish, Finish::Stop);
    // OpenRouter's thoughts, vLLM's stop text, Mistral's list.
    let choice =
        reply(json!({"finish_reason": "stop", "stop_reason": "END", "message": {"content": "a", "reasoning": "r"}}));
    assert_eq!(choice.finish, Finish::StopSequence(Some("END".into())));
    assert!(matches!(&choice.parts[0], Part::Thinking(thinking) if thinking.text == "r"));
    let choice = reply(json!({"message": {"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]}}));
    assert!(matches!(&choice.parts[..], [Part::Thinking(thinking), Part::Text(text)]
        if thinking.text == "hm" && text.text == "a"));
}

#[test]
fn a_reply_that_is_an_error_is_none() {
    for body in [r#"{"error":{"message":"no"}}"#, r#"{"object":"error","message":"no","choices":[]}"#, "{}", "[]", "x"]
    {
        assert_eq!(read_reply(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn errors_come_in_many_shapes() {
    use crate::failure::FailureKind as K;
    for (status, body, kind, message, code) in [
        (
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            K::Billing,
            "m",
            Some("insufficient_quota"),
        ),
        (404, r#"{"error":{"message":"m","type":"invalid_request_error","code":null}}"#, K::NotFound, "m", None),
        (400, r#"{"error":"m"}"#, K::InvalidRequest, "m", None),
        (422, r#"{"detail":"m"}"#, K::InvalidRequest, "m", None),
        (422, r#"{"detail":[{"loc":["body"],"msg":"x"}]}"#, K::InvalidRequest, r#"[{"loc":["body"],"msg":"x"}]"#, None),
        (500, r#"{"message":"m"}"#, K::Server, "m", None),
        (400, r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#, K::InvalidRequest, "m", None),
        (429, r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#, K::RateLimited, "m", None),
        (502, r#"{"error":{"message":"m","code":502,"metadata":{"raw":"r"}}}"#, K::Server, "m: r", None),
        (503, "<html>", K::Overloaded, "The backend answered with status 503.", None),
        (500, "plain", K::Server, "plain", None),
    ] {
        let failure = read_failure(status, body.as_bytes());
        assert_eq!(
            (failure.status, failure.kind, failure.message.as_str(), failure.code.as_deref()),
            (status, kind, message, code),
            "{body}"
        );
    }
}

#[test]
fn an_error_is_written_as_the_sdks_expect_it() {
    let failure = crate::failure::Failure { param: Some("n".into()), ..crate::failure::Failure::new(529, "busy") };
    let (status, body) = write_failure(&failure);
    let expected = json!({"error": {"message": "busy", "type": "api_error", "param": "n", "code": null}});
    assert_eq!((status, serde_json::from_slice::<Value>(&body).unwrap()), (503, expected));
}
