//! The conversation.

use serde_json::json;

use super::wire_request::{Function, Image, Message, Part as WirePart, ToolCall as WireCall};
use crate::content::{Document, Media, Part, Source, TextPart, ToolCall, ToolResult};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::signature;
use crate::text::Text;

/// Instructions and turns.
pub(super) fn messages<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Result<Vec<Message<'a>>, Refusal> {
    let mut messages = Vec::with_capacity(request.turns.len().saturating_add(1));
    let mut system = Message { role: "system", ..Message::default() };
    for part in &request.system {
        match part {
            Part::Text(text) => system.content.extend(self::text(text, losses)),
            _ => losses.refuse(Feature::System, "instructions are text only")?,
        }
    }
    push(system, &mut messages);
    for turn in &request.turns {
        if turn.name.is_some() {
            losses.drop(Feature::SpeakerName, "Cohere has no names of speakers");
        }
        self::turn(turn, &mut messages, losses)?;
    }
    if messages.last().is_some_and(|last: &Message<'_>| last.role == "assistant") {
        losses.refuse(Feature::Prefill, "Cohere does not go on with a reply that the client begins")?;
        messages.pop();
    }
    Ok(messages)
}

/// Messages without anything in them are refused.
fn push<'a>(message: Message<'a>, messages: &mut Vec<Message<'a>>) {
    if !message.content.is_empty() || !message.tool_calls.is_empty() {
        messages.push(message);
    }
}

fn turn<'a>(turn: &'a Turn<'_>, messages: &mut Vec<Message<'a>>, losses: &mut Losses) -> Result<(), Refusal> {
    let role = match turn.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    };
    let mut message = Message { role, ..Message::default() };
    for part in &turn.parts {
        match part {
            Part::Text(text) => message.content.extend(self::text(text, losses)),
            Part::Refusal(words) if !words.is_empty() => {
                message.content.push(WirePart::Text { text: words.borrowed() })
            }
            Part::Refusal(_) => {}
            Part::Image(image) if turn.role == Role::User => message.content.extend(self::image(image, losses)?),
            Part::Image(_) => losses.refuse(Feature::Image, "Cohere takes pictures from the user only")?,
            Part::Document(document) => {
                tell_document(document, losses);
                message.content.extend(text_of(document, losses)?);
            }
            Part::Audio(_) => losses.refuse(Feature::Audio, "Cohere takes no sound")?,
            Part::Video(_) => losses.refuse(Feature::Video, "Cohere takes no moving pictures")?,
            Part::Thinking(_) => {
                losses.drop(Feature::Thoughts, "Cohere's thoughts have no proof, and are not returned")
            }
            Part::ToolCall(call) => {
                tell_mark(call.cache.is_some(), losses);
                message.tool_calls.push(self::call(call));
            }
            // Results are messages of their own, in front of what else the user says.
            Part::ToolResult(result) => {
                tell_mark(result.cache.is_some(), losses);
                push_result(result, messages, losses)?;
            }
        }
    }
    push(message, messages);
    Ok(())
}

fn text<'a>(part: &'a TextPart<'_>, losses: &mut Losses) -> Option<WirePart<'a>> {
    if part.cache.is_some() {
        losses.drop(Feature::CacheControl, "Cohere has no marks of what to cache");
    }
    if !part.citations.is_empty() {
        losses.drop(Feature::Citations, "references of former replies are not given back to Cohere");
    }
    Some(WirePart::Text { text: part.text.borrowed() }).filter(|_| !part.text.is_empty())
}

fn image<'a>(media: &'a Media<'_>, losses: &mut Losses) -> Result<Option<WirePart<'a>>, Refusal> {
    if media.cache.is_some() {
        losses.drop(Feature::CacheControl, "Cohere has no marks of what to cache");
    }
    let Some(url) = media.url("image/jpeg") else {
        losses.refuse(Feature::FileId, "Cohere knows no files of other providers")?;
        return Ok(None);
    };
    let known = |detail: &&Text<'_>| matches!(detail.as_str(), "auto" | "low" | "high");
    let detail = media.detail.as_ref().filter(known).map(Text::borrowed);
    if media.detail.is_some() && detail.is_none() {
        losses.drop(Feature::ImageDetail, "Cohere looks at pictures with `auto`, `low` or `high` detail");
    }
    Ok(Some(WirePart::ImageUrl { image_url: Image { url, detail } }))
}

/// In conversations Cohere takes documents as text only.
fn text_of<'a>(document: &'a Document<'_>, losses: &mut Losses) -> Result<Option<WirePart<'a>>, Refusal> {
    match &document.media.source {
        Source::Text(text) if !text.is_empty() => Ok(Some(WirePart::Text { text: text.borrowed() })),
        Source::Text(_) => Ok(None),
        _ => losses.refuse(Feature::Document, "Cohere takes documents as plain text only").map(|()| None),
    }
}

fn call<'a>(call: &'a ToolCall<'_>) -> WireCall<'a> {
    let arguments = match call.arguments.trim() {
        "" => "{}".into(),
        text if call.custom => json!({"input": text}).to_string().into(),
        text => text.into(),
    };
    let function = Function { name: call.name.borrowed(), arguments };
    WireCall { id: Text(signature::bare(&call.id)), kind: "function", function }
}

fn push_result<'a>(
    result: &'a ToolResult<'_>,
    messages: &mut Vec<Message<'a>>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    if result.is_error {
        losses.drop(Feature::ToolError, "Cohere is not told that a tool failed, but in its words");
    }
    let mut content = Vec::with_capacity(result.parts.len());
    for part in &result.parts {
        match part {
            Part::Text(text) => content.extend(self::text(text, losses)),
            Part::Document(document) if matches!(document.media.source, Source::Text(_)) => {
                if let Source::Text(text) = &document.media.source {
                    let data = json!({"title": document.title, "text": text});
                    content.push(WirePart::Document { document: json!({"data": data}) });
                }
            }
            _ => losses.refuse(Feature::ToolResultMedia, "Cohere takes results of tools as text only")?,
        }
    }
    if content.is_empty() {
        // What says nothing is refused.
        content.push(WirePart::Text { text: "{}".into() });
    }
    let tool_call_id = Some(Text(signature::bare(&result.id)));
    messages.push(Message { role: "tool", content, tool_call_id, ..Message::default() });
    Ok(())
}

fn tell_mark(is_marked: bool, losses: &mut Losses) {
    if is_marked {
        losses.drop(Feature::CacheControl, "Cohere has no marks of what to cache");
    }
}

/// What stands beside a document's text.
fn tell_document(document: &Document<'_>, losses: &mut Losses) {
    tell_mark(document.media.cache.is_some(), losses);
    if document.citations {
        losses.drop(Feature::Citations, "a user's documents are text to Cohere, which it does not cite");
    }
    if document.title.is_some() || document.context.is_some() {
        losses.drop(Feature::Document, "of a user's document, Cohere gets the text");
    }
}
