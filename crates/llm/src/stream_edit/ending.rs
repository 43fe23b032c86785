//! The events that end a stream at its cap, as each endpoint's clients expect them.

use std::io::Write;

use crate::endpoint::Endpoint;
use crate::meter::{Identity, Reading};

/// How a stream is ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// What the client is told that was made: as many tokens as the stream was allowed.
    pub(super) output_cap: u64,
    /// The stream is one JSON array.
    pub(super) in_array: bool,
    /// Something of the stream has passed.
    pub(super) begun: bool,
}

impl Ending {
    /// Writes what ends the stream.
    pub(super) fn write(self, bytes: &mut Vec<u8>, endpoint: Endpoint, reading: &Reading) {
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
            Endpoint::Messages => self.message(bytes, reading),
            Endpoint::StreamGenerateContent | Endpoint::GenerateContent => self.generation(bytes, reading),
            Endpoint::Embeddings
            | Endpoint::Rerank
            | Endpoint::CountTokens
            | Endpoint::GeminiCountTokens
            | Endpoint::GeminiEmbed
            | Endpoint::Other => Ok(()),
        };
    }

    /// Anthropic's: the open block is closed, and the message says why it ends.
    fn message(self, bytes: &mut Vec<u8>, reading: &Reading) -> std::io::Result<()> {
        if let Some(index) = reading.open_block() {
            write!(
                bytes,
                "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n"
            )?;
        }
        bytes.write_all(
            b"event: message_delta\ndata: {\"type\":\"message_delta\",\
            \"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null},\"usage\":{",
        )?;
        if let Some(usage) = &reading.usage {
            let rest = usage.input.saturating_sub(usage.cached_input).saturating_sub(usage.cache_creation);
            write!(
                bytes,
                "\"input_tokens\":{rest},\"cache_creation_input_tokens\":{},\"cache_read_input_tokens\":{},",
                usage.cache_creation, usage.cached_input
            )?;
        }
        write!(bytes, "\"output_tokens\":{}}}}}\n\n", self.output_cap)?;
        bytes.write_all(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    }

    /// Gemini's: a last chunk, as an event or at the end of the array.
    fn generation(self, bytes: &mut Vec<u8>, reading: &Reading) -> std::io::Result<()> {
        bytes.write_all(match (self.in_array, self.begun) {
            (false, _) => b"data: ",
            (true, false) => b"[",
            (true, true) => b",\r\n",
        })?;
        let enveloped = reading.identity.enveloped;
        if enveloped {
            bytes.write_all(b"{\"response\":")?;
        }
        self.chunk(bytes, reading)?;
        if enveloped {
            bytes.write_all(b"}")?;
        }
        bytes.write_all(if self.in_array { b"]\n" } else { b"\r\n\r\n" })
    }

    fn chunk(self, bytes: &mut Vec<u8>, reading: &Reading) -> std::io::Result<()> {
        bytes.write_all(b"{\"candidates\":[")?;
        for (place, index) in reading.open_choices().enumerate() {
            bytes.write_all(if place > 0 { b"," } else { b"" })?;
            write!(
                bytes,
                "{{\"content\":{{\"parts\":[{{\"text\":\"\"}}],\"role\":\"model\"}},\"finishReason\":\"MAX_TOKENS\",\
                \"index\":{index}}}"
            )?;
        }
        bytes.write_all(b"],\"usageMetadata\":{")?;
        let usage = reading.usage.unwrap_or_default();
        let thoughts = usage.reasoning.min(self.output_cap);
        write!(
            bytes,
            "\"promptTokenCount\":{},\"candidatesTokenCount\":{},",
            usage.input,
            self.output_cap.saturating_sub(thoughts)
        )?;
        if usage.cached_input > 0 {
            write!(bytes, "\"cachedContentTokenCount\":{},", usage.cached_input)?;
        }
        if thoughts > 0 {
            write!(bytes, "\"thoughtsTokenCount\":{thoughts},")?;
        }
        write!(bytes, "\"totalTokenCount\":{}}}", usage.input.saturating_add(self.output_cap))?;
        for (name, value) in [("modelVersion", &reading.identity.model), ("responseId", &reading.identity.id)] {
            if !value.is_empty() {
                write!(bytes, ",\"{name}\":\"")?;
                bytes.write_all(value)?;
                bytes.write_all(b"\"")?;
            }
        }
        bytes.write_all(b"}")
    }
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
