//! `/providers/{provider}/keys`: the keys of one provider.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ditto_policy::secret::Secret;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Body, Manager, Name, body, change, existing, name_of};
use crate::admin::ApiError;
use crate::admin::json::read;
use crate::admin::query::{Parameters, each, text};
use crate::providers::{KEYS_MAX, Provider, ProviderKey, Providers, Refusal, masked};

/// What became of one key of several.
#[derive(Clone, Serialize)]
struct Outcome {
    key: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

pub(super) async fn list(State(manager): Manager, name: Name, parameters: Parameters) -> Result<Json<Value>, ApiError> {
    let mut wanted = String::new();
    each(parameters, "q", |name, value| {
        wanted = text(name, value)?;
        Ok(name == "q")
    })?;
    let name = name_of(name)?;
    let providers = manager.providers();
    // Only in what is shown of a key: a search in the key itself would tell it letter by letter.
    let shown = existing(&providers, &name)?.keys.iter().map(|key| (masked(&key.key), key));
    let found: Vec<_> = shown
        .filter(|(mask, key)| {
            mask.contains(&wanted) || key.description.as_ref().is_some_and(|text| text.contains(&wanted))
        })
        .collect();
    let masks: Vec<_> = found.iter().map(|(mask, _)| mask).collect();
    let entries: Vec<_> = found
        .iter()
        .map(|(mask, key)| json!({"masked": mask, "description": key.description, "created_at_ms": key.created_at_ms}))
        .collect();
    Ok(Json(json!({"keys": masks, "total": masks.len(), "entries": entries})))
}

pub(super) async fn raw(State(_): Manager, _: Name) -> ApiError {
    let message = "a provider's key is shown by its ends only; whoever added it has it";
    ApiError::new(StatusCode::CONFLICT, "secret_unavailable", message)
}

pub(super) async fn add(
    State(manager): Manager,
    name: Name,
    bytes: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let name = name_of(name)?;
    let (key, description) = body::key(read(bytes)?)?;
    let mask = masked(&key);
    let (provider, said, created_at_ms) = (name.clone(), description.clone(), now_ms());
    change(manager, move |providers| {
        let key = ProviderKey { key: key.clone(), description: said.clone(), created_at_ms };
        insert(existing_mut(providers, &provider)?, key).map_err(|why| Refusal::Invalid(format!("`key`: {why}")))
    })
    .await?;
    tracing::info!(provider = name, key = mask, "admin.provider.key.add");
    Ok((StatusCode::CREATED, Json(json!({"status": "ok", "masked_key": mask, "description": description}))))
}

pub(super) async fn remove(State(manager): Manager, name: Name, bytes: Body) -> Result<Json<Value>, ApiError> {
    let name = name_of(name)?;
    let (key, _) = body::key(read(bytes)?)?;
    let (provider, mask) = (name.clone(), masked(&key));
    change(manager, move |providers| match take(existing_mut(providers, &provider)?, &key) {
        true => Ok(()),
        false => Err(Refusal::NotFound("the provider has no such key".to_owned())),
    })
    .await?;
    tracing::info!(provider = name, key = mask, "admin.provider.key.delete");
    Ok(Json(json!({"status": "ok"})))
}

pub(super) async fn add_all(State(manager): Manager, name: Name, bytes: Body) -> Result<Json<Value>, ApiError> {
    let created_at_ms = now_ms();
    let add = move |provider: &mut Provider, key: &Secret| {
        insert(provider, ProviderKey { key: key.clone(), description: None, created_at_ms })
    };
    let (done, outcomes) = all(manager, name, bytes, "admin.provider.key.add", "failed", add).await?;
    Ok(Json(json!({"success": done, "failed": outcomes.len() - done, "results": outcomes})))
}

pub(super) async fn remove_all(State(manager): Manager, name: Name, bytes: Body) -> Result<Json<Value>, ApiError> {
    let remove = |provider: &mut Provider, key: &Secret| match take(provider, key) {
        true => Ok(()),
        false => Err("the provider has no such key".to_owned()),
    };
    let (done, outcomes) = all(manager, name, bytes, "admin.provider.key.delete", "missing", remove).await?;
    Ok(Json(json!({"removed": done, "missing": outcomes.len() - done, "results": outcomes})))
}

/// Does the same to several keys in one change; those that it cannot be done to are told apart.
async fn all(
    manager: std::sync::Arc<crate::config::ConfigManager>,
    name: Name,
    bytes: Body,
    event: &'static str,
    failed: &'static str,
    work: impl Fn(&mut Provider, &Secret) -> Result<(), String> + Send + Sync + 'static,
) -> Result<(usize, Vec<Outcome>), ApiError> {
    let name = name_of(name)?;
    let keys = body::keys(read(bytes)?)?;
    let provider = name.clone();
    let outcomes = change(manager, move |providers| {
        let provider = existing_mut(providers, &provider)?;
        let outcomes = keys.iter().map(|key| {
            let (mask, done) = match key {
                Ok(key) => (masked(key), work(provider, key)),
                Err(why) => ("****".to_owned(), Err((*why).to_owned())),
            };
            Outcome { key: mask, status: if done.is_ok() { "ok" } else { failed }, message: done.err() }
        });
        Ok(outcomes.collect::<Vec<_>>())
    })
    .await?;
    let done = outcomes.iter().filter(|outcome| outcome.message.is_none()).count();
    tracing::info!(provider = name, keys = done, "{event}");
    Ok((done, outcomes))
}

fn existing_mut<'p>(providers: &'p mut Providers, name: &str) -> Result<&'p mut Provider, Refusal> {
    existing(providers, name)?;
    providers.get_mut(name).ok_or_else(|| Refusal::NotFound("there is no such provider".to_owned()))
}

fn insert(provider: &mut Provider, key: ProviderKey) -> Result<(), String> {
    if provider.keys.iter().any(|known| known.key == key.key) {
        return Err("the provider has it already".to_owned());
    }
    if provider.keys.len() >= KEYS_MAX {
        return Err(format!("the provider has {KEYS_MAX} keys: delete one first"));
    }
    provider.keys.push(key);
    Ok(())
}

/// Removes a key, and says whether it was there.
fn take(provider: &mut Provider, key: &Secret) -> bool {
    let before = provider.keys.len();
    provider.keys.retain(|known| known.key != *key);
    provider.keys.len() < before
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
