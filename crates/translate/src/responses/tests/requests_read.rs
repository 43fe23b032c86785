//! Requests of clients.

use super::*;
use crate::content::{Cache, Document, Media, Part, Source, TextPart, Thinking, ToolCall, ToolResult};
use crate::loss::Refusal;
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request, Role, ToolChoice, Turn};

fn read(body: &str) -> Request<'_> {
    read_request(body.as_bytes(), &mut losses()).unwrap_or_else(|refusal| panic!("{refusal}: {body}"))
}

fn refused(body: &str) -> Refusal {
    read_request(body.as_bytes(), &mut losses()).unwrap_err()
}

const RICH: &str = r#"{
  "model": "gpt-5.2", "instructions": "Be brief.", "stream": true, "store": true, "max_output_tokens": 900,
  "temperature": 0.5, "top_p": 0.9, "parallel_tool_calls": false, "service_tier": "flex", "user": "u1",
  "metadata": {"team": "a"}, "prompt_cache_key": "k", "truncation": "auto", "top_logprobs": 3,
  "include": ["reasoning.encrypted_content", "message.output_text.logprobs"], "seed": 7,
  "reasoning": {"effort": "high", "summary": "auto"},
  "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "w", "strict": true,
           "schema": {"type": "object"}, "description": "d"}},
  "tools": [{"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}, "strict": true},
            {"type": "custom", "name": "exec", "description": "runs", "format": {"type": "text"}}],
  "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "weather"}]},
  "input": [
    {"role": "developer", "content": "Metric units."},
    {"type": "message", "role": "user", "content": [
      {"type": "input_text", "text": "What is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
      {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
      {"type": "input_image", "file_id": "file_1"},
      {"type": "input_file", "filename": "a.pdf", "file_data": "JVBERg=="},
      {"type": "input_file", "file_url": "https://h/b.pdf"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gAA="},
    {"type": "reasoning", "summary": [], "encrypted_content": "redacted:ditto.a.zz"},
    {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
     "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
    {"type": "function_call", "call_id": "call_a", "name": "weather", "arguments": "{\"city\":\"Bern\"}"},
    {"type": "custom_tool_call", "call_id": "call_b", "name": "exec", "input": "print(1)"},
    {"type": "function_call_output", "call_id": "call_a", "output": [{"type": "input_text", "text": "14"},
       {"type": "input_image", "image_url": "https://h/sky.png"}]},
    {"type": "custom_tool_call_output", "call_id": "call_b", "output": "1"},
    {"role": "system", "content": "Hurry."},
    "And now?",
    {"type": "input_text", "text": "Bare."}
  ]}"#;

#[test]
fn a_rich_request_is_read() {
    let mut losses = losses();
    let request = read_request(RICH.as_bytes(), &mut losses).unwrap();
    assert_eq!(request.system, [Part::text("Be brief."), Part::text("Metric units.")]);
    let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::System, Role::User, Role::User]);
    let image = Media { detail: Some("low".into()), ..Media::of_url("data:image/png;base64,AAAA".into()) };
    let pdf = Media::new(Source::Base64("JVBERg==".into()), Some("application/pdf".into()));
    let question = TextPart { text: "What is this?".into(), cache: Some(Cache::default()), ..TextPart::default() };
    let document = |media, title| Part::Document(Document { media, title, context: None, citations: false });
    assert_eq!(
        request.turns[0].parts,
        [
            Part::Text(question),
            Part::Image(image),
            Part::Image(Media::new(Source::File("file_1".into()), None)),
            document(pdf, Some("a.pdf".into())),
            document(Media::of_url("https://h/b.pdf".into()), None),
        ]
    );
    let thinking = |text: &'static str, signature: &'static str, redacted| {
        Part::Thinking(Thinking { text: text.into(), signature: Some(signature.into()), redacted })
    };
    let call = |id: &'static str, name: &'static str, arguments: &'static str, custom| {
        Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), custom, cache: None })
    };
    assert_eq!(
        request.turns[1].parts,
        [
            thinking("Hm.", "ditto.o.gAA=", false),
            thinking("", "ditto.a.zz", true),
            Part::text("Let me see."),
            call("call_a", "weather", "{\"city\":\"Bern\"}", false),
            call("call_b", "exec", "print(1)", true),
        ]
    );
    let result = |id: &'static str, parts, custom| {
        Part::ToolResult(ToolResult { id: id.into(), name: None, parts, is_error: false, custom, cache: None })
    };
    let seen = vec![Part::text("14"), Part::Image(Media::of_url("https://h/sky.png".into()))];
    assert_eq!(request.turns[2].parts, [result("call_a", seen, false), result("call_b", vec![Part::text("1")], true)]);
    assert_eq!(request.turns[5], Turn::new(Role::User, vec![Part::text("Bare.")]));
    check_settings(&request);
    assert_eq!(dropped(&losses), ["store", "truncation", "input.id"]);
}

fn check_settings(request: &Request<'_>) {
    let reasoning = Reasoning { effort: Some(Effort::High), show: Some(true), ..Reasoning::default() };
    assert_eq!(request.reasoning, Some(reasoning));
    assert_eq!(request.tool_choice, Some(ToolChoice::Allowed { names: vec!["weather".into()], required: true }));
    assert_eq!((request.tools[0].strict, request.tools[1].custom), (Some(true), true));
    let Some(Format::Schema { name, schema, strict, .. }) = &request.format else { panic!("{request:?}") };
    assert_eq!((name.as_deref(), schema.get(), *strict), (Some("w"), r#"{"type": "object"}"#, Some(true)));
    assert_eq!((request.max_output, request.temperature, request.top_p), (Some(900), Some(0.5), Some(0.9)));
    assert_eq!((request.logprobs, request.parallel_tools, request.store), (Some(3), Some(false), None));
    assert_eq!((request.verbosity.as_deref(), request.user.as_deref()), (Some("low"), Some("u1")));
    assert_eq!((request.cache_key.as_deref(), request.service_tier.as_deref()), (Some("k"), Some("flex")));
    assert_eq!((request.stream, request.include_usage), (true, true));
    assert_eq!(request.unknown, [("seed".to_owned(), json!(7))]);
}

#[test]
fn a_plain_input_is_one_turn() {
    let request = read(r#"{"model": "m", "input": "Hi"}"#);
    assert_eq!(request.turns, [Turn::new(Role::User, vec![Part::text("Hi")])]);
    assert_eq!((request.stream, request.store, request.logprobs), (false, None, None));
}

#[test]
fn messages_of_chat_completions_stand_in_for_the_input() {
    let request = read(
        r#"{"model": "m", "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "messages": [{"role": "system", "content": "S"},
          {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://h/i", "detail": "high"}},
             {"type": "file", "file": {"file_id": "file_2"}}]},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "f"}}]},
          {"role": "tool", "tool_call_id": "c1", "content": "r"}]}"#,
    );
    assert_eq!(request.system, [Part::text("S")]);
    let image = Media { detail: Some("high".into()), ..Media::of_url("https://h/i".into()) };
    assert_eq!(request.turns[0].parts[1], Part::Image(image));
    let ids = request.turns[1].parts.iter().map(|part| match part {
        Part::ToolCall(call) => call.id.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["c1", "call_0"]);
    assert!(matches!(&request.turns[2].parts[0], Part::ToolResult(result) if result.id == "c1"));
    assert_eq!((request.tools[0].name.as_str(), &request.tool_choice), ("f", &Some(ToolChoice::Named("f".into()))));
    assert!(matches!(request.format, Some(Format::Schema { .. })));
}

#[test]
fn what_only_the_provider_could_serve_is_refused_by_its_name() {
    for (members, field) in [
        (r#""previous_response_id": "resp_1""#, "previous_response_id"),
        (r#""conversation": "conv_1""#, "conversation"),
        (r#""prompt": {"id": "pmpt_1"}"#, "prompt"),
        (r#""background": true"#, "background"),
        (r#""moderation": {"model": "omni"}"#, "moderation"),
        (r#""tools": [{"type": "web_search"}]"#, "tools"),
        (
            r#""tools": [{"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark"}}]"#,
            "tools.format",
        ),
        (r#""tool_choice": {"type": "file_search"}"#, "tool_choice"),
    ] {
        let body = format!("{{\"model\": \"m\", \"input\": \"x\", {members}}}");
        assert_eq!(refused(&body).field, field);
        let mut lossy = Losses::new(Client::Responses, true);
        let request = read_request(body.as_bytes(), &mut lossy).unwrap();
        assert!(request.tools.iter().all(|tool| tool.custom) && request.tool_choice.is_none());
        assert_eq!(dropped(&lossy), [field]);
    }
    for item in [r#"{"type": "item_reference", "id": "msg_1"}"#, r#"{"id": "msg_1"}"#, r#"{"type": "mcp_call"}"#] {
        assert_eq!(refused(&format!("{{\"input\": [\"a\", {item}]}}")).field, "input[1].type");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (body, field) in [
        (r#"{"model": "m"}"#, "input"),
        (r#"{"input": [{"role": "user", "content": [{"type": "input_text"}]}]}"#, "input[0].content[0].text"),
        (r#"{"input": [{"role": "user", "content": [{"type": "input_image"}]}]}"#, "input[0].content[0].image_url"),
        (r#"{"input": [{"role": "user", "content": [{"type": "video"}]}]}"#, "input[0].content[0].type"),
        (r#"{"input": [{"role": "robot", "content": "x"}]}"#, "input[0].role"),
        (r#"{"input": [{"content": "x"}]}"#, "input[0].role"),
        (r#"{"input": [{"type": "function_call_output", "output": "x"}]}"#, "input[0].call_id"),
        (r#"{"input": [{"type": "function_call", "call_id": "c"}]}"#, "input[0].name"),
        (r#"{"input": [{"type": "function_call", "name": "f", "arguments": {}}]}"#, "input[0].arguments"),
        (r#"{"input": "x", "temperature": "hot"}"#, "temperature"),
        (r#"{"input": "x", "tools": [{"type": "function"}]}"#, "tools[0].name"),
        (r#"{"input": "x", "tool_choice": "always"}"#, "tool_choice"),
        (r#"{"input": "x", "reasoning": {"effort": "extreme"}}"#, "reasoning.effort"),
        (r#"{"input": "x", "text": {"format": {"type": "xml"}}}"#, "text.format.type"),
        (r#"{"input": "x", "text": {"format": {"type": "json_schema", "name": "n"}}}"#, "text.format.schema"),
    ] {
        assert_eq!(refused(body).field, field, "{body}");
    }
}

#[test]
fn members_inside_that_nobody_knows_are_told() {
    let mut losses = losses();
    let body = br#"{"input": [{"role": "user", "phase": "commentary", "new": 1, "content": [{"type": "input_text", "text": "a", "tone": 2}]}],
        "text": {"shape": 3}, "reasoning": {"mode": "pro"}, "tools": [{"type": "function", "name": "f", "defer_loading": true}]}"#;
    read_request(body, &mut losses).unwrap();
    let mut told = dropped(&losses);
    told.sort();
    let expected =
        ["input.content.tone", "input.new", "input.phase", "reasoning.mode", "text.shape", "tools.defer_loading"];
    assert_eq!(told, expected);
}
