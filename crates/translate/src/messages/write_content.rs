//! The conversation, as Anthropic wants it: turns of user and model by turns, the user's first, results of tools in
//! front of what the user says, nothing empty.

mod media;

use super::wire_request::{Block, CacheControl, Message};
use crate::content::{Cache, Part, TextPart, Thinking, ToolCall, ToolResult};
use crate::json::{Raw, TextOr};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::signature::{self, Maker};
use crate::target::Host;
use crate::text::Text;

pub(super) use media::names_files;

type Conversation<'a> = (Vec<Block<'a>>, Vec<Message<'a>>);

/// Instructions and turns.
pub(super) fn conversation<'a>(
    request: &'a Request<'_>,
    host: Host<'_>,
    losses: &mut Losses,
) -> Result<Conversation<'a>, Refusal> {
    let mut system = Vec::with_capacity(request.system.len());
    instructions(&request.system, &mut system, losses)?;
    let mut messages: Vec<Message<'a>> = Vec::with_capacity(request.turns.len());
    for turn in &request.turns {
        if turn.name.is_some() {
            losses.drop(Feature::SpeakerName, "Anthropic has no names of speakers");
        }
        if turn.role == Role::System {
            losses.drop(Feature::SystemInside, "instructions inside the conversation are moved in front of it");
            instructions(&turn.parts, &mut system, losses)?;
            continue;
        }
        let blocks = write_turn(turn, host, losses)?;
        join(turn.role, blocks, &mut messages);
    }
    results_first(&mut messages);
    begin_with_user(&mut messages, losses);
    trim_end(&mut messages);
    Ok((system, messages))
}

fn instructions<'a>(parts: &'a [Part<'_>], system: &mut Vec<Block<'a>>, losses: &mut Losses) -> Result<(), Refusal> {
    for part in parts {
        match part {
            Part::Text(text) => system.extend(text_block(text, losses)),
            _ => losses.refuse(Feature::System, "instructions are text only")?,
        }
    }
    Ok(())
}

/// Neighbouring turns of a role become one.
fn join<'a>(role: Role, blocks: Vec<Block<'a>>, messages: &mut Vec<Message<'a>>) {
    if blocks.is_empty() {
        return;
    }
    let role = if role == Role::Assistant { "assistant" } else { "user" };
    match messages.last_mut() {
        Some(Message { role: last, content: TextOr::List(all), .. }) if *last == role => all.extend(blocks),
        _ => messages.push(message(role, blocks)),
    }
}

fn message<'a>(role: &'static str, blocks: Vec<Block<'a>>) -> Message<'a> {
    Message { role: role.into(), content: TextOr::List(blocks), clear_at: None, extra: Default::default() }
}

fn results_first(messages: &mut [Message<'_>]) {
    for message in messages {
        if let TextOr::List(blocks) = &mut message.content {
            let later = |block: &Block<'_>| block.kind != "tool_result";
            if blocks.iter().any(later) && blocks.iter().any(|block| !later(block)) {
                blocks.sort_by_key(later);
            }
        }
    }
}

fn begin_with_user(messages: &mut Vec<Message<'_>>, losses: &mut Losses) {
    if messages.first().is_none_or(|first| first.role != "user") {
        losses.drop_field("messages", "Anthropic wants a user's turn first; one with a full stop is put there");
        messages.insert(0, message("user", vec![plain(".".into())]));
    }
}

/// The beginning of a reply must not end with white space.
fn trim_end(messages: &mut [Message<'_>]) {
    let Some(Message { role, content: TextOr::List(blocks), .. }) = messages.last_mut() else { return };
    let Some(Block { text: Some(text), .. }) = blocks.last_mut().filter(|_| *role == "assistant") else { return };
    if text.trim_end().len() < text.len() {
        *text = text.trim_end().to_owned().into();
    }
}

fn plain(text: Text<'_>) -> Block<'_> {
    Block { kind: "text".into(), text: Some(text), ..Block::default() }
}

fn write_turn<'a>(turn: &'a Turn<'_>, host: Host<'_>, losses: &mut Losses) -> Result<Vec<Block<'a>>, Refusal> {
    let mut blocks = Vec::with_capacity(turn.parts.len());
    for part in &turn.parts {
        match part {
            Part::Text(text) => blocks.extend(text_block(text, losses)),
            Part::Refusal(text) => blocks.extend(Some(plain(text.borrowed())).filter(|_| !text.trim().is_empty())),
            Part::Thinking(thinking) => blocks.extend(thinking_block(thinking, losses)),
            Part::ToolCall(call) => blocks.push(tool_use(call, losses)?),
            Part::ToolResult(result) => blocks.push(tool_result(result, host, losses)?),
            media => blocks.extend(media::block(media, turn.role, host, losses)?),
        }
    }
    Ok(blocks)
}

/// Empty texts are refused there, and say nothing.
fn text_block<'a>(part: &'a TextPart<'_>, losses: &mut Losses) -> Option<Block<'a>> {
    if part.text.trim().is_empty() {
        return None;
    }
    if !part.citations.is_empty() {
        losses.drop(Feature::Citations, "references of former replies are not given back to Anthropic");
    }
    let cache_control = mark(part.cache.as_ref(), losses);
    Some(Block { cache_control, ..plain(part.text.borrowed()) })
}

/// A mark of what to cache.
pub(super) fn mark<'a>(cache: Option<&'a Cache<'_>>, losses: &mut Losses) -> Option<CacheControl<'a>> {
    let ttl = cache?.ttl.as_ref().map(Text::borrowed).filter(|ttl| {
        let known = matches!(ttl.as_str(), "5m" | "1h");
        if !known {
            losses.drop(Feature::CacheControl, "Anthropic caches for `5m` or `1h`");
        }
        known
    });
    Some(CacheControl { kind: "ephemeral".into(), ttl, extra: Default::default() })
}

/// Only its own thoughts may return to Anthropic, with its own signature: it refuses all others.
fn thinking_block<'a>(thinking: &'a Thinking<'_>, losses: &mut Losses) -> Option<Block<'a>> {
    let signature = thinking.signature.as_deref().and_then(|signature| signature::untag(signature, None));
    let Some((Maker::Anthropic, signature)) = signature else {
        losses.drop(Feature::Thoughts, "Anthropic takes back its own thoughts only");
        return None;
    };
    Some(if thinking.redacted {
        Block { kind: "redacted_thinking".into(), data: Some(signature.into()), ..Block::default() }
    } else {
        let text = Some(thinking.text.borrowed());
        Block { kind: "thinking".into(), thinking: text, signature: Some(signature.into()), ..Block::default() }
    })
}

fn tool_use<'a>(call: &'a ToolCall<'_>, losses: &mut Losses) -> Result<Block<'a>, Refusal> {
    Ok(Block {
        kind: "tool_use".into(),
        id: Some(call_id(&call.id)),
        name: Some(call.name.borrowed()),
        input: Some(input(call, losses)?),
        cache_control: mark(call.cache.as_ref(), losses),
        ..Block::default()
    })
}

fn input<'a>(call: &'a ToolCall<'_>, losses: &Losses) -> Result<Raw<'a>, Refusal> {
    let text = call.arguments.trim();
    if call.custom {
        let input = Raw::of(&serde_json::json!({"input": text}));
        return input.ok_or_else(|| Refusal::new(losses.field(Feature::ToolCall), "its input cannot be written"));
    }
    let raw = Raw::parse(if text.is_empty() { "{}" } else { text }).filter(Raw::is_object);
    raw.ok_or_else(|| {
        let message = format!("the arguments of `{}` must be a JSON object", call.name);
        Refusal::new(losses.field(Feature::ToolCall), message)
    })
}

/// Ids have letters, digits, `_` and `-` only.
fn call_id<'a>(id: &'a Text<'_>) -> Text<'a> {
    let bare = signature::bare(id);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if bare.chars().all(fits) {
        return Text(bare);
    }
    bare.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect::<String>().into()
}

fn tool_result<'a>(result: &'a ToolResult<'_>, host: Host<'_>, losses: &mut Losses) -> Result<Block<'a>, Refusal> {
    let mut blocks = Vec::with_capacity(result.parts.len());
    let mut cache = result.cache.as_ref();
    for part in &result.parts {
        match part {
            Part::Text(text) => blocks.extend(text_block(text, losses)),
            Part::Image(_) | Part::Document(_) if result.is_error => {
                losses.refuse(Feature::ToolResultMedia, "what a tool says when it fails is text only")?;
            }
            media @ (Part::Image(_) | Part::Document(_)) => {
                blocks.extend(media::block(media, Role::User, host, losses)?);
            }
            _ => losses.refuse(Feature::ToolResultMedia, "results are text, pictures and documents")?,
        }
        cache = part_cache(part).or(cache);
    }
    // A mark inside covers no more than one on the whole.
    blocks.iter_mut().for_each(|block| block.cache_control = None);
    Ok(Block {
        kind: "tool_result".into(),
        tool_use_id: Some(call_id(&result.id)),
        content: Some(TextOr::List(blocks)).filter(|content| *content != TextOr::default()),
        is_error: Some(true).filter(|_| result.is_error),
        cache_control: mark(cache, losses),
        ..Block::default()
    })
}

fn part_cache<'p, 'a>(part: &'p Part<'a>) -> Option<&'p Cache<'a>> {
    match part {
        Part::Text(text) => text.cache.as_ref(),
        Part::Image(media) => media.cache.as_ref(),
        Part::Document(document) => document.media.cache.as_ref(),
        _ => None,
    }
}
