//! Filter modules that were uploaded, to be handed out in place of the one that the control plane came with.
//!
//! They are kept beside the configuration's versions, of which each names its module, and Envoys fetch them at the
//! control address by their SHA-256.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::versions::Versions;
use crate::keys::store::StoreError;

mod check;
#[cfg(test)]
pub(crate) mod testing;

pub use check::check;

/// Modules that are kept.
pub const MODULES_MAX: usize = 4;
/// Bytes of a module.
pub const MODULE_BYTES_MAX: usize = 32 << 20;
/// Where Envoys fetch a module, by its SHA-256.
pub const PATH: &str = "/filter/";

/// A module that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// In hex.
    pub sha256: String,
    /// When it was uploaded, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Its size.
    pub bytes: u64,
}

impl ModuleInfo {
    /// What is known of a module that is uploaded now.
    pub fn of(module: &[u8], at_ms: u64) -> Self {
        Self { sha256: hex::encode(Sha256::digest(module)), at_ms, bytes: module.len() as u64 }
    }
}

/// The modules of a store. Those that were asked for are remembered, so that an Envoy finds its module where the store
/// is away.
#[derive(Debug, Clone)]
pub struct Modules {
    versions: Versions,
    known: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl Modules {
    /// Those beside these versions.
    pub fn new(versions: Versions) -> Self {
        Self { versions, known: Arc::default() }
    }

    /// What is kept, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self) -> Result<Vec<ModuleInfo>, StoreError> {
        let mut list = self.versions.modules().await?;
        list.sort_by(|a, b| (a.at_ms, &a.sha256).cmp(&(b.at_ms, &b.sha256)));
        Ok(list)
    }

    /// A module; `None` where there is none of this name, or no longer.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn get(&self, sha256: &str) -> Result<Option<Bytes>, StoreError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(found) = self.versions.module(sha256.to_owned()).await? else { return Ok(None) };
        let found = Bytes::from(found);
        if ModuleInfo::of(&found, 0).sha256 != sha256 {
            return Err(StoreError::Unusable(format!("the filter module {sha256} is not what was uploaded")));
        }
        self.remember(sha256, found.clone());
        Ok(Some(found))
    }

    /// Keeps a module. Of too many the oldest leaves that is not one of `in_use`.
    ///
    /// # Errors
    /// It is not durable.
    pub async fn keep(&self, info: &ModuleInfo, module: Bytes, in_use: &[String]) -> Result<(), StoreError> {
        let kept = self.list().await?;
        if kept.iter().any(|kept| kept.sha256 == info.sha256) {
            return Ok(());
        }
        let leaving = kept.len().saturating_sub(MODULES_MAX - 1);
        let leaving = kept.into_iter().map(|kept| kept.sha256).filter(|kept| !in_use.contains(kept)).take(leaving);
        self.versions.keep_module(info.clone(), module.to_vec(), leaving.collect()).await?;
        self.remember(&info.sha256, module);
        Ok(())
    }

    fn remember(&self, sha256: &str, module: Bytes) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while known.len() >= MODULES_MAX {
            known.pop_first();
        }
        known.insert(sha256.to_owned(), module);
    }

    /// Where Envoys fetch modules.
    pub fn router(self) -> Router {
        Router::new().route(&format!("{PATH}{{sha256}}"), get(fetch)).with_state(self)
    }
}

async fn fetch(State(modules): State<Modules>, Path(sha256): Path<String>) -> Response {
    match modules.get(&sha256).await {
        Ok(Some(module)) => ([(header::CONTENT_TYPE, "application/wasm")], module).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, sha256, "a filter module cannot be handed out");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
