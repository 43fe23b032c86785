//! Which way a request takes to a backend: as it is, rehosted, translated, answered here, or not at all.

use ditto_llm::endpoint::Endpoint;

use crate::client::Client;
use crate::target::Host;

/// A backend, by what it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider<'a> {
    /// OpenAI-compatible by its base URL: everything of OpenAI's passes.
    Passthrough,
    /// OpenAI's own API: chat completions and Responses.
    OpenAi,
    /// Chat completions as most providers copied them.
    Chat,
    /// OpenAI's Responses only.
    Responses,
    /// Azure OpenAI; `deployments`: the model stands in the path.
    Azure {
        /// Paths begin with `/openai/deployments/{model}`.
        deployments: bool,
    },
    /// Anthropic's Messages.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Vertex AI, with Google's and Anthropic's models.
    Vertex {
        /// The Google Cloud project.
        project: &'a str,
        /// The region, or `global`.
        location: &'a str,
    },
    /// Bedrock's runtime: Anthropic's models, and Converse for all others.
    Bedrock,
    /// Cohere's second API.
    Cohere,
    /// Zhipu's chat completions.
    Zhipu,
}

/// The dialect that a backend is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// Chat completions.
    Chat,
    /// Responses.
    Responses,
    /// Messages.
    Messages,
    /// Gemini.
    Gemini,
    /// Bedrock's Converse.
    Converse,
    /// Cohere.
    Cohere,
}

/// The way that a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Bytes pass, but for the model's name.
    Pass,
    /// The same, under another path, which [`crate::prepare`] makes.
    PassUnder,
    /// The same, unless it holds thoughts of other makers, which Anthropic refuses.
    Scrub,
    /// Anthropic's own body for another host of its models.
    Rehost,
    /// Gemini CLI's envelope around Gemini's own body.
    Unwrap,
    /// Through the canonical form, to generate.
    Generate(Client, Dialect),
    /// Through the canonical form, to count tokens.
    Count(Client, Dialect),
    /// Tokens are estimated, and the answer is given here.
    Estimate,
    /// Embeddings of another dialect.
    Embed(Dialect),
    /// Ranking in another dialect.
    Rerank(Dialect),
    /// The backend cannot do this.
    Unsupported,
}

impl<'a> Provider<'a> {
    /// The host for requests in the backend's dialect.
    pub fn host(self, model: &str) -> Host<'a> {
        match self {
            Self::Passthrough | Self::Chat => Host::Compatible,
            Self::OpenAi | Self::Responses | Self::Anthropic | Self::Gemini | Self::Cohere => Host::Own,
            Self::Azure { deployments } => Host::Azure { deployments },
            Self::Zhipu => Host::Zhipu,
            Self::Vertex { project, location } => Host::Vertex { project, location },
            Self::Bedrock if is_anthropics(model) => Host::Bedrock,
            Self::Bedrock => Host::Own,
        }
    }

    /// The dialect of its generation for this model, for clients of other dialects.
    pub fn dialect(self, model: &str) -> Dialect {
        match self {
            Self::Passthrough | Self::OpenAi | Self::Chat | Self::Azure { .. } | Self::Zhipu => Dialect::Chat,
            Self::Responses => Dialect::Responses,
            Self::Anthropic => Dialect::Messages,
            Self::Gemini => Dialect::Gemini,
            Self::Vertex { .. } | Self::Bedrock if is_anthropics(model) => Dialect::Messages,
            Self::Vertex { .. } => Dialect::Gemini,
            Self::Bedrock => Dialect::Converse,
            Self::Cohere => Dialect::Cohere,
        }
    }

    fn is_openai_kind(self) -> bool {
        matches!(self, Self::Passthrough | Self::OpenAi | Self::Chat | Self::Azure { .. } | Self::Zhipu)
    }
}

/// Whether a model of a host that has several makers' is one of Anthropic's: `claude-…` on Vertex,
/// `[region.]anthropic.claude-…` or an ARN with it on Bedrock.
fn is_anthropics(model: &str) -> bool {
    model.starts_with("claude") || model.contains("anthropic.")
}

/// The way of a request of this endpoint to a backend, which knows the model by this name.
pub fn plan(endpoint: Endpoint, path: &str, provider: Provider<'_>, model: &str) -> Plan {
    match endpoint {
        Endpoint::ChatCompletions => chat(provider, model),
        Endpoint::Completions => completions(provider, model),
        Endpoint::Responses => responses(provider, model),
        Endpoint::Messages => messages(provider, model),
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent => gemini(provider, path, model),
        Endpoint::CountTokens | Endpoint::GeminiCountTokens => count(endpoint, path, provider, model),
        Endpoint::Embeddings => embeddings(provider),
        Endpoint::GeminiEmbed => gemini_embed(provider),
        Endpoint::Rerank => rerank(provider),
        Endpoint::Other => other(provider, path),
    }
}

fn chat(provider: Provider<'_>, model: &str) -> Plan {
    match provider {
        Provider::Azure { deployments: true } => Plan::PassUnder,
        // Much of it means another thing to GLM, or nothing: <https://docs.z.ai/api-reference/llm/chat-completion> (seen
        // 2026-11). Developers it does not know: https://github.com/earendil-works/pi/issues/547
        _ if provider.is_openai_kind() && provider != Provider::Zhipu => Plan::Pass,
        _ => Plan::Generate(Client::Chat, provider.dialect(model)),
    }
}

fn completions(provider: Provider<'_>, model: &str) -> Plan {
    match provider {
        Provider::Azure { deployments: true } => Plan::PassUnder,
        Provider::Passthrough | Provider::OpenAi | Provider::Chat | Provider::Azure { .. } => Plan::Pass,
        _ => Plan::Generate(Client::Completions, provider.dialect(model)),
    }
}

fn responses(provider: Provider<'_>, model: &str) -> Plan {
    match provider {
        Provider::Passthrough | Provider::OpenAi | Provider::Responses | Provider::Azure { deployments: false } => {
            Plan::Pass
        }
        _ => Plan::Generate(Client::Responses, provider.dialect(model)),
    }
}

fn messages(provider: Provider<'_>, model: &str) -> Plan {
    match provider {
        Provider::Anthropic => Plan::Scrub,
        Provider::Vertex { .. } | Provider::Bedrock if is_anthropics(model) => Plan::Rehost,
        _ => Plan::Generate(Client::Messages, provider.dialect(model)),
    }
}

fn gemini(provider: Provider<'_>, path: &str, model: &str) -> Plan {
    let own = provider.dialect(model) == Dialect::Gemini;
    match (own, path.starts_with("/v1internal:")) {
        (true, true) => Plan::Unwrap,
        (true, false) => Plan::PassUnder,
        (false, _) => Plan::Generate(Client::Gemini, provider.dialect(model)),
    }
}

fn count(endpoint: Endpoint, path: &str, provider: Provider<'_>, model: &str) -> Plan {
    let client = if endpoint == Endpoint::CountTokens { Client::Messages } else { Client::Gemini };
    match (client, provider) {
        (Client::Messages, Provider::Anthropic) => Plan::Pass,
        (Client::Gemini, Provider::Gemini | Provider::Vertex { .. })
            if provider.dialect(model) == Dialect::Gemini && !path.starts_with("/v1internal:") =>
        {
            Plan::PassUnder
        }
        // What speaks Messages counts, whoever hosts it.
        (_, Provider::Anthropic | Provider::Vertex { .. } | Provider::Bedrock)
            if provider.dialect(model) == Dialect::Messages =>
        {
            Plan::Count(client, Dialect::Messages)
        }
        (Client::Messages, Provider::Gemini | Provider::Vertex { .. }) => Plan::Count(client, Dialect::Gemini),
        _ => Plan::Estimate,
    }
}

fn embeddings(provider: Provider<'_>) -> Plan {
    match provider {
        Provider::Azure { deployments: true } => Plan::PassUnder,
        _ if provider.is_openai_kind() => Plan::Pass,
        Provider::Gemini | Provider::Vertex { .. } => Plan::Embed(Dialect::Gemini),
        Provider::Cohere => Plan::Embed(Dialect::Cohere),
        _ => Plan::Unsupported,
    }
}

fn gemini_embed(provider: Provider<'_>) -> Plan {
    match provider {
        Provider::Gemini => Plan::PassUnder,
        _ if provider.is_openai_kind() => Plan::Embed(Dialect::Chat),
        _ => Plan::Unsupported,
    }
}

fn rerank(provider: Provider<'_>) -> Plan {
    match provider {
        Provider::Cohere => Plan::Rerank(Dialect::Cohere),
        Provider::Passthrough | Provider::Chat => Plan::Pass,
        _ => Plan::Unsupported,
    }
}

/// What nobody translates: files, images, sound, batches, moderation.
fn other(provider: Provider<'_>, path: &str) -> Plan {
    let anthropics = path.starts_with("/v1/messages/");
    match provider {
        Provider::Passthrough => Plan::Pass,
        Provider::Anthropic if anthropics => Plan::Pass,
        _ if anthropics => Plan::Unsupported,
        Provider::Responses if path.starts_with("/v1/responses/") => Plan::Pass,
        _ if provider.is_openai_kind() && provider != (Provider::Azure { deployments: true }) => Plan::Pass,
        _ => Plan::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, provider: Provider<'_>, model: &str) -> Plan {
        plan(Endpoint::of_path(path), path, provider, model)
    }

    #[test]
    fn the_same_dialect_on_both_sides_passes() {
        for (path, provider) in [
            ("/v1/chat/completions", Provider::OpenAi),
            ("/v1/chat/completions", Provider::Passthrough),
            ("/v1/responses", Provider::Responses),
            ("/v1/messages/count_tokens", Provider::Anthropic),
            ("/v1/files/f", Provider::Passthrough),
        ] {
            assert_eq!(of(path, provider, "m"), Plan::Pass, "{path}");
        }
        assert_eq!(of("/v1beta/models/m:generateContent", Provider::Gemini, "m"), Plan::PassUnder);
    }

    #[test]
    fn every_client_reaches_every_generating_backend() {
        let vertex = Provider::Vertex { project: "p", location: "l" };
        let providers = [Provider::Passthrough, Provider::OpenAi, Provider::Anthropic, Provider::Gemini, vertex];
        let more = [Provider::Bedrock, Provider::Cohere, Provider::Zhipu, Provider::Azure { deployments: true }];
        for provider in providers.into_iter().chain(more) {
            for path in [
                "/v1/chat/completions",
                "/v1/completions",
                "/v1/responses",
                "/v1/messages",
                "/v1beta/models/m:streamGenerateContent",
                "/v1internal:generateContent",
            ] {
                assert_ne!(of(path, provider, "m"), Plan::Unsupported, "{path} {provider:?}");
            }
        }
    }

    #[test]
    fn hosts_of_several_makers_are_told_apart_by_the_model() {
        let vertex = Provider::Vertex { project: "p", location: "l" };
        assert_eq!(of("/v1/messages", vertex, "claude-opus-4"), Plan::Rehost);
        assert_eq!(of("/v1/messages", vertex, "gemini-3"), Plan::Generate(Client::Messages, Dialect::Gemini));
        assert_eq!(of("/v1/messages", Provider::Bedrock, "eu.anthropic.claude-x"), Plan::Rehost);
        assert_eq!(
            of("/v1/chat/completions", Provider::Bedrock, "amazon.nova"),
            Plan::Generate(Client::Chat, Dialect::Converse)
        );
        let count = |provider, model| of("/v1/messages/count_tokens", provider, model);
        assert_eq!(count(vertex, "claude-opus-4"), Plan::Count(Client::Messages, Dialect::Messages));
        assert_eq!(count(vertex, "gemini-3"), Plan::Count(Client::Messages, Dialect::Gemini));
        assert_eq!(count(Provider::Bedrock, "eu.anthropic.claude-x"), Plan::Count(Client::Messages, Dialect::Messages));
        assert_eq!(count(Provider::Bedrock, "amazon.nova"), Plan::Estimate);
    }

    #[test]
    fn what_a_backend_cannot_do_is_said() {
        assert_eq!(of("/v1/files", Provider::Anthropic, ""), Plan::Unsupported);
        assert_eq!(of("/v1/rerank", Provider::Gemini, "m"), Plan::Unsupported);
        assert_eq!(of("/v1/messages/batches", Provider::OpenAi, ""), Plan::Unsupported);
        assert_eq!(of("/v1/messages/batches", Provider::Passthrough, ""), Plan::Pass);
    }

    #[test]
    fn zhipus_chat_is_a_dialect_of_its_own() {
        let translated = Plan::Generate(Client::Chat, Dialect::Chat);
        assert_eq!(of("/v1/chat/completions", Provider::Zhipu, "glm-4.6"), translated);
    }
}
