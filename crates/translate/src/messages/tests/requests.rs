use serde_json::{Value, json};

use super::super::{read_request, write_request};
use super::{OWN, lost, strict, value};
use crate::client::Client;
use crate::loss::Losses;
use crate::target::{Host, Target};

/// What a client of this dialect sends, as it reaches a backend of this dialect over the canonical form.
fn there(body: &Value, target: &Target<'_>) -> (Value, Vec<String>) {
    let body = body.to_string();
    let mut losses = strict();
    let request = read_request(body.as_bytes(), &mut losses).unwrap();
    let outgoing = write_request(&request, target, &mut losses).unwrap();
    (value(&outgoing.body), lost(&losses).into_iter().map(str::to_owned).collect())
}

pub(super) fn agent() -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 32_000,
        "system": [
            {"type": "text", "text": "You are a tool.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "Be brief."}
        ],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Look."},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "image", "source": {"type": "url", "url": "https://h/p.png"}},
                {"type": "document", "title": "T", "context": "C", "citations": {"enabled": true},
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}}
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCg=="},
                {"type": "redacted_thinking", "data": "EmwKAhgB"},
                {"type": "text", "text": "I will read."},
                {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a", "n": 1.0}},
                {"type": "tool_use", "id": "toolu_2", "name": "read", "input": {}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [
                    {"type": "text", "text": "contents"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
                ]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true,
                    "content": [{"type": "text", "text": "no such file"}],
                    "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "Go on."}
            ]}
        ],
        "tools": [
            {"name": "read", "description": "Reads.", "strict": true,
                "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
                "cache_control": {"type": "ephemeral", "ttl": "1h"}}
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "thinking": {"type": "enabled", "budget_tokens": 10_000, "display": "summarized"},
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "service_tier": "standard_only",
        "stream": true
    })
}

#[test]
fn what_an_agent_sends_arrives_as_it_was() {
    let (arrived, left_out) = there(&agent(), &OWN);
    assert_eq!(arrived, agent());
    assert_eq!(left_out, Vec::<String>::new());
}

#[test]
fn hosts_have_model_and_stream_elsewhere() {
    let mut losses = strict();
    let body = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "a"}]});
    let body = body.to_string();
    let request = read_request(body.as_bytes(), &mut losses).unwrap();
    let host = Host::Vertex { project: "p", location: "us-east5" };
    let vertex = Target { model: "claude-sonnet-4-5@20250929", host, default_max_output: 1 };
    let outgoing = write_request(&request, &vertex, &mut losses).unwrap();
    let place = "/v1/projects/p/locations/us-east5/publishers/anthropic/models";
    assert_eq!(outgoing.path, format!("{place}/claude-sonnet-4-5@20250929:streamRawPredict"));
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": "a"}]}]);
    let expected =
        json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "stream": true, "messages": messages});
    assert_eq!(value(&outgoing.body), expected);
    let bedrock = Target { model: "eu.anthropic.claude-sonnet-4-5-v1:0", host: Host::Bedrock, ..vertex };
    let outgoing = write_request(&request, &bedrock, &mut losses).unwrap();
    assert_eq!(outgoing.path, "/model/eu.anthropic.claude-sonnet-4-5-v1%3A0/invoke-with-response-stream");
    let expected = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": messages});
    assert_eq!(value(&outgoing.body), expected);
}

#[test]
fn what_only_anthropic_runs_is_refused_unless_losses_are_allowed() {
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}],
        "tools": [{"type": "web_search_20250305", "name": "web_search"}]})
    .to_string();
    let refusal = read_request(body.as_bytes(), &mut strict()).unwrap_err();
    assert_eq!(refusal.field, "tools");
    let mut lossy = Losses::new(Client::Messages, true);
    assert!(read_request(body.as_bytes(), &mut lossy).unwrap().tools.is_empty());
    assert_eq!(lost(&lossy), ["tools"]);
}
