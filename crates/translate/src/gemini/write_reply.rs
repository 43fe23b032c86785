//! A whole reply to a client.

use ditto_llm::usage::Usage;
use serde::Serialize;

use super::proof;
use super::wire_reply::UsageMetadata;
use super::wire_reply::{Citation as WireCitation, CitationMetadata, LogprobsResult, TokenCandidate, TopCandidates};
use super::wire_request::{Blob, Content, FunctionCall, Part as Wire};
use crate::content::{Citation, Media, Part, Source, Thinking, ToolCall};
use crate::json::{self, Raw};
use crate::reply::{Choice, Finish, Logprob, Reply};
use crate::signature::{self, Maker};
use crate::target::ReplyContext;
use crate::text::Text;

/// The reply's members, in the order in which Google writes them.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutReply<'r> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) candidates: Vec<OutCandidate<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage_metadata: Option<UsageMetadata>,
    pub(super) model_version: &'r str,
    pub(super) response_id: &'r str,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutCandidate<'r> {
    pub(super) content: Content<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) citation_metadata: Option<CitationMetadata<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avg_logprobs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs_result: Option<LogprobsResult<'r>>,
    pub(super) index: u32,
}

/// Gemini CLI's envelope, which has its own name for the reply's id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutEnvelope<'r> {
    pub(super) response: &'r OutReply<'r>,
    pub(super) trace_id: &'r str,
}

/// Writes the body of a reply.
pub fn write_reply(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    let candidates = reply.choices.iter().zip(0_u32..).map(|(choice, index)| candidate(choice, index)).collect();
    let out = OutReply {
        candidates,
        usage_metadata: reply.usage.as_ref().map(usage),
        model_version: if reply.model.is_empty() { &context.model } else { &reply.model },
        response_id: if reply.id.is_empty() { &context.request_id } else { &reply.id },
    };
    if context.envelope {
        return json::write(&OutEnvelope { trace_id: out.response_id, response: &out });
    }
    json::write(&out)
}

fn candidate<'r>(choice: &'r Choice<'_>, index: u32) -> OutCandidate<'r> {
    let mut parts: Vec<Wire<'r>> = Vec::new();
    let mut citations: Vec<WireCitation<'r>> = Vec::new();
    let mut malformed = false;
    let mut ascii = true;
    for part in &choice.parts {
        match part {
            Part::Text(text) => {
                ascii &= text.text.is_ascii();
                citations.extend(text.citations.iter().filter_map(|citation| cite(citation, ascii)));
                parts.push(words(text.text.borrowed()));
            }
            Part::Refusal(text) => parts.push(words(text.borrowed())),
            Part::Thinking(thinking) => think(thinking, &mut parts),
            Part::ToolCall(call) => match function_call(call) {
                Some(call) => parts.push(call),
                None => malformed = true,
            },
            Part::Image(media) | Part::Audio(media) | Part::Video(media) => parts.extend(blob(media)),
            Part::Document(_) | Part::ToolResult(_) => {}
        }
    }
    let citations = Some(citations).filter(|citations| !citations.is_empty());
    OutCandidate {
        content: Content { role: Some("model".into()), parts, ..Content::default() },
        finish_reason: Some(finish_word(&choice.finish, malformed)),
        citation_metadata: citations.map(|citations| CitationMetadata { citations: Some(citations) }),
        avg_logprobs: average(&choice.logprobs),
        logprobs_result: logprobs(&choice.logprobs),
        index,
    }
}

pub(super) fn words(text: Text<'_>) -> Wire<'_> {
    Wire { text: Some(text), ..Wire::default() }
}

/// Thoughts. Gemini's own signature without words goes back on the text that it belongs to.
fn think<'r>(thinking: &'r Thinking<'_>, parts: &mut Vec<Wire<'r>>) {
    let own = proof::own(thinking).filter(|_| thinking.text.is_empty());
    if let (Some(own), Some(last)) = (own, parts.last_mut().filter(|last| last.text.is_some())) {
        last.thought_signature = Some(own.into());
        return;
    }
    let signature = thinking.signature.as_deref().map(|signature| proof::for_client(signature, thinking.redacted));
    parts.push(thought(thinking.text.borrowed(), signature, own.is_none()));
}

/// Thoughts, or (`is_thought` is false) a signature of text.
pub(super) fn thought(text: Text<'_>, signature: Option<String>, is_thought: bool) -> Wire<'_> {
    let thought = is_thought.then_some(true);
    Wire { text: Some(text), thought, thought_signature: signature.map(Text::from), ..Wire::default() }
}

/// A call; `None` when its arguments are no object, which a stop in the middle of them leaves behind.
pub(super) fn function_call<'r>(call: &'r ToolCall<'_>) -> Option<Wire<'r>> {
    let arguments = call.arguments.trim();
    let args = if call.custom {
        Raw::of(&serde_json::json!({ "input": call.arguments.as_str() }))?
    } else if arguments.is_empty() {
        Raw::parse("{}")?
    } else {
        // Some models write their arguments on many lines, and an event's data are one.
        Raw::parse(arguments).filter(Raw::is_object)?.on_one_line()
    };
    let (id, signature) = signature::detach(&call.id);
    let id = Some(id).filter(|id| !id.is_empty()).map(Text::from);
    let function_call = Some(FunctionCall { id, name: call.name.borrowed(), args: Some(args), ..Default::default() });
    Some(Wire { function_call, thought_signature: signature.map(Text::from), ..Wire::default() })
}

fn blob<'r>(media: &'r Media<'_>) -> Option<Wire<'r>> {
    let Source::Base64(data) = &media.source else { return None };
    let mime_type = media.mime.as_ref().map(Text::borrowed);
    Some(Wire { inline_data: Some(Blob { mime_type, data: data.borrowed(), ..Blob::default() }), ..Wire::default() })
}

/// A reference; `None`: nothing of it has a place there. Gemini counts places in bytes, so that they are known only in
/// text without longer letters.
pub(super) fn cite<'r>(citation: &'r Citation<'_>, ascii: bool) -> Option<WireCitation<'r>> {
    let span = citation.span.filter(|_| ascii);
    if span.is_none() && citation.url.is_none() && citation.title.is_none() {
        return None;
    }
    Some(WireCitation {
        start_index: span.map(|(start, _)| start),
        end_index: span.map(|(_, end)| end),
        uri: citation.url.as_ref().map(Text::borrowed),
        title: citation.title.as_ref().map(Text::borrowed),
    })
}

/// Why it ended, in Gemini's words: <https://ai.google.dev/api/generate-content#FinishReason> (seen 2026-11).
pub(super) fn finish_word(finish: &Finish<'_>, malformed: bool) -> &'static str {
    match finish {
        Finish::Length => "MAX_TOKENS",
        _ if malformed => "MALFORMED_FUNCTION_CALL",
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls => "STOP",
        Finish::ContentFilter | Finish::Refusal => "SAFETY",
        Finish::Pause => "OTHER",
    }
}

/// Gemini counts thoughts beside the rest.
pub(super) fn usage(usage: &Usage) -> UsageMetadata {
    let given = |count: u64| Some(count).filter(|count| *count > 0);
    UsageMetadata {
        prompt_token_count: Some(usage.input),
        cached_content_token_count: given(usage.cached_input),
        candidates_token_count: Some(usage.output.saturating_sub(usage.reasoning)),
        thoughts_token_count: given(usage.reasoning),
        tool_use_prompt_token_count: None,
        total_token_count: Some(usage.total()),
    }
}

pub(super) fn logprobs<'r>(tokens: &'r [Logprob<'_>]) -> Option<LogprobsResult<'r>> {
    let one = |token: &'r Logprob<'_>| TokenCandidate {
        token: token.token.borrowed(),
        log_probability: if token.logprob.is_finite() { token.logprob } else { f64::MIN },
    };
    if tokens.is_empty() {
        return None;
    }
    let top = |token: &'r Logprob<'_>| TopCandidates { candidates: Some(token.top.iter().map(one).collect()) };
    Some(LogprobsResult {
        top_candidates: Some(tokens.iter().map(top).collect()),
        chosen_candidates: Some(tokens.iter().map(one).collect()),
    })
}

fn average(tokens: &[Logprob<'_>]) -> Option<f64> {
    let count = u32::try_from(tokens.len()).ok().filter(|count| *count > 0)?;
    let sum: f64 = tokens.iter().map(|token| token.logprob).sum();
    Some(sum / f64::from(count)).filter(|average| average.is_finite())
}

/// Whether these words-less thoughts are Gemini's own signature of the text before them.
pub(super) fn is_of_text(signature: &str) -> bool {
    matches!(signature::untag(signature, Some(Maker::Gemini)), Some((Maker::Gemini, _)))
}
