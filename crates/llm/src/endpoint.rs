//! The endpoints whose requests and replies the gateway can read.

mod gemini;

pub use gemini::{model_of_path, path_with_model};

/// What a request asks for, as far as metering is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Endpoint {
    /// `/v1/chat/completions`
    ChatCompletions,
    /// `/v1/completions`
    Completions,
    /// `/v1/responses`
    Responses,
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/rerank`
    Rerank,
    /// Anthropic's `/v1/messages`: <https://platform.claude.com/docs/en/api/messages> (seen 2026-11).
    Messages,
    /// Anthropic's `/v1/messages/count_tokens`, which charges nothing.
    CountTokens,
    /// Gemini's `:generateContent`: <https://ai.google.dev/api/generate-content> (seen 2026-11). The path names the
    /// model; under `/v1internal`, as Gemini CLI speaks it, the body does, around the request proper.
    GenerateContent,
    /// Gemini's `:streamGenerateContent`: the same request, answered by a stream whatever the body says.
    StreamGenerateContent,
    /// Gemini's `:countTokens`, which charges nothing.
    GeminiCountTokens,
    /// Gemini's `:embedContent` and `:batchEmbedContents`.
    GeminiEmbed,
    /// Everything else.
    #[default]
    Other,
}

impl Endpoint {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Rerank,
        Self::Messages,
        Self::CountTokens,
        Self::GenerateContent,
        Self::StreamGenerateContent,
        Self::GeminiCountTokens,
        Self::GeminiEmbed,
        Self::Other,
    ];

    /// The endpoint of a request by its normalised path (with or without a query).
    pub fn of_path(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        match path {
            "/v1/chat/completions" => Self::ChatCompletions,
            "/v1/completions" => Self::Completions,
            "/v1/responses" => Self::Responses,
            "/v1/embeddings" => Self::Embeddings,
            "/v1/rerank" => Self::Rerank,
            "/v1/messages" => Self::Messages,
            "/v1/messages/count_tokens" => Self::CountTokens,
            _ => gemini::endpoint(path),
        }
    }

    /// Whether it answers with generated text, which a cap can bound.
    pub fn generates(self) -> bool {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::Responses
            | Self::Messages
            | Self::GenerateContent
            | Self::StreamGenerateContent => true,
            Self::Embeddings
            | Self::Rerank
            | Self::CountTokens
            | Self::GeminiCountTokens
            | Self::GeminiEmbed
            | Self::Other => false,
        }
    }

    /// Whether it only tells how many tokens a request would have: nothing is generated, and nothing is charged.
    pub fn only_counts(self) -> bool {
        matches!(self, Self::CountTokens | Self::GeminiCountTokens)
    }

    /// Whether its bodies are Gemini's.
    pub fn is_gemini(self) -> bool {
        matches!(
            self,
            Self::GenerateContent | Self::StreamGenerateContent | Self::GeminiCountTokens | Self::GeminiEmbed
        )
    }

    /// Whether its bodies are Anthropic's.
    pub fn is_anthropic(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }
}

#[cfg(test)]
mod tests;
