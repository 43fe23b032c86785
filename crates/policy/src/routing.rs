//! The router: from a model's name to an ordered list of backends.
//!
//! Built once from the filter's configuration, asked on each request. Exact rules are looked up, prefix rules are
//! walked in order; a weighted choice is a deterministic function of the request id, so that it can be reproduced.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::filter_config::{BackendConfig, Choice, FilterConfig, Metering, Prepare, ProviderConfig, SCHEMA};

/// A table that only operators put names into. Requests merely ask it, so its hash need not resist them, and FNV-1a
/// takes a third of the default's time for names of this length.
type ByName<T> = HashMap<String, T, BuildHasherDefault<NameHasher>>;

/// The compiled router of one configuration.
#[derive(Debug)]
pub struct Router {
    version: String,
    open_relay: bool,
    max_body_bytes: u64,
    metering: Metering,
    backends: Vec<Backend>,
    by_name: HashMap<String, usize>,
    routes: Vec<Route>,
    exact: ByName<Vec<Choice>>,
    prefixes: Vec<(String, Vec<Choice>)>,
    default_choices: Vec<Choice>,
    /// The route of each backend alone, by the backend's name.
    pins: ByName<usize>,
    redirects: ByName<String>,
}

/// A backend with its model map ready for look-ups.
#[derive(Debug)]
pub struct Backend {
    /// The operator's name for it.
    pub name: String,
    /// Envoy's cluster; also the name of its credentials.
    pub cluster: String,
    /// Host and port of `base_url`, as the `host` header has them.
    pub authority: String,
    /// The path part of `base_url`.
    pub base_path: String,
    /// Whether query parameters must be added.
    pub has_query_params: bool,
    /// Present for a backend that speaks a dialect of its own.
    pub provider: Option<ProviderConfig>,
    model_map: ByName<MappedModel>,
    any_model: Option<MappedModel>,
}

/// A backend's name for a model, ready to be written into a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedModel {
    /// The name.
    pub name: String,
    /// The name as a JSON string, quotes included.
    pub json: String,
}

impl MappedModel {
    fn new(name: String) -> Self {
        Self { json: serde_json::Value::from(name.as_str()).to_string(), name }
    }
}

/// Where a request goes, and which model it asks for there.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'r, 'm> {
    /// The route.
    pub route: &'r Route,
    /// The model, without the provider that the client named before it.
    pub model: &'m str,
}

/// A chain of candidates.
#[derive(Debug)]
pub struct Route {
    /// The value of the route header for a request with a virtual key.
    pub name: String,
    /// The value of the route header for an open relay's request, which keeps the client's own credentials.
    pub open_name: String,
    /// Who prepares the request.
    pub prepare: Prepare,
    /// All candidates, the one to begin with first.
    candidates: Vec<usize>,
}

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilterConfig {
    /// Not the form this filter understands.
    #[error("schema {found} is not {SCHEMA}: filter and control plane are of different versions")]
    Schema {
        /// What the document says.
        found: u32,
    },
    /// A route refers to a backend, or a choice to a route, that is not there.
    #[error("{from} refers to entry {index}, which does not exist")]
    Dangling {
        /// What refers.
        from: String,
        /// To which place.
        index: usize,
    },
}

/// The name of a route's twin for an open relay.
pub fn open_route_name(route: &str) -> String {
    format!("open:{route}")
}

impl Router {
    /// Compiles a configuration, or says what is wrong with it.
    pub fn compile(config: FilterConfig) -> Result<Self, InvalidFilterConfig> {
        if config.schema != SCHEMA {
            return Err(InvalidFilterConfig::Schema { found: config.schema });
        }
        let backends: Vec<_> = config.backends.into_iter().map(Backend::compile).collect();
        let mut routes = Vec::with_capacity(config.routes.len());
        for route in config.routes {
            if route.backends.is_empty() {
                return Err(InvalidFilterConfig::Dangling { from: format!("route {}", route.name), index: 0 });
            }
            if let Some(&index) = route.backends.iter().find(|&&index| index >= backends.len()) {
                return Err(InvalidFilterConfig::Dangling { from: format!("route {}", route.name), index });
            }
            let open_name = open_route_name(&route.name);
            routes.push(Route { name: route.name, open_name, prepare: route.prepare, candidates: route.backends });
        }
        let referred = config.rules.iter().flat_map(|rule| &rule.choices).chain(&config.default_choices);
        let referred = referred.map(|choice| choice.route).chain(config.pins.values().copied());
        if let Some(index) = referred.into_iter().find(|&index| index >= routes.len()) {
            return Err(InvalidFilterConfig::Dangling { from: "a rule".into(), index });
        }
        let mut exact = ByName::default();
        let mut prefixes = Vec::new();
        for rule in config.rules {
            if rule.exact {
                // The first rule of a name wins.
                exact.entry(rule.model).or_insert(rule.choices);
            } else {
                prefixes.push((rule.model, rule.choices));
            }
        }
        Ok(Self {
            version: config.version,
            open_relay: config.open_relay,
            max_body_bytes: config.max_body_bytes,
            metering: config.metering,
            by_name: backends.iter().enumerate().map(|(index, backend)| (backend.name.clone(), index)).collect(),
            backends,
            routes,
            exact,
            prefixes,
            default_choices: config.default_choices,
            pins: config.pins.into_iter().collect(),
            redirects: config.redirects.into_iter().collect(),
        })
    }

    /// Identifies the document it was compiled from.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether Envoy's route table has routes for requests without a key.
    pub fn open_relay(&self) -> bool {
        self.open_relay
    }

    /// Larger JSON bodies are refused.
    pub fn max_body_bytes(&self) -> u64 {
        self.max_body_bytes
    }

    /// How requests are counted and charged.
    pub fn metering(&self) -> &Metering {
        &self.metering
    }

    /// The name that stands for the one that a client wrote. It is what everything else goes by: lists of a key's
    /// models, rules, and the name of a provider before it.
    pub fn redirect<'a>(&'a self, model: &'a str) -> &'a str {
        if self.redirects.is_empty() {
            return model;
        }
        self.redirects.get(model).map_or(model, String::as_str)
    }

    /// The route of a request for a model (after [`Router::redirect`]): `None` when no backend is configured for it.
    ///
    /// `pin` is the backend of a pinned key, `seed` the request id. `provider/model` goes to the provider of that name,
    /// unless a rule names the provider as well: `openai/` or `openai/gpt-4o`, but not `o`. A pinned key goes where it
    /// is pinned to, whatever the model's name says.
    pub fn choose<'r, 'm>(&'r self, model: &'m str, pin: Option<&str>, seed: &str) -> Option<Chosen<'r, 'm>> {
        let named = model.split_once('/').filter(|(_, rest)| !rest.is_empty());
        if let Some(pin) = pin {
            let rest = named.filter(|(provider, _)| *provider == pin).map(|(_, rest)| rest);
            let route = self.routes.get(*self.pins.get(pin)?)?;
            return Some(Chosen { route, model: rest.unwrap_or(model) });
        }
        let rule = self.rule(model);
        if let Some((provider, rest)) = named
            && let Some(&index) = self.pins.get(provider)
            && rule.is_none_or(|(known, _)| known <= provider.len())
        {
            return Some(Chosen { route: self.routes.get(index)?, model: rest });
        }
        let choice = pick(rule.map_or(&self.default_choices, |(_, choices)| choices), seed)?;
        Some(Chosen { route: self.routes.get(choice.route)?, model })
    }

    /// The choices of the rule for a model, and how much of the model's name the rule knows, in bytes.
    fn rule(&self, model: &str) -> Option<(usize, &[Choice])> {
        let exact = self.exact.get(model).filter(|choices| !choices.is_empty());
        if let Some(choices) = exact {
            return Some((model.len(), choices));
        }
        let matching =
            self.prefixes.iter().find(|(prefix, choices)| !choices.is_empty() && model.starts_with(prefix.as_str()));
        matching.map(|(prefix, choices)| (prefix.len(), choices.as_slice()))
    }

    /// The first candidate of a route; the one, where the gateway stage prepares.
    pub fn first_backend<'r>(&'r self, route: &'r Route) -> Option<&'r Backend> {
        self.candidates(route).next()
    }

    /// The candidates of a route, the one to begin with first.
    pub fn candidates<'r>(&'r self, route: &'r Route) -> impl Iterator<Item = &'r Backend> {
        route.candidates.iter().filter_map(|&index| self.backends.get(index))
    }

    /// The place of a route's first candidate.
    pub fn first_place(&self, route: &Route) -> Option<usize> {
        route.candidates.first().copied()
    }

    /// The place of the backend of a name: a number that stands for it as long as this router lives.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The backend at a place.
    pub fn backend_at(&self, place: usize) -> Option<&Backend> {
        self.backends.get(place)
    }

    /// The backend of a name.
    pub fn backend(&self, name: &str) -> Option<&Backend> {
        self.backends.get(*self.by_name.get(name)?)
    }
}

impl Route {
    /// Whether there is somebody to fall back on.
    pub fn has_several(&self) -> bool {
        self.candidates.len() > 1
    }
}

impl Backend {
    pub(crate) fn compile(config: BackendConfig) -> Self {
        let mapped = config.model_map.into_iter().map(|(from, to)| (from, MappedModel::new(to)));
        let mut model_map: ByName<_> = mapped.collect();
        Self {
            name: config.name,
            cluster: config.cluster,
            authority: config.authority,
            base_path: config.base_path,
            has_query_params: config.has_query_params,
            provider: config.provider,
            any_model: model_map.remove("*"),
            model_map,
        }
    }

    /// The backend's name for a model; `None` when it is not mapped.
    pub fn map_model(&self, model: &str) -> Option<&MappedModel> {
        if self.model_map.is_empty() {
            return self.any_model.as_ref();
        }
        self.model_map.get(model).or(self.any_model.as_ref())
    }

    /// What must be written in place of `written` where `model` is asked for; `None`: it stands there already.
    pub fn rename(&self, model: &str, written: &str) -> Option<Cow<'_, MappedModel>> {
        match self.map_model(model) {
            Some(mapped) => Some(Cow::Borrowed(mapped)).filter(|mapped| mapped.name != written),
            None if model == written => None,
            None => Some(Cow::Owned(MappedModel::new(model.to_owned()))),
        }
    }
}

/// The weighted choice: the seed's hash, taken as a number in [0, 1), falls into one of the shares.
pub fn pick<'c>(choices: &'c [Choice], seed: &str) -> Option<&'c Choice> {
    if let [only] = choices {
        return Some(only);
    }
    let total: f64 = choices.iter().map(|choice| choice.weight).sum();
    // 53 bits are what a double holds exactly.
    let point = (fnv1a(seed.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64 * total;
    let mut reached = 0.0;
    for choice in choices {
        reached += choice.weight;
        if point < reached {
            return Some(choice);
        }
    }
    choices.last()
}

/// Feeds [`fnv1a`]'s loop from `Hash`.
#[derive(Debug)]
struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(FNV_START)
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, fnv1a_step);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv1a_step(hash: u64, byte: &u8) -> u64 {
    (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// 64-bit FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>), with a finaliser.
///
/// The plain hash spreads its last input bytes into the low bits only, and request ids that differ in their last
/// digit would all fall into the same share; two rounds of xor and multiply carry them to the high bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests;
