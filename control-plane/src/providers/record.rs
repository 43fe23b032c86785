//! A provider, and the text in which all of them are kept.

use ditto_policy::document::{Backend, Balance, Problem, backend_alone};
use ditto_policy::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Providers;
use super::seal::Sealer;

/// Keys of one provider.
pub const KEYS_MAX: usize = 1_000;
/// OpenAI's own address, where more is served than compatible servers have.
const OPENAI: &str = "api.openai.com";

/// A provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Unique, also among the document's backends.
    pub name: String,
    /// What it speaks, in lower case: `openai`, `anthropic`, `zhipu`, or another provider's name.
    pub api_type: String,
    /// Where it is.
    pub base_url: String,
    /// One that is not is no backend.
    pub enabled: bool,
    /// Where it lists its models; kept, and not asked.
    pub models_endpoint: Option<String>,
    /// How its attempts are divided among its keys.
    pub balance: Balance,
    /// Its keys.
    pub keys: Vec<ProviderKey>,
}

/// One key of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// The key itself.
    pub key: Secret,
    /// What the operator says of it.
    pub description: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

impl Provider {
    /// The backend that it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn backend(&self) -> Result<Backend, Vec<Problem>> {
        let provider = match self.api_type.as_str() {
            "openai" if host(&self.base_url) != Some(OPENAI) => "openai-compatible",
            other => other,
        };
        let written = json!({
            "name": self.name, "provider": provider, "base_url": self.base_url,
            "api_keys": [], "balance": self.balance.name(),
        });
        let mut backend = backend_alone(&written)?;
        if let Some(keys) = &mut backend.api_keys {
            keys.keys = self.keys.iter().map(|key| key.key.clone()).collect();
        }
        Ok(backend)
    }
}

fn host(base_url: &str) -> Option<&str> {
    base_url.strip_prefix("https://")?.split(['/', ':']).next()
}

/// A key as it is shown: its ends, or nothing of a short one.
pub fn masked(key: &Secret) -> String {
    let characters: Vec<char> = key.expose().chars().collect();
    match (characters.first_chunk::<4>(), characters.last_chunk::<4>()) {
        (Some(head), Some(tail)) if characters.len() > 8 => {
            head.iter().copied().chain("****".chars()).chain(tail.iter().copied()).collect()
        }
        _ => "****".to_owned(),
    }
}

/// All providers as they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    providers: Vec<KeptProvider>,
}

#[derive(Serialize, Deserialize)]
struct KeptProvider {
    name: String,
    api_type: String,
    base_url: String,
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models_endpoint: Option<String>,
    balance: Balance,
    keys: Vec<KeptKey>,
}

#[derive(Serialize, Deserialize)]
struct KeptKey {
    sealed: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created_at_ms: u64,
}

const NOTHING_TO_OPEN: &str = "the store has sealed provider keys: name the key that opens them with --secrets-key-env";

/// The text that these providers are kept as.
pub(super) fn seal(providers: &Providers, sealer: Option<&Sealer>) -> Result<String, String> {
    let key = |provider: &Provider, key: &ProviderKey| {
        let sealer = sealer.ok_or("there is nothing to seal provider keys with")?;
        let sealed = sealer.seal(key.key.expose(), &provider.name)?;
        Ok::<_, String>(KeptKey { sealed, description: key.description.clone(), created_at_ms: key.created_at_ms })
    };
    let kept = providers.values().map(|provider| {
        Ok(KeptProvider {
            name: provider.name.clone(),
            api_type: provider.api_type.clone(),
            base_url: provider.base_url.clone(),
            enabled: provider.enabled,
            models_endpoint: provider.models_endpoint.clone(),
            balance: provider.balance,
            keys: provider.keys.iter().map(|each| key(provider, each)).collect::<Result<_, String>>()?,
        })
    });
    let kept = Kept { providers: kept.collect::<Result<_, String>>()? };
    serde_json::to_string(&kept).map_err(|error| error.to_string())
}

/// The providers of a text.
pub(super) fn open(text: &str, sealer: Option<&Sealer>) -> Result<Providers, String> {
    let kept: Value = serde_json::from_str(text).map_err(|error| format!("the providers cannot be read: {error}"))?;
    let kept: Kept = serde_json::from_value(kept).map_err(|error| format!("the providers cannot be read: {error}"))?;
    let key = |provider: &str, key: KeptKey| {
        let opened = sealer.ok_or(NOTHING_TO_OPEN)?.open(&key.sealed, provider)?;
        Ok::<_, String>(ProviderKey { key: opened, description: key.description, created_at_ms: key.created_at_ms })
    };
    let opened = kept.providers.into_iter().map(|kept| {
        let keys = kept.keys.into_iter().map(|each| key(&kept.name, each)).collect::<Result<_, String>>()?;
        let provider = Provider {
            name: kept.name.clone(),
            api_type: kept.api_type,
            base_url: kept.base_url,
            enabled: kept.enabled,
            models_endpoint: kept.models_endpoint,
            balance: kept.balance,
            keys,
        };
        Ok((kept.name, provider))
    });
    opened.collect()
}
