//! What becomes of requests that Anthropic would not take as they are.

use serde_json::{Value, json};

use super::super::write_request;
use super::{OWN, lost, value};
use crate::client::Client;
use crate::content::{Cache, Part, TextPart, Thinking, ToolCall, ToolResult};
use crate::json::Raw;
use crate::loss::{Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request, Role, Tool, ToolChoice, Turn};
use crate::target::Target;

fn user(text: &str) -> Turn<'_> {
    Turn::new(Role::User, vec![Part::text(text)])
}

fn request<'a>() -> Request<'a> {
    Request { model: "m".into(), turns: vec![user("Hi")], ..Request::default() }
}

fn write(request: &Request<'_>, model: &str) -> Result<(Value, Vec<String>), Refusal> {
    let mut losses = Losses::new(Client::Chat, false);
    let outgoing = write_request(request, &Target { model, ..OWN }, &mut losses)?;
    Ok((value(&outgoing.body), lost(&losses).into_iter().map(str::to_owned).collect()))
}

fn tool<'a>() -> Tool<'a> {
    Tool { name: "f".into(), description: None, parameters: None, strict: None, custom: false, cache: None }
}

fn effort(effort: Effort) -> Option<Reasoning> {
    Some(Reasoning { effort: Some(effort), ..Reasoning::default() })
}

#[test]
fn turns_are_put_in_order() {
    let call = ToolCall { id: "a:b.0".into(), name: "f".into(), arguments: "".into(), custom: false, cache: None };
    let result = |id: &str| {
        let (id, parts) = (id.to_owned().into(), vec![Part::text("done"), Part::text(" ")]);
        Part::ToolResult(ToolResult { id, name: None, parts, is_error: false, custom: false, cache: None })
    };
    let turns = vec![
        Turn::new(Role::Assistant, vec![Part::text("Hello."), Part::text("")]),
        Turn::new(Role::System, vec![Part::text("Be brief.")]),
        user("Go"),
        Turn::new(Role::Assistant, vec![Part::ToolCall(call)]),
        Turn::new(Role::User, vec![Part::text("meanwhile"), result("a:b.0")]),
        user("and?"),
        Turn::new(Role::Assistant, vec![Part::text("I say: ")]),
    ];
    let (body, lost) = write(&Request { turns, ..request() }, OWN.model).unwrap();
    let text = |text: &str| json!({"type": "text", "text": text});
    let expected = json!([
        {"role": "user", "content": [text(".")]},
        {"role": "assistant", "content": [text("Hello.")]},
        {"role": "user", "content": [text("Go")]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a_b_0", "name": "f", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a_b_0", "content": [text("done")]},
            text("meanwhile"), text("and?")
        ]},
        {"role": "assistant", "content": [text("I say:")]}
    ]);
    assert_eq!(body["messages"], expected);
    assert_eq!(body["system"], json!([text("Be brief.")]));
    assert_eq!(lost, ["messages"]);
    let prefill = Request { turns: vec![user("Hi"), Turn::new(Role::Assistant, vec![Part::text("{")])], ..request() };
    assert_eq!(write(&prefill, "claude-opus-4-7").unwrap_err().field, "messages");
}

#[test]
fn only_own_thoughts_return() {
    let thought = |signature: Option<&str>| {
        let signature = signature.map(|signature| signature.to_owned().into());
        Part::Thinking(Thinking { text: "Hm.".into(), signature, redacted: false })
    };
    let parts = vec![
        thought(None),
        thought(Some("ditto.g.CiQ=")),
        thought(Some("raw")),
        thought(Some("ditto.a.EqQ=")),
        Part::text("So."),
    ];
    let turns = vec![user("Hi"), Turn::new(Role::Assistant, parts), user("Go")];
    let (body, lost) = write(&Request { turns, ..request() }, OWN.model).unwrap();
    let expected =
        json!([{"type": "thinking", "thinking": "Hm.", "signature": "EqQ="}, {"type": "text", "text": "So."}]);
    assert_eq!(body["messages"][1]["content"], expected);
    assert_eq!(lost, ["messages.reasoning_content"]);
}

#[test]
fn thinking_has_the_form_that_the_model_takes() {
    let thinks = |reasoning: Option<Reasoning>, model: &str| {
        let (body, lost) = write(&Request { reasoning, ..request() }, model).unwrap();
        (body["thinking"].clone(), body["output_config"]["effort"].clone(), body["max_tokens"].clone(), lost.len())
    };
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    assert_eq!(thinks(effort(Effort::Low), "claude-haiku-4-5"), (budget(1_024), Value::Null, json!(5_120), 0));
    assert_eq!(thinks(effort(Effort::None), "claude-haiku-4-5"), (Value::Null, Value::Null, json!(4_096), 0));
    let adaptive = json!({"type": "adaptive"});
    assert_eq!(thinks(effort(Effort::XHigh), "claude-opus-4-6"), (adaptive.clone(), json!("high"), json!(4_096), 1));
    assert_eq!(thinks(effort(Effort::XHigh), "claude-opus-4-8"), (adaptive.clone(), json!("xhigh"), json!(4_096), 0));
    let tokens = Some(Reasoning { budget: Some(9_000), ..Reasoning::default() });
    assert_eq!(thinks(tokens, "claude-opus-5"), (adaptive, json!("medium"), json!(4_096), 1));
    let off = |kind: &str| (json!({"type": kind}), Value::Null, json!(4_096), 0);
    assert_eq!(thinks(effort(Effort::None), "claude-opus-5"), off("disabled"));
    assert_eq!(thinks(effort(Effort::None), "claude-sonnet-5-5"), off("between_tools"));
    assert_eq!(thinks(effort(Effort::None), "claude-opus-5-5"), (Value::Null, json!("low"), json!(4_096), 1));
}

#[test]
fn a_cap_is_never_raised_for_thinking() {
    let capped = |max_output: u64| {
        let asked = Request { max_output: Some(max_output), reasoning: effort(Effort::High), ..request() };
        let (body, lost) = write(&asked, "claude-sonnet-4-5").unwrap();
        (body["max_tokens"].clone(), body["thinking"]["budget_tokens"].clone(), lost)
    };
    let told = vec!["reasoning_effort".to_owned()];
    assert_eq!(capped(8_000), (json!(8_000), json!(6_000), told.clone()));
    assert_eq!(capped(1_200), (json!(1_200), Value::Null, told));
    assert_eq!(capped(64_000), (json!(64_000), json!(24_576), Vec::new()));
}

#[test]
fn thinking_gives_way_to_forced_tools_and_takes_sampling_along() {
    let forced = Request {
        tools: vec![tool()],
        tool_choice: Some(ToolChoice::Named("f".into())),
        parallel_tools: Some(false),
        reasoning: effort(Effort::High),
        ..request()
    };
    let (body, lost) = write(&forced, "claude-sonnet-4-5").unwrap();
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true}));
    assert_eq!((&body["thinking"], lost.as_slice()), (&Value::Null, &["reasoning_effort".to_owned()][..]));
    assert_eq!(write(&forced, "claude-opus-5").unwrap().0["thinking"], json!({"type": "disabled"}));
    assert_eq!(write(&forced, "claude-opus-5-5").unwrap_err().field, "tool_choice");
    let sampled = Request { temperature: Some(1.7), top_p: Some(0.5), top_k: Some(3), ..request() };
    let (body, lost) = write(&sampled, "claude-sonnet-4-5").unwrap();
    assert_eq!((&body["temperature"], &body["top_p"], &body["top_k"]), (&json!(1.0), &Value::Null, &json!(3)));
    assert_eq!(lost, ["temperature", "top_p"]);
    let (body, lost) =
        write(&Request { reasoning: effort(Effort::Low), ..sampled.clone() }, "claude-3-7-sonnet-latest").unwrap();
    assert_eq!((&body["temperature"], &body["top_p"], &body["top_k"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(lost, ["temperature", "top_p", "top_k"]);
    let (body, _) = write(&sampled, "claude-opus-4-7").unwrap();
    assert_eq!((&body["temperature"], &body["top_k"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_schema_is_closed_and_json_without_one_refused() {
    let schema =
        Raw::parse(r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object"}}}}"#).unwrap();
    let format = Format::Schema { name: Some("n".into()), description: None, schema, strict: Some(true) };
    let (body, lost) = write(&Request { format: Some(format), ..request() }, OWN.model).unwrap();
    let expected = json!({"type": "json_schema", "schema": {"type": "object", "additionalProperties": false,
        "properties": {"a": {"type": "array", "items": {"type": "object", "additionalProperties": false}}}}});
    assert_eq!((&body["output_config"]["format"], lost.len()), (&expected, 0));
    let json = Request { format: Some(Format::Json), ..request() };
    assert_eq!(write(&json, OWN.model).unwrap_err().field, "response_format");
}

#[test]
fn the_last_four_marks_stay() {
    let mark = |ttl: Option<&'static str>| Some(Cache { ttl: ttl.map(Into::into) });
    let text = |ttl| Part::Text(TextPart { text: "x".into(), citations: Vec::new(), cache: mark(ttl) });
    let system = vec![text(Some("1h")), text(Some("1h")), text(None)];
    let turns = vec![Turn::new(Role::User, vec![text(None), text(Some("1h"))])];
    let asked = Request { tools: vec![Tool { cache: mark(None), ..tool() }], system, turns, ..request() };
    let (body, lost) = write(&asked, OWN.model).unwrap();
    let short = json!({"type": "ephemeral"});
    assert_eq!(body["tools"][0]["cache_control"], Value::Null);
    assert_eq!(body["system"][0]["cache_control"], Value::Null);
    assert_eq!(body["system"][1]["cache_control"], json!({"type": "ephemeral", "ttl": "1h"}));
    assert_eq!(body["system"][2]["cache_control"], short);
    assert_eq!(body["messages"][0]["content"][1]["cache_control"], short);
    assert_eq!(lost, ["cache_control"]);
}
