//! The members that must not occur twice.

/// A member of the body that the gateway reads, and that therefore must be unambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `model`
    Model,
    /// `stream`
    Stream,
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`
    MaxCompletionTokens,
    /// `max_output_tokens`, or `maxOutputTokens` in Gemini's `generationConfig`
    MaxOutputTokens,
    /// `n`
    N,
    /// `best_of`
    BestOf,
    /// `candidate_count`, or `candidateCount`, which Gemini has in `generationConfig`
    CandidateCount,
    /// `stream_options`
    StreamOptions,
    /// `include_usage` in `stream_options`
    IncludeUsage,
    /// `service_tier`, or `serviceTier`
    ServiceTier,
    /// Gemini's `generationConfig`, or `generation_config`
    GenerationConfig,
    /// `request`, around which Gemini CLI puts an envelope
    Request,
}

impl Field {
    /// The top-level member of this name.
    pub(super) fn of_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"max_tokens" => Self::MaxTokens,
            b"max_completion_tokens" => Self::MaxCompletionTokens,
            b"max_output_tokens" => Self::MaxOutputTokens,
            b"n" => Self::N,
            b"best_of" => Self::BestOf,
            b"candidate_count" | b"candidateCount" => Self::CandidateCount,
            b"stream_options" => Self::StreamOptions,
            b"service_tier" => Self::ServiceTier,
            _ => return None,
        })
    }

    /// The member's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::N => "n",
            Self::BestOf => "best_of",
            Self::CandidateCount => "candidate_count",
            Self::StreamOptions => "stream_options",
            Self::IncludeUsage => "include_usage",
            Self::ServiceTier => "service_tier",
            Self::GenerationConfig => "generationConfig",
            Self::Request => "request",
        }
    }

    /// One bit for each field.
    pub(super) fn bit(self) -> u16 {
        1 << self as u16
    }
}
