//! Requests to backends.

use super::*;
use crate::content::{Citation, Document, Media, Part, Source, TextPart, Thinking, ToolCall, ToolResult};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request, Role, Tool, ToolChoice, Turn};

fn written(request: &Request<'_>, losses: &mut Losses) -> Value {
    let outgoing = write_request(request, &target(Host::Own), losses).unwrap();
    assert_eq!(outgoing.path, "/v1/responses");
    parsed(&outgoing.body)
}

fn asking<'a>() -> Request<'a> {
    Request { turns: vec![Turn::new(Role::User, vec![Part::text("Hi")])], ..Request::default() }
}

fn call<'a>(id: &'a str, arguments: &'a str, custom: bool) -> Part<'a> {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), custom, cache: None })
}

fn result<'a>(id: &'a str, parts: Vec<Part<'a>>) -> Part<'a> {
    Part::ToolResult(ToolResult { id: id.into(), name: None, parts, is_error: false, custom: false, cache: None })
}

fn thinking<'a>(text: &'a str, signature: Option<&'a str>) -> Part<'a> {
    Part::Thinking(Thinking { text: text.into(), signature: signature.map(Into::into), redacted: false })
}

#[test]
fn a_small_request_asks_for_nothing_to_be_kept() {
    let body = written(&asking(), &mut losses());
    let expected = json!({"model": "gpt-5.2", "store": false,
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]});
    assert_eq!(body, expected);
    let stream = written(&Request { stream: true, ..asking() }, &mut losses());
    assert_eq!((&stream["stream"], &stream["stream_options"]), (&json!(true), &json!({"include_obfuscation": false})));
}

#[test]
fn turns_become_items_in_their_order() {
    let image = Media { detail: Some("high".into()), ..Media::of_url("data:image/png;base64,AA".into()) };
    let bytes = Media::new(Source::Base64("JVBE".into()), Some("application/pdf".into()));
    let document = |media| Part::Document(Document { media, title: None, context: None, citations: false });
    let request = Request {
        system: vec![Part::text("One."), Part::text("Two.")],
        turns: vec![
            Turn::new(
                Role::User,
                vec![Part::Image(image), document(bytes), document(Media::of_url("https://h/d".into()))],
            ),
            Turn::new(
                Role::Assistant,
                vec![
                    thinking("Hm.", Some("ditto.o.gAA=")),
                    thinking("foreign", Some("ditto.a.x")),
                    Part::text("Let me see."),
                    call("c1__sig__QQ", "", false),
                    call("c2", "print(1)", true),
                ],
            ),
            Turn::new(
                Role::User,
                vec![
                    result("c1__sig__QQ", vec![Part::text("1"), Part::Image(Media::of_url("https://h/i".into()))]),
                    result("c2", vec![Part::text("2")]),
                    Part::text("Go on."),
                ],
            ),
            Turn::new(Role::System, vec![Part::text("Hurry.")]),
        ],
        ..Request::default()
    };
    let mut losses = losses();
    let body = written(&request, &mut losses);
    assert_eq!(body["instructions"], "One.\n\nTwo.");
    let text = |text: &str| json!({"type": "input_text", "text": text});
    let expected = json!([
        {"type": "message", "role": "user", "content": [
            {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "high"},
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"},
            {"type": "input_file", "file_url": "https://h/d"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gAA="},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "f", "input": "print(1)"},
        {"type": "function_call_output", "call_id": "c1", "output": [text("1"),
            {"type": "input_image", "image_url": "https://h/i"}]},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "2"},
        {"type": "message", "role": "user", "content": [text("Go on.")]},
        {"type": "message", "role": "developer", "content": [text("Hurry.")]},
    ]);
    assert_eq!(body["input"], expected);
    assert_eq!(dropped(&losses), ["input.reasoning"]);
}

#[test]
fn settings_have_their_places() {
    let schema = crate::json::Raw::parse(r#"{"type":"object"}"#).unwrap();
    let tool = |name: &'static str, custom, strict| Tool {
        name: name.into(),
        description: None,
        parameters: None,
        strict,
        custom,
        cache: None,
    };
    let request = Request {
        tools: vec![tool("f", false, None), tool("g", false, Some(true)), tool("x", true, None)],
        tool_choice: Some(ToolChoice::Allowed { names: vec!["f".into(), "x".into()], required: false }),
        parallel_tools: Some(false),
        max_output: Some(5),
        temperature: Some(0.5),
        top_p: Some(0.9),
        logprobs: Some(2),
        format: Some(Format::Schema { name: None, description: None, schema, strict: None }),
        reasoning: Some(Reasoning { budget: Some(20_000), show: Some(true), ..Reasoning::default() }),
        verbosity: Some("low".into()),
        service_tier: Some("flex".into()),
        user: Some("u".into()),
        cache_key: Some("k".into()),
        ..asking()
    };
    let mut losses = losses();
    let mut body = written(&request, &mut losses);
    body.as_object_mut().unwrap().remove("input");
    let none = json!({"type": "object", "properties": {}});
    let expected = json!({"model": "gpt-5.2", "store": false,
        "tools": [{"type": "function", "name": "f", "parameters": none, "strict": false},
                  {"type": "function", "name": "g", "parameters": none, "strict": true}, {"type": "custom", "name": "x"}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto",
                        "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "x"}]},
        "parallel_tool_calls": false, "max_output_tokens": 16, "temperature": 0.5, "top_p": 0.9, "top_logprobs": 2,
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "response", "schema": {"type": "object"}}},
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "service_tier": "flex", "safety_identifier": "u", "prompt_cache_key": "k"});
    assert_eq!(body, expected);
    assert_eq!(dropped(&losses), ["max_output_tokens"]);
}

#[test]
fn what_the_api_lacks_is_refused_or_told() {
    let bias = crate::json::Raw::parse(r#"{"5":1}"#);
    let audio = Part::Audio(Media::new(Source::Base64("AA".into()), None));
    let begun = Turn::new(Role::Assistant, vec![Part::text("{")]);
    for (request, field) in [
        (Request { stop: vec!["END".into()], ..asking() }, "stop"),
        (Request { choices: Some(2), ..asking() }, "n"),
        (Request { logit_bias: bias, ..asking() }, "logit_bias"),
        (Request { turns: vec![Turn::new(Role::User, vec![audio])], ..asking() }, "input.content.input_audio"),
        (Request { turns: vec![begun], ..asking() }, "input"),
    ] {
        let refusal = write_request(&request, &target(Host::Own), &mut losses()).unwrap_err();
        assert_eq!(refusal.field, field);
        let mut lossy = Losses::new(Client::Responses, true);
        written(&request, &mut lossy);
        assert_eq!(dropped(&lossy), [field]);
    }
    let cited = TextPart { text: "a".into(), citations: vec![Citation::default()], cache: Some(Default::default()) };
    let mut turn = Turn::new(Role::User, vec![Part::Text(cited)]);
    turn.name = Some("Ann".into());
    let request = Request {
        turns: vec![turn],
        seed: Some(1),
        top_k: Some(4),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.5),
        user: Some("x".repeat(129).into()),
        reasoning: Some(Reasoning { budget: Some(0), ..Reasoning::default() }),
        unknown: vec![("min_p".to_owned(), json!(0.1))],
        ..Request::default()
    };
    let mut told = losses();
    let body = written(&request, &mut told);
    let mut names = dropped(&told);
    names.sort();
    let mut expected = [
        "input.content.annotations",
        "input.content.prompt_cache_breakpoint",
        "frequency_penalty",
        "input.name",
        "min_p",
        "presence_penalty",
        "reasoning",
        "seed",
        "top_k",
        "user",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
}

#[test]
fn compatible_servers_take_more_and_other_hosts_have_other_paths() {
    let request = Request {
        turns: vec![Turn::new(Role::Assistant, vec![thinking("hm", None), call("c", "{}", false)])],
        presence_penalty: Some(0.5),
        user: Some("u".into()),
        unknown: vec![("min_p".to_owned(), json!(0.1))],
        ..Request::default()
    };
    let mut losses = losses();
    let outgoing = write_request(&request, &target(Host::Compatible), &mut losses).unwrap();
    let body = parsed(&outgoing.body);
    assert_eq!(body["input"][0]["content"], json!([{"type": "reasoning_text", "text": "hm"}]));
    assert_eq!((&body["min_p"], &body["presence_penalty"], &body["user"]), (&json!(0.1), &json!(0.5), &json!("u")));
    assert!(losses.dropped().is_empty());
    for (deployments, path) in [(true, "/openai/responses"), (false, "/v1/responses")] {
        let outgoing = write_request(&request, &target(Host::Azure { deployments }), &mut losses).unwrap();
        assert_eq!(outgoing.path, path);
    }
}

#[test]
fn encrypted_thoughts_are_asked_for_where_the_model_thinks() {
    for (reasoning, included, effort) in [
        (Reasoning { effort: Some(Effort::Low), ..Reasoning::default() }, true, json!("low")),
        (Reasoning { effort: Some(Effort::None), ..Reasoning::default() }, false, json!("none")),
        (Reasoning { adaptive: true, ..Reasoning::default() }, true, Value::Null),
    ] {
        let body = written(&Request { reasoning: Some(reasoning), ..asking() }, &mut losses());
        assert_eq!(body["include"].is_array(), included, "{body}");
        assert_eq!(body["reasoning"]["effort"], effort);
    }
}

#[test]
fn a_request_that_is_read_and_written_keeps_its_meaning() {
    let sent = json!({
        "model": "gpt-5.2", "instructions": "Be brief.", "store": false, "max_output_tokens": 99,
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "text": {"format": {"type": "json_object"}, "verbosity": "high"},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "f"},
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "https://h/i", "detail": "low"},
                {"type": "input_file", "filename": "n.pdf", "file_data": "data:application/pdf;base64,AA"}]},
            {"type": "reasoning", "summary": [], "encrypted_content": "gAA="},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"},
                {"type": "refusal", "refusal": "c"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"x\":1}"},
            {"type": "function_call_output", "call_id": "c", "output": "r"},
        ],
    });
    let body = sent.to_string();
    let mut losses = losses();
    let request = read_request(body.as_bytes(), &mut losses).unwrap();
    assert_eq!(written(&request, &mut losses), sent);
    assert!(losses.dropped().is_empty(), "{losses:?}");
}
