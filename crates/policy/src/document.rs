//! The configuration document as operators write it (`gateway.json`, `gateway.yaml`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::filter_config::ProviderConfig;
use crate::secret::Secret;

mod api_keys;
mod auth;
mod backends;
mod expand;
mod guardrails;
mod keys;
mod litellm;
mod load;
mod nearest;
mod parameters;
mod problem;
mod provider;
mod reader;
pub mod redirects;
mod router;
mod servers;
#[cfg(test)]
mod testing;
mod text;
mod tls;
mod tree;

pub use api_keys::{ApiKeys, Balance};
pub use auth::{ClientCredentials, Place, Refreshed, ServiceAccount, SigV4, TokenSource};
pub use backends::backend_alone;
pub use expand::Environment;
pub use load::{Loaded, load, load_beside, written};
pub use problem::Problem;
pub use text::Format;
pub use tls::{BackendTls, ClientCertificate};

/// The whole document, with `${ENV}` references already replaced and defaults filled in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// Where requests can go. Names are unique.
    pub backends: Vec<Backend>,
    /// Empty: an open relay.
    pub virtual_keys: Vec<VirtualKey>,
    /// Which model goes where.
    pub router: Router,
    /// Client's model name → the name that stands for it. Applied before everything else; a chain is followed to its
    /// end.
    pub redirects: BTreeMap<String, String>,
    /// MCP servers, kept as written until their feature exists.
    pub mcp_servers: Vec<serde_json::Value>,
    /// A2A agents, kept as written until their feature exists.
    pub a2a_agents: Vec<serde_json::Value>,
    /// Redaction and sampling, kept as written until their feature exists.
    pub observability: Option<serde_json::Value>,
}

/// One upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Unique; seen in `x-ditto-backend`, metrics and logs.
    pub name: String,
    /// The root that request paths are joined to; normally ends in `/v1`.
    pub base_url: String,
    /// Always sent, in place of client headers of the same name. Names are lower case.
    pub headers: BTreeMap<String, Secret>,
    /// How TLS is spoken with it, beside what holds for all; only with an `https` base URL.
    pub tls: Option<BackendTls>,
    /// What its attempts are signed with.
    pub sigv4: Option<SigV4>,
    /// A credential that has to be obtained; its place among the headers or parameters is blank.
    pub refreshed: Option<Refreshed>,
    /// Keys among which its attempts are divided, in place of a credential among the headers.
    pub api_keys: Option<ApiKeys>,
    /// Always appended to the query. Names and values are trimmed.
    pub query_params: BTreeMap<String, Secret>,
    /// Concurrent requests allowed; more are answered 429 `inflight_limit_backend`.
    pub max_in_flight: Option<u32>,
    /// Total time for a request, in seconds.
    pub timeout_seconds: u32,
    /// Client's model name → the backend's; `*` matches any other.
    pub model_map: BTreeMap<String, String>,
    /// Present for a backend that speaks a dialect of its own. What else `provider_config` says stands in the fields
    /// above.
    pub provider: Option<ProviderConfig>,
}

/// The default of [`Backend::timeout_seconds`].
pub const TIMEOUT_SECONDS_DEFAULT: u32 = 300;

/// Which model goes to which backends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Router {
    /// Used when no rule matches. The legacy `default_backend` ends up here as one entry of weight 1.
    pub default_backends: Vec<WeightedBackend>,
    /// Exact rules win over prefix rules; otherwise the first match in order.
    pub rules: Vec<Rule>,
}

/// One rule of the router.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Compared with the request's model. A single trailing `*` has been stripped.
    pub model_prefix: String,
    /// The whole name must match.
    pub exact: bool,
    /// The candidates; the single `backend` of the document ends up here as one entry of weight 1.
    pub backends: Vec<WeightedBackend>,
    /// Guardrails of the rule, kept as written until their feature exists.
    pub guardrails: Option<serde_json::Value>,
}

/// A candidate and its share.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedBackend {
    /// Name of a backend.
    pub backend: String,
    /// Relative share; entries with a blank name or a weight that is not finite and positive are ignored.
    pub weight: f64,
}

/// A virtual key as written in the document, sent to the admin API, and stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualKey {
    /// Stable id, used in ledgers, metrics and logs.
    pub id: String,
    /// The token in clear, or its stored form `sha256:<64 hex>`. Never serialised.
    #[serde(skip)]
    pub token: Secret,
    /// A disabled key is refused with 401.
    pub enabled: bool,
    /// Attribution; blank means absent.
    pub tenant_id: Option<String>,
    /// Attribution; blank means absent.
    pub project_id: Option<String>,
    /// Attribution; blank means absent.
    pub user_id: Option<String>,
    /// Shared by all keys of the tenant.
    pub tenant_budget: Option<Budget>,
    /// Shared by all keys of the project.
    pub project_budget: Option<Budget>,
    /// Shared by all keys of the user.
    pub user_budget: Option<Budget>,
    /// Shared by all keys of the tenant.
    pub tenant_limits: Option<Limits>,
    /// Shared by all keys of the project.
    pub project_limits: Option<Limits>,
    /// Shared by all keys of the user.
    pub user_limits: Option<Limits>,
    /// Rates of this key.
    pub limits: Limits,
    /// Lifetime totals of this key.
    pub budget: Budget,
    /// Cache of `POST /v1/gateway`.
    pub cache: KeyCache,
    /// Guardrails of the key.
    pub guardrails: Guardrails,
    /// Passthrough of `POST /v1/gateway`.
    pub passthrough: Passthrough,
    /// The one backend this key may use.
    pub route: Option<String>,
    /// How closely its budgets are kept; absent: as the gateway's default says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_mode: Option<BudgetMode>,
}

/// How closely budgets are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetMode {
    /// What a request may cost is estimated before, and what it did cost is charged after; the last requests of a
    /// budget may pass it.
    #[default]
    Estimate,
    /// The worst case is reserved and the request's output is capped at it, so that nothing ever passes a limit.
    Strict,
}

impl BudgetMode {
    /// The names that documents and flags use.
    pub const NAMES: [&'static str; 2] = ["estimate", "strict"];

    /// The mode of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "estimate" => Some(Self::Estimate),
            "strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// Requests and tokens a minute; absent means unlimited, 0 blocks everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a minute.
    pub tpm: Option<u64>,
}

/// Lifetime totals; absent means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Tokens, input and output together.
    pub total_tokens: Option<u64>,
    /// Millionths of a US dollar.
    pub total_usd_micros: Option<u64>,
}

/// Cache of `POST /v1/gateway` (not the proxy cache).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCache {
    /// Off by default.
    pub enabled: bool,
    /// Life of an entry, in seconds.
    pub ttl_seconds: Option<u64>,
    /// Entries kept.
    pub max_entries: u64,
    /// Bytes of one entry.
    pub max_body_bytes: u64,
    /// Bytes of all entries.
    pub max_total_body_bytes: u64,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self {
            enabled: false,
            ttl_seconds: None,
            max_entries: 1024,
            max_body_bytes: 1 << 20,
            max_total_body_bytes: 64 << 20,
        }
    }
}

/// What a key's requests may contain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrails {
    /// Case-insensitive substrings.
    pub banned_phrases: Vec<String>,
    /// Case-insensitive regular expressions.
    pub banned_regexes: Vec<String>,
    /// Refuse e-mail addresses and US social security numbers.
    pub block_pii: bool,
    /// Check the request's shape.
    pub validate_schema: bool,
    /// Upper bound of the input estimate.
    pub max_input_tokens: Option<u64>,
    /// Models allowed (exact or `prefix*`); empty means all.
    pub allow_models: Vec<String>,
    /// Models refused (exact or `prefix*`), checked first.
    pub deny_models: Vec<String>,
}

/// Passthrough of `POST /v1/gateway`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passthrough {
    /// Whether a request may ask for it.
    pub allow: bool,
    /// Whether it skips the cache.
    pub bypass_cache: bool,
}

impl Default for Passthrough {
    fn default() -> Self {
        Self { allow: true, bypass_cache: true }
    }
}
