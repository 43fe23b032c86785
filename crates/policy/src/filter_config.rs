//! The configuration of the filter as it travels in Envoy's extension configuration.
//!
//! It is readable in `/config_dump`, so it holds no secret: virtual keys and credentials come over the filter's own
//! stream. The control plane writes it (`compile`), the filter turns it into a [`crate::routing::Router`].

use std::collections::BTreeMap;

use ditto_pricing::PriceTable;
use serde::{Deserialize, Serialize};

mod provider;

pub use provider::{Capability, ProviderConfig, Speaks};

/// The version of this form. A filter refuses another one and keeps what it has.
pub const SCHEMA: u32 = 4;

/// In place of a configuration: the plugin hears what a worker must know and serves nothing. It keeps a module in every
/// worker, so that another plugin of it finds all it needs.
pub const WARMING: &str = "warming";

/// The section of a module that says, as four bytes, which [`SCHEMA`] it reads; the least significant byte is first.
pub const SCHEMA_SECTION: &str = "ditto.filter_config";

/// Everything the filter decides by, other than keys and credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilterConfig {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Identifies the document it was compiled from.
    pub version: String,
    /// Whether routes for an open relay exist.
    pub open_relay: bool,
    /// Larger JSON bodies are refused, in bytes.
    pub max_body_bytes: u64,
    /// The backends; referred to by their place.
    pub backends: Vec<BackendConfig>,
    /// The routes; referred to by their place.
    pub routes: Vec<RouteConfig>,
    /// The router's rules, in order.
    pub rules: Vec<RuleConfig>,
    /// Where requests go that no rule matches.
    pub default_choices: Vec<Choice>,
    /// The route of each backend alone, by the backend's name: for keys that are pinned to it, and for models that a
    /// client asks for under its name.
    pub pins: BTreeMap<String, usize>,
    /// Client's model name → the name that stands for it, before anything else is decided.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redirects: BTreeMap<String, String>,
    /// How requests are counted and charged.
    pub metering: Metering,
}

/// How requests are counted and charged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metering {
    /// Larger JSON responses are not read for their usage, in bytes; 0 reads none.
    pub usage_max_body_bytes: u64,
    /// The status of a refusal for an exhausted budget: 402, or 429 as LiteLLM has it.
    pub budget_status: u16,
    /// Whether keys that say nothing of it have the budget mode `strict`.
    pub strict: bool,
    /// Requests in flight in one Envoy, at most.
    pub max_in_flight: Option<u32>,
    /// Output tokens reserved in strict mode for each answer where neither the request nor the price list says how
    /// long it may be.
    pub strict_output_tokens: u64,
    /// Every request asks the ledger for itself: for comparison only.
    pub exact_leases: bool,
    /// What models cost; absent: nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceTable>,
}

impl Default for Metering {
    fn default() -> Self {
        Self {
            usage_max_body_bytes: 1 << 20,
            budget_status: 402,
            strict: false,
            max_in_flight: None,
            strict_output_tokens: 4_096,
            exact_leases: false,
            prices: None,
        }
    }
}

/// One backend as the filter sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendConfig {
    /// The operator's name for it.
    pub name: String,
    /// Envoy's cluster; also the name of its credentials.
    pub cluster: String,
    /// Host and port of `base_url`, as the `host` header has them.
    #[serde(default)]
    pub authority: String,
    /// The path part of `base_url`, without a trailing slash.
    pub base_path: String,
    /// Whether query parameters must be added, whose values come with the credentials.
    pub has_query_params: bool,
    /// Client's model name → the backend's; `*` matches any other.
    pub model_map: BTreeMap<String, String>,
    /// Present for a backend that speaks a dialect of its own; `None`: requests pass as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderConfig>,
}

/// A chain of candidates with a name that Envoy's route table knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteConfig {
    /// The value of the route header.
    pub name: String,
    /// Places in [`FilterConfig::backends`]: the chosen one first, then the fallback order.
    pub backends: Vec<usize>,
    /// Who prepares the request for its backend.
    pub prepare: Prepare,
}

/// The stage that prepares a request for its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prepare {
    /// The gateway stage, once: all attempts need the same, and Envoy adds the credentials.
    Once,
    /// The backend stage, for each attempt.
    PerAttempt,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleConfig {
    /// The model's name, or its beginning.
    pub model: String,
    /// Whether the whole name must match.
    pub exact: bool,
    /// Where matching requests go.
    pub choices: Vec<Choice>,
}

/// A share of the requests and the route that they take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Relative, finite and positive.
    pub weight: f64,
    /// Place in [`FilterConfig::routes`].
    pub route: usize,
}
