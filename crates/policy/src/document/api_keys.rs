//! Several API keys of one backend, and how its attempts are divided among them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nearest::nearest;
use super::parameters::plain_value;
use super::problem::{Path, shown};
use super::reader::{Object, Reader};
use crate::secret::Secret;

/// Keys of one backend.
const KEYS_MAX: usize = 1_000;

/// API keys among which a backend's attempts are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeys {
    /// The header that carries the key, in lower case.
    pub header: String,
    /// Stands before the key, as `Bearer ` does.
    pub prefix: String,
    /// The keys, each once; without one, the backend answers 503.
    pub keys: Vec<Secret>,
    /// How they are divided.
    pub balance: Balance,
}

impl ApiKeys {
    /// What the header says, for each key.
    pub fn values(&self) -> impl Iterator<Item = Secret> {
        self.keys.iter().map(|key| Secret::new(format!("{}{}", self.prefix, key.expose())))
    }
}

/// Which key an attempt takes, of those that do not rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The first of the list.
    #[default]
    FirstAvailable,
    /// Each in turn.
    RoundRobin,
    /// Any, all with the same chance.
    Random,
    /// One with the fewest attempts under way.
    LeastBusy,
}

impl Balance {
    /// The strategies by their names.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("first_available", Self::FirstAvailable),
        ("round_robin", Self::RoundRobin),
        ("random", Self::Random),
        ("least_busy", Self::LeastBusy),
    ];

    /// The strategy of a name; `RoundRobin` and `round-robin` are `round_robin`.
    pub fn of_name(name: &str) -> Option<Self> {
        let plain = |name: &str| -> String {
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
        };
        let wanted = plain(name);
        Self::NAMED.iter().find(|(known, _)| plain(known) == wanted).map(|(_, balance)| *balance)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, balance)| *balance == self).map_or("", |(name, _)| name)
    }
}

/// Reads `api_keys` and `balance` of a backend whose keys go into this header, with this before them.
pub(super) fn api_keys(
    reader: &mut Reader<'_>,
    backend: &Object<'_>,
    (header, prefix): (&str, &str),
) -> Option<ApiKeys> {
    let strategy = backend.optional(reader, "balance", balance);
    if backend.get("api_keys").is_none() {
        if backend.get("balance").is_some() {
            reader.warn(&backend.at("balance"), "has no effect without api_keys");
        }
        return None;
    }
    let keys = backend.optional(reader, "api_keys", keys)?;
    if keys.is_empty() {
        reader.warn(&backend.at("api_keys"), "is empty: requests to this backend are answered 503");
    }
    let (header, prefix) = (header.to_owned(), prefix.to_owned());
    Some(ApiKeys { header, prefix, keys, balance: strategy.unwrap_or_default() })
}

fn keys(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Vec<Secret>> {
    let mut known: Vec<Secret> = Vec::new();
    let keys = reader.list(value, path, |reader, value, path| {
        let key = Secret::new(reader.secret(value, path)?.expose().trim());
        if key.is_blank() {
            reader.problem(path, "is blank: write a key, or leave it out");
            return None;
        }
        plain_value(reader, &key, path)?;
        if known.contains(&key) {
            reader.problem(path, "is given twice: remove one");
            return None;
        }
        known.push(key.clone());
        Some(key)
    })?;
    if keys.len() > KEYS_MAX {
        reader.problem(path, format!("there are {} keys: {KEYS_MAX} are allowed", keys.len()));
    }
    Some(keys)
}

fn balance(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Balance> {
    let name = reader.text(value, path)?;
    let found = Balance::of_name(&name);
    if found.is_none() {
        let names = Balance::NAMED.iter().map(|(name, _)| *name);
        let meant = match nearest(&name, names.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the strategies are {}", names.collect::<Vec<_>>().join(", ")),
        };
        reader.problem(path, format!("unknown strategy `{}`; {meant}", shown(&name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::{load_json, problems};

    fn read(fields: &str) -> ApiKeys {
        let loaded = load_json(&format!(r#"{{"backends": [{{"name": "a", {fields}}}]}}"#)).unwrap();
        loaded.document.backends[0].api_keys.clone().unwrap()
    }

    #[test]
    fn keys_go_where_the_provider_wants_them() {
        let keys = read(r#""base_url": "http://h", "api_keys": ["${KEY}", " sk-b "], "balance": "RoundRobin""#);
        assert_eq!((keys.header.as_str(), keys.balance), ("authorization", Balance::RoundRobin));
        let values: Vec<_> = keys.values().map(|value| value.expose().to_owned()).collect();
        assert_eq!(values, ["Bearer sk-secret", "Bearer sk-b"]);
        let keys = read(r#""provider": "anthropic", "api_keys": ["sk-a"]"#);
        assert_eq!((keys.header.as_str(), keys.prefix.as_str()), ("x-api-key", ""));
        assert_eq!(keys.balance, Balance::FirstAvailable);
    }

    #[test]
    fn what_makes_no_sense_is_named_and_never_shown() {
        let lines =
            |fields: &str| problems(&format!(r#"{{"backends": [{{"name": "a", "base_url": "http://h", {fields}}}]}}"#));
        assert_eq!(
            lines(r#""api_keys": ["sk-1", "", "sk-1", 5], "balance": "least_bussy""#),
            [
                "backends[0].balance: unknown strategy `least_bussy`; did you mean `least_busy`?",
                "backends[0].api_keys[1]: is blank: write a key, or leave it out",
                "backends[0].api_keys[2]: is given twice: remove one",
                "backends[0].api_keys[3]: expected a string, found a number: put it in quotes",
            ]
        );
        assert_eq!(
            lines(r#""headers": {"Authorization": "Bearer x"}, "api_keys": ["sk-1"]"#),
            ["backends[0].api_keys: the header `authorization` is written down as well: remove one of them"]
        );
        assert_eq!(
            problems(
                r#"{"backends": [{"name": "a", "provider": "openai", "api_keys": ["k"],
                    "provider_config": {"auth": {"type": "none"}}}]}"#
            ),
            ["backends[0].api_keys: `auth` says how the gateway proves itself as well: remove one of them"]
        );
    }
}
