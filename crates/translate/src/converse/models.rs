//! What models of several makers differ in, by their names:
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html> (seen 2026-11).

/// Who made a model, as far as requests differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's Claude, under a name that does not say so to the gateway.
    Claude,
    /// Amazon's Nova; from the second version on they think.
    Nova {
        /// It can be asked to think.
        thinks: bool,
    },
    /// OpenAI's open models.
    OpenAi,
    /// Mistral's.
    Mistral,
    /// Cohere's.
    Cohere,
    /// Any other.
    Other,
}

impl Family {
    pub(super) fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is = |part: &str| name.contains(part);
        match () {
            () if is("claude") => Self::Claude,
            () if is("nova") => Self::Nova { thinks: is("nova-2") },
            () if is("openai.") || is("gpt-oss") => Self::OpenAi,
            () if is("mistral.") => Self::Mistral,
            () if is("cohere.") => Self::Cohere,
            () => Self::Other,
        }
    }

    /// Whether it takes marks of what to cache; others refuse them.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html> (seen 2026-11)
    pub(super) fn caches(self) -> bool {
        matches!(self, Self::Claude | Self::Nova { .. })
    }
}
