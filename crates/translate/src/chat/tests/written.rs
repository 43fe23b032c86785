//! What clients of other dialects ask for, as chat completions says it.

use super::*;
use crate::content::{Cache, Document, Media, Part, Source, TextPart, Thinking, ToolCall, ToolResult};
use crate::json::Raw;
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Role, Tool, ToolChoice, Turn};

/// A conversation as an agent has it: a call, and what the tool said and showed.
fn agent() -> Request<'static> {
    let mark = Some(Cache { ttl: Some("1h".into()) });
    let marked =
        |text: &'static str| Part::Text(TextPart { text: text.into(), citations: Vec::new(), cache: mark.clone() });
    let thinking = Thinking { text: "hm".into(), signature: Some("ditto.a.S".into()), redacted: false };
    let call = |id: &'static str| {
        let (id, name, arguments) = (id.into(), "look".into(), "".into());
        Part::ToolCall(ToolCall { id, name, arguments, custom: false, cache: None })
    };
    let result = |id: &'static str, parts, is_error| {
        let (name, custom, cache) = (None, false, None);
        Part::ToolResult(ToolResult { id: id.into(), name, parts, is_error, custom, cache })
    };
    let image = Part::Image(Media::new(Source::Base64("AAAA".into()), Some("image/png".into())));
    Request {
        model: "m".into(),
        system: vec![Part::text("One."), marked("Two.")],
        turns: vec![
            Turn::new(Role::User, vec![Part::text("Look.")]),
            Turn::new(
                Role::Assistant,
                vec![Part::Thinking(thinking), Part::text("I "), Part::text("look."), call("a__sig__QQ"), call("b")],
            ),
            Turn::new(
                Role::User,
                vec![
                    result("a__sig__QQ", vec![Part::text("here"), image], false),
                    result("b", vec![Part::text("gone")], true),
                    Part::text("And?"),
                ],
            ),
        ],
        tools: vec![Tool {
            name: "look".into(),
            description: None,
            parameters: None,
            strict: None,
            custom: false,
            cache: mark,
        }],
        tool_choice: Some(ToolChoice::Any),
        max_output: Some(9),
        reasoning: Some(Reasoning { budget: Some(8_000), ..Reasoning::default() }),
        top_k: Some(4),
        user: Some("u".into()),
        stream: true,
        ..Request::default()
    }
}

fn at(model: &'static str, host: Host<'static>) -> (Value, Vec<String>) {
    let (request, mut losses) = (agent(), Losses::new(Client::Messages, false));
    let target = Target { model, host, default_max_output: 4096 };
    let outgoing = write_request(&request, &target, &mut losses).unwrap();
    let lost = losses.dropped().iter().map(|loss| loss.field.to_string()).collect();
    (serde_json::from_slice(&outgoing.body).unwrap(), lost)
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}})
}

#[test]
fn an_agents_conversation_at_openai() {
    let (body, lost) = at("gpt-5", Host::Own);
    assert_eq!(
        body,
        json!({
            "model": "gpt-5", "stream": true, "stream_options": {"include_usage": true}, "max_completion_tokens": 9,
            "reasoning_effort": "medium", "safety_identifier": "u", "tool_choice": "required",
            "tools": [{"type": "function", "function": {"name": "look"}}],
            "messages": [
                {"role": "system", "content": "One.\n\nTwo."},
                {"role": "user", "content": "Look."},
                {"role": "assistant", "content": "I look.", "tool_calls": [call("a"), call("b")]},
                {"role": "tool", "tool_call_id": "a", "content": "here"},
                {"role": "tool", "tool_call_id": "b", "content": "Error: gone"},
                {"role": "user", "content": [
                    {"type": "text", "text": "What the tool returned for the call a:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                {"role": "user", "content": "And?"}]
        })
    );
    let expected =
        ["cache_control", "messages.content.thinking", "messages.content.tool_result.is_error", "thinking", "top_k"];
    let mut lost: Vec<&str> = lost.iter().map(String::as_str).collect();
    lost.sort_unstable();
    assert_eq!(lost, expected);
}

#[test]
fn an_agents_conversation_at_compatible_servers() {
    let (body, _) = at("anthropic/claude-opus", Host::Compatible);
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    assert_eq!(
        body["messages"][0]["content"],
        json!([
        {"type": "text", "text": "One."}, {"type": "text", "text": "Two.", "cache_control": mark}])
    );
    assert_eq!(body["tools"][0]["cache_control"], mark);
    assert_eq!(body["tools"][0]["function"]["parameters"], json!({"type": "object", "properties": {}}));
    assert_eq!((&body["max_tokens"], &body["top_k"], &body["user"]), (&json!(9), &json!(4), &json!("u")));
    assert_eq!(body["messages"][2]["reasoning_content"], "hm");
    // Servers of other models get strings, which all of them know.
    let (body, lost) = at("deepseek-chat", Host::Compatible);
    assert_eq!(body["messages"][0]["content"], "One.\n\nTwo.");
    assert!(lost.contains(&"cache_control".to_owned()), "{lost:?}");
}

#[test]
fn a_strict_server_gets_openais_members_only() {
    let (open, lost_there) = at("m", Host::Compatible);
    let (mut strict, lost) = at("m", Host::Strict);
    assert!(open["top_k"] == 4 && strict.get("top_k").is_none());
    assert!(lost.contains(&"top_k".to_owned()) && !lost_there.contains(&"top_k".to_owned()), "{lost:?}");
    // Else it is asked as others are.
    strict["top_k"] = open["top_k"].clone();
    let messages = |body: &mut Value| body["messages"].take();
    let (mut open, thoughts) = (open, "reasoning_content");
    let (of_strict, of_open) = (messages(&mut strict), messages(&mut open));
    assert_eq!(strict, open);
    assert!(of_open.to_string().contains(thoughts) && !of_strict.to_string().contains(thoughts), "{of_strict}");
}

#[test]
fn glm_is_told_what_it_knows() {
    let target = Target { model: "glm", host: Host::Zhipu, default_max_output: 4096 };
    let write = |request: &Request<'_>| {
        let mut losses = Losses::new(Client::Messages, false);
        let body = write_request(request, &target, &mut losses).map(|outgoing| outgoing.body)?;
        Ok::<Value, Refusal>(serde_json::from_slice(&body).unwrap())
    };
    assert_eq!(write(&agent()).unwrap_err().field, "tool_choice");
    let body = write(&Request { tool_choice: None, temperature: Some(1.5), ..agent() }).unwrap();
    assert_eq!((&body["thinking"], &body["temperature"]), (&json!({"type": "enabled"}), &json!(1.0)));
    assert_eq!(body.get("stream_options"), None);
    let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
    let body = write(&Request { tool_choice: Some(ToolChoice::None), reasoning: Some(off), ..agent() }).unwrap();
    assert_eq!((&body["thinking"], body.get("tools")), (&json!({"type": "disabled"}), None));
    let schema = Format::Schema { name: None, description: None, schema: Raw::parse("{}").unwrap(), strict: None };
    let refusal = write(&Request { tool_choice: None, format: Some(schema), ..agent() }).unwrap_err();
    assert_eq!(refusal.field, "output_config.format");
}

#[test]
fn only_some_tools_are_allowed_in_each_servers_way() {
    let tool = |name: &'static str| Tool { name: name.into(), ..agent().tools.remove(0) };
    let names = vec!["look".into()];
    let request = Request {
        tools: vec![tool("look"), tool("other")],
        tool_choice: Some(ToolChoice::Allowed { names, required: true }),
        ..agent()
    };
    let openai = written(&request, Host::Own).unwrap().0;
    assert_eq!(
        openai["tool_choice"],
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "look"}}]}})
    );
    let compatible = written(&request, Host::Compatible).unwrap().0;
    assert_eq!((&compatible["tool_choice"], compatible["tools"].as_array().unwrap().len()), (&json!("required"), 1));
}

#[test]
fn what_would_change_the_meaning_is_refused() {
    let refused = |change: fn(&mut Request<'static>)| {
        let mut request = agent();
        change(&mut request);
        written(&request, Host::Own).unwrap_err().field
    };
    let document = |source| {
        let media = Media::new(source, Some("application/pdf".into()));
        Part::Document(Document { media, title: None, context: None, citations: false })
    };
    assert_eq!(refused(|request| request.stop = vec!["a".into(); 5]), "stop");
    assert_eq!(refused(|request| request.tools.clear()), "tool_choice");
    let begun = |request: &mut Request<'static>| {
        request.turns.push(Turn::new(Role::Assistant, vec![Part::text("{")]));
    };
    assert_eq!(refused(begun), "messages");
    let by_url = document(Source::Url("https://h/a.pdf".into()));
    let mut request = agent();
    request.turns[0].parts.push(by_url);
    assert_eq!(written(&request, Host::Own).unwrap_err().field, "messages.content.file");
    let mut request = agent();
    request.turns[0].parts.push(Part::Video(Media::new(Source::Url("https://h/a.mp4".into()), None)));
    assert_eq!(written(&request, Host::Own).unwrap_err().field, "messages.content.video");
    let body = written(&request, Host::Compatible).unwrap().0;
    assert_eq!(
        body["messages"][1]["content"][1],
        json!({"type": "video_url", "video_url": {"url": "https://h/a.mp4"}})
    );
}

#[test]
fn documents_that_are_text_are_said_as_text() {
    let inline = Media::new(Source::Text("Body.".into()), None);
    let coded = Media::new(Source::Base64("Qm9keS4=".into()), Some("text/markdown".into()));
    for media in [inline, coded] {
        let (title, context) = (Some("Title".into()), Some("From here.".into()));
        let mut request = agent();
        request.turns[0].parts = vec![Part::Document(Document { media, title, context, citations: true })];
        let (body, lost) = written(&request, Host::Own).unwrap();
        assert_eq!(body["messages"][1]["content"], "Title\nFrom here.\n\nBody.");
        assert!(lost.contains(&"annotations".to_owned()), "{lost:?}");
    }
}
