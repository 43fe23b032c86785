//! An Anthropic client's own body, without thoughts that Anthropic would refuse.
//!
//! A client that was served by another provider before returns that provider's thoughts: with a tagged signature, or
//! with the empty one that [`super::write_reply`] gives to thoughts nobody signed. Anthropic refuses both.

use serde::Deserialize;

use super::members::Members;
use crate::json::{self, Raw};
use crate::signature::{self, Maker};
use crate::text::Text;

/// Every block that is not Anthropic's own has one of these in it, so that other bodies need not be parsed.
const MARKS: [&[u8]; 3] = [b"ditto.", b"\"signature\":\"\"", b"\"signature\": \"\""];

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Option<Text<'a>>,
}

/// What becomes of a block.
enum Fate {
    Stays,
    Goes,
    /// Anthropic's own, that came through here: the tag goes.
    Untagged(String),
}

/// The body without other makers' thoughts and with Anthropic's own untagged, everything else as it was written.
/// `None`: there is nothing to change.
pub fn scrub_thoughts(body: &[u8]) -> Option<Vec<u8>> {
    if !MARKS.iter().any(|mark| memchr::memmem::find(body, mark).is_some()) {
        return None;
    }
    let mut members: Members<'_> = serde_json::from_slice(body).ok()?;
    let messages = members.get_mut("messages")?;
    let scrubbed = scrub_messages(messages)?;
    *messages = scrubbed;
    Some(json::write(&members))
}

fn scrub_messages(messages: &Raw<'_>) -> Option<Raw<'static>> {
    let list: Vec<Raw<'_>> = serde_json::from_str(messages.get()).ok()?;
    let mut changed = false;
    let mut kept = Vec::with_capacity(list.len());
    for raw in &list {
        match scrub_message(raw) {
            None => kept.push(raw.borrowed()),
            Some(scrubbed) => {
                changed = true;
                kept.extend(unless_empty(&scrubbed));
            }
        }
    }
    if changed { Raw::of(&kept) } else { None }
}

/// A message without content is refused, so that it goes as a whole.
fn unless_empty(message: &Members<'_>) -> Option<Raw<'static>> {
    let empty = message.get("content").is_none_or(|content| content.get() == "[]");
    if empty { None } else { Raw::of(message) }
}

fn scrub_message<'a>(message: &'a Raw<'_>) -> Option<Members<'a>> {
    let mut members: Members<'a> = serde_json::from_str(message.get()).ok()?;
    let content = members.get_mut("content")?;
    let blocks: Vec<Raw<'_>> = serde_json::from_str(content.get()).ok()?;
    let mut changed = false;
    let mut kept: Vec<Raw<'static>> = Vec::with_capacity(blocks.len());
    for raw in blocks {
        match fate(&raw) {
            Fate::Stays => kept.push(raw.into_static()),
            Fate::Goes => changed = true,
            Fate::Untagged(block) => {
                changed = true;
                kept.extend(Raw::parse(&block).map(Raw::into_static));
            }
        }
    }
    if !changed {
        return None;
    }
    *content = Raw::of(&kept)?;
    Some(members)
}

fn fate(raw: &Raw<'_>) -> Fate {
    let Ok(block) = serde_json::from_str::<Block<'_>>(raw.get()) else { return Fate::Stays };
    let (member, proof) = match block.kind.as_str() {
        "thinking" => ("signature", block.signature.unwrap_or_default()),
        "redacted_thinking" => ("data", block.data.unwrap_or_default()),
        _ => return Fate::Stays,
    };
    match signature::untag(&proof, None) {
        None if proof.is_empty() => Fate::Goes,
        None => Fate::Stays,
        Some((Maker::Anthropic, own)) => untagged(raw, member, own).map_or(Fate::Stays, Fate::Untagged),
        Some(_) => Fate::Goes,
    }
}

fn untagged(raw: &Raw<'_>, member: &str, proof: &str) -> Option<String> {
    let mut members: Members<'_> = serde_json::from_str(raw.get()).ok()?;
    *members.get_mut(member)? = Raw::of(&proof)?;
    serde_json::to_string(&members).ok()
}
