//! Virtual keys with limits and budgets: their configuration, the flags they need, and what the gateway's books say.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::ask;
use crate::payload::UPSTREAM_MODEL;

/// For `/admin/budgets`; it guards figures of a benchmark and nothing else.
pub(crate) const ADMIN_TOKEN: &str = "admin-of-the-bench-0123456789";
/// The variable in which the gateway finds it.
pub(crate) const ADMIN_TOKEN_VARIABLE: &str = "DITTO_BENCH_ADMIN_TOKEN";

/// Limits that no run comes near.
const REQUESTS_A_MINUTE: u64 = 1_000_000_000;
const TOKENS_A_MINUTE: u64 = 1_000_000_000_000;
const TOKENS: u64 = 1_000_000_000_000_000;
/// A million dollars.
const USD_MICROS: u64 = 1_000_000_000_000;

/// How often the books are looked into, and for how long: a worker reports a moment after the last request.
const LOOK: Duration = Duration::from_millis(50);
const BOOKED_WITHIN: Duration = Duration::from_secs(15);

/// Where the gateway keeps its books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// In a file of its own.
    Sqlite,
    /// On the run's Redis server, under a prefix of its own.
    Redis,
}

/// What a gateway's keys are limited by. All have requests and tokens a minute, tokens and money in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budgets {
    pub(crate) store: Store,
    /// Every request asks the ledger for itself.
    pub(crate) per_request: bool,
    /// So many keys belong to one tenant, which has a budget of its own; without, no key has a tenant.
    pub(crate) keys_per_tenant: Option<u64>,
    /// What all keys but the first have of tokens; without, as many as the first.
    pub(crate) tokens: Option<u64>,
}

impl Budgets {
    /// One that no run comes near, for each key.
    pub(crate) const fn far(store: Store) -> Self {
        Self { store, per_request: false, keys_per_tenant: None, tokens: None }
    }

    /// Adds what the n-th key is limited by to its configuration.
    pub(crate) fn limit(self, n: u64, key: &mut Value) {
        let tokens = self.tokens.filter(|_| n > 0).unwrap_or(TOKENS);
        key["limits"] = json!({"rpm": REQUESTS_A_MINUTE, "tpm": TOKENS_A_MINUTE});
        key["budget"] = json!({"total_tokens": tokens, "total_usd_micros": USD_MICROS});
        if let Some(tenant) = self.keys_per_tenant.and_then(|keys| n.checked_div(keys)) {
            key["tenant_id"] = json!(format!("tenant-{tenant:04}"));
            key["tenant_budget"] = json!({"total_tokens": TOKENS, "total_usd_micros": USD_MICROS});
        }
    }

    /// The flags of a gateway of that name; its files go into the directory.
    pub(crate) fn flags(self, name: &str, directory: &Path, redis: Option<&str>) -> Result<Vec<OsString>> {
        let prices = directory.join("prices.json");
        fs::write(&prices, serde_json::to_vec(&price_list())?)
            .with_context(|| format!("writing {}", prices.display()))?;
        let mut flags: Vec<OsString> = vec!["--pricing-litellm".into(), prices.into()];
        flags.extend(["--admin-token-env", ADMIN_TOKEN_VARIABLE].map(OsString::from));
        match self.store {
            Store::Sqlite => flags.extend(["--sqlite".into(), directory.join(format!("{name}.sqlite")).into()]),
            Store::Redis => {
                let url = redis.with_context(|| format!("{name} needs a Redis server"))?;
                let prefix = format!("ditto-bench-{name}");
                flags.extend(["--redis", url, "--redis-prefix", prefix.as_str()].map(OsString::from));
            }
        }
        flags.extend(self.per_request.then(|| "--lease-exact".into()));
        Ok(flags)
    }
}

/// LiteLLM's price file with the one model that the backends know.
fn price_list() -> Value {
    json!({UPSTREAM_MODEL: {
        "litellm_provider": "openai",
        "mode": "chat",
        "max_input_tokens": 128_000,
        "max_output_tokens": 16_384,
        "input_cost_per_token": 1.5e-7,
        "output_cost_per_token": 6e-7,
        "cache_read_input_token_cost": 7.5e-8,
    }})
}

/// The id of the n-th key.
pub(crate) fn key_id(n: u64) -> String {
    format!("bench-{n:06}")
}

/// What the books have of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Booked {
    pub(crate) tokens: u64,
    pub(crate) usd_micros: u64,
}

impl Booked {
    /// Asks the gateway's admin API at its control address.
    pub(crate) async fn of(control: SocketAddr, n: u64) -> Result<Self> {
        Ok(Self {
            tokens: spent(control, n, "budgets", "spent_tokens").await?,
            usd_micros: spent(control, n, "costs", "spent_usd_micros").await?,
        })
    }

    /// Waits until at least so much is booked, but not for ever: returns what the books have in the end.
    pub(crate) async fn at_least(control: SocketAddr, n: u64, least: Self) -> Result<Self> {
        let begun = Instant::now();
        loop {
            let booked = Self::of(control, n).await?;
            let enough = booked.tokens >= least.tokens && booked.usd_micros >= least.usd_micros;
            if enough || begun.elapsed() > BOOKED_WITHIN {
                return Ok(booked);
            }
            sleep(LOOK).await;
        }
    }
}

/// One figure of one key's row. The row is a key's own: no id is the beginning of another.
async fn spent(control: SocketAddr, n: u64, list: &str, field: &str) -> Result<u64> {
    let id = key_id(n);
    let path = format!("/admin/{list}?key_prefix={id}&limit=1");
    let text = ask::get(control, &path, Some(ADMIN_TOKEN)).await?;
    spent_of(&text, &id, field).with_context(|| format!("{path} answers {text}"))
}

fn spent_of(text: &str, id: &str, field: &str) -> Result<u64> {
    let rows: Value = serde_json::from_str(text).context("no JSON")?;
    let row = &rows[0];
    ensure!(row["key_id"] == id, "there is no row of {id}");
    row[field].as_u64().with_context(|| format!("there is no {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_tenant_stand_together() {
        let budgets = Budgets { keys_per_tenant: Some(100), ..Budgets::far(Store::Redis) };
        let tenant = |n| {
            let mut key = json!({"id": key_id(n)});
            budgets.limit(n, &mut key);
            assert!(key["tenant_budget"]["total_usd_micros"].is_u64() && key["budget"]["total_tokens"].is_u64());
            key["tenant_id"].as_str().unwrap().to_owned()
        };
        assert_eq!((tenant(0), tenant(99)), ("tenant-0000".into(), "tenant-0000".into()));
        assert_eq!((tenant(100), tenant(99_999)), ("tenant-0001".into(), "tenant-0999".into()));
    }

    #[test]
    fn the_first_key_never_comes_near_its_limit() {
        let budgets = Budgets { tokens: Some(5_000), ..Budgets::far(Store::Sqlite) };
        let tokens = |n| {
            let mut key = json!({});
            budgets.limit(n, &mut key);
            assert!(key["tenant_id"].is_null());
            key["budget"]["total_tokens"].as_u64().unwrap()
        };
        assert_eq!((tokens(0), tokens(1), tokens(2)), (TOKENS, 5_000, 5_000));
    }

    #[test]
    fn flags_name_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let flags = |budgets: Budgets, redis| {
            let flags = budgets.flags("one", directory.path(), redis)?;
            anyhow::Ok(flags.join(" ".as_ref()).into_string().unwrap())
        };
        let sqlite = flags(Budgets::far(Store::Sqlite), None).unwrap();
        assert!(sqlite.contains("--sqlite ") && sqlite.ends_with("one.sqlite"), "{sqlite}");
        let exact = Budgets { per_request: true, ..Budgets::far(Store::Redis) };
        let redis = flags(exact, Some("redis://host")).unwrap();
        assert!(redis.ends_with("--redis redis://host --redis-prefix ditto-bench-one --lease-exact"), "{redis}");
        assert!(flags(exact, None).unwrap_err().to_string().contains("Redis"));
        let prices: Value = serde_json::from_slice(&fs::read(directory.path().join("prices.json")).unwrap()).unwrap();
        assert!(prices[UPSTREAM_MODEL]["input_cost_per_token"].as_f64().unwrap() > 0.0);
    }

    #[test]
    fn a_row_is_read_only_if_it_is_the_keys() {
        let rows = r#"[{"key_id":"bench-000007","spent_tokens":252}]"#;
        assert_eq!(spent_of(rows, &key_id(7), "spent_tokens").unwrap(), 252);
        assert!(spent_of(rows, &key_id(8), "spent_tokens").is_err());
        assert!(spent_of(rows, &key_id(7), "spent_usd_micros").is_err());
        assert!(spent_of("[]", &key_id(7), "spent_tokens").is_err());
    }
}
