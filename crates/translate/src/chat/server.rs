//! Which of the dialect's servers a request goes to: they differ in what they take.

use crate::target::{Host, Target};
use crate::url::segment;

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    /// OpenAI.
    OpenAi,
    /// Azure's OpenAI service: the same models, members later.
    Azure,
    /// Zhipu: <https://docs.z.ai/api-reference/llm/chat-completion> (seen 2026-11).
    Zhipu,
    /// Any other: open to members that OpenAI does not have.
    Compatible {
        /// Anthropic's marks of what to cache reach a model that knows them, by way of OpenRouter or LiteLLM. Others
        /// have no use for them.
        marks: bool,
        /// It refuses members that OpenAI does not have: Groq and Mistral do, vLLM, OpenRouter, Together and most others
        /// know some, or ignore them.
        strict: bool,
    },
}

impl Server {
    pub(super) fn of(target: &Target<'_>) -> Self {
        match target.host {
            Host::Own => Self::OpenAi,
            Host::Azure { .. } => Self::Azure,
            Host::Zhipu => Self::Zhipu,
            Host::Strict => Self::Compatible { marks: false, strict: true },
            Host::Compatible | Host::Vertex { .. } | Host::Bedrock => {
                Self::Compatible { marks: is_claude(target.model), strict: false }
            }
        }
    }

    /// Whether it takes members that OpenAI does not have.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Compatible { strict: false, .. })
    }

    /// Whether OpenAI's models are behind it, with its newer members.
    pub(super) fn is_openai(self) -> bool {
        matches!(self, Self::OpenAi | Self::Azure)
    }
}

/// Whether a router's name for a model (`anthropic/claude-…`) is one of Anthropic's.
fn is_claude(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    model.contains("claude") || model.contains("anthropic/")
}

/// Where the API stands.
pub(super) fn path(host: Host<'_>, model: &str) -> String {
    match host {
        Host::Azure { deployments: true } => format!("/openai/deployments/{}/chat/completions", segment(model)),
        _ => "/v1/chat/completions".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_names_the_deployment_in_the_path() {
        let host = Host::Azure { deployments: true };
        assert_eq!(path(host, "gpt 5/x?"), "/openai/deployments/gpt%205%2Fx%3F/chat/completions");
        assert_eq!(path(Host::Azure { deployments: false }, "m"), "/v1/chat/completions");
        assert_eq!(path(Host::Zhipu, "m"), "/v1/chat/completions");
    }
}
