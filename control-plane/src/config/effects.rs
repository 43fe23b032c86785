//! What a document would do, compared with the one in force: to clusters, routes, credentials, keys and models.

use std::collections::{BTreeMap, BTreeSet};

use ditto_policy::compile::Compiled;
use ditto_policy::document::{Document, Router, VirtualKey, WeightedBackend};
use serde::Serialize;

/// Names that one list tells; the rest is counted.
pub(super) const NAMES_MAX: usize = 1_000;

/// A document and what it was compiled to.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) document: &'a Document,
    pub(super) compiled: &'a Compiled,
}

/// What changes. Everything is told by name only.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Effects {
    /// Backends by whether they get, lose or change a cluster. A changed one gets new connections.
    clusters: Names,
    /// Chains of candidates that come and go.
    routes: Routes,
    /// Backends by whether what proves the gateway to them comes, goes or changes.
    credentials: Names,
    /// Ids of the document's virtual keys.
    keys: Names,
    /// Models whose requests go elsewhere, or in other shares.
    models: Vec<Moved>,
    /// Entries of lists that are too long to be told.
    left_out: usize,
}

/// Names by what happens to what they name.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Names {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Routes {
    added: Vec<Vec<String>>,
    removed: Vec<Vec<String>>,
}

/// A model, or those with a prefix, as rules name them; `*` is what no rule names.
#[derive(Debug, PartialEq, Serialize)]
struct Moved {
    model: String,
    from: Vec<Candidate>,
    to: Vec<Candidate>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Candidate {
    backend: String,
    weight: f64,
}

/// What leads from one to the other.
pub(super) fn effects(from: Side<'_>, to: Side<'_>) -> Effects {
    let mut effects = Effects {
        clusters: names(&clusters(from.compiled), &clusters(to.compiled)),
        routes: routes(from.compiled, to.compiled),
        credentials: names(&credentials(from.document), &credentials(to.document)),
        keys: names(&keys(from.document), &keys(to.document)),
        models: moved(&from.document.router, &to.document.router),
        left_out: 0,
    };
    effects.cut();
    effects
}

impl Effects {
    fn cut(&mut self) {
        let Self { clusters, routes, credentials, keys, models, left_out } = self;
        for Names { added, removed, changed } in [clusters, credentials, keys] {
            for list in [added, removed, changed] {
                *left_out += cut(list);
            }
        }
        *left_out += cut(&mut routes.added) + cut(&mut routes.removed) + cut(models);
    }
}

fn cut<T>(list: &mut Vec<T>) -> usize {
    let more = list.len().saturating_sub(NAMES_MAX);
    list.truncate(NAMES_MAX);
    more
}

fn names<T: PartialEq>(from: &BTreeMap<&str, T>, to: &BTreeMap<&str, T>) -> Names {
    let only = |one: &BTreeMap<&str, T>, other: &BTreeMap<&str, T>| {
        one.keys().filter(|name| !other.contains_key(*name)).map(|name| (*name).to_owned()).collect()
    };
    let changed = from.iter().filter(|(name, value)| to.get(*name).is_some_and(|other| other != *value));
    Names {
        added: only(to, from),
        removed: only(from, to),
        changed: changed.map(|(name, _)| (*name).to_owned()).collect(),
    }
}

fn clusters(compiled: &Compiled) -> BTreeMap<&str, &str> {
    compiled.clusters.iter().map(|plan| (plan.backend.as_str(), plan.name.as_str())).collect()
}

/// What a backend's attempts carry. Where it is obtained from stands for a credential that expires.
fn credentials(document: &Document) -> BTreeMap<&str, impl PartialEq> {
    let carried = document.backends.iter().map(|backend| {
        let client = backend.tls.as_ref().and_then(|tls| tls.client.as_ref());
        let obtained = (&backend.sigv4, &backend.refreshed, client);
        (backend.name.as_str(), (&backend.headers, &backend.query_params, &backend.api_keys, obtained))
    });
    carried
        .filter(|(_, (headers, params, api_keys, (sigv4, refreshed, client)))| {
            let others = api_keys.is_some() || sigv4.is_some() || refreshed.is_some() || client.is_some();
            !headers.is_empty() || !params.is_empty() || others
        })
        .collect()
}

fn keys(document: &Document) -> BTreeMap<&str, &VirtualKey> {
    document.virtual_keys.iter().map(|key| (key.id.as_str(), key)).collect()
}

fn routes(from: &Compiled, to: &Compiled) -> Routes {
    let backends = |compiled: &Compiled| -> BTreeMap<String, Vec<String>> {
        let named = |at: &usize| compiled.clusters.get(*at).map(|plan| plan.backend.clone());
        compiled
            .routes
            .iter()
            .map(|plan| (plan.name.clone(), plan.clusters.iter().filter_map(named).collect()))
            .collect()
    };
    let (from, to) = (backends(from), backends(to));
    let only = |one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>| {
        one.iter().filter(|(name, _)| !other.contains_key(*name)).map(|(_, chain)| chain.clone()).collect()
    };
    Routes { added: only(&to, &from), removed: only(&from, &to) }
}

/// Each rule of either router is asked of both: the first exact rule decides, else the first prefix, else the default.
fn moved(from: &Router, to: &Router) -> Vec<Moved> {
    let named = [from, to].into_iter().flat_map(|router| &router.rules);
    let asked: BTreeSet<(&str, bool)> = named.map(|rule| (rule.model_prefix.as_str(), rule.exact)).collect();
    let moved = |model: String, from: &[WeightedBackend], to: &[WeightedBackend]| {
        (from != to).then(|| Moved { model, from: candidates(from), to: candidates(to) })
    };
    let default = moved("*".to_owned(), &from.default_backends, &to.default_backends);
    let rules = asked.into_iter().filter_map(|(model, exact)| {
        let shown = if exact { model.to_owned() } else { format!("{model}*") };
        moved(shown, decided(from, model, exact), decided(to, model, exact))
    });
    default.into_iter().chain(rules).collect()
}

/// What a router does with a model's name, or with the names that go on after it.
fn decided<'a>(router: &'a Router, model: &str, exact: bool) -> &'a [WeightedBackend] {
    let named = exact.then(|| router.rules.iter().find(|rule| rule.exact && rule.model_prefix == model)).flatten();
    let prefixed = || router.rules.iter().find(|rule| !rule.exact && model.starts_with(&rule.model_prefix));
    named.or_else(prefixed).map_or(&router.default_backends, |rule| &rule.backends)
}

fn candidates(backends: &[WeightedBackend]) -> Vec<Candidate> {
    backends.iter().map(|one| Candidate { backend: one.backend.clone(), weight: one.weight }).collect()
}

#[cfg(test)]
mod tests {
    use ditto_policy::compile::{Options, compile};
    use ditto_policy::document::{Environment, Format, load};
    use ditto_policy::filter_config::Metering;
    use serde_json::{Value, json};

    use super::*;

    struct Nothing;

    impl Environment for Nothing {
        fn var(&self, _: &str) -> Option<String> {
            None
        }

        fn read_file(&self, _: &str) -> Result<String, String> {
            Err("none".to_owned())
        }
    }

    fn side(document: &Value) -> (Document, Compiled) {
        let document = load(&document.to_string(), Some(Format::Json), &Nothing).unwrap().document;
        let options = Options { max_body_bytes: 1, open_relay: false, metering: Metering::default(), module: None };
        let compiled = compile(&document, options).unwrap();
        (document, compiled)
    }

    fn told(from: &Value, to: &Value) -> Value {
        let (from, to) = (side(from), side(to));
        let effects = effects(Side { document: &from.0, compiled: &from.1 }, Side { document: &to.0, compiled: &to.1 });
        serde_json::to_value(effects).unwrap()
    }

    fn document() -> Value {
        json!({
            "backends": [
                {"name": "east", "base_url": "http://e/v1", "headers": {"authorization": "a"}},
                {"name": "west", "base_url": "http://w/v1"},
            ],
            "virtual_keys": [{"id": "a", "token": "vk-a"}, {"id": "b", "token": "vk-b"}],
            "router": {"default_backends": [{"backend": "east", "weight": 1}],
                       "rules": [{"model_prefix": "gpt-", "backend": "east"}]},
        })
    }

    #[test]
    fn each_part_of_a_change_is_named_and_no_secret_is() {
        let mut to = document();
        to["backends"][0]["headers"]["authorization"] = json!("b");
        to["backends"][1]["base_url"] = json!("http://elsewhere/v1");
        to["backends"].as_array_mut().unwrap().push(json!({"name": "south", "base_url": "http://s/v1"}));
        to["virtual_keys"] = json!([{"id": "a", "token": "vk-other"}, {"id": "c", "token": "vk-c"}]);
        to["router"]["rules"] = json!([
            {"model_prefix": "gpt-5", "exact": true, "backend": "south"},
            {"model_prefix": "gpt-", "backends": [{"backend": "west", "weight": 3}, {"backend": "south", "weight": 1}]},
        ]);
        let told = told(&document(), &to);
        assert_eq!(told["clusters"], json!({"added": ["south"], "removed": [], "changed": ["west"]}));
        assert_eq!(told["credentials"], json!({"added": [], "removed": [], "changed": ["east"]}));
        assert_eq!(told["keys"], json!({"added": ["c"], "removed": ["b"], "changed": ["a"]}));
        let east = json!([{"backend": "east", "weight": 1.0}]);
        let south = json!([{"backend": "south", "weight": 1.0}]);
        let both = json!([{"backend": "west", "weight": 3.0}, {"backend": "south", "weight": 1.0}]);
        let expected = json!([
            {"model": "gpt-*", "from": east, "to": both}, {"model": "gpt-5", "from": east, "to": south}]);
        assert_eq!(told["models"], expected);
        let added = told["routes"]["added"].as_array().unwrap();
        assert!(added.contains(&json!(["west", "south"])) && added.contains(&json!(["south"])), "{added:?}");
        assert!(!told.to_string().contains("vk-"), "{told}");
    }

    #[test]
    fn the_same_document_does_nothing() {
        assert_eq!(told(&document(), &document()), serde_json::to_value(Effects::default()).unwrap());
    }
}
