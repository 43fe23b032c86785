//! An Anthropic client's own body, without what Anthropic would refuse because another provider said it.
//!
//! A client that was served by another provider before returns that provider's thoughts: with a tagged signature, or
//! with the empty one that [`super::write_reply`] gives to thoughts nobody signed. It also returns references to the
//! web, which without Anthropic's own index are none to it.

use serde::Deserialize;

use super::members::Members;
use crate::json::{self, Raw, TextOr};
use crate::signature::{self, Maker};
use crate::text::Text;

/// Every block that is not Anthropic's own has one of these in it, so that other bodies need not be parsed.
const MARKS: [&[u8]; 5] = [
    b"ditto.",
    b"\"signature\":\"\"",
    b"\"signature\": \"\"",
    b"\"encrypted_index\":\"\"",
    b"\"encrypted_index\": \"\"",
];

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Option<Text<'a>>,
    #[serde(borrow, default)]
    citations: Option<Vec<Raw<'a>>>,
}

/// What becomes of a block.
enum Fate {
    Stays,
    Goes,
    /// Anthropic's own, without the tag or the references that were added here.
    Changes(String),
}

/// The body without other makers' thoughts and references, and with Anthropic's own thoughts untagged; everything else
/// as it was written, but for a budget for thinking where the thoughts that it needs are gone.
/// `None`: there is nothing to change.
pub fn scrub_thoughts(body: &[u8]) -> Option<Vec<u8>> {
    if !MARKS.iter().any(|mark| memchr::memmem::find(body, mark).is_some()) {
        return None;
    }
    let mut members: Members<'_> = serde_json::from_slice(body).ok()?;
    let messages = members.get_mut("messages")?;
    let scrubbed = scrub_messages(messages)?;
    let thoughtless = must_not_think(&scrubbed);
    *messages = scrubbed;
    if thoughtless {
        without_budget(&mut members);
    }
    Some(json::write(&members))
}

/// The body with the backend's name for the model, and with at most so many output tokens; everything else as it was
/// written. `None`: it is no object.
pub fn with_model(body: &[u8], model: &str, cap: Option<u64>) -> Option<Vec<u8>> {
    let mut members: Members<'_> = serde_json::from_slice(body).ok()?;
    if let Some(value) = members.get_mut("model") {
        *value = Raw::of(&model)?;
    }
    if let (Some(cap), Some(value)) = (cap, members.get_mut("max_tokens"))
        && value.value().as_u64().is_none_or(|max| max > cap)
    {
        *value = Raw::of(&cap)?;
    }
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
            Fate::Changes(block) => {
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
        "text" => return block.citations.map_or(Fate::Stays, |citations| referring(raw, &citations)),
        _ => return Fate::Stays,
    };
    match signature::untag(&proof, None) {
        None if proof.is_empty() => Fate::Goes,
        None => Fate::Stays,
        Some((Maker::Anthropic, own)) => replaced(raw, member, Raw::of(&own)),
        Some(_) => Fate::Goes,
    }
}

/// The block with another value of this member.
fn replaced(raw: &Raw<'_>, member: &str, value: Option<Raw<'_>>) -> Fate {
    let change = || {
        let mut members: Members<'_> = serde_json::from_str(raw.get()).ok()?;
        *members.get_mut(member)? = value?.into_static();
        serde_json::to_string(&members).ok()
    };
    change().map_or(Fate::Stays, Fate::Changes)
}

/// Text without references that are not Anthropic's.
fn referring(raw: &Raw<'_>, citations: &[Raw<'_>]) -> Fate {
    #[derive(Deserialize)]
    struct Location<'a> {
        #[serde(borrow, default)]
        encrypted_index: Option<Text<'a>>,
    }
    let own = |citation: &&Raw<'_>| {
        let location = serde_json::from_str::<Location<'_>>(citation.get());
        !location.is_ok_and(|location| location.encrypted_index.is_some_and(|index| index.is_empty()))
    };
    let kept: Vec<&Raw<'_>> = citations.iter().filter(own).collect();
    if kept.len() == citations.len() { Fate::Stays } else { replaced(raw, "citations", Raw::of(&kept)) }
}

/// Whether older models would refuse to think: they want the last turn of theirs that calls tools to begin with a
/// thought.
fn must_not_think(messages: &Raw<'_>) -> bool {
    #[derive(Deserialize)]
    struct Turn<'a> {
        #[serde(borrow)]
        role: Text<'a>,
        #[serde(borrow)]
        content: TextOr<'a, Block<'a>>,
    }
    let Ok(turns) = serde_json::from_str::<Vec<Turn<'_>>>(messages.get()) else { return false };
    let Some(Turn { content: TextOr::List(blocks), .. }) = turns.iter().rfind(|turn| turn.role == "assistant") else {
        return false;
    };
    let thought = blocks.first().is_some_and(|block| block.kind.ends_with("thinking"));
    !thought && blocks.iter().any(|block| block.kind == "tool_use")
}

/// Takes out a budget for thinking.
fn without_budget(members: &mut Members<'_>) {
    #[derive(Deserialize)]
    struct Thinking<'a> {
        #[serde(borrow, rename = "type")]
        kind: Text<'a>,
    }
    let budgeted = members.get("thinking").is_some_and(|thinking| {
        serde_json::from_str::<Thinking<'_>>(thinking.get()).is_ok_and(|thinking| thinking.kind == "enabled")
    });
    if budgeted {
        members.0.retain(|(name, _)| name != "thinking");
    }
}
