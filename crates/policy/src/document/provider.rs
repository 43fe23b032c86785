//! Reading `provider` and `provider_config`: what makes a backend a translation backend.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::Backend;
use super::auth::Auth;
use super::backends::base_url;
use super::nearest::nearest;
use super::parameters::{headers, query_params};
use super::problem::{Path, shown};
use super::reader::{Object, Reader};
use crate::base_url::BaseUrl;
use crate::filter_config::{Capability, ProviderConfig, Speaks};
use crate::secret::Secret;

mod address;
mod credential;
pub(super) mod names;
#[cfg(test)]
mod tests;

pub(super) use address::plain_name;

use address::Address;
use names::{Kind, Provider};

const FIELDS: [&str; 18] = [
    "base_url",
    "default_model",
    "model_whitelist",
    "http_headers",
    "http_query_params",
    "auth",
    "capabilities",
    "enabled_capabilities",
    "upstream_api",
    "strict_fields",
    "lossy",
    "project",
    "location",
    "region",
    "anthropic_version",
    "normalize_to",
    "normalize_endpoint",
    "provider",
];

/// Azure wants a version of its API wherever the model stands in the path; this is its latest one that is no preview
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>, seen 2026-11).
const AZURE_API_VERSION: &str = "2024-10-21";

/// What `provider` and `provider_config` say.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) config: ProviderConfig,
    /// `None` where a problem was noted.
    pub(super) base_url: Option<String>,
    pub(super) headers: BTreeMap<String, Secret>,
    pub(super) query_params: BTreeMap<String, Secret>,
    /// The header that a plain key goes into, and what stands before it.
    pub(super) key_header: (&'static str, &'static str),
    auth: Option<Auth>,
}

/// Reads the provider of a backend, if it has one. `own` is what the backend says itself.
pub(super) fn translation(reader: &mut Reader<'_>, backend: &Object<'_>, own: &Backend) -> Option<Translation> {
    let empty = Value::Object(serde_json::Map::new());
    let path = backend.at("provider_config");
    let value = backend.get("provider_config").unwrap_or(&empty);
    let settings = reader.object(value, &path, &FIELDS);
    let provider = match backend.get("provider") {
        Some(_) => backend
            .optional(reader, "provider", |reader, value, path| named(reader, value, path))
            .filter(|_| settings.is_some()),
        None => {
            if backend.get("provider_config").is_some() {
                reader.warn(&path, "has no effect without a provider");
            }
            return None;
        }
    }?;
    let settings = settings?;
    let headers = settings.optional(reader, "http_headers", headers).unwrap_or_default();
    let query_params = settings.optional(reader, "http_query_params", query_params).unwrap_or_default();
    let sent: Vec<&str> = own.headers.keys().chain(headers.keys()).map(String::as_str).collect();
    let auth = match backend.get("api_keys") {
        None => credential::read(reader, &provider, &settings, &sent),
        Some(_) if settings.get("auth").is_some() => {
            let message = "`auth` says how the gateway proves itself as well: remove one of them";
            reader.problem(&backend.at("api_keys"), message);
            None
        }
        Some(_) => None,
    };
    let address = Address::read(reader, &provider, &settings, auth.as_ref());
    let base_url = place(reader, &provider, backend, &settings, &address, &own.base_url);
    let mut config = ProviderConfig::new(speaks(reader, &provider, &settings, base_url.as_deref()));
    address.write(&mut config);
    config.strict = strict(reader, &provider, &settings);
    plain_settings(reader, &settings, &mut config);
    Some(Translation { config, base_url, headers, query_params, key_header: provider.kind.key_header(), auth })
}

/// The base URL: the backend's, that of `provider_config`, or the provider's own.
fn place(
    reader: &mut Reader<'_>,
    provider: &Provider,
    backend: &Object<'_>,
    settings: &Object<'_>,
    address: &Address,
    own: &str,
) -> Option<String> {
    let given = settings.optional(reader, "base_url", base_url);
    if given.is_some() && backend.get("base_url").is_some() {
        reader.problem(&settings.at("base_url"), "the backend has a base_url itself: remove one of them");
    }
    if provider.base_url.is_none() && [backend, settings].iter().all(|object| object.get("base_url").is_none()) {
        let message = format!("required field `base_url` is missing: `{}` has no address of its own", provider.name);
        reader.problem(&backend.at("base_url"), message);
    }
    let given = given.as_deref().or(Some(own).filter(|own| !own.is_empty()));
    let found = given.map(|given| address::root(provider.kind, given)).or_else(|| address.default_url(provider))?;
    if let Err(error) = BaseUrl::parse(&found) {
        reader.problem(&backend.at("provider_config"), format!("the address {found} is none: {error}"));
        return None;
    }
    Some(found)
}

impl Translation {
    /// Puts all of it into the backend. What the backend says itself must not be said again.
    pub(super) fn apply(mut self, reader: &mut Reader<'_>, object: &Object<'_>, backend: &mut Backend) {
        let path = object.at("provider_config");
        for (section, own, more) in [
            ("http_headers", &mut backend.headers, self.headers),
            ("http_query_params", &mut backend.query_params, self.query_params),
        ] {
            for (name, value) in more {
                match own.entry(name) {
                    Entry::Vacant(place) => drop(place.insert(value)),
                    Entry::Occupied(taken) => {
                        let section = path.member(section);
                        reader
                            .problem(&section.member(taken.key()), "the backend says this itself: remove one of them");
                    }
                }
            }
        }
        if let Some(auth) = self.auth {
            credential::apply(reader, auth, &path, &mut self.config, backend);
        }
        if self.config.speaks == (Speaks::Azure { deployments: true }) {
            let version = backend.query_params.entry("api-version".to_owned());
            version.or_insert_with(|| Secret::new(AZURE_API_VERSION));
        }
        backend.base_url = self.base_url.unwrap_or_default();
        backend.provider = Some(self.config);
    }
}

fn named(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Provider> {
    let name = reader.text(value, path)?;
    names::named(reader, &name, path)
}

/// The dialect of a provider.
fn speaks(reader: &mut Reader<'_>, provider: &Provider, settings: &Object<'_>, base_url: Option<&str>) -> Speaks {
    let chosen = settings.optional(reader, "upstream_api", |reader, value, path| {
        let name = reader.string(value, path)?;
        let api = match name.as_str() {
            "chat_completions" => Some(Speaks::Chat),
            "responses" => Some(Speaks::Responses),
            _ => None,
        };
        if api.is_none() {
            reader.problem(path, format!("`{}` is no API: use chat_completions or responses", shown(&name)));
        }
        api
    });
    match provider.kind {
        Kind::OpenAi => return chosen.unwrap_or(Speaks::OpenAi),
        Kind::Compatible => return chosen.unwrap_or(Speaks::Chat),
        _ => {}
    }
    if chosen.is_some() {
        reader.warn(&settings.at("upstream_api"), format!("has no effect with the provider `{}`", provider.name));
    }
    match provider.kind {
        Kind::Azure => Speaks::Azure { deployments: base_url.is_some_and(address::has_deployments) },
        Kind::Anthropic => Speaks::Anthropic,
        Kind::Google => Speaks::Gemini,
        Kind::Vertex => Speaks::Vertex,
        Kind::Bedrock => Speaks::Bedrock,
        Kind::Cohere => Speaks::Cohere,
        Kind::Zhipu => Speaks::Zhipu,
        Kind::OpenAi | Kind::Compatible => Speaks::Chat,
    }
}

/// Whether the server takes OpenAI's members only. Of the companies that are known here, these two answer others with an
/// error: <https://console.groq.com/docs/openai> and <https://docs.mistral.ai/api/endpoint/chat> (seen 2026-11).
fn strict(reader: &mut Reader<'_>, provider: &Provider, settings: &Object<'_>) -> bool {
    let said = settings.optional(reader, "strict_fields", Reader::boolean);
    if said.is_some() && provider.kind != Kind::Compatible {
        let message = format!("has no effect with the provider `{}`: it is for servers like OpenAI's", provider.name);
        reader.warn(&settings.at("strict_fields"), message);
    }
    said.unwrap_or(matches!(provider.name, "groq" | "mistral"))
}

/// The settings that every provider has.
fn plain_settings(reader: &mut Reader<'_>, settings: &Object<'_>, config: &mut ProviderConfig) {
    config.lossy = settings.optional(reader, "lossy", Reader::boolean).unwrap_or_default();
    config.default_model = settings.optional(reader, "default_model", Reader::text);
    config.models = settings
        .optional(reader, "model_whitelist", |reader, value, path| reader.list(value, path, Reader::text))
        .unwrap_or_default();
    config.anthropic_version = settings.optional(reader, "anthropic_version", Reader::text);
    config.capabilities = capabilities(reader, settings);
    for name in ["normalize_to", "normalize_endpoint", "provider"] {
        if settings.optional(reader, name, Reader::text).is_some() {
            reader.warn_not_enforced(&settings.at(name));
        }
    }
    if let Some(model) = &config.default_model
        && !config.models.is_empty()
        && !config.models.contains(model)
    {
        let message = format!("`{}` is not in model_whitelist: add it, or name another one", shown(model));
        reader.problem(&settings.at("default_model"), message);
    }
}

/// `capabilities`, or its other name.
fn capabilities(reader: &mut Reader<'_>, settings: &Object<'_>) -> Option<Vec<Capability>> {
    let first = settings.optional(reader, "capabilities", |reader, value, path| {
        if value.is_object() {
            // The form of other gateways: what the models can do, and not what is served.
            reader.warn_not_enforced(path);
            return None;
        }
        reader.list(value, path, capability)
    });
    let second =
        settings.optional(reader, "enabled_capabilities", |reader, value, path| reader.list(value, path, capability));
    if first.is_some() && second.is_some() {
        reader.problem(&settings.at("enabled_capabilities"), "is another name of `capabilities`: remove one");
    }
    first.or(second)
}

fn capability(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Capability> {
    let name = reader.text(value, path)?;
    let found = Capability::NAMED.iter().find(|(known, _)| *known == name).map(|(_, capability)| *capability);
    if found.is_none() {
        let names = Capability::NAMED.iter().map(|(name, _)| *name);
        let meant = match nearest(&name, names.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the capabilities are {}", names.collect::<Vec<_>>().join(", ")),
        };
        reader.problem(path, format!("unknown capability `{}`; {meant}", shown(&name)));
    }
    found
}
