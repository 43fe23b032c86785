//! Where the filter and the translators meet: a request as it came, and what a backend gets of it.

use std::borrow::Cow;
use std::rc::Rc;

use ditto_llm::edit::{self, Edit};
use ditto_llm::endpoint::Endpoint;
use ditto_llm::fault::Fault;
use ditto_policy::filter_config::{Capability, ProviderConfig, Speaks};
use ditto_policy::routing::{Backend, MappedModel};
use ditto_translate::loss::Refusal;
use ditto_translate::plan::Provider;
use ditto_translate::prepare::{self, Aim, Call, Prepared, Unprepared};
use ditto_translate::target::Outgoing;

use crate::signing;

/// Output tokens asked for where a dialect needs a number and the client gives none: what every model in service can
/// write, and more than most replies have.
const DEFAULT_MAX_OUTPUT: u64 = 8_192;

/// Which version of its API Anthropic is asked for. <https://platform.claude.com/docs/en/api/versioning> (seen 2026-11)
pub(crate) const VERSION_HEADER: &str = "anthropic-version";
/// The version that this product was written for.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// A request as it came, kept for all its attempts.
#[derive(Debug, Default)]
pub(crate) struct Original {
    pub(crate) endpoint: Endpoint,
    /// The normalised path and query.
    pub(crate) path: String,
    /// Empty where no candidate needs it.
    pub(crate) body: Rc<[u8]>,
    /// What must be changed in it to count the reply.
    pub(crate) edits: Vec<Edit>,
    pub(crate) beta: Option<String>,
    /// The client says which version of Anthropic's API it speaks.
    pub(crate) names_version: bool,
    /// The model that is asked for, after redirects and without its provider; empty: none.
    pub(crate) model: String,
    /// What the client wrote instead, if that is another name.
    pub(crate) written: Option<String>,
    pub(crate) request_id: String,
    pub(crate) now_ms: u64,
    pub(crate) input_estimate: u64,
    /// Output tokens at most, in strict mode.
    pub(crate) cap: Option<u64>,
    /// The client's own credential, in an open relay, for calls of the filter's own.
    pub(crate) authorization: Option<String>,
}

impl Original {
    fn call(&self) -> Call<'_> {
        Call {
            endpoint: self.endpoint,
            path: &self.path,
            body: &self.body,
            edits: &self.edits,
            beta: self.beta.as_deref(),
            model: &self.model,
            request_id: &self.request_id,
            now_seconds: self.now_ms / 1_000,
            input_estimate: self.input_estimate,
        }
    }

    fn aim<'a>(&'a self, backend: &'a Backend, no_responses: bool) -> Aim<'a> {
        let config = backend.provider.as_ref();
        let mapped = backend.map_model(&self.model).map_or(self.model.as_str(), |mapped| mapped.name.as_str());
        let default = config.and_then(|config| config.default_model.as_deref());
        Aim {
            provider: provider(config, &backend.authority),
            no_responses,
            model: if mapped.is_empty() { default.unwrap_or_default() } else { mapped },
            strict: config.map_or(STRICT.contains(&backend.authority.as_str()), |config| config.strict),
            lossy: config.is_some_and(|config| config.lossy),
            cap: self.cap,
            counts: config.is_none_or(|config| config.can(Capability::CountTokens)),
            default_max_output: DEFAULT_MAX_OUTPUT,
        }
    }

    /// What must be written in the body for this backend in place of the model that it names there, if anything.
    pub(crate) fn rename<'a>(&'a self, backend: &'a Backend, in_body: &str) -> Option<Cow<'a, MappedModel>> {
        let is_it = self.written.as_deref() == Some(in_body);
        if is_it { backend.rename(&self.model, in_body) } else { backend.rename(in_body, in_body) }
    }

    /// Whether the body is needed to prepare it for this backend, or that gets it as it is.
    pub(crate) fn is_needed_by(&self, backend: &Backend, responses: Option<bool>) -> bool {
        let (call, aim) = (self.call(), self.aim(backend, responses == Some(false)));
        // A signature covers the whole body, also one that passes.
        prepare::needs_body(&call, &aim) || (signing::signs(backend) && prepare::passes(&call, &aim))
    }

    /// The body with these edits.
    pub(crate) fn edited(&self, edits: &[Edit]) -> Result<Vec<u8>, Fault> {
        edit::apply(&self.body, edits).ok_or(Fault::Internal)
    }

    /// Whether this backend may turn out to lack Responses.
    pub(crate) fn may_be_asked_again(&self, backend: &Backend, responses: Option<bool>) -> bool {
        self.endpoint == Endpoint::Responses && backend.provider.is_none() && responses.is_none()
    }

    /// The version that Anthropic's API must be told, where the client does not.
    pub(crate) fn missing_version<'a>(&self, backend: &'a Backend) -> Option<&'a str> {
        let config = backend.provider.as_ref().filter(|config| config.speaks == Speaks::Anthropic)?;
        let version = config.anthropic_version.as_deref().unwrap_or(ANTHROPIC_VERSION);
        if self.names_version { None } else { Some(version) }
    }

    /// What this backend gets; `no_responses`: it is known to lack OpenAI's Responses.
    pub(crate) fn prepare(&self, backend: &Backend, no_responses: bool) -> Result<Prepared, Fault> {
        let aim = self.aim(backend, no_responses);
        let allowed = backend.provider.as_ref().map_or(&[][..], |config| &config.models);
        if !allowed.is_empty() && !aim.model.is_empty() && !allowed.iter().any(|model| model == aim.model) {
            return Err(Fault::ModelNotFound(self.model.clone()));
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let unsupported = || Fault::UnsupportedByBackend(backend.name.clone(), path.to_owned());
        let needed = capability(self.endpoint, path);
        let can = |needed| backend.provider.as_ref().is_none_or(|config| config.can(needed));
        if needed.is_some_and(|needed| !can(needed)) {
            return Err(unsupported());
        }
        prepare::prepare(&self.call(), &aim).map_err(|error| match error {
            Unprepared::Refused(refusal) => refused(&refusal),
            Unprepared::Unsupported => unsupported(),
        })
    }
}

/// What a backend must be able to do for a request; `None`: nothing that has a name. Counting tokens has one, but where
/// a backend cannot, they are estimated.
fn capability(endpoint: Endpoint, path: &str) -> Option<Capability> {
    match endpoint {
        Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Messages
        | Endpoint::GenerateContent
        | Endpoint::StreamGenerateContent => Some(Capability::Chat),
        Endpoint::Responses => Some(Capability::Responses),
        Endpoint::Embeddings | Endpoint::GeminiEmbed => Some(Capability::Embeddings),
        Endpoint::Rerank => Some(Capability::Rerank),
        Endpoint::CountTokens | Endpoint::GeminiCountTokens => None,
        Endpoint::Other => {
            let named = [
                ("/v1/moderations", Capability::Moderations),
                ("/v1/images/", Capability::Images),
                ("/v1/audio/", Capability::Audio),
                ("/v1/files", Capability::Files),
                ("/v1/batches", Capability::Batches),
            ];
            named.into_iter().find(|(root, _)| path.starts_with(root)).map(|(_, capability)| capability)
        }
    }
}

/// The headers of a request that is sent in the client's place, besides credentials.
pub(crate) fn headers(outgoing: &Outgoing) -> impl Iterator<Item = (&'static str, String)> {
    outgoing.headers.iter().cloned().chain([("content-length", outgoing.body.len().to_string())])
}

/// Has a reply come as it is to be read: not compressed. With a key, the route says so.
pub(crate) const PLAIN_REPLY: (&str, &str) = ("accept-encoding", "identity");

/// Whether a backend may serve Anthropic's models.
pub(crate) fn may_be_anthropics(backend: &Backend) -> bool {
    let speaks = backend.provider.as_ref().map(|config| config.speaks);
    matches!(speaks, Some(Speaks::Anthropic | Speaks::Vertex | Speaks::Bedrock))
}

/// A client's request that cannot be translated, in the words of the gateway.
fn refused(refusal: &Refusal) -> Fault {
    Fault::InvalidRequest(match refusal.field.as_str() {
        "" => format!("The request body is not acceptable: {}.", refusal.message),
        field => format!("'{field}' is not acceptable: {}.", refusal.message),
    })
}

/// OpenAI's own address. It refuses what compatible servers are open to.
const OPENAI: &str = "api.openai.com";
/// Addresses of compatible servers that refuse what OpenAI does not have.
const STRICT: [&str; 2] = ["api.groq.com", "api.mistral.ai"];

fn provider<'a>(config: Option<&'a ProviderConfig>, authority: &str) -> Provider<'a> {
    let Some(config) = config else {
        return if authority == OPENAI { Provider::OpenAi } else { Provider::Passthrough };
    };
    match config.speaks {
        Speaks::OpenAi => Provider::OpenAi,
        Speaks::Chat => Provider::Chat,
        Speaks::Responses => Provider::Responses,
        Speaks::Azure { deployments } => Provider::Azure { deployments },
        Speaks::Anthropic => Provider::Anthropic,
        Speaks::Gemini => Provider::Gemini,
        Speaks::Vertex => Provider::Vertex { project: &config.project, location: &config.location },
        Speaks::Bedrock => Provider::Bedrock,
        Speaks::Cohere => Provider::Cohere,
        Speaks::Zhipu => Provider::Zhipu,
    }
}
