//! Requests, both ways.

use super::*;
use crate::content::{Part, Source};
use crate::request::{Role, ToolChoice};

pub(super) const RICH: &str = r#"{
    "model": "gpt-5", "stream": true, "stream_options": {"include_usage": true},
    "max_completion_tokens": 512, "temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": ["END"], "n": 2,
    "frequency_penalty": 0.1, "presence_penalty": -0.1, "logprobs": true, "top_logprobs": 3,
    "logit_bias": {"50256": -100}, "reasoning_effort": "high", "verbosity": "low", "service_tier": "flex",
    "safety_identifier": "u1", "metadata": {"team": "a"}, "store": true, "prompt_cache_key": "k",
    "parallel_tool_calls": false, "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "response_format": {"type": "json_schema", "json_schema": {
        "name": "answer", "description": "d", "schema": {"type": "object", "properties": {}}, "strict": true}},
    "tools": [
        {"type": "function", "function": {
            "name": "weather", "description": "Tells it.", "strict": true,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
        {"type": "custom", "custom": {"name": "shell", "description": "Runs it."}}],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "https://h/a.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
            {"type": "file", "file": {"file_id": "file-1"}}]},
        {"role": "assistant", "content": "I see.", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bonn\"}"}},
            {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
        {"role": "tool", "tool_call_id": "call_2", "content": "a.txt"},
        {"role": "system", "content": "Now be long."},
        {"role": "assistant", "content": null, "refusal": "I will not."},
        {"role": "user", "content": "Why?"}]
}"#;

fn rich() -> Value {
    serde_json::from_str(RICH).unwrap()
}

#[test]
fn a_rich_request_comes_out_of_openai_as_it_went_in() {
    let mut expected = rich();
    expected["model"] = "served".into();
    assert_eq!(through(&rich(), Host::Own), expected);
}

#[test]
fn a_rich_request_is_read_into_the_canonical_form() {
    let (request, lost) = read(&rich()).unwrap();
    assert_eq!(lost, Vec::<String>::new());
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::System, Role::Assistant, Role::User]);
    let [_, Part::Image(by_url), Part::Image(inline), Part::Audio(audio), Part::Document(file), Part::Document(kept)] =
        request.turns[0].parts.as_slice()
    else {
        panic!("{:?}", request.turns[0])
    };
    assert_eq!((&by_url.source, by_url.detail.as_deref()), (&Source::Url("https://h/a.png".into()), Some("low")));
    assert_eq!((&inline.source, inline.mime.as_deref()), (&Source::Base64("AAAA".into()), Some("image/jpeg")));
    assert_eq!(audio.mime.as_deref(), Some("audio/mpeg"));
    assert_eq!((&file.media.source, file.title.as_deref()), (&Source::Base64("CCCC".into()), Some("a.pdf")));
    assert_eq!(kept.media.source, Source::File("file-1".into()));
    let [Part::ToolResult(first), Part::ToolResult(second)] = request.turns[2].parts.as_slice() else { panic!() };
    assert_eq!((first.id.as_str(), first.custom, second.id.as_str(), second.custom), ("call_1", false, "call_2", true));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("weather".into())));
    assert_eq!((request.max_output, request.logprobs, request.choices), (Some(512), Some(3), Some(2)));
}

#[test]
fn thoughts_go_back_to_servers_that_want_them() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": null, "reasoning_content": "hm",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"}]});
    let (request, _) = read(&body).unwrap();
    let (compatible, lost) = written(&request, Host::Compatible).unwrap();
    assert_eq!(compatible["messages"][1]["reasoning_content"], "hm");
    assert_eq!(compatible["messages"][1]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(lost, Vec::<String>::new());
    let (openai, lost) = written(&request, Host::Own).unwrap();
    assert_eq!(openai["messages"][1].get("reasoning_content"), None);
    assert_eq!(lost, ["messages.reasoning_content"]);
}

#[test]
fn thinking_blocks_come_back_whole_or_in_pieces() {
    let message = |blocks: Value| {
        let blocks = json!({"role": "assistant", "content": "a", "thinking_blocks": blocks});
        let (request, _) = read(&json!({"model": "m", "messages": [blocks]})).unwrap();
        let thinking = request.turns[0].parts.iter().filter_map(|part| match part {
            Part::Thinking(thinking) => Some((thinking.text.to_string(), thinking.signature.as_deref()?.to_owned())),
            _ => None,
        });
        thinking.collect::<Vec<_>>()
    };
    let both = [("one".to_owned(), "S".to_owned()), ("two".to_owned(), "T".to_owned())];
    assert_eq!(
        message(json!([
            {"type": "thinking", "thinking": "one", "signature": "S"},
            {"type": "thinking", "thinking": "two", "signature": "T"}])),
        both
    );
    assert_eq!(
        message(json!([
            {"type": "thinking", "thinking": "o", "signature": ""},
            {"type": "thinking", "thinking": "ne", "signature": ""},
            {"type": "thinking", "thinking": "", "signature": "S"},
            {"type": "thinking", "thinking": "two"},
            {"type": "thinking", "thinking": "", "signature": "T"}])),
        both
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let field = |body: Value| read(&body).unwrap_err().field;
    assert_eq!(field(json!({"messages": []})), "model");
    assert_eq!(field(json!({"model": "m"})), "messages");
    let message =
        |message: Value| field(json!({"model": "m", "messages": [{"role": "user", "content": "a"}, message]}));
    assert_eq!(message(json!({"role": "wizard", "content": "a"})), "messages[1].role");
    assert_eq!(message(json!({"role": "tool", "content": "a"})), "messages[1].tool_call_id");
    assert_eq!(message(json!({"role": "user", "content": [{"type": "smell"}]})), "messages[1].content[0].type");
    assert_eq!(message(json!({"role": "user", "content": [{"type": "text"}]})), "messages[1].content[0].text");
    assert_eq!(message(json!({"role": "user", "content": 7})), "messages[1].content");
    assert_eq!(message(json!({"role": "assistant", "tool_calls": [{}]})), "messages[1].tool_calls[0]");
    assert_eq!(field(json!({"model": "m", "messages": []})), "messages");
    let member = |name: &str, value: Value| {
        field(json!({"model": "m", "messages": [{"role": "user", "content": "a"}], name: value}))
    };
    assert_eq!(member("tool_choice", json!("maybe")), "tool_choice");
    assert_eq!(member("reasoning_effort", json!("lots")), "reasoning_effort");
    assert_eq!(member("response_format", json!({"type": "xml"})), "response_format.type");
    assert_eq!(member("tools", json!([{"type": "function", "function": {}}])), "tools[0].function.name");
    assert_eq!(member("temperature", json!("hot")), "temperature");
}
