//! The dialects that clients speak.

use crate::endpoint::Endpoint;

/// How a client expects requests, replies and errors to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// OpenAI's API, and everything under `/v1` that is not listed below.
    #[default]
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Generative Language API.
    Gemini,
}

impl Dialect {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// The dialect of a request by its normalised path (with or without a query).
    pub fn of_path(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        match path {
            "/v1/messages" => Self::Anthropic,
            _ if path.starts_with("/v1/messages/") => Self::Anthropic,
            _ if path.starts_with("/v1beta/") || path.starts_with("/v1internal:") => Self::Gemini,
            // Gemini's stable version shares its prefix with OpenAI's API; only the method tells them apart.
            _ if path.starts_with("/v1/") && Endpoint::of_path(path).is_gemini() => Self::Gemini,
            _ => Self::OpenAi,
        }
    }

    /// The name used in headers and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_dialect() {
        for (path, dialect) in [
            ("/v1/chat/completions", Dialect::OpenAi),
            ("/v1/messages", Dialect::Anthropic),
            ("/v1/messages?beta=true", Dialect::Anthropic),
            ("/v1/messages/count_tokens", Dialect::Anthropic),
            ("/v1/messagesx", Dialect::OpenAi),
            ("/v1beta/models/gemini-pro:generateContent", Dialect::Gemini),
            ("/v1internal:generateContent", Dialect::Gemini),
            ("/v1/models/gemini-pro:generateContent?alt=sse", Dialect::Gemini),
            ("/v1/models/gemini-pro:countTokens", Dialect::Gemini),
            ("/v1/models/ft:gpt-4o:org::1", Dialect::OpenAi),
            ("/v1/models", Dialect::OpenAi),
        ] {
            assert_eq!(Dialect::of_path(path), dialect, "{path}");
        }
    }
}
