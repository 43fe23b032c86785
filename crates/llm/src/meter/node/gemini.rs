//! Gemini's replies and streams: <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>
//! (seen 2026-11).

use super::{Node, Part};
use crate::meter::usage::Count;

/// The node of a member of a reply, or of a chunk of a stream.
pub(super) fn top_level(name: &[u8]) -> Node {
    match name {
        // Gemini CLI's envelope.
        b"response" => Node::GeminiResponse,
        _ => response(name),
    }
}

/// The node of a member of the response proper.
pub(super) fn response(name: &[u8]) -> Node {
    match name {
        b"candidates" => Node::Candidates,
        b"usageMetadata" => Node::GeminiUsage,
        b"modelVersion" => Node::Model,
        b"responseId" => Node::Id,
        b"promptFeedback" => Node::PromptFeedback,
        b"error" => Node::Error,
        _ => Node::Skip,
    }
}

/// The node of a member of a candidate.
pub(super) fn candidate(name: &[u8]) -> Node {
    match name {
        b"content" => Node::CandidateContent,
        b"finishReason" => Node::FinishReason,
        b"index" => Node::Index,
        _ => Node::Skip,
    }
}

/// The node of a member of a part. What code gave is input for the model, not its output.
pub(super) fn part(name: &[u8]) -> Node {
    match name {
        b"text" => Node::Text(Part::Delta),
        b"functionCall" => Node::FunctionCall,
        b"inlineData" => Node::InlineData,
        b"executableCode" => Node::ExecutableCode,
        _ => Node::Skip,
    }
}

/// The node of a member of a usage report.
pub(super) fn usage(name: &[u8]) -> Node {
    let count = match name {
        b"promptTokenCount" => Count::Prompt,
        b"toolUsePromptTokenCount" => Count::ToolUse,
        b"cachedContentTokenCount" => Count::Cached,
        b"candidatesTokenCount" => Count::Output,
        b"thoughtsTokenCount" => Count::Thoughts,
        b"totalTokenCount" => Count::Total,
        b"serviceTier" => return Node::ServiceTier,
        _ => return Node::Skip,
    };
    Node::Count(count)
}
