//! A backend's whole reply, and what its pieces mean.

use ditto_llm::usage::Usage;

use super::read_stream::Reader;
use super::wire_reply::{Chunk, LogprobsResult, UsageMetadata};
use crate::fold::Fold;
use crate::json;
use crate::reply::{Finish, Logprob, Reply};
use crate::stream::StreamReader;

/// Reads the body of a reply. It is the one piece of a stream that has only one. `None`: it is no such reply.
pub fn read_reply<'a>(body: &'a [u8]) -> Option<Reply<'a>> {
    let chunk: Chunk<'a> = json::read_reply(body)?;
    if chunk.error.is_some() || (chunk.candidates.is_none() && chunk.prompt_feedback.is_none()) {
        return None;
    }
    let mut fold = Fold::default();
    let mut reader = Reader::default();
    reader.chunk(chunk, &mut fold);
    reader.end(&mut fold);
    fold.finish().ok()
}

/// What was used: Gemini counts thoughts, and what its own tools read, beside the rest.
pub(super) fn usage(wire: &UsageMetadata) -> Usage {
    let thoughts = wire.thoughts_token_count.unwrap_or_default();
    let tools = wire.tool_use_prompt_token_count.unwrap_or_default();
    Usage {
        input: wire.prompt_token_count.unwrap_or_default().saturating_add(tools),
        output: wire.candidates_token_count.unwrap_or_default().saturating_add(thoughts),
        cached_input: wire.cached_content_token_count.unwrap_or_default(),
        cache_creation: 0,
        reasoning: thoughts,
    }
}

/// Why an answer ended, in the canonical words: <https://ai.google.dev/api/generate-content#FinishReason> (seen
/// 2026-11). `None`: the model failed.
pub(super) fn finish(reason: &str, calls_tools: bool) -> Option<Finish<'static>> {
    Some(match reason {
        "STOP" | "FINISH_REASON_UNSPECIFIED" if calls_tools => Finish::ToolCalls,
        "STOP" | "FINISH_REASON_UNSPECIFIED" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "MALFORMED_RESPONSE" | "MISSING_THOUGHT_SIGNATURE" => {
            return None;
        }
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::ContentFilter,
        _ if calls_tools => Finish::ToolCalls,
        _ => Finish::Stop,
    })
}

/// Probabilities of tokens.
pub(super) fn logprobs<'a>(result: LogprobsResult<'a>) -> Vec<Logprob<'a>> {
    let one = |token: super::wire_reply::TokenCandidate<'a>| {
        let bytes = Some(token.token.as_bytes().to_vec());
        Logprob { token: token.token, logprob: token.log_probability, bytes, top: Vec::new() }
    };
    let mut tops = result.top_candidates.unwrap_or_default().into_iter();
    let chosen = result.chosen_candidates.unwrap_or_default().into_iter();
    let all = chosen.map(|token| {
        let top = tops.next().and_then(|top| top.candidates).unwrap_or_default();
        Logprob { top: top.into_iter().map(one).collect(), ..one(token) }
    });
    all.collect()
}
