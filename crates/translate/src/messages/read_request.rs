//! A client's request, read into the canonical form.

mod blocks;
mod options;
mod tools;

use super::wire_request as wire;
use crate::content::Part;
use crate::json::{self, TextOr};
use crate::loss::{Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::text::Text;

/// Turns and blocks beyond this are refused: no conversation has so many.
const BLOCKS_MAX: usize = 100_000;

/// Reads the body of `POST /v1/messages` or of `…/count_tokens`.
///
/// # Errors
/// What is wrong with the body, and what cannot be carried to another dialect.
pub fn read_request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Refusal> {
    let wire: wire::Request<'a> = json::read(body)?;
    let mut request = Request {
        model: wire.model.clone().unwrap_or_default(),
        max_output: wire.max_tokens,
        stream: wire.stream.unwrap_or_default(),
        // Streams of this dialect always end with their usage.
        include_usage: true,
        ..Request::default()
    };
    options::read(&wire, &mut request, losses)?;
    if wire.cache_control.is_some() {
        losses.drop_field("cache_control", "a mark for the whole request is Anthropic's own");
    }
    request.tools = tools::read(wire.tools, losses)?;
    tools::read_choice(wire.tool_choice, &mut request, losses)?;
    request.system = read_system(wire.system, losses)?;
    read_messages(wire.messages, &mut request, losses)?;
    options::read_extra(wire.extra, &mut request, losses)?;
    Ok(request)
}

/// Claude Code puts a line for Anthropic's accounting in front of its instructions, with a number that changes with
/// each request. To other providers it says nothing, and it would defeat their caches:
/// <https://github.com/anthropics/claude-code/issues/68900> (seen 2026-11).
const ATTRIBUTION: &str = "x-anthropic-billing-header:";

fn read_system<'a>(system: Option<TextOr<'a, wire::Block<'a>>>, losses: &mut Losses) -> Result<Vec<Part<'a>>, Refusal> {
    let blocks = match system {
        None => return Ok(Vec::new()),
        Some(TextOr::Text(text)) => return Ok(vec![Part::text(text)]),
        Some(TextOr::List(blocks)) => blocks,
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        if block.kind != "text" {
            losses.refuse_field("system", "instructions are text only")?;
        } else if block.text.as_ref().is_some_and(|text| text.starts_with(ATTRIBUTION)) {
            losses.drop_field("system.x-anthropic-billing-header", "Anthropic's accounting says nothing to others");
        } else {
            parts.push(blocks::read_text(block, losses));
        }
    }
    Ok(parts)
}

fn read_messages<'a>(
    messages: Vec<wire::Message<'a>>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let mut left = BLOCKS_MAX;
    request.turns.reserve(messages.len());
    let last_user = messages.iter().rposition(|message| message.role == "user");
    for (index, message) in messages.into_iter().enumerate() {
        let role = read_role(&message.role, index)?;
        for name in message.extra.keys() {
            losses.drop_field(format!("messages.{name}"), "unknown to other dialects");
        }
        // Instructions that have had their time are kept in the list only for Anthropic's cache.
        if message.clear_at.as_deref() == Some("next_user_message") && last_user > Some(index) {
            continue;
        }
        let blocks = match message.content {
            TextOr::Text(text) => {
                request.turns.push(Turn::new(role, vec![Part::text(text)]));
                continue;
            }
            TextOr::List(blocks) => blocks,
        };
        left = left.checked_sub(blocks.len()).ok_or_else(|| {
            Refusal::new(format!("messages[{index}].content"), "there are too many blocks: shorten the conversation")
        })?;
        blocks::read_turn(role, blocks, request, losses)?;
    }
    Ok(())
}

fn read_role(role: &Text<'_>, index: usize) -> Result<Role, Refusal> {
    match role.as_str() {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        _ => Err(Refusal::new(format!("messages[{index}].role"), "must be `user`, `assistant` or `system`")),
    }
}
