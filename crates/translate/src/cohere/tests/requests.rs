use serde_json::{Value, json};

use super::super::write_request;
use crate::chat;
use crate::client::Client;
use crate::loss::{Losses, Refusal};
use crate::target::{Host, Target};

fn written(body: &Value, lossy: bool) -> Result<(Value, Vec<String>), Refusal> {
    let body = body.to_string();
    let mut losses = Losses::new(Client::Chat, lossy);
    let request = chat::read_request(body.as_bytes(), &mut losses)?;
    let target = Target { model: "command-a-03-2025", host: Host::Own, default_max_output: 4_096 };
    let outgoing = write_request(&request, &target, &mut losses)?;
    assert_eq!(outgoing.path, "/v2/chat");
    let lost = losses.dropped().iter().map(|loss| loss.field.to_string()).collect();
    Ok((serde_json::from_slice(&outgoing.body).unwrap(), lost))
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
}

#[test]
fn a_conversation_is_written() {
    let call = json!({"id": "call_1__sig__abc", "type": "function", "function": {"name": "read", "arguments": ""}});
    let body = json!({"model": "m", "stream": true, "max_tokens": 9, "temperature": 1.5, "top_p": 1, "stop": "END",
    "seed": 7, "frequency_penalty": -1, "user": "u", "tools": [tool("read"), tool("write")],
    "tool_choice": {"type": "function", "function": {"name": "read"}},
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Look."},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1__sig__abc", "content": ""},
        {"role": "user", "content": "Go on."},
    ]});
    let (body, lost) = written(&body, false).unwrap();
    let text = |text: &str| json!([{"type": "text", "text": text}]);
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "read", "arguments": "{}"}});
    assert_eq!(
        body,
        json!({"model": "command-a-03-2025", "stream": true, "max_tokens": 9, "temperature": 1.0,
        "stop_sequences": ["END"], "seed": 7, "frequency_penalty": 0.0, "tools": [tool("read")],
        "tool_choice": "REQUIRED",
        "messages": [
            {"role": "system", "content": text("Be brief.")},
            {"role": "user", "content": [{"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": text("{}")},
            {"role": "user", "content": text("Go on.")},
        ]})
    );
    assert_eq!(lost, ["temperature", "frequency_penalty", "user"]);
}

#[test]
fn json_is_written_without_tools_only() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "response_format": format});
    let (said, _) = written(&body, false).unwrap();
    assert_eq!(said["response_format"], json!({"type": "json_object", "json_schema": schema}));
    body["tools"] = json!([tool("read")]);
    assert_eq!(written(&body, false).unwrap_err().field, "response_format");
    assert!(written(&body, true).unwrap().0.get("response_format").is_none());
}
