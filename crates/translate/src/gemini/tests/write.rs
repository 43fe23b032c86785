//! Requests to Google.

use serde_json::json;

use super::{dropped, losses, sent, target};
use crate::client::Client;
use crate::content::{Document, Media, Part, Source, TextPart, Thinking, ToolCall, ToolResult};
use crate::gemini::{count_tokens_request, read_count, read_request, write_count, write_request};
use crate::json::Raw;
use crate::loss::Losses;
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request, Role, Tool, ToolChoice, Turn};
use crate::signature::{Maker, attach, tag};
use crate::target::{Host, Target};

fn user<'a>(parts: Vec<Part<'a>>) -> Request<'a> {
    Request { model: "m".into(), turns: vec![Turn::new(Role::User, parts)], ..Request::default() }
}

fn call<'a>(id: &str, arguments: &'a str) -> Part<'a> {
    let id = id.to_owned().into();
    Part::ToolCall(ToolCall { id, name: "f".into(), arguments: arguments.into(), custom: false, cache: None })
}

fn result<'a>(id: &str, parts: Vec<Part<'a>>, is_error: bool) -> Part<'a> {
    let id = id.to_owned().into();
    Part::ToolResult(ToolResult { id, name: None, parts, is_error, custom: false, cache: None })
}

fn png<'a>() -> Part<'a> {
    Part::Image(Media::new(Source::Base64("iVBORw0KGgo".into()), None))
}

#[test]
fn a_conversation_with_tools_is_written_in_turns() {
    let thinking = Thinking { signature: Some(tag(Maker::Gemini, "AAEC").into()), ..Thinking::default() };
    let foreign = Thinking { text: "hm".into(), signature: Some(tag(Maker::Anthropic, "x").into()), redacted: false };
    let id = attach("c1", "AQID");
    let request = Request {
        system: vec![Part::text("Be brief.")],
        turns: vec![
            Turn::new(Role::User, vec![Part::text("hi")]),
            Turn::new(Role::System, vec![Part::text("now")]),
            Turn::new(Role::Assistant, vec![Part::Thinking(foreign), Part::text("Well."), Part::Thinking(thinking)]),
            Turn::new(Role::Assistant, vec![call(&id, r#"{"a": 1.0}"#), call("c2", "")]),
            Turn::new(Role::User, vec![result(&id, vec![Part::text("one"), png()], false)]),
            Turn::new(Role::User, vec![result("c2", vec![Part::text(r#"{"b": 2}"#)], false)]),
        ],
        ..Request::default()
    };
    let mut losses = losses();
    let body = sent(&request, "gemini-3-pro-preview", &mut losses).unwrap();
    assert_eq!(dropped(&losses), ["contents", "contents.parts.thought"]);
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
    assert_eq!(
        body["contents"],
        json!([
            {"role": "user", "parts": [{"text": "hi"}, {"text": "now"}]},
            {"role": "model", "parts": [
                {"text": "Well.", "thoughtSignature": "AAEC"},
                {"thoughtSignature": "AQID", "functionCall": {"id": "c1", "name": "f", "args": {"a": 1.0}}},
                {"functionCall": {"id": "c2", "name": "f", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "one"},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo"}}]}},
                {"functionResponse": {"id": "c2", "name": "f", "response": {"b": 2}}}]},
        ])
    );
}

#[test]
fn a_call_without_its_signature_gets_the_documented_word_where_one_is_wanted() {
    let mut request = user(vec![Part::text("hi")]);
    request.turns.push(Turn::new(Role::Assistant, vec![call("c1", "{}"), call("c2", "{}")]));
    request.turns.push(Turn::new(Role::User, vec![result("c1", Vec::new(), true), result("c2", vec![png()], false)]));
    let body = sent(&request, "gemini-3-flash-preview", &mut losses()).unwrap();
    let calls = &body["contents"][1]["parts"];
    assert_eq!(calls[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(calls[1].get("thoughtSignature"), None);
    let body = sent(&request, "gemini-2.5-pro", &mut losses()).unwrap();
    assert_eq!(body["contents"][1]["parts"][0].get("thoughtSignature"), None);
    // Before generation 3, a picture stands beside the result.
    assert_eq!(body["contents"][2]["parts"][0]["functionResponse"]["response"], json!({"error": ""}));
    assert_eq!(body["contents"][2]["parts"][1]["functionResponse"]["response"], json!({"output": ""}));
    assert_eq!(body["contents"][2]["parts"][2]["inlineData"]["mimeType"], "image/png");
}

#[test]
fn tools_keep_their_schemas_as_they_are() {
    let schema =
        r##"{"$schema":"x","type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"additionalProperties":false}"##;
    let tool = |strict| Tool {
        name: "f".into(),
        description: None,
        parameters: Raw::parse(schema),
        strict,
        custom: false,
        cache: None,
    };
    let choose = |choice, strict| {
        let request = Request { tools: vec![tool(strict)], tool_choice: choice, ..user(vec![Part::text("hi")]) };
        let outgoing = write_request(&request, &target("gemini-2.5-pro"), &mut losses()).unwrap();
        assert!(String::from_utf8(outgoing.body.clone()).unwrap().contains(schema));
        let body: serde_json::Value = serde_json::from_slice(&outgoing.body).unwrap();
        body["toolConfig"]["functionCallingConfig"].clone()
    };
    assert_eq!(choose(None, None), json!(null));
    assert_eq!(choose(None, Some(true)), json!({"mode": "VALIDATED"}));
    assert_eq!(choose(Some(ToolChoice::Auto), None), json!({"mode": "AUTO"}));
    assert_eq!(choose(Some(ToolChoice::None), Some(true)), json!({"mode": "NONE"}));
    let named = Some(ToolChoice::Named("f".into()));
    assert_eq!(choose(named, None), json!({"mode": "ANY", "allowedFunctionNames": ["f"]}));
    let allowed = Some(ToolChoice::Allowed { names: vec!["f".into()], required: false });
    assert_eq!(choose(allowed, None), json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}));
}

#[test]
fn thinking_is_said_as_the_model_understands_it() {
    let thinks = |model, reasoning| {
        let mut losses = losses();
        let request = Request { reasoning: Some(reasoning), ..user(vec![Part::text("hi")]) };
        let body = sent(&request, model, &mut losses).unwrap();
        (body["generationConfig"]["thinkingConfig"].clone(), !losses.dropped().is_empty())
    };
    let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
    let budget = |budget| Reasoning { budget: Some(budget), show: Some(true), ..Reasoning::default() };
    let adaptive = Reasoning { adaptive: true, ..Reasoning::default() };
    assert_eq!(thinks("gemini-2.5-flash", effort(Effort::None)), (json!({"thinkingBudget": 0}), false));
    assert_eq!(thinks("gemini-2.5-pro", effort(Effort::None)), (json!({"thinkingBudget": 128}), true));
    assert_eq!(thinks("gemini-2.5-flash", effort(Effort::High)), (json!({"thinkingBudget": 24_576}), false));
    let shown = json!({"includeThoughts": true, "thinkingBudget": 32_768});
    assert_eq!(thinks("gemini-2.5-pro", budget(60_000)), (shown, true));
    assert_eq!(thinks("gemini-2.5-pro", adaptive), (json!({"thinkingBudget": -1}), false));
    assert_eq!(thinks("gemini-3-pro-preview", effort(Effort::Medium)), (json!({"thinkingLevel": "HIGH"}), true));
    assert_eq!(thinks("gemini-3.1-pro-preview", effort(Effort::Medium)), (json!({"thinkingLevel": "MEDIUM"}), false));
    assert_eq!(thinks("gemini-3-flash", effort(Effort::Minimal)), (json!({"thinkingLevel": "MINIMAL"}), false));
    let shown = json!({"includeThoughts": true, "thinkingLevel": "LOW"});
    assert_eq!(thinks("gemini-3-flash", budget(2_000)), (shown, false));
    assert_eq!(thinks("gemini-2.0-flash", effort(Effort::High)), (json!(null), true));
}

#[test]
fn files_are_sent_or_refused_by_where_they_are() {
    let media = |source| user(vec![Part::Image(Media::new(source, None))]);
    let part = |source| sent(&media(source), "m", &mut losses()).map(|body| body["contents"][0]["parts"][0].clone());
    let https = json!({"fileData": {"mimeType": "image/png", "fileUri": "https://h/a.png"}});
    assert_eq!(part(Source::Url("https://h/a.png".into())).unwrap(), https);
    assert_eq!(part(Source::Url("http://h/a.png".into())).unwrap_err().field, "contents.parts.fileData");
    assert_eq!(part(Source::File("file-1".into())).unwrap_err().field, "contents.parts.fileData");
    assert_eq!(part(Source::Base64("AAAA".into())).unwrap_err().field, "contents.parts.inlineData");
    let own = json!({"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://b/a"}});
    assert_eq!(part(Source::File("gs://b/a".into())).unwrap(), own);
    let document = Document {
        media: Media::new(Source::Text("words".into()), None),
        title: Some("T".into()),
        context: None,
        citations: true,
    };
    let mut losses = losses();
    let body = sent(&user(vec![Part::Document(document)]), "m", &mut losses).unwrap();
    assert_eq!(body["contents"][0]["parts"], json!([{"text": "Title: T\n"}, {"text": "words"}]));
    assert_eq!(losses.dropped().len(), 1);
}

#[test]
fn settings_are_written_clamped_or_told() {
    let schema = Raw::parse(r#"{"type":"object"}"#).unwrap();
    let request = Request {
        temperature: Some(1.5),
        top_p: Some(0.5),
        top_k: Some(3),
        seed: Some(1 << 40),
        max_output: Some(9),
        stop: vec!["a".into()],
        choices: Some(2),
        logprobs: Some(99),
        presence_penalty: Some(1.0),
        format: Some(Format::Schema { name: None, description: None, schema, strict: Some(true) }),
        logit_bias: Raw::parse("{}"),
        user: Some("u".into()),
        verbosity: Some("low".into()),
        cache_key: Some("k".into()),
        service_tier: Some("default".into()),
        metadata: Raw::parse(r#"{"a":"b"}"#),
        store: Some(true),
        parallel_tools: Some(false),
        unknown: vec![("odd".into(), json!(1))],
        ..user(vec![Part::text("hi")])
    };
    let mut chat = Losses::new(Client::Chat, false);
    let body = sent(&request, "gemini-2.5-pro", &mut chat).unwrap();
    assert_eq!(
        body["generationConfig"],
        json!({
            "temperature": 1.5, "topP": 0.5, "topK": 3, "candidateCount": 2, "maxOutputTokens": 9,
            "stopSequences": ["a"], "responseLogprobs": true, "logprobs": 20, "presencePenalty": 1.0, "seed": 0,
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
        })
    );
    assert_eq!((&body["serviceTier"], &body["store"]), (&json!("standard"), &json!(true)));
    let told = [
        "parallel_tool_calls",
        "seed",
        "logprobs",
        "logit_bias",
        "metadata",
        "user",
        "prompt_cache_key",
        "verbosity",
        "odd",
    ];
    assert_eq!(dropped(&chat), told);
    let host = Host::Vertex { project: "p", location: "global" };
    let vertex = Target { model: "gemini-2.5-pro", host, default_max_output: 1 };
    let outgoing = write_request(&request, &vertex, &mut losses()).unwrap();
    assert!(outgoing.path.starts_with("/v1/projects/p/locations/global/publishers/google/models/"), "{outgoing:?}");
    let body: serde_json::Value = serde_json::from_slice(&outgoing.body).unwrap();
    assert_eq!((&body["labels"], body.get("store")), (&json!({"a": "b"}), None));
}

#[test]
fn what_gemini_cannot_do_is_refused() {
    let refused = |request: &Request<'_>| sent(request, "gemini-2.5-pro", &mut losses()).unwrap_err().field;
    let base = || user(vec![Part::text("hi")]);
    let tool = Tool { name: "f".into(), description: None, parameters: None, strict: None, custom: true, cache: None };
    assert_eq!(refused(&Request { tools: vec![tool.clone()], ..base() }), "tools");
    let tools = vec![Tool { custom: false, ..tool }];
    let json = Request { tools, format: Some(Format::Json), ..base() };
    assert_eq!(refused(&json), "generationConfig.responseMimeType");
    assert!(sent(&json, "gemini-3-pro-preview", &mut losses()).is_ok());
    assert_eq!(refused(&Request { stop: vec!["a".into(); 6], ..base() }), "generationConfig.stopSequences");
    assert_eq!(refused(&Request { choices: Some(9), ..base() }), "generationConfig.candidateCount");
    assert_eq!(refused(&user(vec![call("c", "[1]")])), "contents.parts.functionCall");
    assert_eq!(refused(&user(vec![result("c", Vec::new(), false)])), "contents.parts.functionResponse");
    assert_eq!(refused(&user(vec![Part::Text(TextPart::default())])), "");
    let lone = Request { system: vec![Part::text("Be.")], turns: Vec::new(), ..base() };
    let body = sent(&lone, "m", &mut losses()).unwrap();
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "Be."}]}]));
}

#[test]
fn a_request_to_count_has_the_input_only() {
    let request = Request { temperature: Some(1.0), system: vec![Part::text("s")], ..user(vec![Part::text("hi")]) };
    let outgoing = count_tokens_request(&request, &target("gemini-2.5-pro"), &mut losses()).unwrap();
    assert_eq!(outgoing.path, "/v1beta/models/gemini-2.5-pro:countTokens");
    let body: serde_json::Value = serde_json::from_slice(&outgoing.body).unwrap();
    let inner = json!({"model": "models/gemini-2.5-pro", "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "s"}]}});
    assert_eq!(body, json!({"generateContentRequest": inner}));
    assert_eq!(read_count(br#"{"totalTokens": 31, "promptTokensDetails": []}"#), Some(31));
    assert_eq!(read_count(&write_count(7)), Some(7));
}

#[test]
fn what_a_client_of_the_same_dialect_sends_comes_out_again() {
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
            {"role": "model", "parts": [
                {"text": "t", "thought": true, "thoughtSignature": "CiQ="},
                {"text": "a", "thoughtSignature": "AAEC"},
                {"thoughtSignature": "AQID", "functionCall": {"id": "c", "name": "f", "args": {"x": [1]}}}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "c", "name": "f", "response": {"y": 2, "z": 3}}}]},
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}},
        "generationConfig": {"temperature": 0.5, "stopSequences": ["x"], "thinkingConfig": {"includeThoughts": true}},
    });
    let text = body.to_string();
    let mut losses = losses();
    let request = read_request(text.as_bytes(), "gemini-2.5-pro", false, &mut losses).unwrap();
    assert_eq!(sent(&request, "gemini-2.5-pro", &mut losses).unwrap(), body);
    assert_eq!(dropped(&losses), Vec::<&str>::new());
}
