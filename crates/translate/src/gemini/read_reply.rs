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

/// What was used: Gemini counts thoughts, and what its own tools read, beside the rest. As the gateway's own meter has
/// it, a total tells whether thoughts are part of the output already, and what it has beyond the parts is output.
pub(super) fn usage(wire: &UsageMetadata) -> Usage {
    let prompt = wire.prompt_token_count.unwrap_or_default();
    let shown = wire.candidates_token_count.unwrap_or_default();
    let thoughts = wire.thoughts_token_count.unwrap_or_default();
    let room = wire.total_token_count.and_then(|total| total.checked_sub(prompt.saturating_add(shown)));
    let output = shown.saturating_add(thoughts.min(room.unwrap_or(u64::MAX)));
    let input = prompt.saturating_add(wire.tool_use_prompt_token_count.unwrap_or_default());
    let rest = wire.total_token_count.unwrap_or_default().saturating_sub(input.saturating_add(output));
    let output = output.saturating_add(rest);
    Usage {
        input,
        output,
        cached_input: wire.cached_content_token_count.unwrap_or_default().min(input),
        cache_creation: 0,
        reasoning: thoughts.min(output),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_decides_where_thoughts_belong() {
        let count = |candidates, thoughts, total| {
            let wire = UsageMetadata {
                prompt_token_count: Some(10),
                candidates_token_count: candidates,
                thoughts_token_count: thoughts,
                total_token_count: total,
                ..UsageMetadata::default()
            };
            let usage = usage(&wire);
            (usage.input, usage.output, usage.reasoning)
        };
        assert_eq!(count(Some(5), Some(3), Some(18)), (10, 8, 3));
        assert_eq!(count(Some(5), Some(3), Some(15)), (10, 5, 3));
        assert_eq!(count(Some(5), Some(3), None), (10, 8, 3));
        assert_eq!(count(None, None, Some(14)), (10, 4, 0));
    }
}
