//! A backend's whole reply.

use ditto_llm::usage::Usage;

use super::wire_reply as wire;
use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::json::{self, Raw};
use crate::reply::{Choice, Finish, Logprob, Reply};
use crate::signature::{self, Maker};
use crate::text::Text;

/// More parts than these are none that a provider sends.
const PARTS_MAX: usize = 4_096;

/// Reads a reply. `None` for one that is not understood, and for one that says that it failed:
/// [`super::read_failure`] reads that.
pub fn read_reply<'a>(body: &'a [u8]) -> Option<Reply<'a>> {
    let wire: wire::Response<'a> = json::read_reply(body)?;
    if matches!(wire.status.as_deref(), Some("failed" | "cancelled" | "queued" | "in_progress")) {
        return None;
    }
    let mut choice = Choice::default();
    let (status, incomplete) = (wire.status, wire.incomplete_details);
    for item in wire.output? {
        read_item(item, &mut choice);
        if choice.parts.len() > PARTS_MAX {
            return None;
        }
    }
    choice.finish = finish(status.as_deref(), incomplete.as_ref(), Said::of(&choice));
    Some(Reply {
        id: wire.id.unwrap_or_default(),
        model: wire.model.unwrap_or_default(),
        created: wire.created_at.and_then(seconds),
        choices: vec![choice],
        usage: wire.usage.map(|usage| read_usage(&usage)),
        service_tier: wire.service_tier,
    })
}

/// What of a reply decides how it ended.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Said {
    pub(super) calls: bool,
    pub(super) refusal: bool,
}

impl Said {
    fn of(choice: &Choice<'_>) -> Self {
        let refusal = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
        Self { calls: choice.calls_tools(), refusal }
    }
}

/// Why a reply ended.
pub(super) fn finish(status: Option<&str>, incomplete: Option<&wire::Incomplete<'_>>, said: Said) -> Finish<'static> {
    let reason = incomplete.and_then(|details| details.reason.as_deref());
    match (status, reason) {
        (_, Some("content_filter")) => Finish::ContentFilter,
        (_, Some(_)) | (Some("incomplete"), None) => Finish::Length,
        _ if said.calls => Finish::ToolCalls,
        _ if said.refusal => Finish::Refusal,
        _ => Finish::Stop,
    }
}

/// A time that a body gives, if it is one.
pub(super) fn seconds(time: f64) -> Option<u64> {
    (time.is_finite() && time >= 0.0).then_some(time as u64)
}

pub(super) fn read_usage(wire: &wire::Usage) -> Usage {
    let input = wire.input_tokens_details.as_ref();
    Usage {
        input: wire.input_tokens.unwrap_or_default(),
        output: wire.output_tokens.unwrap_or_default(),
        cached_input: input.and_then(|details| details.cached_tokens).unwrap_or_default(),
        cache_creation: input.and_then(|details| details.cache_write_tokens).unwrap_or_default(),
        reasoning: wire.output_tokens_details.as_ref().and_then(|details| details.reasoning_tokens).unwrap_or_default(),
    }
}

/// An item; those of tools that the provider runs itself say nothing by themselves.
fn read_item<'a>(item: wire::Item<'a>, choice: &mut Choice<'a>) {
    match item.kind.as_str() {
        "message" => {
            for piece in item.content.into_iter().flatten() {
                choice.parts.extend(read_piece(piece, &mut choice.logprobs));
            }
        }
        "reasoning" => choice.parts.extend(read_reasoning(item)),
        "function_call" | "custom_tool_call" => choice.parts.push(Part::ToolCall(read_call(item))),
        _ => {}
    }
}

fn read_piece<'a>(piece: wire::Piece<'a>, logprobs: &mut Vec<Logprob<'a>>) -> Option<Part<'a>> {
    match piece.kind.as_str() {
        "output_text" => {
            logprobs.extend(piece.logprobs.into_iter().flatten().map(read_logprob));
            let citations = piece.annotations.into_iter().flatten().map(read_annotation).collect();
            Some(Part::Text(TextPart { text: piece.text.unwrap_or_default(), citations, cache: None }))
        }
        "refusal" => Some(Part::Refusal(piece.refusal.unwrap_or_default())),
        _ => None,
    }
}

/// Thoughts; `None` when neither words nor a proof are shown.
fn read_reasoning(item: wire::Item<'_>) -> Option<Part<'_>> {
    let signature = reasoning_signature(&item).map(Text::from);
    let text = reasoning_text(item);
    let thinking = Thinking { text, signature, redacted: false };
    (thinking != Thinking::default()).then_some(Part::Thinking(thinking))
}

/// The proof of thoughts, with the mark of who made it.
pub(super) fn reasoning_signature(item: &wire::Item<'_>) -> Option<String> {
    let content = item.encrypted_content.as_deref().filter(|content| !content.is_empty())?;
    Some(signature::tag(Maker::Responses, content))
}

/// The words of thoughts: summaries, then what was thought itself.
pub(super) fn reasoning_text(item: wire::Item<'_>) -> Text<'_> {
    let pieces = item.summary.into_iter().flatten().chain(item.content.into_iter().flatten());
    Text::join(pieces.filter_map(|piece| piece.text).filter(|text| !text.is_empty()), "\n\n")
}

pub(super) fn read_call(item: wire::Item<'_>) -> ToolCall<'_> {
    let custom = item.kind == "custom_tool_call";
    ToolCall {
        id: item.call_id.or(item.id).unwrap_or_default(),
        name: item.name.unwrap_or_default(),
        arguments: if custom { item.input } else { item.arguments }.unwrap_or_default(),
        custom,
        cache: None,
    }
}

pub(super) fn read_logprob(wire: wire::Logprob<'_>) -> Logprob<'_> {
    Logprob {
        token: wire.token,
        logprob: wire.logprob,
        bytes: wire.bytes,
        top: wire.top_logprobs.into_iter().flatten().map(read_logprob).collect(),
    }
}

pub(super) fn read_annotation(raw: Raw<'_>) -> Citation<'static> {
    let wire: wire::Annotation<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    Citation {
        url: wire.url.map(Text::into_static),
        title: wire.title.or(wire.filename).map(Text::into_static),
        cited: None,
        span: wire.start_index.zip(wire.end_index),
        native: Some(raw.into_static()),
    }
}
