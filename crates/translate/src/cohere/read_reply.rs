//! A whole reply, read into the canonical form.

use ditto_llm::usage::Usage;

use super::wire_reply as wire;
use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::failure::Failure;
use crate::json;
use crate::reply::{Choice, Finish, Reply};
use crate::text::Text;

/// Parts of a reply; more are none that a model writes.
pub(super) const PARTS_MAX: usize = 4_096;

/// Reads a reply; `None`: it is none.
pub fn read_reply<'a>(body: &'a [u8]) -> Option<Reply<'a>> {
    let reply: wire::Reply<'a> = json::read_reply(body)?;
    if failure_of_end(reply.finish_reason.as_deref().unwrap_or_default(), None).is_some() {
        return None;
    }
    let message = reply.message?;
    let (content, calls) = (message.content.unwrap_or_default(), message.tool_calls.unwrap_or_default());
    if content.len().saturating_add(calls.len()) > PARTS_MAX {
        return None;
    }
    let mut parts: Vec<Part<'a>> = Vec::with_capacity(content.len().saturating_add(calls.len()));
    let plan = message.tool_plan.filter(|plan| !plan.is_empty());
    let thoughts = |part: &wire::Part<'_>| part.thinking.is_some();
    let (thought, said): (Vec<_>, Vec<_>) = content.into_iter().partition(thoughts);
    parts.extend(thought.into_iter().filter_map(part));
    parts.extend(plan.map(Part::text));
    parts.extend(said.into_iter().filter_map(part));
    let mut texts = parts.iter_mut();
    if let Some(Part::Text(TextPart { citations, .. })) = texts.find(|part| matches!(part, Part::Text(_))) {
        *citations = message.citations.unwrap_or_default().into_iter().map(citation).collect();
    }
    parts.extend(calls.into_iter().map(call));
    let finish = reply.finish_reason.as_deref().map_or(Finish::Stop, read_finish);
    Some(Reply {
        id: reply.id,
        choices: vec![Choice { parts, finish, logprobs: Vec::new() }],
        usage: reply.usage.and_then(wire::WireUsage::read),
        ..Reply::default()
    })
}

/// The failure of a reply whose model failed, and what it used all the same.
pub fn failure_of_reply(body: &[u8]) -> Option<(Failure, Option<Usage>)> {
    let reply: wire::Reply<'_> = json::read_reply(body)?;
    let failure = failure_of_end(&reply.finish_reason?, None)?;
    Some((failure, reply.usage.and_then(wire::WireUsage::read)))
}

/// The failure of a model that ended with this reason, in these words if there are some. `None`: it did not fail.
pub(super) fn failure_of_end(reason: &str, words: Option<&str>) -> Option<Failure> {
    match (words, reason) {
        (Some(words), _) => Some(Failure::new(500, words)),
        (None, "ERROR") => Some(Failure::new(500, "The backend failed.")),
        (None, "TIMEOUT") => Some(Failure::new(504, "The backend took too long.")),
        _ => None,
    }
}

fn part(part: wire::Part<'_>) -> Option<Part<'_>> {
    match part.thinking {
        Some(text) => Some(Part::Thinking(Thinking { text, signature: None, redacted: false })),
        None => part.text.map(Part::text),
    }
}

fn call(call: wire::ToolCall<'_>) -> Part<'_> {
    let arguments = if call.function.arguments.is_empty() { Text::from("{}") } else { call.function.arguments };
    Part::ToolCall(ToolCall { id: call.id, name: call.function.name, arguments, custom: false, cache: None })
}

pub(super) fn citation(citation: wire::Citation<'_>) -> Citation<'_> {
    Citation { cited: citation.text, span: citation.start.zip(citation.end), ..Citation::default() }
}

/// <https://docs.cohere.com/reference/chat#response.body.finish_reason> (seen 2026-11)
pub(super) fn read_finish(reason: &str) -> Finish<'static> {
    match reason {
        "TOOL_CALL" => Finish::ToolCalls,
        "MAX_TOKENS" => Finish::Length,
        "STOP_SEQUENCE" => Finish::StopSequence(None),
        "ERROR_TOXIC" => Finish::ContentFilter,
        _ => Finish::Stop,
    }
}
