//! A reply on the wire, whole or a piece of a stream:
//! <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse> (seen 2026-11).

use serde::{Deserialize, Serialize};

use super::wire_request::{CodeExecutionResult, ExecutableCode, FunctionCall};
use crate::json::Raw;
use crate::text::Text;

/// Members that say nothing to other dialects (ratings, details of usage, grounding) are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    pub(super) prompt_feedback: Option<PromptFeedback<'a>>,
    pub(super) usage_metadata: Option<UsageMetadata>,
    #[serde(borrow)]
    pub(super) model_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) response_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<Raw<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate<'a> {
    #[serde(borrow)]
    pub(super) content: Option<ReplyContent<'a>>,
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) finish_message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) citation_metadata: Option<CitationMetadata<'a>>,
    #[serde(borrow)]
    pub(super) logprobs_result: Option<LogprobsResult<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReplyContent<'a> {
    #[serde(borrow)]
    pub(super) parts: Option<Vec<ReplyPart<'a>>>,
}

/// A part of a reply, with what backends send.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReplyPart<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    pub(super) thought: Option<bool>,
    #[serde(borrow)]
    pub(super) thought_signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(borrow)]
    pub(super) inline_data: Option<InlineData<'a>>,
    #[serde(borrow)]
    pub(super) executable_code: Option<ExecutableCode<'a>>,
    #[serde(borrow)]
    pub(super) code_execution_result: Option<CodeExecutionResult<'a>>,
}

impl ReplyPart<'_> {
    /// Whether it is text for everybody.
    pub(super) fn is_words(&self) -> bool {
        self.thought != Some(true) && self.text.as_ref().is_some_and(|text| !text.is_empty())
    }
}

/// Bytes that are not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct InlineData<'a> {
    #[serde(borrow)]
    pub(super) mime_type: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PromptFeedback<'a> {
    #[serde(borrow)]
    pub(super) block_reason: Option<Text<'a>>,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UsageMetadata {
    pub(super) prompt_token_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cached_content_token_count: Option<u64>,
    pub(super) candidates_token_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thoughts_token_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_use_prompt_token_count: Option<u64>,
    pub(super) total_token_count: Option<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CitationMetadata<'a> {
    /// Vertex's former name of the member is `citations` too; AI Studio's is `citationSources`.
    #[serde(borrow, alias = "citationSources")]
    pub(super) citations: Option<Vec<Citation<'a>>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Citation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_index: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) uri: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<Text<'a>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LogprobsResult<'a> {
    #[serde(borrow)]
    pub(super) top_candidates: Option<Vec<TopCandidates<'a>>>,
    #[serde(borrow)]
    pub(super) chosen_candidates: Option<Vec<TokenCandidate<'a>>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TopCandidates<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<TokenCandidate<'a>>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TokenCandidate<'a> {
    #[serde(borrow)]
    pub(super) token: Text<'a>,
    pub(super) log_probability: f64,
}
