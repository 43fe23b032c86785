//! What the filter must know of a backend that speaks a dialect of its own.

use serde::{Deserialize, Serialize};

/// A translation backend: requests are written in its dialect, whatever the client speaks.
///
/// Its base URL is the one that the provider's own SDK takes. With the dialects of OpenAI (all but the ones below)
/// its path stands for `/v1`: `/chat/completions` is appended to it. With [`Speaks::Anthropic`], [`Speaks::Gemini`],
/// [`Speaks::Vertex`], [`Speaks::Bedrock`], [`Speaks::Cohere`] and [`Speaks::Azure`] with deployments it is the root,
/// to which a path with the version is appended; a version at its end has been taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderConfig {
    /// What it speaks.
    pub speaks: Speaks,
    /// Whether it refuses members that OpenAI does not have, of the OpenAI kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whether a request may lose what the backend's dialect cannot say.
    #[serde(default)]
    pub lossy: bool,
    /// The model of requests that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
    /// The only models that it serves, by its own names; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Vertex: the project of the path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub project: String,
    /// Vertex: the location of the path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Bedrock: the region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Anthropic's version where the client names none: of the header, or of the body on Vertex and Bedrock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anthropic_version: Option<String>,
    /// What it can do; `None`: what [`Speaks::default_capabilities`] says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// Whether each attempt is signed (AWS Signature Version 4), with keys that come with the credentials.
    #[serde(default)]
    pub signs: bool,
}

/// The dialect of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    /// OpenAI's own API: chat completions and Responses.
    OpenAi,
    /// Chat completions, as most providers copied them.
    Chat,
    /// OpenAI's Responses only.
    Responses,
    /// Azure OpenAI.
    Azure {
        /// Whether the model stands in the path (`/openai/deployments/{model}/…`) and not in the body only.
        deployments: bool,
    },
    /// Anthropic's Messages.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Vertex AI, with Google's and Anthropic's models.
    Vertex,
    /// Bedrock's runtime: Anthropic's models, and Converse for all others.
    Bedrock,
    /// Cohere's second API.
    Cohere,
    /// Zhipu's chat completions.
    Zhipu,
}

/// Something that a backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// A conversation, in whatever dialect the client speaks.
    Chat,
    /// OpenAI's Responses, natively or through chat.
    Responses,
    /// Embeddings.
    Embeddings,
    /// Ranking documents.
    Rerank,
    /// Moderation.
    Moderations,
    /// Making images.
    Images,
    /// Speech and transcription.
    Audio,
    /// Files.
    Files,
    /// Batches.
    Batches,
    /// Counting the tokens of a request.
    CountTokens,
    /// Listing models.
    Models,
}

impl Capability {
    /// All of them, each with the name that documents use.
    pub const NAMED: [(&'static str, Self); 11] = [
        ("chat", Self::Chat),
        ("responses", Self::Responses),
        ("embeddings", Self::Embeddings),
        ("rerank", Self::Rerank),
        ("moderations", Self::Moderations),
        ("images", Self::Images),
        ("audio", Self::Audio),
        ("files", Self::Files),
        ("batches", Self::Batches),
        ("count_tokens", Self::CountTokens),
        ("models", Self::Models),
    ];
}

impl Speaks {
    /// What backends of this dialect can do unless their operator says otherwise.
    pub const fn default_capabilities(self) -> &'static [Capability] {
        use Capability::{
            Audio, Batches, Chat, CountTokens, Embeddings, Files, Images, Models, Moderations, Rerank, Responses,
        };
        match self {
            Self::OpenAi | Self::Chat | Self::Responses | Self::Azure { .. } => {
                &[Chat, Responses, Embeddings, Moderations, Images, Audio, Files, Batches, Models]
            }
            Self::Anthropic => &[Chat, Responses, CountTokens, Models],
            Self::Gemini => &[Chat, Responses, Embeddings, CountTokens, Models],
            Self::Vertex => &[Chat, Responses, Embeddings, CountTokens],
            Self::Bedrock => &[Chat, Responses, CountTokens],
            Self::Cohere => &[Chat, Responses, Embeddings, Rerank, Models],
            Self::Zhipu => &[Chat, Responses, Embeddings],
        }
    }
}

impl ProviderConfig {
    /// A backend of this dialect with nothing else said.
    pub const fn new(speaks: Speaks) -> Self {
        Self {
            speaks,
            strict: false,
            lossy: false,
            default_model: None,
            models: Vec::new(),
            project: String::new(),
            location: String::new(),
            region: String::new(),
            anthropic_version: None,
            capabilities: None,
            signs: false,
        }
    }

    /// Whether the backend can do this.
    pub fn can(&self, capability: Capability) -> bool {
        let capabilities = self.capabilities.as_deref().unwrap_or(self.speaks.default_capabilities());
        capabilities.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_the_operators_or_the_dialects() {
        let mut config = ProviderConfig::new(Speaks::Cohere);
        assert!(config.can(Capability::Rerank) && !config.can(Capability::Images));
        config.capabilities = Some(vec![Capability::Images]);
        assert!(!config.can(Capability::Rerank) && config.can(Capability::Images));
    }

    #[test]
    fn what_nobody_said_is_not_written() {
        let azure = ProviderConfig::new(Speaks::Azure { deployments: true });
        let written = serde_json::to_string(&azure).unwrap();
        assert_eq!(written, r#"{"speaks":{"azure":{"deployments":true}},"lossy":false,"signs":false}"#);
        assert_eq!(serde_json::from_str::<ProviderConfig>(&written).unwrap(), azure);
        let chat: ProviderConfig = serde_json::from_str(r#"{"speaks":"open_ai"}"#).unwrap();
        assert_eq!(chat, ProviderConfig::new(Speaks::OpenAi));
    }

    #[test]
    fn every_capability_has_its_name() {
        for (name, capability) in Capability::NAMED {
            assert_eq!(serde_json::to_value(capability).unwrap(), name);
        }
    }
}
