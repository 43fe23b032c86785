//! A whole reply, read into the canonical form.

use ditto_llm::usage::Usage;

use super::wire_reply as wire;
use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::failure::Failure;
use crate::json::{self, Raw};
use crate::reply::{Choice, Finish, Reply};
use crate::signature::{self, Maker};
use crate::text::Text;

/// Parts of a reply; more are none that a model writes.
pub(super) const PARTS_MAX: usize = 4_096;

/// Reads a reply; `None`: it is none.
pub fn read_reply<'a>(body: &'a [u8]) -> Option<Reply<'a>> {
    let reply: wire::Reply<'a> = json::read_reply(body)?;
    let finish = read_finish(&reply.stop_reason)?;
    let content = reply.output?.message?.content;
    if content.len() > PARTS_MAX {
        return None;
    }
    let parts = content.into_iter().filter_map(part).collect();
    let choice = Choice { parts, finish, logprobs: Vec::new() };
    Some(Reply {
        choices: vec![choice],
        usage: reply.usage.map(wire::WireUsage::read),
        service_tier: reply.service_tier.and_then(|tier| tier.kind),
        ..Reply::default()
    })
}

fn part(block: wire::Block<'_>) -> Option<Part<'_>> {
    if let Some(text) = block.text {
        return Some(Part::text(text));
    }
    if let Some(call) = block.tool_use {
        let arguments = call.input.map(Raw::into_text);
        return Some(Part::ToolCall(ToolCall {
            id: call.tool_use_id,
            name: call.name,
            arguments: arguments.unwrap_or_else(|| "{}".into()),
            custom: false,
            cache: None,
        }));
    }
    if let Some(cited) = block.citations_content {
        let text = Text::join(cited.content.into_iter().filter_map(|block| block.text), "");
        let citations = cited.citations.into_iter().map(citation).collect();
        return Some(Part::Text(TextPart { text, citations, cache: None }));
    }
    thinking(block.reasoning_content?).map(Part::Thinking)
}

fn thinking(reasoning: wire::Reasoning<'_>) -> Option<Thinking<'_>> {
    if let Some(content) = reasoning.redacted_content {
        return Some(Thinking { text: Text::default(), signature: Some(tagged(&content)), redacted: true });
    }
    let thought = reasoning.reasoning_text?;
    let signature = thought.signature.filter(|signature| !signature.is_empty());
    Some(Thinking { text: thought.text, signature: signature.map(|signature| tagged(&signature)), redacted: false })
}

/// A signature as clients get it.
pub(super) fn tagged(signature: &str) -> Text<'static> {
    signature::tag(Maker::Converse, signature).into()
}

pub(super) fn citation(citation: wire::Citation<'_>) -> Citation<'_> {
    Citation {
        url: citation.location.and_then(|location| location.web).and_then(|web| web.url),
        title: citation.title,
        cited: citation.source_content.into_iter().find_map(|block| block.text),
        span: None,
        native: None,
    }
}

/// Why the reply ended:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax>
/// (seen 2026-11). `None`: the model failed.
pub(super) fn read_finish(reason: &str) -> Option<Finish<'static>> {
    Some(match reason {
        "tool_use" => Finish::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "stop_sequence" => Finish::StopSequence(None),
        "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
        "malformed_model_output" | "malformed_tool_use" => return None,
        _ => Finish::Stop,
    })
}

/// The failure of a reply whose model failed, and what it used all the same.
pub fn failure_of_reply(body: &[u8]) -> Option<(Failure, Option<Usage>)> {
    let reply: wire::Reply<'_> = json::read_reply(body)?;
    match read_finish(&reply.stop_reason) {
        Some(_) => None,
        None => Some((failure_of_end(&reply.stop_reason), reply.usage.map(wire::WireUsage::read))),
    }
}

/// The failure of a model that ended with this reason.
pub(super) fn failure_of_end(reason: &str) -> Failure {
    let failure = Failure::new(502, format!("The model ended with {reason}."));
    Failure { code: Some(reason.to_owned()), ..failure }
}
