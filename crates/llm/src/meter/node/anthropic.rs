//! Anthropic's replies and streams: <https://platform.claude.com/docs/en/build-with-claude/streaming> (seen 2026-11).

use super::{Node, Part};
use crate::meter::usage::Count;

/// The node of a member of an event, or of the reply.
pub(super) fn top_level(name: &[u8]) -> Node {
    match name {
        b"type" => Node::AnthropicType,
        b"delta" => Node::BlockDelta,
        b"index" => Node::Index,
        b"content_block" => Node::Block,
        b"usage" => Node::AnthropicUsage,
        b"message" => Node::AnthropicMessage,
        b"content" => Node::Blocks,
        b"error" => Node::Error,
        _ => Node::Skip,
    }
}

/// The node of a member of the message that a stream begins with.
pub(super) fn message(name: &[u8]) -> Node {
    match name {
        b"usage" => Node::AnthropicUsage,
        b"content" => Node::Blocks,
        _ => Node::Skip,
    }
}

/// The node of a member of a content block. What its `content` lists is input that a tool of the provider's found; as a
/// string it is the summary of a conversation.
pub(super) fn block(name: &[u8]) -> Node {
    match name {
        b"text" | b"thinking" | b"name" | b"data" => Node::Text(Part::Delta),
        b"input" => Node::Arguments,
        b"content" => Node::Summary,
        _ => Node::Skip,
    }
}

/// The node of a member of a delta, of a block or of the message.
pub(super) fn delta(name: &[u8]) -> Node {
    match name {
        b"text" | b"thinking" | b"partial_json" => Node::Text(Part::Delta),
        b"content" => Node::Summary,
        b"stop_reason" => Node::StopReason,
        _ => Node::Skip,
    }
}

/// The node of a member of a usage report.
pub(super) fn usage(name: &[u8]) -> Node {
    match name {
        b"service_tier" => Node::ServiceTier,
        b"output_tokens_details" => Node::UsageDetails,
        b"iterations" => Node::Iterations,
        _ => Count::of_usage(name).map_or(Node::Skip, Node::Count),
    }
}

/// The node of a member of one sampling that a reply took.
pub(super) fn iteration(name: &[u8]) -> Node {
    match name {
        b"type" => Node::IterationType,
        _ => Count::of_usage(name).map_or(Node::Skip, Node::IterationCount),
    }
}
