//! Usage, with and without its cache.

use ditto_llm::usage::Usage;
use serde::Serialize;

use super::wire_reply;

/// The canonical form: the cache is part of the input. `None` when nothing is counted.
pub(super) fn read(wire: &wire_reply::Usage<'_>) -> Option<Usage> {
    wire.input_tokens.or(wire.output_tokens).or(wire.cache_read_input_tokens)?;
    let cached_input = wire.cache_read_input_tokens.unwrap_or_default();
    let cache_creation = wire.cache_creation_input_tokens.unwrap_or_default();
    let beside = cached_input.saturating_add(cache_creation);
    let output = wire.output_tokens.unwrap_or_default();
    let reasoning = wire.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or_default();
    Some(Usage {
        input: wire.input_tokens.unwrap_or_default().saturating_add(beside),
        output,
        cached_input,
        cache_creation,
        reasoning: reasoning.min(output),
    })
}

/// What a client sees: the cache stands beside the input.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<WrittenDetails>,
}

#[derive(Debug, Serialize)]
struct WrittenDetails {
    thinking_tokens: u64,
}

/// The client's form of it.
pub(super) fn write(usage: &Usage) -> Written {
    let beside = usage.cached_input.saturating_add(usage.cache_creation);
    let thinking = Some(usage.reasoning).filter(|tokens| *tokens > 0);
    Written {
        input_tokens: usage.input.saturating_sub(beside),
        cache_creation_input_tokens: usage.cache_creation,
        cache_read_input_tokens: usage.cached_input,
        output_tokens: usage.output,
        output_tokens_details: thinking.map(|thinking_tokens| WrittenDetails { thinking_tokens }),
    }
}
