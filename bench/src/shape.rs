//! The gateway's configuration, in every shape that is measured.

use std::ffi::OsString;

use serde_json::{Value, json};

use crate::budgets::{Budgets, key_id};
use crate::payload::{MODEL, UPSTREAM_MODEL, stored_token, token};
use crate::upstream::Addresses;

/// API keys of one backend, where it has several.
const API_KEYS: u32 = 3;

/// Which configuration the gateway runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many virtual keys there are.
    pub(crate) keys: u64,
    /// Where requests go.
    pub(crate) routing: Routing,
    /// What the keys are limited by; without, they are not.
    pub(crate) budgets: Option<Budgets>,
}

/// Where requests go. All backends have credentials of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routing {
    /// To one backend by one rule.
    One,
    /// To so many backends of one rule, all of the same weight: the filter runs in the backend stage too.
    Candidates(u32),
    /// To a backend that refuses every request with 503, and then to another.
    Fallback,
    /// To one backend that has several API keys.
    Keyed,
    /// By the last of so many rules to the last of as many backends.
    Rules(u32),
}

impl Shape {
    /// What upstreams may see in place of the client's token; a request must arrive with one of them.
    pub(crate) fn credentials(self) -> Vec<String> {
        match self.routing {
            Routing::Keyed => (0..API_KEYS).map(|n| format!("Bearer {}", api_key(n))).collect(),
            Routing::Rules(count) => vec![credential(count - 1)],
            Routing::One => vec![credential(0)],
            Routing::Fallback => vec![credential(1)],
            Routing::Candidates(count) => (0..count).map(credential).collect(),
        }
    }

    /// The flags that the routing needs.
    pub(crate) fn flags(self) -> Vec<OsString> {
        if self.routing == Routing::Fallback { vec!["--proxy-retry".into()] } else { Vec::new() }
    }

    /// The document.
    pub(crate) fn config(self, upstream: Addresses) -> Value {
        json!({
            "backends": self.backends(upstream),
            "virtual_keys": (0..self.keys).map(|n| self.key(n)).collect::<Vec<_>>(),
            "router": {"default_backends": [{"backend": backend_name(0), "weight": 1.0}], "rules": self.rules()},
        })
    }

    fn backends(self, upstream: Addresses) -> Vec<Value> {
        let count = match self.routing {
            Routing::One | Routing::Keyed => 1,
            Routing::Fallback => 2,
            Routing::Candidates(count) | Routing::Rules(count) => count,
        };
        let backend = |n: u32| {
            let address = match self.routing {
                Routing::Fallback if n == 0 => upstream.failing,
                _ => upstream.serving,
            };
            let mut backend = json!({
                "name": backend_name(n),
                "base_url": format!("http://{address}/v1"),
                "model_map": {MODEL: UPSTREAM_MODEL},
            });
            if self.routing == Routing::Keyed {
                backend["api_keys"] = (0..API_KEYS).map(api_key).collect();
                backend["balance"] = json!("round_robin");
            } else {
                backend["headers"] = json!({"authorization": credential(n)});
            }
            backend
        };
        (0..count).map(backend).collect()
    }

    fn rules(self) -> Vec<Value> {
        let rule =
            |model: &str, exact, backends: Value| json!({"model_prefix": model, "exact": exact, "backends": backends});
        let to = |n: u32, weight: f64| json!({"backend": backend_name(n), "weight": weight});
        match self.routing {
            Routing::One | Routing::Keyed => vec![rule(MODEL, true, json!([to(0, 1.0)]))],
            Routing::Candidates(count) => vec![rule(MODEL, true, (0..count).map(|n| to(n, 1.0)).collect())],
            // So small a weight that the first is always chosen.
            Routing::Fallback => vec![rule(MODEL, true, json!([to(0, 1.0), to(1, 1e-12)]))],
            // As far as the request's model has them, the others' names are the same. Every other rule is for a
            // prefix, as the last one is: these cannot be looked up by the model's whole name.
            Routing::Rules(count) => {
                let other = |n| rule(&format!("gpt-4o-{n:04}"), n % 2 == 0, json!([to(n, 1.0)]));
                let last = rule("gpt-4o-m", false, json!([to(count - 1, 1.0)]));
                (0..count - 1).map(other).chain([last]).collect()
            }
        }
    }

    fn key(self, n: u64) -> Value {
        // One key alone is written in clear, as a small installation would; many are written as their hashes.
        let token = if self.keys == 1 { String::from_utf8_lossy(&token(n)).into_owned() } else { stored_token(n) };
        let mut key = json!({"id": key_id(n), "token": token, "enabled": true});
        if let Some(budgets) = self.budgets {
            budgets.limit(n, &mut key);
        }
        key
    }
}

fn backend_name(n: u32) -> String {
    format!("backend-{n:04}")
}

/// What the gateway must send to the n-th backend in place of the client's token. All have the same length.
fn credential(n: u32) -> String {
    format!("Bearer bench-credential-of-backend-{n:04}")
}

fn api_key(n: u32) -> String {
    format!("bench-api-key-{n:04}")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn upstream() -> Addresses {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Addresses { serving: address(9), failing: address(8) }
    }

    fn config(routing: Routing, keys: u64) -> Value {
        Shape { keys, routing, budgets: None }.config(upstream())
    }

    #[test]
    fn the_configuration_has_the_shape_asked_for() {
        let small = config(Routing::One, 1);
        assert_eq!(small["backends"].as_array().unwrap().len(), 1);
        assert_eq!(small["virtual_keys"][0]["token"].as_str().unwrap().as_bytes(), token(0));
        let large = config(Routing::Candidates(2), 1_000);
        assert_eq!(large["virtual_keys"].as_array().unwrap().len(), 1_000);
        assert_eq!(large["virtual_keys"][999]["token"], stored_token(999));
        assert_eq!(large["router"]["rules"][0]["backends"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn backends_have_different_credentials_so_that_attempts_differ() {
        let config = config(Routing::Candidates(20), 1);
        let credential = |index: usize| config["backends"][index]["headers"]["authorization"].as_str().unwrap();
        assert_ne!(credential(0), credential(19));
        assert_eq!(credential(0).len(), credential(19).len());
    }

    #[test]
    fn of_the_fallback_the_first_backend_refuses() {
        let config = config(Routing::Fallback, 1);
        let url = |index: usize| config["backends"][index]["base_url"].as_str().unwrap();
        assert_eq!((url(0), url(1)), ("http://127.0.0.1:8/v1", "http://127.0.0.1:9/v1"));
        let shape = Shape { keys: 1, routing: Routing::Fallback, budgets: None };
        assert_eq!(shape.flags(), ["--proxy-retry"]);
        assert_eq!(shape.credentials(), [credential(1)]);
    }

    #[test]
    fn several_api_keys_take_the_place_of_the_header() {
        let config = config(Routing::Keyed, 1);
        let backend = &config["backends"][0];
        assert_eq!((backend["api_keys"].as_array().unwrap().len(), &backend["headers"]), (3, &Value::Null));
    }

    #[test]
    fn only_the_last_of_many_rules_is_for_the_requests() {
        let config = config(Routing::Rules(1_000), 1);
        let rules = config["router"]["rules"].as_array().unwrap();
        let prefix = |rule: &Value| rule["model_prefix"].as_str().unwrap().to_owned();
        let matching: Vec<_> = rules.iter().filter(|rule| MODEL.starts_with(&prefix(rule))).collect();
        assert_eq!((rules.len(), matching.len(), matching[0]), (1_000, 1, &rules[999]));
        assert_eq!(rules[999]["backends"][0]["backend"], config["backends"][999]["name"]);
    }
}
