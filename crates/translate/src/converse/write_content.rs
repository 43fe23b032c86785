//! The conversation, as Converse wants it: turns of user and model by turns, the user's first, nothing blank.

use super::models::Family;
use super::wire_request::{Block, CachePoint, Message, Reasoning, ToolResult as WireResult, ToolUse};
use super::write_media;
use crate::content::{Cache, Part, TextPart, Thinking, ToolCall, ToolResult};
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::signature::{self, Maker};
use crate::text::Text;

type Conversation<'a> = (Vec<Block<'a>>, Vec<Message<'a>>);

/// Instructions and turns.
pub(super) fn conversation<'a>(
    request: &'a Request<'_>,
    family: Family,
    losses: &mut Losses,
) -> Result<Conversation<'a>, Refusal> {
    let mut system = Vec::with_capacity(request.system.len());
    instructions(&request.system, family, &mut system, losses)?;
    let mut messages: Vec<Message<'a>> = Vec::with_capacity(request.turns.len());
    for turn in &request.turns {
        if turn.name.is_some() {
            losses.drop(Feature::SpeakerName, "Converse has no names of speakers");
        }
        if turn.role == Role::System {
            losses.drop(Feature::SystemInside, "instructions inside the conversation are moved in front of it");
            instructions(&turn.parts, family, &mut system, losses)?;
            continue;
        }
        let blocks = write_turn(turn, family, losses)?;
        join(turn.role, blocks, &mut messages);
    }
    if messages.first().is_none_or(|first| first.role != "user") {
        losses.drop_field("messages", "Converse wants a user's turn first; one with a full stop is put there");
        messages.insert(0, Message { role: "user", content: vec![Block::Text(".".into())] });
    }
    trim_end(&mut messages);
    Ok((system, messages))
}

fn instructions<'a>(
    parts: &'a [Part<'_>],
    family: Family,
    system: &mut Vec<Block<'a>>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    for part in parts {
        match part {
            Part::Text(text) => system.extend(text_blocks(text, family, losses)),
            _ => losses.refuse(Feature::System, "instructions are text only")?,
        }
    }
    Ok(())
}

/// Neighbouring turns of a role become one; results of tools stand in front of what the user says.
fn join<'a>(role: Role, blocks: Vec<Block<'a>>, messages: &mut Vec<Message<'a>>) {
    if blocks.is_empty() {
        return;
    }
    let role = if role == Role::Assistant { "assistant" } else { "user" };
    match messages.last_mut() {
        Some(last) if last.role == role => last.content.extend(blocks),
        _ => messages.push(Message { role, content: blocks }),
    }
}

/// The beginning of a reply must not end with white space.
fn trim_end(messages: &mut [Message<'_>]) {
    let last = messages.last_mut().filter(|last| last.role == "assistant");
    if let Some(Block::Text(text)) = last.and_then(|last| last.content.last_mut())
        && text.trim_end().len() < text.len()
    {
        *text = text.trim_end().to_owned().into();
    }
}

fn write_turn<'a>(turn: &'a Turn<'_>, family: Family, losses: &mut Losses) -> Result<Vec<Block<'a>>, Refusal> {
    let mut blocks = Vec::with_capacity(turn.parts.len());
    for part in &turn.parts {
        let cache = match part {
            Part::Text(text) => {
                blocks.extend(text_blocks(text, family, losses));
                None
            }
            Part::Refusal(text) => {
                blocks.extend(Some(Block::Text(text.borrowed())).filter(|_| !text.trim().is_empty()));
                None
            }
            Part::Thinking(thinking) => {
                blocks.extend(thought(thinking, losses).map(Block::ReasoningContent));
                None
            }
            Part::ToolCall(call) => {
                blocks.push(tool_use(call, losses)?);
                call.cache.as_ref()
            }
            Part::ToolResult(result) => {
                blocks.push(tool_result(result, losses)?);
                result.cache.as_ref()
            }
            media => {
                let at = blocks.len();
                blocks.extend(write_media::block(media, turn.role, at, losses)?);
                write_media::cache(media)
            }
        };
        blocks.extend(mark(cache, family, losses).map(Block::CachePoint));
    }
    Ok(blocks)
}

/// Blank texts are refused there, and say nothing.
fn text_blocks<'a>(part: &'a TextPart<'_>, family: Family, losses: &mut Losses) -> Vec<Block<'a>> {
    if part.text.trim().is_empty() {
        return Vec::new();
    }
    if !part.citations.is_empty() {
        losses.drop(Feature::Citations, "references of former replies are not given back to Converse");
    }
    let mark = mark(part.cache.as_ref(), family, losses).map(Block::CachePoint);
    [Some(Block::Text(part.text.borrowed())), mark].into_iter().flatten().collect()
}

/// A mark of what to cache: <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html> (seen 2026-11).
pub(super) fn mark<'a>(cache: Option<&'a Cache<'_>>, family: Family, losses: &mut Losses) -> Option<CachePoint<'a>> {
    let cache = cache?;
    if !family.caches() {
        losses.drop(Feature::CacheControl, "this model of Amazon's takes no marks there");
        return None;
    }
    let known = |ttl: &&Text<'_>| family == Family::Claude && matches!(ttl.as_str(), "5m" | "1h");
    let ttl = cache.ttl.as_ref().filter(known).map(Text::borrowed);
    if cache.ttl.is_some() && ttl.is_none() {
        losses.drop(Feature::CacheControl, "Amazon caches Claude's for `5m` or `1h`, and others' as it likes");
    }
    Some(CachePoint { kind: "default", ttl })
}

/// Only thoughts that came from there may return.
fn thought<'a>(thinking: &'a Thinking<'_>, losses: &mut Losses) -> Option<Reasoning<'a>> {
    let signature = thinking.signature.as_deref().and_then(|signature| signature::untag(signature, None));
    let Some((Maker::Converse, signature)) = signature else {
        losses.drop(Feature::Thoughts, "Converse takes back its own signed thoughts only");
        return None;
    };
    Some(match thinking.redacted {
        true => Reasoning::RedactedContent(signature.into()),
        false => Reasoning::ReasoningText { text: thinking.text.borrowed(), signature: signature.into() },
    })
}

fn tool_use<'a>(call: &'a ToolCall<'_>, losses: &Losses) -> Result<Block<'a>, Refusal> {
    let text = call.arguments.trim();
    let input = match call.custom {
        true => Raw::of(&serde_json::json!({"input": text})),
        false => Raw::parse(if text.is_empty() { "{}" } else { text }).filter(Raw::is_object),
    };
    let input = input.ok_or_else(|| {
        let message = format!("the arguments of `{}` must be a JSON object", call.name);
        Refusal::new(losses.field(Feature::ToolCall), message)
    })?;
    Ok(Block::ToolUse(ToolUse { tool_use_id: call_id(&call.id), name: call.name.borrowed(), input }))
}

/// Ids have up to 64 letters, digits, and `_.:-`. Longer ones keep their end, which is what tells them apart.
fn call_id<'a>(id: &'a Text<'_>) -> Text<'a> {
    let bare = signature::bare(id);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.:-".contains(letter);
    if bare.len() <= ID_MAX && bare.chars().all(fits) {
        return Text(bare);
    }
    let safe: String = bare.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
    safe.get(safe.len().saturating_sub(ID_MAX)..).unwrap_or_default().to_owned().into()
}

const ID_MAX: usize = 64;

fn tool_result<'a>(result: &'a ToolResult<'_>, losses: &mut Losses) -> Result<Block<'a>, Refusal> {
    let mut content = Vec::with_capacity(result.parts.len());
    for part in &result.parts {
        match part {
            Part::Text(text) => content.push(Block::Text(text.text.borrowed())),
            media @ (Part::Image(_) | Part::Document(_) | Part::Video(_)) => {
                let at = content.len();
                content.extend(write_media::block(media, Role::User, at, losses)?);
            }
            _ => losses.refuse(Feature::ToolResultMedia, "results are text, pictures, documents and videos")?,
        }
    }
    let status = Some("error").filter(|_| result.is_error);
    Ok(Block::ToolResult(WireResult { tool_use_id: call_id(&result.id), content, status }))
}
