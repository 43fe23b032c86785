//! A whole reply as Anthropic's clients expect it.

use serde::Serialize;

use super::usage;
use super::wire_request::Block;
use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::json::{self, Raw};
use crate::reply::{Choice, Finish, Reply};
use crate::target::ReplyContext;
use crate::text::Text;

#[derive(Serialize)]
struct Message<'a> {
    id: Text<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: Text<'a>,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: usage::Written,
}

/// Writes a reply. A client of this dialect asks for one answer; others would have no place.
pub fn write_reply(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    let nothing = Choice::default();
    let choice = reply.choices.first().unwrap_or(&nothing);
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let (stop_reason, stop_sequence) = stop_reason(&choice.finish, choice.calls_tools(), refused);
    json::write(&Message {
        id: id(&reply.id, context),
        kind: "message",
        role: "assistant",
        model: model(&reply.model, context),
        content: choice.parts.iter().filter_map(block).collect(),
        stop_reason: Some(stop_reason),
        stop_sequence,
        usage: usage::write(&reply.usage.unwrap_or_default()),
    })
}

/// The backend's id, or one made of the request's.
pub(super) fn id<'a>(id: &'a Text<'_>, context: &ReplyContext) -> Text<'a> {
    if id.is_empty() { format!("msg_{}", context.request_id).into() } else { id.borrowed() }
}

/// The backend's name of the model, or the client's.
pub(super) fn model<'a>(model: &'a Text<'_>, context: &'a ReplyContext) -> Text<'a> {
    if model.is_empty() { context.model.as_str().into() } else { model.borrowed() }
}

/// Why the reply ended, and the stop text that did it. Some backends say `stop` where tools are called, and some that
/// tools are called where none of the client's are.
pub(super) fn stop_reason<'a>(
    finish: &'a Finish<'_>,
    calls_tools: bool,
    refused: bool,
) -> (&'static str, Option<&'a str>) {
    match finish {
        Finish::Stop | Finish::ToolCalls if calls_tools => ("tool_use", None),
        Finish::Stop if refused => ("refusal", None),
        Finish::Stop | Finish::ToolCalls => ("end_turn", None),
        Finish::StopSequence(text) => ("stop_sequence", text.as_deref()),
        Finish::Length => ("max_tokens", None),
        Finish::ContentFilter | Finish::Refusal => ("refusal", None),
        Finish::Pause => ("pause_turn", None),
    }
}

fn block<'a>(part: &'a Part<'_>) -> Option<Block<'a>> {
    match part {
        Part::Text(text) => Some(text_block(text)),
        Part::Refusal(text) => Some(Block { kind: "text".into(), text: Some(text.borrowed()), ..Block::default() }),
        Part::Thinking(thinking) => thinking_block(thinking),
        Part::ToolCall(call) => Some(tool_block(call)),
        _ => None,
    }
}

fn text_block<'a>(part: &'a TextPart<'_>) -> Block<'a> {
    let citations: Vec<Raw<'a>> = part.citations.iter().filter_map(citation).collect();
    let citations = if citations.is_empty() { None } else { Raw::of(&citations) };
    Block { kind: "text".into(), text: Some(part.text.borrowed()), citations, ..Block::default() }
}

/// Thoughts without words are worth something only with a signature. Clients want a signature on all thoughts; those
/// of backends that do not sign have an empty one, by which they are known when they come back.
fn thinking_block<'a>(part: &'a Thinking<'_>) -> Option<Block<'a>> {
    let signature = part.signature.as_ref().map(Text::borrowed);
    if part.redacted {
        return signature.map(|data| Block { kind: "redacted_thinking".into(), data: Some(data), ..Block::default() });
    }
    if part.text.is_empty() && signature.is_none() {
        return None;
    }
    Some(Block {
        kind: "thinking".into(),
        thinking: Some(part.text.borrowed()),
        signature: Some(signature.unwrap_or_default()),
        ..Block::default()
    })
}

fn tool_block<'a>(call: &'a ToolCall<'_>) -> Block<'a> {
    Block {
        kind: "tool_use".into(),
        id: Some(call.id.borrowed()),
        name: Some(call.name.borrowed()),
        input: input(call),
        ..Block::default()
    }
}

/// The arguments as an object; what is none, because the model wrote it wrong or freely, is put into one.
fn input<'a>(call: &'a ToolCall<'_>) -> Option<Raw<'a>> {
    let text = call.arguments.trim();
    match Raw::parse(text) {
        _ if text.is_empty() => Raw::parse("{}"),
        Some(raw) if raw.is_object() => Some(raw),
        _ => Raw::of(&serde_json::json!({"input": text})),
    }
}

/// A reference: as Anthropic wrote it, or as a result of a search on the web, which is the only other kind that stands
/// for itself.
pub(super) fn citation<'a>(citation: &'a Citation<'_>) -> Option<Raw<'a>> {
    if let Some(native) = citation.native.as_ref().filter(|native| is_own(native)) {
        return Some(native.borrowed().on_one_line());
    }
    let url = citation.url.as_deref()?;
    Raw::of(&serde_json::json!({
        "type": "web_search_result_location",
        "url": url,
        "title": citation.title.as_deref(),
        "cited_text": citation.cited.as_deref().unwrap_or_default(),
        "encrypted_index": "",
    }))
}

/// Whether a reference is of Anthropic's kinds.
fn is_own(native: &Raw<'_>) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "type")]
        kind: Text<'a>,
    }
    serde_json::from_str::<Kind<'_>>(native.get()).is_ok_and(|native| native.kind.ends_with("_location"))
}
