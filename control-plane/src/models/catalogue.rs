//! What a compiled document says of models: which names it has, and whom to ask for more.

use ditto_policy::base_url::{BaseUrl, encode_query, join};
use ditto_policy::compile::{ClusterPlan, Compiled};
use ditto_policy::document::BackendTls;
use ditto_policy::filter_config::{BackendConfig, Capability, ProviderConfig, Speaks};
use ditto_policy::secret::Secret;

/// Anthropic's version where the operator names none.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// All backends, by their names.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    sources: Vec<Source>,
    /// Models that an exact rule names, each with its first backend.
    exact: Vec<(String, String)>,
}

/// One backend.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The operator's name for it.
    pub(super) name: String,
    /// Models that the operator names.
    pub(super) names: Vec<String>,
    /// How to ask it; `None` if it is not asked.
    pub(super) question: Option<Question>,
}

/// How a backend is asked for its models.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Tells this backend from what went by the same name before.
    pub(crate) cluster: String,
    pub(crate) url: Secret,
    pub(crate) headers: Vec<(String, Secret)>,
    /// How TLS is spoken with it.
    pub(crate) tls: Option<BackendTls>,
    pub(super) form: Form,
}

/// How lists look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// <https://platform.openai.com/docs/api-reference/models/list> (seen 2026-11).
    OpenAi,
    /// <https://platform.claude.com/docs/en/api/models-list> (seen 2026-11).
    Anthropic,
    /// <https://ai.google.dev/api/models#method:-models.list> (seen 2026-11).
    Gemini,
    /// <https://docs.cohere.com/reference/list-models> (seen 2026-11).
    Cohere,
}

impl Catalogue {
    pub(super) fn new(compiled: &Compiled) -> Self {
        let backends = compiled.filter.backends.iter().zip(&compiled.clusters);
        let mut sources: Vec<_> = backends.map(|(config, plan)| Source::new(config, plan)).collect();
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        let first_backend = |route: usize| {
            let index = *compiled.filter.routes.get(route)?.backends.first()?;
            Some(compiled.filter.backends.get(index)?.name.clone())
        };
        let rules = compiled.filter.rules.iter().filter(|rule| rule.exact);
        let exact = rules.filter_map(|rule| Some((rule.model.clone(), first_backend(rule.choices.first()?.route)?)));
        Self { exact: exact.collect(), sources }
    }

    /// The backends that a key may use, by name: all of them, or the one that it is pinned to.
    pub(super) fn sources<'c>(&'c self, pin: Option<&'c str>) -> impl Iterator<Item = &'c Source> {
        self.sources.iter().filter(move |source| pin.is_none_or(|pin| source.name == pin))
    }

    /// The models of exact rules. A pinned key passes the rules by.
    pub(super) fn exact_rules(&self, pin: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
        let rules: &[_] = if pin.is_none() { &self.exact } else { &[] };
        rules.iter().map(|(model, backend)| (model.as_str(), backend.as_str()))
    }
}

impl Source {
    fn new(config: &BackendConfig, plan: &ClusterPlan) -> Self {
        let mut names: Vec<String> = config.model_map.keys().filter(|name| *name != "*").cloned().collect();
        if let Some(provider) = &config.provider {
            names.extend(provider.models.iter().chain(&provider.default_model).cloned());
        }
        let asked = config.provider.is_none() || names.is_empty();
        let question = asked.then(|| Question::new(config.provider.as_ref(), plan, None)).flatten();
        Self { name: config.name.clone(), names, question }
    }
}

impl Question {
    /// Asks at `path`, or where the backend lists its models. `None` for one that has no such list, or one of models
    /// that it may not serve, and for one whose requests have to be signed.
    pub(crate) fn new(provider: Option<&ProviderConfig>, plan: &ClusterPlan, path: Option<&str>) -> Option<Self> {
        let lists = |provider: &ProviderConfig| path.is_some() || provider.can(Capability::Models);
        if provider.is_some_and(|provider| provider.signs || !lists(provider)) {
            return None;
        }
        let base = &plan.base_url.path;
        let (form, path) = match (path, provider.map(|provider| provider.speaks)) {
            (Some(path), None) => (Form::OpenAi, join(base, path, "")),
            (Some(path), Some(Speaks::Anthropic)) => (Form::Anthropic, format!("{base}{path}")),
            (Some(path), Some(_)) => (Form::OpenAi, format!("{base}{path}")),
            (None, speaks) => Self::list(base, speaks)?,
        };
        let query = encode_query(plan.query_params.iter().map(|(name, value)| (name.as_str(), value.expose())));
        let path = match query.as_str() {
            "" => path,
            query if path.contains('?') => format!("{path}&{query}"),
            query => format!("{path}?{query}"),
        };
        let root = BaseUrl { path: String::new(), ..plan.base_url.clone() };
        let mut headers: Vec<_> = plan.headers.clone().into_iter().collect();
        if let Some(keys) = &plan.api_keys {
            headers.push((keys.header.clone(), keys.values().next()?));
        }
        if form == Form::Anthropic && !plan.headers.contains_key("anthropic-version") {
            let version = provider.and_then(|provider| provider.anthropic_version.as_deref());
            headers.push(("anthropic-version".to_owned(), Secret::new(version.unwrap_or(ANTHROPIC_VERSION))));
        }
        let url = Secret::new(format!("{root}{path}"));
        Some(Self { cluster: plan.name.clone(), url, headers, tls: plan.tls.clone(), form })
    }

    /// Where a dialect has its list of models, and how that looks.
    fn list(base: &str, speaks: Option<Speaks>) -> Option<(Form, String)> {
        Some(match speaks {
            None => (Form::OpenAi, join(base, "/v1/models", "")),
            Some(Speaks::OpenAi | Speaks::Chat | Speaks::Responses | Speaks::Zhipu) => {
                (Form::OpenAi, format!("{base}/models"))
            }
            Some(Speaks::Anthropic) => (Form::Anthropic, format!("{base}/v1/models?limit=1000")),
            Some(Speaks::Gemini) => (Form::Gemini, format!("{base}/v1beta/models?pageSize=1000")),
            Some(Speaks::Cohere) => (Form::Cohere, format!("{base}/v1/models?page_size=1000")),
            // Azure lists what could be deployed, Vertex and Bedrock have no list that a key for inference may read.
            Some(Speaks::Azure { .. } | Speaks::Vertex | Speaks::Bedrock) => return None,
        })
    }
}
