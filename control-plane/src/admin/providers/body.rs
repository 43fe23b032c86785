//! The bodies of requests about providers and their keys.

use ditto_policy::document::Balance;
use ditto_policy::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::ApiError;
use crate::providers::{KEYS_MAX, Provider};

/// Bytes of a name, a type, or what is said of a key.
const TEXT_MAX: usize = 256;
/// Bytes of an address.
const URL_MAX: usize = 2_048;
/// Bytes of a key: more does not fit among the headers of a request.
const KEY_MAX: usize = 4_096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProvider {
    #[serde(default)]
    name: String,
    api_type: String,
    base_url: String,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    models_endpoint: Option<String>,
    #[serde(default)]
    balance: Option<String>,
}

/// The provider that a body asks for, without keys. `name`, from the path, wins over the body's.
pub(super) fn provider(body: Value, name: Option<String>) -> Result<Provider, ApiError> {
    let new: NewProvider = serde_json::from_value(body).map_err(|_| {
        let message = r#"the body: expected {"name", "api_type", "base_url"}, and perhaps "enabled", "models_endpoint" and "balance""#;
        ApiError::invalid_request(message)
    })?;
    let name = text("name", name.unwrap_or(new.name), TEXT_MAX)?;
    if name.contains('/') {
        let message = "`name`: must not hold a slash, which ends a provider's name in `provider/model`";
        return Err(ApiError::invalid_request(message));
    }
    let balance = match new.balance {
        None => Balance::default(),
        Some(name) => Balance::of_name(&name).ok_or_else(|| {
            let names: Vec<_> = Balance::NAMED.iter().map(|(name, _)| *name).collect();
            ApiError::invalid_request(format!("`balance`: the strategies are {}", names.join(", ")))
        })?,
    };
    Ok(Provider {
        name,
        api_type: text("api_type", new.api_type, TEXT_MAX)?.to_ascii_lowercase(),
        base_url: text("base_url", new.base_url, URL_MAX)?,
        enabled: new.enabled.unwrap_or(true),
        models_endpoint: new.models_endpoint.map(|path| text("models_endpoint", path, URL_MAX)).transpose()?,
        balance,
        keys: Vec::new(),
    })
}

fn text(field: &str, value: String, max: usize) -> Result<String, ApiError> {
    let value = value.trim();
    if value.is_empty() || value.len() > max || value.chars().any(char::is_control) {
        return Err(ApiError::invalid_request(format!("`{field}`: expected text of at most {max} bytes")));
    }
    Ok(value.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    key: String,
    #[serde(default)]
    description: Option<String>,
}

/// A key, and what is said of it.
pub(super) fn key(body: Value) -> Result<(Secret, Option<String>), ApiError> {
    let new: NewKey = serde_json::from_value(body).map_err(|_| {
        let message = r#"the body: expected {"key": "…"}, and perhaps a "description""#;
        ApiError::invalid_request(message)
    })?;
    let description = new.description.map(|description| text("description", description, TEXT_MAX)).transpose()?;
    Ok((usable(&new.key).map_err(|why| ApiError::invalid_request(format!("`key`: {why}")))?, description))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    keys: Vec<String>,
}

/// Several keys; each may be of no use for itself.
pub(super) fn keys(body: Value) -> Result<Vec<Result<Secret, &'static str>>, ApiError> {
    let listed: Keys =
        serde_json::from_value(body).map_err(|_| ApiError::invalid_request(r#"the body: expected {"keys": ["…"]}"#))?;
    if listed.keys.len() > KEYS_MAX {
        return Err(ApiError::invalid_request(format!("`keys`: at most {KEYS_MAX} at a time")));
    }
    Ok(listed.keys.iter().map(|key| usable(key)).collect())
}

/// A key that can stand in a header.
fn usable(key: &str) -> Result<Secret, &'static str> {
    match key.trim() {
        "" => Err("it is blank"),
        key if key.len() > KEY_MAX => Err("it is longer than 4096 bytes"),
        key if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("it holds something else than ASCII letters, digits and signs")
        }
        key => Ok(Secret::new(key)),
    }
}
