//! Reading virtual keys.

use std::collections::BTreeMap;

use serde_json::Value;

use super::backends::identifier;
use super::guardrails::{guardrails, warn_guardrails};
use super::problem::Path;
use super::reader::{Object, Reader};
use super::router::check_route;
use super::{Budget, BudgetMode, Guardrails, KeyCache, Limits, Passthrough, Problem, VirtualKey};
use crate::key::TokenHash;
use crate::secret::Secret;

const FIELDS: [&str; 19] = [
    "id",
    "token",
    "enabled",
    "tenant_id",
    "project_id",
    "user_id",
    "tenant_budget",
    "project_budget",
    "user_budget",
    "tenant_limits",
    "project_limits",
    "user_limits",
    "limits",
    "budget",
    "cache",
    "guardrails",
    "passthrough",
    "route",
    "budget_mode",
];

/// What the admin API shows in place of a token.
const REDACTED: &str = "redacted";

impl VirtualKey {
    /// A key with this id and token, and the defaults for everything else: enabled and unlimited.
    pub fn new(id: impl Into<String>, token: Secret) -> Self {
        Self {
            id: id.into(),
            token,
            enabled: true,
            tenant_id: None,
            project_id: None,
            user_id: None,
            tenant_budget: None,
            project_budget: None,
            user_budget: None,
            tenant_limits: None,
            project_limits: None,
            user_limits: None,
            limits: Limits::default(),
            budget: Budget::default(),
            cache: KeyCache::default(),
            guardrails: Guardrails::default(),
            passthrough: Passthrough::default(),
            route: None,
            budget_mode: None,
        }
    }

    /// Reads a virtual key as the admin API receives it. It is as strict as the document; an absent token, or the
    /// placeholder `redacted`, leaves [`VirtualKey::token`] blank. `${NAME}` is not expanded here, and whether the
    /// backend in [`VirtualKey::route`] exists is for the caller to check.
    ///
    /// # Errors
    ///
    /// Every problem found, each with a path below `path`.
    pub fn from_value(value: &Value, path: &str) -> Result<VirtualKey, Vec<Problem>> {
        let mut reader = Reader::new(None);
        let path = Path::Start(path);
        let key = virtual_key(&mut reader, value, &path, |reader, object| {
            let absent = object.get("token").and_then(Value::as_str) == Some(REDACTED);
            if absent { None } else { object.optional(reader, "token", token) }
        });
        match key {
            Some(key) if reader.problems.is_empty() => Ok(key),
            _ => Err(reader.problems),
        }
    }

    /// The hash under which the token is looked up; `None` when there is no token. A token of the form
    /// `sha256:<64 hex digits>` is taken as already hashed.
    pub fn token_hash(&self) -> Option<TokenHash> {
        if self.token.is_blank() {
            return None;
        }
        let token = self.token.expose();
        Some(TokenHash::from_stored(token).unwrap_or_else(|| TokenHash::of(token.as_bytes())))
    }
}

/// Reads the document's list of keys. Ids and tokens are unique; routes are among `backends`.
pub(super) fn virtual_keys(
    reader: &mut Reader<'_>,
    value: &Value,
    path: &Path<'_>,
    backends: &[&str],
) -> Option<Vec<VirtualKey>> {
    let mut first_of_id: BTreeMap<String, String> = BTreeMap::new();
    let mut first_of_token: BTreeMap<TokenHash, String> = BTreeMap::new();
    reader.list(value, path, |reader, value, path| {
        let key = virtual_key(reader, value, path, |reader, object| object.required(reader, "token", token))?;
        if let Some(first) = first_of_id.get(&key.id) {
            reader
                .problem(&path.member("id"), format!("the id `{}` is already that of {first}: ids are unique", key.id));
        } else if !key.id.is_empty() {
            first_of_id.insert(key.id.clone(), path.to_string());
        }
        if let Some(hash) = key.token_hash() {
            if let Some(first) = first_of_token.get(&hash) {
                reader.problem(&path.member("token"), format!("{first} has the same token: give each key its own"));
            } else {
                first_of_token.insert(hash, path.to_string());
            }
        }
        check_route(reader, &key, path, backends);
        Some(key)
    })
}

fn virtual_key(
    reader: &mut Reader<'_>,
    value: &Value,
    path: &Path<'_>,
    token: impl FnOnce(&mut Reader<'_>, &Object<'_>) -> Option<Secret>,
) -> Option<VirtualKey> {
    let object = reader.object(value, path, &FIELDS)?;
    Some(VirtualKey {
        id: object.required(reader, "id", identifier).unwrap_or_default(),
        token: token(reader, &object).unwrap_or_default(),
        enabled: object.optional(reader, "enabled", Reader::boolean).unwrap_or(true),
        tenant_id: attribution(reader, &object, "tenant_id"),
        project_id: attribution(reader, &object, "project_id"),
        user_id: attribution(reader, &object, "user_id"),
        tenant_budget: object.optional(reader, "tenant_budget", budget),
        project_budget: object.optional(reader, "project_budget", budget),
        user_budget: object.optional(reader, "user_budget", budget),
        tenant_limits: object.optional(reader, "tenant_limits", limits),
        project_limits: object.optional(reader, "project_limits", limits),
        user_limits: object.optional(reader, "user_limits", limits),
        limits: object.optional(reader, "limits", limits).unwrap_or_default(),
        budget: object.optional(reader, "budget", budget).unwrap_or_default(),
        cache: object.optional(reader, "cache", cache).unwrap_or_default(),
        guardrails: object
            .optional(reader, "guardrails", |reader, value, path| {
                let read = guardrails(reader, value, path)?;
                warn_guardrails(reader, &read, path);
                Some(read)
            })
            .unwrap_or_default(),
        passthrough: object.optional(reader, "passthrough", passthrough).unwrap_or_default(),
        route: object.optional(reader, "route", Reader::string).and_then(trimmed),
        budget_mode: object.optional(reader, "budget_mode", budget_mode),
    })
}

fn token(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Secret> {
    let secret = reader.secret(value, path)?;
    let token = secret.expose();
    if secret.is_blank() {
        reader.problem(path, "is blank: a blank token would let everybody in");
    } else if token.trim() != token || token.chars().any(char::is_control) {
        reader.problem(path, "starts or ends with white space, or contains control characters: no client can send it");
    } else if token.starts_with("sha256:") && TokenHash::from_stored(token).is_none() {
        reader.problem(path, "starts with `sha256:` but is no stored token: 64 hexadecimal digits must follow");
    } else {
        return Some(secret);
    }
    None
}

fn attribution<'v>(reader: &mut Reader<'_>, object: &Object<'v>, name: &'v str) -> Option<String> {
    let id = object.optional(reader, name, Reader::string).and_then(trimmed)?;
    if id.chars().any(char::is_control) {
        reader.problem(&object.at(name), "must not contain control characters");
        return None;
    }
    Some(id)
}

/// The text without white space around it; blank counts as absent.
fn trimmed(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn limits(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Limits> {
    let object = reader.object(value, path, &["rpm", "tpm"])?;
    Some(Limits {
        rpm: object.optional(reader, "rpm", Reader::whole),
        tpm: object.optional(reader, "tpm", Reader::whole),
    })
}

fn budget(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Budget> {
    let object = reader.object(value, path, &["total_tokens", "total_usd_micros"])?;
    Some(Budget {
        total_tokens: object.optional(reader, "total_tokens", Reader::whole),
        total_usd_micros: object.optional(reader, "total_usd_micros", Reader::whole),
    })
}

fn budget_mode(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<BudgetMode> {
    let name = reader.string(value, path)?;
    let mode = BudgetMode::of_name(&name);
    if mode.is_none() {
        reader.problem(path, format!("`{name}` is no budget mode: use one of {}", BudgetMode::NAMES.join(", ")));
    }
    mode
}

fn cache(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<KeyCache> {
    let fields = ["enabled", "ttl_seconds", "max_entries", "max_body_bytes", "max_total_body_bytes"];
    let object = reader.object(value, path, &fields)?;
    let default = KeyCache::default();
    let whole =
        |reader: &mut Reader<'_>, name, default| object.optional(reader, name, Reader::whole).unwrap_or(default);
    let cache = KeyCache {
        enabled: object.optional(reader, "enabled", Reader::boolean).unwrap_or(default.enabled),
        ttl_seconds: object.optional(reader, "ttl_seconds", Reader::whole),
        max_entries: whole(reader, "max_entries", default.max_entries),
        max_body_bytes: whole(reader, "max_body_bytes", default.max_body_bytes),
        max_total_body_bytes: whole(reader, "max_total_body_bytes", default.max_total_body_bytes),
    };
    if cache.enabled {
        reader.warn_not_enforced(&object.at("enabled"));
    }
    Some(cache)
}

fn passthrough(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Passthrough> {
    let object = reader.object(value, path, &["allow", "bypass_cache"])?;
    let default = Passthrough::default();
    Some(Passthrough {
        allow: object.optional(reader, "allow", Reader::boolean).unwrap_or(default.allow),
        bypass_cache: object.optional(reader, "bypass_cache", Reader::boolean).unwrap_or(default.bypass_cache),
    })
}

#[cfg(test)]
mod tests;
