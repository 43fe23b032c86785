//! Which provider a path belongs to. One simulator speaks all dialects.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::call::Call;
use super::reply::Reply;
use super::{anthropic, azure, bedrock, cohere, gemini, oauth, openai, vertex, zhipu};

/// A provider's way of speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
    Bedrock,
    Vertex,
    Cohere,
    Azure,
    Zhipu,
    /// No model: where tokens come from.
    OAuth,
}

impl Dialect {
    /// The dialect that a request expects: its path tells, and a header where two have the same path.
    pub(super) fn of(parts: &Parts) -> Self {
        match () {
            () if anthropic::owns(parts) => Self::Anthropic,
            () if gemini::owns(parts) => Self::Gemini,
            () if bedrock::owns(parts.uri.path()) => Self::Bedrock,
            () if vertex::owns(parts.uri.path()) => Self::Vertex,
            () if cohere::owns(parts.uri.path()) => Self::Cohere,
            () if azure::owns(parts.uri.path()) => Self::Azure,
            () if zhipu::owns(parts.uri.path()) => Self::Zhipu,
            () if oauth::owns(parts.uri.path()) => Self::OAuth,
            () => Self::OpenAi,
        }
    }

    /// The provider's answer.
    pub(super) async fn answer(self, call: &Call<'_>) -> Reply {
        match self {
            Self::OpenAi => openai::answer(call).await,
            Self::Anthropic => anthropic::answer(call),
            Self::Gemini => gemini::answer(call),
            Self::Bedrock => bedrock::answer(call),
            Self::Vertex => vertex::answer(call),
            Self::Cohere => cohere::answer(call),
            Self::Azure => azure::answer(call).await,
            Self::Zhipu => zhipu::answer(call),
            Self::OAuth => oauth::answer(call),
        }
    }

    /// What the provider says with a bare status, for a fault that asks for one.
    pub(super) fn failure(self, status: StatusCode, call: &Call<'_>) -> Reply {
        let message = format!("{} fails with {status}, as it was told to.", call.state.config.name);
        match self {
            Self::OpenAi => openai::failure(status, message),
            Self::Anthropic => anthropic::failure(status, message, call),
            Self::Gemini => gemini::failure(status, message, call),
            Self::Bedrock => bedrock::failure(status, message),
            Self::Vertex => vertex::failure(status, message, call),
            Self::Cohere => cohere::failure(status, message, call),
            Self::Azure => azure::failure(status, &message),
            Self::Zhipu => zhipu::failure(status, &message),
            Self::OAuth => oauth::failure(status, message),
        }
    }

    /// What the provider sends when it fails in the middle of a stream, after so many pieces.
    pub(super) fn stream_failure(self, status: StatusCode, pieces: usize, call: &Call<'_>) -> Bytes {
        let message = format!("{} fails with {status}, as it was told to.", call.state.config.name);
        match self {
            Self::OpenAi => openai::stream_failure(status, message, pieces, call),
            Self::Anthropic => anthropic::stream_failure(status, message, call),
            Self::Gemini => gemini::stream_failure(status, message, pieces, call),
            Self::Bedrock => bedrock::stream_failure(status, message),
            Self::Vertex => vertex::stream_failure(status, message, pieces, call),
            Self::Cohere => cohere::stream_failure(&message),
            Self::Azure => azure::stream_failure(status, message, pieces, call),
            Self::Zhipu => zhipu::stream_failure(status, &message),
            // Nothing of it is a stream.
            Self::OAuth => Bytes::new(),
        }
    }

    /// Adds the headers that every reply of the provider has.
    pub(super) fn add_headers(self, reply: &mut Reply, call: &Call<'_>) {
        match self {
            Self::OpenAi => openai::add_headers(reply, call),
            Self::Anthropic => anthropic::add_headers(reply, call),
            Self::Gemini | Self::Vertex => gemini::add_headers(reply),
            Self::Cohere => cohere::add_headers(reply, call),
            Self::Azure => azure::add_headers(reply, call),
            Self::Zhipu => zhipu::add_headers(reply, call),
            Self::OAuth => {}
            Self::Bedrock => bedrock::add_headers(reply, call),
        }
    }
}
