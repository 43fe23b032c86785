//! How chunks end, and streams of them: chat completions and the legacy completions have it alike.

use ditto_llm::usage::Usage;

use super::usage::Written;
use super::write_failure;
use crate::failure::Failure;
use crate::json;

/// What a chunk ends with, after its choices. With usage, every chunk but the last says that it has none.
/// <https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options> (seen 2026-11)
pub(crate) fn of_chunk(include_usage: bool) -> &'static [u8] {
    if include_usage { b",\"usage\":null}\n\n" } else { b"}\n\n" }
}

/// Appends a failure, after which nothing comes.
pub(crate) fn failure(output: &mut Vec<u8>, failure: &Failure) {
    output.extend_from_slice(b"data: ");
    json::append(output, &write_failure::Body::from(failure));
    output.extend_from_slice(b"\n\n");
}

/// Appends the end, with a chunk for the usage where that is wanted and known. `head` is what a chunk begins with, up to
/// its choices.
pub(crate) fn done(output: &mut Vec<u8>, head: &[u8], usage: Option<&Usage>) {
    if let Some(usage) = usage {
        output.extend_from_slice(head);
        output.extend_from_slice(b"],\"usage\":");
        json::append(output, &Written::from(usage));
        output.extend_from_slice(b"}\n\n");
    }
    output.extend_from_slice(b"data: [DONE]\n\n");
}
