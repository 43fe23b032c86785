use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::{
    cannot_count, count_tokens_request, read_count, read_failure, read_request, rehost_count_request, rehost_request,
    scrub_thoughts, write_count,
};
use super::{OWN, strict, value};
use crate::target::{Host, Outgoing, Target};

const VERTEX: Host<'static> = Host::Vertex { project: "p", location: "global" };

#[test]
fn a_body_is_rehosted_as_it_was_written() {
    let body = br#"{ "model":"claude-x", "max_tokens": 1e2,"new_member":{"b":1.0,"a":"\u00e9"}, "stream":true }"#;
    let vertex = rehost_request(body, VERTEX, Some("a-1,b-2")).unwrap();
    let expected = r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":1e2,"new_member":{"b":1.0,"a":"\u00e9"},"stream":true}"#;
    assert_eq!(std::str::from_utf8(&vertex), Ok(expected));
    let bedrock = rehost_request(body, Host::Bedrock, Some("a-1, b-2")).unwrap();
    let expected = r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1","b-2"],"max_tokens":1e2,"#;
    assert!(bedrock.starts_with(expected.as_bytes()) && bedrock.ends_with(br#""new_member":{"b":1.0,"a":"\u00e9"}}"#));
    assert_eq!(rehost_request(body, Host::Own, None), None);
    assert_eq!(rehost_request(b"[]", Host::Bedrock, None), None);
}

#[test]
fn thoughts_of_others_are_taken_out_and_own_ones_untagged() {
    let thinking = |signature: &str| json!({"type": "thinking", "thinking": "Hm.", "signature": signature});
    let text = json!({"type": "text", "text": "So."});
    let body = |content: Vec<serde_json::Value>| json!({"model": "m", "messages": [{"role": "assistant", "content": content}]});
    let sent = body(vec![
        thinking(""),
        thinking("ditto.g.CiQ="),
        thinking("ditto.a.EqQ="),
        thinking("EqQ="),
        json!({"type": "redacted_thinking", "data": "ditto.a.Emw="}),
        text.clone(),
    ]);
    let kept = body(vec![
        thinking("EqQ="),
        thinking("EqQ="),
        json!({"type": "redacted_thinking", "data": "Emw="}),
        text.clone(),
    ]);
    assert_eq!(value(&scrub_thoughts(sent.to_string().as_bytes()).unwrap()), kept);
    assert_eq!(scrub_thoughts(kept.to_string().as_bytes()), None);
    let alone = scrub_thoughts(body(vec![thinking("")]).to_string().as_bytes()).unwrap();
    assert_eq!(value(&alone), json!({"model": "m", "messages": []}));
    assert_eq!(scrub_thoughts(br#"{"messages":"ditto."}"#), None);
}

#[test]
fn tokens_are_counted_of_the_same_prompt() {
    let body = json!({"model": "m", "max_tokens": 9, "temperature": 0.5, "stop_sequences": ["E"], "system": "S",
        "messages": [{"role": "user", "content": "a"}], "stream": true, "metadata": {"user_id": "u"}})
    .to_string();
    let request = read_request(body.as_bytes(), &mut strict()).unwrap();
    let outgoing = count_tokens_request(&request, &OWN, &mut strict()).unwrap();
    assert_eq!(outgoing.path, "/v1/messages/count_tokens");
    let expected = json!({"model": "claude-sonnet-4-5", "system": [{"type": "text", "text": "S"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]});
    assert_eq!(value(&outgoing.body), expected);
    assert_eq!(read_count(&write_count(2_095)), Some(2_095));
    assert_eq!(read_count(br#"{"inputTokens":7}"#), Some(7));
    assert_eq!(read_count(b"{}"), None);
}

#[test]
fn hosts_count_elsewhere() {
    let body = br#"{"model":"claude-x","messages":[{"role":"user","content":"a"}],"new":1.0}"#;
    let request = read_request(body, &mut strict()).unwrap();
    let vertex = Target { host: VERTEX, ..OWN };
    let path = "/v1/projects/p/locations/global/publishers/anthropic/models/count-tokens:rawPredict";
    let own = rehost_count_request(body, &vertex, None).unwrap();
    let expected = json!({"anthropic_version": "vertex-2023-10-16", "model": "claude-sonnet-4-5", "new": 1.0,
        "messages": [{"role": "user", "content": "a"}]});
    assert_eq!((own.path.as_str(), value(&own.body)), (path, expected));
    let translated = count_tokens_request(&request, &vertex, &mut strict()).unwrap();
    assert_eq!((translated.path.as_str(), &value(&translated.body)["model"]), (path, &json!("claude-sonnet-4-5")));
    let bedrock = Target { host: Host::Bedrock, ..OWN };
    let counted = |outgoing: &Outgoing| {
        let body = value(&outgoing.body)["input"]["invokeModel"]["body"].as_str().unwrap().to_owned();
        value(&STANDARD.decode(body).unwrap())
    };
    let own = rehost_count_request(body, &bedrock, None).unwrap();
    assert_eq!(own.path, "/model/claude-sonnet-4-5/count-tokens");
    let expected = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 4_096, "new": 1.0,
        "messages": [{"role": "user", "content": "a"}]});
    assert_eq!(counted(&own), expected);
    let translated = count_tokens_request(&request, &bedrock, &mut strict()).unwrap();
    assert_eq!(counted(&translated)["anthropic_version"], "bedrock-2023-05-31");
    assert_eq!(rehost_count_request(body, &OWN, None), None);
}

#[test]
fn references_of_others_and_a_budget_without_its_thoughts_go_too() {
    let location = |index: &str| json!({"type": "web_search_result_location", "url": "u", "encrypted_index": index});
    let body = |citations: serde_json::Value, thinking: serde_json::Value| {
        json!({"thinking": thinking, "messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "So.", "citations": citations},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"encrypted_index": ""}}
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
        ]})
    };
    let adaptive = json!({"type": "adaptive"});
    let sent = body(json!([location("E"), location("")]), adaptive.clone()).to_string();
    assert_eq!(value(&scrub_thoughts(sent.as_bytes()).unwrap()), body(json!([location("E")]), adaptive));
    let sent = body(json!([location("")]), json!({"type": "enabled", "budget_tokens": 2_000})).to_string();
    let scrubbed = value(&scrub_thoughts(sent.as_bytes()).unwrap());
    assert_eq!(scrubbed.get("thinking"), None);
    assert_eq!(scrubbed["messages"][1]["content"][0]["citations"], json!([]));
}

#[test]
fn a_host_that_does_not_count_says_so() {
    let cannot = |status, message: &str| {
        cannot_count(&read_failure(status, &json!({"message": message}).to_string().into_bytes()))
    };
    assert!(cannot(400, "The provided model doesn't support counting tokens."));
    assert!(cannot(400, "Invocation of model ID x with on-demand throughput isn't supported."));
    assert!(cannot(
        403,
        "User: arn:aws:iam::1:user/u is not authorized to perform: bedrock:CountTokens on resource: x"
    ));
    assert!(!cannot(403, "The security token included in the request is invalid."));
    assert!(!cannot(400, "messages: at least one message is required"));
    assert!(!cannot(429, "Too many requests: it doesn't support counting tokens so fast."));
}

#[test]
fn bedrock_counts_under_the_models_own_id() {
    let path = |model| rehost_count_request(b"{}", &Target { model, host: Host::Bedrock, default_max_output: 9 }, None);
    for model in [
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:eu-west-1:1:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ] {
        let path = path(model).unwrap().path;
        assert_eq!(path, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens", "{model}");
    }
    assert_eq!(path("claude-own").unwrap().path, "/model/claude-own/count-tokens");
}
