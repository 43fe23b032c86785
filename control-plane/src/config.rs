//! The document in force: loading it, compiling it, and putting a changed one in its place.
//!
//! A new document is compiled first. If anything is wrong with it, everything stays as it is, and the status and the
//! log say what is wrong. Otherwise the parts change in an order in which each finds what it refers to: keys and
//! credentials (over the filter's stream), then Envoy's resources. The price list is part of it: a bad one refuses the
//! whole change. `install.rs` does it, `versions.rs` keeps what was in force, `validate.rs` only looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ditto_ledger::Unit;
use ditto_policy::compile::{Compiled, Options, compile};
use ditto_policy::document::Problem;
use ditto_policy::filter_config::Metering;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::admin::BackendNames;
use crate::credentials::Tokens;
use crate::health::Health;
use crate::keys::directory::KeyDirectory;
use crate::keys::hub::{Access, Credentials, Hub};
use crate::ledger::terms::any_limited;
use crate::models::Models;
use crate::modules::Modules;
use crate::providers::ProviderBook;
use crate::resources::{self, ResourcesError, Settings};
use crate::xds::SnapshotCache;

mod difference;
mod effects;
mod fingerprint;
pub mod follow;
mod install;
mod module;
pub mod providers;
mod redirect_file;
mod rollout;
mod secrecy;
mod source;
#[cfg(test)]
mod tests;
mod validate;
pub mod versions;

use fingerprint::Fingerprints;
use install::Standing;
pub use install::{Beginning, Failure, Wish};
pub use module::ModulesStatus;
use rollout::Staging;
pub use rollout::{ErrorBound, Plan, RolloutStatus};
pub use source::{Configured, Prices, Providers, Source};
use validate::InForce;
pub use validate::Verdict;
use versions::{Entry, Version, Versions};

/// How often the files are looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the document in force.
pub struct ConfigManager {
    source: Source,
    settings: Settings,
    parts: Parts,
    versions: Versions,
    modules: Modules,
    /// One change at a time.
    changing: tokio::sync::Mutex<Standing>,
    status: Mutex<DocumentStatus>,
}

/// What a new document changes.
#[derive(Clone)]
pub struct Parts {
    /// The keys in force.
    pub directory: Arc<KeyDirectory>,
    /// What the filter knows.
    pub hub: Arc<Hub>,
    /// What Envoy knows.
    pub cache: Arc<SnapshotCache>,
    /// What the admin API accepts as a key's backend.
    pub backends: BackendNames,
    /// What is listed as models.
    pub models: Arc<Models>,
    /// How the backends are.
    pub health: Arc<Health>,
    /// Credentials that are obtained from time to time.
    pub tokens: Arc<Tokens>,
    /// Backends that were made over the API.
    pub providers: ProviderBook,
    /// How long the former routes stay.
    pub retire_grace: Duration,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ConfigManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigManager").field("source", &self.source).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct DocumentStatus {
    version: String,
    in_force: InForce,
    /// The latest document that some nodes came to first.
    staging: Option<Staging>,
    /// The filter module in force, if it is not the one that the gateway came with.
    module: Option<String>,
    /// None until the store has it.
    version_in_force: Option<Version>,
    loaded_at_ms: u64,
    warnings: Vec<String>,
    /// What the price list gave; null without one.
    prices: Value,
    refused: Option<Refused>,
    credentials: BTreeMap<String, Credentials>,
    /// What is in force.
    compiled: Arc<Compiled>,
    /// Of earlier documents, oldest first, each with its end.
    former_credentials: Vec<(Instant, BTreeMap<String, Credentials>)>,
}

#[derive(Debug, Clone)]
struct Refused {
    at_ms: u64,
    problems: Vec<String>,
}

/// Compiles what was loaded, for the access that is in force.
pub fn compile_for(configured: &Configured, settings: &Settings, access: Access) -> Result<Compiled, Vec<Problem>> {
    let prices = configured.prices.as_ref().map(|prices| prices.table.clone());
    let options = Options {
        max_body_bytes: settings.max_body_bytes,
        open_relay: access == Access::Open,
        metering: Metering { prices, ..settings.metering.clone() },
        module: settings.module.clone(),
    };
    compile(&configured.loaded.document, options).map_err(|error| vec![Problem::new("", error.to_string())])
}

/// The names that a key's `route` may have.
pub fn backend_names(compiled: &Compiled) -> Vec<String> {
    compiled.clusters.iter().map(|cluster| cluster.backend.clone()).collect()
}

impl ConfigManager {
    /// Takes over what is already in force.
    pub fn new(
        source: Source,
        settings: Settings,
        parts: Parts,
        versions: Versions,
        beginning: &Beginning,
        compiled: &Compiled,
    ) -> Arc<Self> {
        let configured = &beginning.configured;
        let (standing, version_in_force) = beginning.standing();
        let status = DocumentStatus {
            version: parts.cache.current().version().to_owned(),
            in_force: InForce::of(configured, compiled),
            module: beginning.module.clone(),
            version_in_force,
            staging: None,
            loaded_at_ms: now_ms(),
            warnings: warnings(configured),
            prices: prices_status(configured),
            refused: None,
            credentials: resources::credentials(compiled),
            compiled: Arc::new(compiled.clone()),
            former_credentials: Vec::new(),
        };
        let changing = tokio::sync::Mutex::new(standing);
        let modules = Modules::new(versions.clone());
        let settings = Settings { module: None, ..settings };
        Arc::new(Self { source, settings, parts, versions, modules, changing, status: Mutex::new(status) })
    }

    /// Puts in force what changes without a new document: tokens, and how the backends are. For ever.
    pub async fn follow_changes(self: Arc<Self>) {
        let (mut tokens, mut health) = (self.parts.tokens.subscribe(), self.parts.health.subscribe());
        loop {
            let rang = tokio::select! {
                rang = tokens.changed() => rang,
                rang = health.changed() => rang,
            };
            if rang.is_err() {
                return;
            }
            let _one = self.changing.lock().await;
            if let Err(error) = self.refresh() {
                tracing::error!(%error, "a refreshed credential, or a backend's health, cannot be put in force");
            }
        }
    }

    /// What is in force, with the tokens, the health and the listener's certificate of now. Connections move only where a
    /// backend's health does.
    fn refresh(&self) -> Result<(), ResourcesError> {
        let mut compiled = (*self.status().compiled).clone();
        self.parts.tokens.fill(&mut compiled);
        let settings = self.settings_in_force();
        let snapshot = resources::snapshot(&compiled, &settings, &self.parts.health.marks())?;
        let mut status = self.status();
        status.version = snapshot.version().to_owned();
        status.credentials = resources::credentials(&compiled);
        self.publish_credentials(status);
        self.parts.models.replace(&compiled);
        self.parts.health.replace(&compiled);
        self.parts.cache.set(snapshot);
        Ok(())
    }

    /// Adds the new credentials at once, and takes the old ones away when no request can need them any more.
    fn change_credentials(self: &Arc<Self>, new: BTreeMap<String, Credentials>) {
        // Twice as long as the routes of the old configuration live.
        let until = Instant::now() + self.parts.retire_grace * 2;
        let mut status = self.status();
        let old = std::mem::replace(&mut status.credentials, new);
        status.former_credentials.push((until, old));
        if let Some(staging) = status.staging.take() {
            status.former_credentials.push((until, staging.credentials));
        }
        self.publish_credentials(status);
        let manager = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            manager.publish_credentials(manager.status());
        });
    }

    /// Tells the filter the credentials in force, and those that requests of former configurations may still need.
    fn publish_credentials(&self, mut status: MutexGuard<'_, DocumentStatus>) {
        let now = Instant::now();
        status.former_credentials.retain(|(until, _)| *until > now);
        let mut all = BTreeMap::new();
        // Those in force go before what is on its way, where both are of the same cluster.
        if let Some(staging) = &status.staging {
            all.extend(staging.credentials.clone());
        }
        for (_, former) in &status.former_credentials {
            all.extend(former.clone());
        }
        all.extend(status.credentials.clone());
        // Under the lock, so that an older answer can't overtake a newer one.
        self.parts.hub.set_credentials(all);
    }

    /// Reloads whenever one of the files changes, for ever.
    pub async fn watch_file(self: Arc<Self>) {
        let fingerprints = Arc::new(Mutex::new(Fingerprints::default()));
        let look = || {
            let (source, fingerprints) = (self.source.clone(), Arc::clone(&fingerprints));
            let look = move || fingerprints.lock().unwrap_or_else(PoisonError::into_inner).of(source.files());
            tokio::task::spawn_blocking(look)
        };
        let mut known = look().await.ok().flatten();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let Ok(Some(found)) = look().await else { continue };
            if known != Some(found) {
                known = Some(found);
                self.reload().await;
            }
        }
    }

    /// Puts the listener's certificate in force whenever its files change, for ever.
    pub async fn watch_listener_tls(self: Arc<Self>) {
        let Some(tls) = self.settings.listen_tls.clone() else { return };
        // One look may fall between two writes: what two in a row see is told, once.
        let (mut seen, mut told) = (None, None);
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let tls = tls.clone();
            let Ok(looked) = tokio::task::spawn_blocking(move || tls.refresh()).await else { continue };
            let flaw = looked.as_ref().err().cloned();
            if let Ok(true) = looked {
                let _one = self.changing.lock().await;
                match self.refresh() {
                    Ok(()) => tracing::info!("the listener's certificate was changed"),
                    Err(error) => tracing::error!(%error, "the listener's certificate cannot be put in force"),
                }
            }
            if let Some(text) = flaw.as_ref().filter(|_| flaw == seen && flaw != told) {
                tracing::error!("{text}; the former certificate stays in force");
                told = flaw.clone();
            }
            if flaw.is_none() {
                told = None;
            }
            seen = flaw;
        }
    }

    fn status(&self) -> MutexGuard<'_, DocumentStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConfigManager {
    /// The version in force, if the store has it, and its document as it is shown.
    pub fn current(&self) -> (Option<Version>, Value) {
        let (version, written) = {
            let status = self.status();
            (status.version_in_force.clone(), Arc::clone(&status.in_force.written))
        };
        (version, secrecy::redacted(&written))
    }

    /// All versions that are kept, the latest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_versions(&self) -> Result<Vec<Version>, Failure> {
        Ok(self.versions.list().await?)
    }

    /// A version and its document as it is shown; null for one that is not kept.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn version(&self, id: versions::VersionId) -> Result<(Version, Value), Failure> {
        let Entry { version, document } = self.versions.get(id).await?.ok_or(Failure::Unknown(id))?;
        let document = serde_json::from_str(&document).unwrap_or_default();
        Ok((version, secrecy::redacted(&document)))
    }

    /// The status as it is shown to the operator. It holds no secrets and is answered at once.
    pub fn shown_status(&self) -> Value {
        let status = self.status().clone();
        let refused = status.refused.map(|refused| json!({"at_ms": refused.at_ms, "problems": refused.problems}));
        json!({
            "document": {
                "path": self.source.path,
                "version": status.version,
                "config_version": status.version_in_force.map(|version| version.id),
                "loaded_at_ms": status.loaded_at_ms,
                "warnings": status.warnings,
                "refused": refused,
            },
            "prices": status.prices,
            "xds": self.parts.cache.status(),
        })
    }
}

fn warnings(configured: &Configured) -> Vec<String> {
    configured.loaded.warnings.iter().map(ToString::to_string).collect()
}

fn prices_status(configured: &Configured) -> Value {
    configured.prices.as_ref().map_or(Value::Null, Prices::status)
}

/// What the operator should hear at start and after each reload.
pub fn warn(configured: &Configured, directory: &KeyDirectory) {
    /// More lines than this would bury the rest of the log; the status has them all.
    const WARNINGS_LOGGED: usize = 20;
    let warnings = &configured.loaded.warnings;
    for warning in warnings.iter().take(WARNINGS_LOGGED) {
        tracing::warn!("{warning}");
    }
    if warnings.len() > WARNINGS_LOGGED {
        tracing::warn!("{} more warnings: see GET /admin/config/status", warnings.len() - WARNINGS_LOGGED);
    }
    match &configured.prices {
        Some(prices) => tracing::info!("price list: {}", prices.summary()),
        None if any_limited(directory, Unit::PicoUsd) => tracing::warn!(
            "there are cost budgets and no price list: requests that they apply to are refused with 500 \
             pricing_not_configured (--pricing-litellm names one)"
        ),
        None => {}
    }
    if directory.access() == Access::Open {
        tracing::warn!(
            "no virtual keys are configured: the gateway is an open relay for everybody who can reach it \
             (--require-virtual-keys turns this into refusal)"
        );
    } else if directory.is_empty() {
        // Also without --require-virtual-keys, where there has been a key: who takes the last one away should hear it.
        tracing::warn!("no virtual key is in force: requests are refused until there is one");
    }
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
