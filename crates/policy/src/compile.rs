//! From the document to what carries it out: the filter's configuration and the plan of clusters and routes.
//!
//! Names of clusters and routes contain a hash of their content. A change of configuration therefore never changes
//! what a name means: old and new exist side by side while requests that began with the old one finish.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::base_url::{BaseUrl, BaseUrlError};
use crate::document::redirects::{self, RedirectError};
use crate::document::{ApiKeys, Backend, BackendTls, Document, Refreshed, SigV4, WeightedBackend};
use crate::filter_config::{BackendConfig, Choice, FilterConfig, Metering, Prepare, RouteConfig, RuleConfig, SCHEMA};
use crate::secret::Secret;

/// What the operator decides outside the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Larger JSON bodies are refused, in bytes.
    pub max_body_bytes: u64,
    /// Whether routes for an open relay may exist.
    pub open_relay: bool,
    /// How requests are counted and charged.
    pub metering: Metering,
    /// The filter module, if it is not the one that the control plane came with. Routes whose attempts the backend
    /// stage prepares are others with it: both stages of a request are of one module.
    pub module: Option<String>,
}

/// A compiled document.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// What the filter decides by; holds no secret.
    pub filter: FilterConfig,
    /// The backends' clusters, in the order of the document.
    pub clusters: Vec<ClusterPlan>,
    /// The routes, in the order of [`FilterConfig::routes`].
    pub routes: Vec<RoutePlan>,
}

/// One backend's cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPlan {
    /// `<backend>/<hash of the content>`.
    pub name: String,
    /// The operator's name for the backend.
    pub backend: String,
    /// Where it is.
    pub base_url: BaseUrl,
    /// How TLS is spoken with it, beside what holds for all.
    pub tls: Option<BackendTls>,
    /// Headers that every attempt gets, in place of the client's. Names are lower case.
    pub headers: BTreeMap<String, Secret>,
    /// What every attempt is signed with.
    pub sigv4: Option<SigV4>,
    /// A credential that has to be obtained; its place among the headers or parameters is blank until then.
    pub refreshed: Option<Refreshed>,
    /// Keys among which attempts are divided; the filter chooses.
    pub api_keys: Option<ApiKeys>,
    /// Query parameters that every attempt gets.
    pub query_params: BTreeMap<String, Secret>,
    /// Concurrent requests allowed.
    pub max_in_flight: Option<u32>,
    /// Total time for a request, in seconds.
    pub timeout_seconds: u32,
}

/// One route: a chain of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePlan {
    /// The value of the route header.
    pub name: String,
    /// Places in [`Compiled::clusters`]: the chosen one first, then the fallback order.
    pub clusters: Vec<usize>,
    /// Who prepares the request.
    pub prepare: Prepare,
    /// How often an attempt whose key was refused is made again with another key of the same backend.
    pub key_retries: u32,
}

/// Attempts of one request after the first, each with another key.
const KEY_RETRIES_MAX: usize = 3;

/// Why a document could not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A backend's URL is none.
    #[error("backend '{backend}': base_url {error}")]
    BaseUrl {
        /// The backend.
        backend: String,
        /// What is wrong.
        error: BaseUrlError,
    },
    /// A reference to a backend that does not exist.
    #[error("{from} refers to backend '{backend}', which does not exist")]
    UnknownBackend {
        /// What refers.
        from: String,
        /// To what.
        backend: String,
    },
    /// Redirects that lead nowhere.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
}

/// Compiles a document. One that was loaded without problems compiles.
pub fn compile(document: &Document, options: Options) -> Result<Compiled, CompileError> {
    let clusters = document.backends.iter().map(cluster_plan).collect::<Result<Vec<_>, _>>()?;
    let module = options.module.as_deref();
    let mut routes = Routes { backends: &document.backends, clusters: &clusters, plans: Vec::new(), module };
    let mut rules = Vec::with_capacity(document.router.rules.len());
    for rule in &document.router.rules {
        let from = format!("the rule for '{}'", rule.model_prefix);
        let choices = routes.choices(&from, &rule.backends)?;
        rules.push(RuleConfig { model: rule.model_prefix.clone(), exact: rule.exact, choices });
    }
    let default_choices = routes.choices("router.default_backends", &document.router.default_backends)?;
    let pins = (0..clusters.len()).map(|index| (index, routes.route(vec![index]))).collect::<Vec<_>>();
    let pins = pins.into_iter().filter_map(|(index, route)| Some((clusters.get(index)?.backend.clone(), route)));
    let pins: BTreeMap<_, _> = pins.collect();
    let plans = routes.plans;
    let route_config = |plan: &RoutePlan| RouteConfig {
        name: plan.name.clone(),
        backends: plan.clusters.clone(),
        prepare: plan.prepare,
    };
    let mut filter = FilterConfig {
        schema: SCHEMA,
        version: String::new(),
        open_relay: options.open_relay,
        max_body_bytes: options.max_body_bytes,
        backends: document.backends.iter().zip(&clusters).map(backend_config).collect(),
        routes: plans.iter().map(route_config).collect(),
        rules,
        default_choices,
        pins,
        redirects: redirects::followed(&document.redirects)?,
        metering: options.metering,
    };
    let mut content = serde_json::to_vec(&filter).unwrap_or_default();
    content.extend_from_slice(options.module.as_deref().unwrap_or_default().as_bytes());
    filter.version = content_hash(&content);
    Ok(Compiled { filter, clusters, routes: plans })
}

fn cluster_plan(backend: &Backend) -> Result<ClusterPlan, CompileError> {
    let base_url = BaseUrl::parse(&backend.base_url)
        .map_err(|error| CompileError::BaseUrl { backend: backend.name.clone(), error })?;
    // What Envoy's cluster is made of: values of credentials change without it.
    let names: Vec<_> = backend.headers.keys().map(String::as_str).collect();
    let BaseUrl { tls, host, port, .. } = &base_url;
    let mut content = format!("{tls} {host} {port} {:?} {}", backend.max_in_flight, names.join(" "));
    if let Some(tls) = &backend.tls {
        content = format!("{content} {:?} {} {:?}", tls.server_name, tls.client.is_some(), tls.ca);
    }
    Ok(ClusterPlan {
        name: format!("{}/{}", backend.name, content_hash(content.as_bytes())),
        backend: backend.name.clone(),
        base_url,
        tls: backend.tls.clone(),
        headers: backend.headers.clone(),
        sigv4: backend.sigv4.clone(),
        refreshed: backend.refreshed.clone(),
        api_keys: backend.api_keys.clone(),
        query_params: backend.query_params.clone(),
        max_in_flight: backend.max_in_flight,
        timeout_seconds: backend.timeout_seconds,
    })
}

fn backend_config((backend, cluster): (&Backend, &ClusterPlan)) -> BackendConfig {
    BackendConfig {
        name: backend.name.clone(),
        cluster: cluster.name.clone(),
        authority: cluster.base_url.authority(),
        base_path: cluster.base_url.path.clone(),
        has_query_params: !cluster.query_params.is_empty(),
        model_map: backend.model_map.clone(),
        provider: backend.provider.clone(),
    }
}

/// Collects the routes that choices need, each once.
struct Routes<'d> {
    backends: &'d [Backend],
    clusters: &'d [ClusterPlan],
    plans: Vec<RoutePlan>,
    module: Option<&'d str>,
}

impl Routes<'_> {
    /// One choice for each usable candidate: that one first, then the others in the document's order.
    fn choices(&mut self, from: &str, candidates: &[WeightedBackend]) -> Result<Vec<Choice>, CompileError> {
        let mut usable: Vec<(usize, f64)> = Vec::new();
        for candidate in candidates {
            let name = candidate.backend.trim();
            if name.is_empty() || !candidate.weight.is_finite() || candidate.weight <= 0.0 {
                continue;
            }
            let index = self
                .backends
                .iter()
                .position(|backend| backend.name == name)
                .ok_or_else(|| CompileError::UnknownBackend { from: from.to_owned(), backend: name.to_owned() })?;
            match usable.iter_mut().find(|(known, _)| *known == index) {
                // Named twice: the shares add up, the place is the first.
                Some((_, weight)) => *weight += candidate.weight,
                None => usable.push((index, candidate.weight)),
            }
        }
        let order: Vec<usize> = usable.iter().map(|(index, _)| *index).collect();
        let choices = usable.iter().map(|(chosen, weight)| {
            let rest = order.iter().copied().filter(|index| index != chosen);
            let route = self.route(std::iter::once(*chosen).chain(rest).collect());
            Choice { weight: *weight, route }
        });
        Ok(choices.collect())
    }

    fn route(&mut self, clusters: Vec<usize>) -> usize {
        if let Some(known) = self.plans.iter().position(|plan| plan.clusters == clusters) {
            return known;
        }
        let prepare = if self.is_uniform(&clusters) { Prepare::Once } else { Prepare::PerAttempt };
        let parts = clusters.iter().filter_map(|&index| self.clusters.get(index));
        let parts: Vec<_> = parts.map(|cluster| format!("{} {}", cluster.name, cluster.timeout_seconds)).collect();
        let key_retries = self.key_retries(&clusters);
        let retries = if key_retries == 0 { String::new() } else { format!(" {key_retries}") };
        let module = self.module.filter(|_| prepare == Prepare::PerAttempt).unwrap_or_default();
        let name = content_hash(format!("{prepare:?} {}{retries}{module}", parts.join(" ")).as_bytes());
        self.plans.push(RoutePlan { name, clusters, prepare, key_retries });
        self.plans.len().saturating_sub(1)
    }

    /// Attempts with other keys of a backend that stands alone. In a chain, the next backend is tried instead.
    fn key_retries(&self, clusters: &[usize]) -> u32 {
        let [only] = clusters else { return 0 };
        let keys = self.backends.get(*only).and_then(|backend| backend.api_keys.as_ref());
        let others = keys.map_or(0, |keys| keys.keys.len().saturating_sub(1)).min(KEY_RETRIES_MAX);
        u32::try_from(others).unwrap_or_default()
    }

    /// Whether a request can be prepared once for all candidates.
    fn is_uniform(&self, clusters: &[usize]) -> bool {
        // The key is chosen for each attempt.
        let mut backends = clusters.iter().filter_map(|&index| self.backends.get(index));
        if backends.any(|backend| backend.api_keys.is_some()) {
            return false;
        }
        let mut candidates = clusters.iter().filter_map(|&index| {
            let backend = self.backends.get(index)?;
            let path = &self.clusters.get(index)?.base_url.path;
            Some((
                &backend.headers,
                &backend.query_params,
                &backend.refreshed,
                &backend.model_map,
                &backend.provider,
                path,
            ))
        });
        let first = candidates.next();
        // A signature covers the host, so each of several candidates needs its own.
        let signs = clusters.len() > 1
            && first.is_some_and(|(_, _, _, _, provider, _)| provider.as_ref().is_some_and(|config| config.signs));
        !signs && candidates.all(|candidate| Some(candidate) == first)
    }
}

/// Twelve hex digits: enough to tell the few generations apart that exist together.
fn content_hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    hex::encode(digest.get(..6).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Balance, Router, Rule};
    use crate::filter_config::{ProviderConfig, Speaks};
    use crate::routing;

    fn backend(name: &str, base_url: &str, credential: &str) -> Backend {
        Backend {
            name: name.into(),
            base_url: base_url.into(),
            headers: [("authorization".to_owned(), Secret::new(credential))].into(),
            tls: None,
            sigv4: None,
            refreshed: None,
            api_keys: None,
            query_params: BTreeMap::new(),
            max_in_flight: None,
            timeout_seconds: 300,
            model_map: BTreeMap::new(),
            provider: None,
        }
    }

    fn weighted(backend: &str, weight: f64) -> WeightedBackend {
        WeightedBackend { backend: backend.into(), weight }
    }

    fn document() -> Document {
        Document {
            backends: vec![
                backend("one", "https://one.example/v1", "secret-1"),
                backend("two", "https://two.example/v1", "secret-2"),
                backend("twin", "https://twin.example/v1", "secret-1"),
            ],
            router: Router {
                default_backends: vec![weighted("one", 9.0), weighted("two", 1.0), weighted("one", f64::NAN)],
                rules: vec![Rule {
                    model_prefix: "gpt-".into(),
                    exact: false,
                    backends: vec![weighted("one", 1.0), weighted("twin", 1.0)],
                    guardrails: None,
                }],
            },
            ..Document::default()
        }
    }

    fn options() -> Options {
        Options { max_body_bytes: 1 << 20, open_relay: false, metering: Metering::default(), module: None }
    }

    fn chain(compiled: &Compiled, route: usize) -> Vec<&str> {
        compiled.routes[route].clusters.iter().map(|&index| compiled.clusters[index].backend.as_str()).collect()
    }

    #[test]
    fn each_choice_falls_back_to_the_others_in_order() {
        let compiled = compile(&document(), options()).unwrap();
        let chains: Vec<_> = compiled
            .filter
            .default_choices
            .iter()
            .map(|choice| (choice.weight, chain(&compiled, choice.route)))
            .collect();
        assert_eq!(chains, [(9.0, vec!["one", "two"]), (1.0, vec!["two", "one"])]);
        assert_eq!(chain(&compiled, compiled.filter.pins["two"]), ["two"]);
    }

    #[test]
    fn only_candidates_that_differ_need_the_backend_stage() {
        let compiled = compile(&document(), options()).unwrap();
        let prepare = |choice: &Choice| compiled.routes[choice.route].prepare;
        assert_eq!(prepare(&compiled.filter.default_choices[0]), Prepare::PerAttempt);
        assert_eq!(prepare(&compiled.filter.rules[0].choices[0]), Prepare::Once);
        assert_eq!(compiled.routes[compiled.filter.pins["one"]].prepare, Prepare::Once);
    }

    #[test]
    fn only_the_same_dialect_is_prepared_once_and_what_is_signed_never() {
        let prepared = |first: Option<ProviderConfig>, second: Option<ProviderConfig>| {
            let mut document = document();
            document.backends[0].provider = first;
            document.backends[2].provider = second;
            let compiled = compile(&document, options()).unwrap();
            compiled.routes[compiled.filter.rules[0].choices[0].route].prepare
        };
        let chat = || Some(ProviderConfig::new(Speaks::Chat));
        assert_eq!(prepared(chat(), chat()), Prepare::Once);
        assert_eq!(prepared(chat(), None), Prepare::PerAttempt);
        assert_eq!(prepared(chat(), Some(ProviderConfig { lossy: true, ..chat().unwrap() })), Prepare::PerAttempt);
        let signed = || Some(ProviderConfig { signs: true, ..ProviderConfig::new(Speaks::Bedrock) });
        assert_eq!(prepared(signed(), signed()), Prepare::PerAttempt);
    }

    #[test]
    fn keys_are_chosen_for_each_attempt_and_their_number_moves_no_connection() {
        let with_keys = |count: usize| {
            let mut document = document();
            document.backends[0].headers.clear();
            document.backends[0].api_keys = Some(ApiKeys {
                header: "authorization".into(),
                prefix: "Bearer ".into(),
                keys: (0..count).map(|n| Secret::new(format!("secret-{n}"))).collect(),
                balance: Balance::RoundRobin,
            });
            compile(&document, options()).unwrap()
        };
        let alone = |compiled: &Compiled| compiled.routes[compiled.filter.pins["one"]].clone();
        let (one, three, many) = (with_keys(1), with_keys(3), with_keys(9));
        assert_eq!((alone(&one).prepare, alone(&one).key_retries), (Prepare::PerAttempt, 0));
        assert_eq!((alone(&three).key_retries, alone(&many).key_retries), (2, 3));
        assert_ne!(alone(&one).name, alone(&three).name);
        assert_eq!(one.clusters[0].name, many.clusters[0].name);
        let chained = &one.routes[one.filter.default_choices[0].route];
        assert_eq!((chained.prepare, chained.key_retries), (Prepare::PerAttempt, 0));
        assert!(!serde_json::to_string(&many.filter).unwrap().contains("secret-"));
    }

    #[test]
    fn another_module_makes_other_routes_where_the_backend_stage_prepares() {
        let names = |module: Option<&str>| {
            let options = Options { module: module.map(ToOwned::to_owned), ..options() };
            let compiled = compile(&document(), options).unwrap();
            let of = |prepare| {
                let routes = compiled.routes.iter().filter(move |route| route.prepare == prepare);
                routes.map(|route| route.name.clone()).collect::<Vec<_>>()
            };
            (of(Prepare::Once), of(Prepare::PerAttempt), compiled.filter.version.clone())
        };
        let (own, other) = (names(None), names(Some("ab12")));
        assert_eq!(own.0, other.0);
        assert!(!own.1.is_empty() && own.1.iter().all(|name| !other.1.contains(name)), "{own:?} {other:?}");
        assert_ne!(own.2, other.2);
    }

    #[test]
    fn names_follow_the_content_and_not_the_credentials() {
        let before = compile(&document(), options()).unwrap();
        let mut rotated = document();
        rotated.backends[0].headers.insert("authorization".into(), Secret::new("secret-1b"));
        rotated.backends[2].headers.insert("authorization".into(), Secret::new("secret-1b"));
        let rotated = compile(&rotated, options()).unwrap();
        assert_eq!(rotated.clusters[0].name, before.clusters[0].name);
        assert_eq!(rotated.filter, before.filter);
        let mut moved = document();
        moved.backends[0].base_url = "https://elsewhere.example/v1".into();
        let moved = compile(&moved, options()).unwrap();
        assert_ne!(moved.clusters[0].name, before.clusters[0].name);
        assert_eq!(moved.clusters[1].name, before.clusters[1].name);
        assert_ne!(moved.filter.version, before.filter.version);
    }

    #[test]
    fn the_filters_configuration_holds_no_secret_and_is_accepted_by_the_filter() {
        let compiled = compile(&document(), options()).unwrap();
        let text = serde_json::to_string(&compiled.filter).unwrap();
        assert!(!text.contains("secret-"), "{text}");
        let read: FilterConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read, compiled.filter);
        assert!(routing::Router::compile(read).is_ok());
    }

    #[test]
    fn an_unknown_backend_is_named_with_the_place_that_names_it() {
        let mut broken = document();
        broken.router.rules[0].backends[0].backend = "three".into();
        let error = compile(&broken, options()).unwrap_err();
        assert_eq!(error.to_string(), "the rule for 'gpt-' refers to backend 'three', which does not exist");
    }
}
