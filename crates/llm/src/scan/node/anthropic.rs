//! Anthropic's requests: <https://platform.claude.com/docs/en/api/messages> (seen 2026-11).

use super::Node;
use crate::scan::Field;

/// The node of a member of the body.
pub(super) fn top_level(name: &[u8]) -> Node {
    match name {
        b"model" => Node::Field(Field::Model),
        b"stream" => Node::Field(Field::Stream),
        b"max_tokens" => Node::Field(Field::MaxTokens),
        b"service_tier" => Node::Field(Field::ServiceTier),
        b"messages" => Node::Turns,
        b"system" => Node::Blocks,
        b"tools" => Node::Tools,
        b"output_config" | b"output_format" => Node::Schema,
        b"context_management" => Node::ContextManagement,
        // Servers of tools, files from former requests, and summaries that the provider writes on the way.
        b"mcp_servers" | b"container" | b"compaction" => Node::Refers,
        _ => Node::Skip,
    }
}

/// The node of a member of a message.
pub(super) fn turn(name: &[u8]) -> Node {
    match name {
        b"content" => Node::Blocks,
        _ => Node::Text,
    }
}

/// The node of a member of a content block.
pub(super) fn block(name: &[u8]) -> Node {
    match name {
        b"type" => Node::BlockType,
        b"source" => Node::Source,
        b"content" => Node::Blocks,
        b"input" => Node::Arguments,
        b"file_id" => Node::Attachment,
        // Ids and signatures are no text for the model, and what a citation quotes is not counted again.
        b"id" | b"tool_use_id" | b"signature" | b"citations" | b"cache_control" | b"caller" => Node::Skip,
        _ => Node::Text,
    }
}

/// The node of a member of an image's or document's source.
pub(super) fn source(name: &[u8]) -> Node {
    match name {
        b"type" => Node::SourceType,
        b"data" => Node::SourceData,
        b"content" => Node::Blocks,
        _ => Node::Skip,
    }
}

/// Blocks whose input is all in the body, but for what their sources say.
pub(in crate::scan) const BLOCKS: [&str; 8] =
    ["text", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result", "compaction"];
/// Sources that are text in the body.
pub(in crate::scan) const TEXT_SOURCES: [&str; 2] = ["text", "content"];
/// What only takes something out of the conversation.
pub(in crate::scan) const CONTEXT_EDITS: [&str; 2] = ["clear_tool_uses_20250919", "clear_thinking_20251015"];
