//! The events that end a stream at its cap, as each endpoint's clients expect them.

use std::io::Write;

use crate::endpoint::Endpoint;
use crate::meter::{Identity, Reading};

/// Writes what ends the stream.
pub(super) fn write(bytes: &mut Vec<u8>, endpoint: Endpoint, reading: &Reading) {
    // Writing to memory does not fail.
    let _ = match endpoint {
        Endpoint::ChatCompletions => reading
            .open_choices()
            .try_for_each(|index| chat(bytes, &reading.identity, index))
            .and_then(|()| done(bytes)),
        Endpoint::Completions => reading
            .open_choices()
            .try_for_each(|index| completion(bytes, &reading.identity, index))
            .and_then(|()| done(bytes)),
        Endpoint::Responses => response(bytes, &reading.identity),
        _ => Ok(()),
    };
}

fn done(bytes: &mut Vec<u8>) -> std::io::Result<()> {
    bytes.write_all(b"data: [DONE]\n\n")
}

fn chat(bytes: &mut Vec<u8>, identity: &Identity, index: u32) -> std::io::Result<()> {
    head(bytes, identity, "chat.completion.chunk")?;
    write!(bytes, "\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":\"length\"}}]}}\n\n")
}

fn completion(bytes: &mut Vec<u8>, identity: &Identity, index: u32) -> std::io::Result<()> {
    head(bytes, identity, "text_completion")?;
    write!(
        bytes,
        "\"choices\":[{{\"index\":{index},\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"length\"}}]}}\n\n"
    )
}

fn head(bytes: &mut Vec<u8>, identity: &Identity, object: &str) -> std::io::Result<()> {
    bytes.write_all(b"data: {\"id\":\"")?;
    bytes.write_all(&identity.id)?;
    write!(bytes, "\",\"object\":\"{object}\",\"created\":{},\"model\":\"", identity.created)?;
    bytes.write_all(&identity.model)?;
    bytes.write_all(b"\",")
}

fn response(bytes: &mut Vec<u8>, identity: &Identity) -> std::io::Result<()> {
    bytes.write_all(b"event: response.incomplete\ndata: {\"type\":\"response.incomplete\",")?;
    if let Some(sequence) = identity.sequence {
        write!(bytes, "\"sequence_number\":{},", sequence.saturating_add(1))?;
    }
    bytes.write_all(b"\"response\":{\"id\":\"")?;
    bytes.write_all(&identity.id)?;
    write!(bytes, "\",\"object\":\"response\",\"created_at\":{},\"model\":\"", identity.created)?;
    bytes.write_all(&identity.model)?;
    bytes.write_all(
        b"\",\"status\":\"incomplete\",\"error\":null,\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\
        \"output\":[],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\"usage\":null}}\n\n",
    )
}
