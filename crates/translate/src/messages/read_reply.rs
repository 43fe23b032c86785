//! A backend's whole reply, read into the canonical form.

use serde::Deserialize;

use super::usage;
use super::wire_reply as wire;
use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::json::{self, Raw};
use crate::reply::{Choice, Finish, Reply};
use crate::signature::{self, Maker};
use crate::text::Text;

/// Parts beyond this are not of any reply.
pub(super) const PARTS_MAX: usize = 4_096;

/// Reads a reply; `None` when it is none.
pub fn read_reply<'a>(body: &'a [u8]) -> Option<Reply<'a>> {
    let wire: wire::Message<'a> = json::read_reply(body)?;
    if wire.kind.as_deref().is_some_and(|kind| kind != "message") {
        return None;
    }
    let content = wire.content?;
    if content.len() > PARTS_MAX {
        return None;
    }
    let mut parts: Vec<Part<'a>> = content.into_iter().filter_map(read_block).collect();
    let finish = read_finish(wire.stop_reason.as_deref().unwrap_or_default(), wire.stop_sequence);
    if finish == Finish::Refusal {
        parts.extend(wire.stop_details.and_then(|details| details.explanation).map(Part::Refusal));
    }
    let service_tier = wire.usage.as_ref().and_then(|usage| usage.service_tier.clone());
    Some(Reply {
        id: wire.id.unwrap_or_default(),
        model: wire.model.unwrap_or_default(),
        created: None,
        choices: vec![Choice { parts, finish, logprobs: Vec::new() }],
        usage: wire.usage.as_ref().and_then(usage::read),
        service_tier,
    })
}

/// Blocks of Anthropic's own tools say nothing to other clients: what the tools found is in the text.
fn read_block(block: wire::Block<'_>) -> Option<Part<'_>> {
    match block.kind.as_str() {
        "text" => Some(Part::Text(TextPart {
            text: block.text.unwrap_or_default(),
            citations: block.citations.into_iter().flatten().map(read_citation).collect(),
            cache: None,
        })),
        "thinking" => Some(Part::Thinking(Thinking {
            text: block.thinking.unwrap_or_default(),
            signature: tagged(block.signature),
            redacted: false,
        })),
        "redacted_thinking" => {
            Some(Part::Thinking(Thinking { text: Text::default(), signature: tagged(block.data), redacted: true }))
        }
        "tool_use" => Some(Part::ToolCall(ToolCall {
            id: block.id.unwrap_or_default(),
            name: block.name.unwrap_or_default(),
            arguments: block.input.map(Raw::into_text).unwrap_or_default(),
            custom: false,
            cache: None,
        })),
        _ => None,
    }
}

/// A signature as other dialects carry it.
pub(super) fn tagged(signature: Option<Text<'_>>) -> Option<Text<'static>> {
    let signature = signature.filter(|signature| !signature.is_empty())?;
    Some(signature::tag(Maker::Anthropic, &signature).into())
}

/// Why a reply ended: <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons> (seen 2026-11).
pub(super) fn read_finish<'a>(reason: &str, stop: Option<Text<'a>>) -> Finish<'a> {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "stop_sequence" => Finish::StopSequence(stop),
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::Refusal,
        "pause_turn" | "compaction" => Finish::Pause,
        _ => Finish::Stop,
    }
}

/// A reference to a document's place, a search result or a page of the web.
pub(super) fn read_citation(raw: Raw<'_>) -> Citation<'_> {
    #[derive(Default, Deserialize)]
    struct Location {
        #[serde(default)]
        url: Option<String>,
        #[serde(default)]
        source: Option<String>,
        #[serde(default)]
        title: Option<String>,
        #[serde(default)]
        document_title: Option<String>,
        #[serde(default)]
        cited_text: Option<String>,
    }
    let location: Location = serde_json::from_str(raw.get()).unwrap_or_default();
    Citation {
        url: location.url.or(location.source).map(Text::from),
        title: location.title.or(location.document_title).map(Text::from),
        cited: location.cited_text.map(Text::from),
        span: None,
        native: Some(raw),
    }
}
