//! The providers by the names that documents use.

use crate::document::nearest::nearest;
use crate::document::problem::{Path, shown};
use crate::document::reader::Reader;

/// A provider, or a company whose API is like OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document) struct Provider {
    /// As documents write it.
    pub(in crate::document) name: &'static str,
    pub(in crate::document) kind: Kind,
    /// Where it is, unless the operator says otherwise. `{}` stands for the location or region.
    pub(in crate::document) base_url: Option<&'static str>,
}

/// Providers that are configured alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document) enum Kind {
    OpenAi,
    Compatible,
    Azure,
    Anthropic,
    Google,
    Vertex,
    Bedrock,
    Cohere,
    Zhipu,
}

impl Kind {
    /// The header that a plain key goes into, and what stands before it.
    pub(in crate::document) const fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Anthropic => ("x-api-key", ""),
            Self::Google => ("x-goog-api-key", ""),
            Self::Azure => ("api-key", ""),
            Self::OpenAi | Self::Compatible | Self::Vertex | Self::Bedrock | Self::Cohere | Self::Zhipu => {
                ("authorization", "Bearer ")
            }
        }
    }
}

impl Provider {
    /// The variables in which everybody keeps this provider's key; the first that is set counts.
    pub(in crate::document) fn key_variables(&self) -> Vec<String> {
        let usual: &[&str] = match self.kind {
            Kind::OpenAi => &["OPENAI_API_KEY"],
            Kind::Anthropic => &["ANTHROPIC_API_KEY"],
            Kind::Google => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Kind::Cohere => &["COHERE_API_KEY", "CO_API_KEY"],
            Kind::Zhipu if self.name == "zai" => &["ZAI_API_KEY"],
            Kind::Zhipu => &["ZHIPUAI_API_KEY"],
            Kind::Azure => &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
            Kind::Bedrock => &["AWS_BEARER_TOKEN_BEDROCK"],
            Kind::Vertex => &[],
            Kind::Compatible => {
                return vec![format!("{}_API_KEY", self.name.to_ascii_uppercase().replace('-', "_"))];
            }
        };
        usual.iter().map(|name| (*name).to_owned()).collect()
    }
}

const fn known(name: &'static str, kind: Kind, base_url: &'static str) -> Provider {
    Provider { name, kind, base_url: Some(base_url) }
}

const fn elsewhere(name: &'static str, kind: Kind) -> Provider {
    Provider { name, kind, base_url: None }
}

use Kind::{Anthropic, Azure, Bedrock, Cohere, Compatible, Google, OpenAi, Vertex, Zhipu};

/// All names. Addresses are those of the providers' references, seen 2026-11.
pub(super) const PROVIDERS: &[Provider] = &[
    known("openai", OpenAi, "https://api.openai.com/v1"),
    elsewhere("openai-compatible", Compatible),
    elsewhere("openai_compatible", Compatible),
    elsewhere("litellm", Compatible),
    known("deepseek", Compatible, "https://api.deepseek.com/v1"),
    known("qwen", Compatible, "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    known("groq", Compatible, "https://api.groq.com/openai/v1"),
    known("mistral", Compatible, "https://api.mistral.ai/v1"),
    known("together", Compatible, "https://api.together.xyz/v1"),
    known("together-ai", Compatible, "https://api.together.xyz/v1"),
    known("together_ai", Compatible, "https://api.together.xyz/v1"),
    known("fireworks", Compatible, "https://api.fireworks.ai/inference/v1"),
    known("xai", Compatible, "https://api.x.ai/v1"),
    known("perplexity", Compatible, "https://api.perplexity.ai"),
    known("openrouter", Compatible, "https://openrouter.ai/api/v1"),
    known("ollama", Compatible, "http://localhost:11434/v1"),
    elsewhere("azure", Azure),
    elsewhere("azure-openai", Azure),
    elsewhere("azure_openai", Azure),
    known("anthropic", Anthropic, "https://api.anthropic.com"),
    known("google", Google, "https://generativelanguage.googleapis.com"),
    known("gemini", Google, "https://generativelanguage.googleapis.com"),
    known("vertex", Vertex, "https://{}-aiplatform.googleapis.com"),
    known("bedrock", Bedrock, "https://bedrock-runtime.{}.amazonaws.com"),
    known("cohere", Cohere, "https://api.cohere.com"),
    known("zhipu", Zhipu, "https://open.bigmodel.cn/api/paas/v4"),
    known("glm", Zhipu, "https://open.bigmodel.cn/api/paas/v4"),
    known("zai", Zhipu, "https://api.z.ai/api/paas/v4"),
];

/// The provider of a name that is known to be one.
pub(in crate::document) fn by_name(name: &str) -> Option<Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name).copied()
}

/// The provider of a name.
pub(super) fn named(reader: &mut Reader<'_>, name: &str, path: &Path<'_>) -> Option<Provider> {
    let found = by_name(name);
    if found.is_none() {
        let names = PROVIDERS.iter().map(|provider| provider.name);
        let meant = match nearest(name, names.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the providers known here are {}", names.collect::<Vec<_>>().join(", ")),
        };
        reader.problem(path, format!("unknown provider `{}`; {meant}", shown(name)));
    }
    found
}
