//! The versions of the configuration: what was in force, by whom and since when, so that it can be again.
//!
//! Each change of the document is a version, whether it came by the file or by the API, and the latest is the one in
//! force. A store keeps the last [`VERSIONS_MAX`]. Documents are kept as they are written, with their references. One
//! that holds what may be a secret, or a command, or that is very large, is kept as it is shown: the way back to it
//! leads over the file that it came from.

use std::fmt;
use std::sync::Arc;

use ditto_policy::document::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::secrecy::{not_installable, redacted};
use crate::keys::store::StoreError;
use crate::modules::ModuleInfo;

mod memory;
mod redis;
mod sqlite;
#[cfg(test)]
mod tests;

pub use self::redis::RedisVersions;
pub use memory::MemoryVersions;
pub use sqlite::SqliteVersions;

/// Versions that are kept.
pub const VERSIONS_MAX: u64 = 100;

/// A document that is larger, as JSON, is not kept but for its hash.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Who made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The file has changed.
    File,
    /// Whoever has the admin token.
    Admin,
}

/// What is known of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Counted from 1.
    pub id: VersionId,
    /// Who made it.
    pub author: Author,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// SHA-256 of the document's content, in hex; not of its notation.
    pub hash: String,
    /// What its author said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The version whose document it has again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<VersionId>,
    /// SHA-256 of its filter module, in hex; none for the one that the gateway came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Whether the document is kept as it is written.
    pub kept: bool,
}

/// A version and its document, as JSON; empty for one that is too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is known of it.
    pub version: Version,
    /// The document, as written or as shown.
    pub document: String,
}

/// Shown as `cfgv-<20 digits>`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionId(pub u64);

impl VersionId {
    /// The id that is written like this, with or without what it begins with.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("cfgv-").unwrap_or(text);
        let plain = (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten().map(Self)
    }

    /// The one after it.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one that leaves when this one comes.
    fn evicts(self) -> u64 {
        self.0.saturating_sub(VERSIONS_MAX)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cfgv-{:020}", self.0)
    }
}

impl Serialize for VersionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no version's id"))
    }
}

/// Where versions are kept. Blocking; each call returns when its effect is durable.
pub trait VersionStore: Send + Sync + fmt::Debug {
    /// The latest id; 0 where there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    fn newest(&self) -> Result<VersionId, StoreError>;

    /// Everything that is known of versions, the latest first.
    ///
    /// # Errors
    /// The store cannot be read.
    fn list(&self) -> Result<Vec<Version>, StoreError>;

    /// One with its document.
    ///
    /// # Errors
    /// The store cannot be read.
    fn get(&self, id: VersionId) -> Result<Option<Entry>, StoreError>;

    /// Keeps a version, and forgets the one that is [`VERSIONS_MAX`] older.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if its id does not follow the latest; else the change is not durable.
    fn append(&self, entry: &Entry) -> Result<(), StoreError>;

    /// What is known of the filter modules that are kept beside the versions.
    ///
    /// # Errors
    /// The store cannot be read.
    fn modules(&self) -> Result<Vec<ModuleInfo>, StoreError>;

    /// A module by its SHA-256.
    ///
    /// # Errors
    /// The store cannot be read.
    fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a module, and forgets others.
    ///
    /// # Errors
    /// It is not durable.
    fn keep_module(&self, info: &ModuleInfo, module: &[u8], leaving: &[String]) -> Result<(), StoreError>;
}

/// A store as asynchronous code uses it.
#[derive(Debug, Clone)]
pub struct Versions(Arc<dyn VersionStore>);

impl Versions {
    /// Versions in this store.
    pub fn new(store: Arc<dyn VersionStore>) -> Self {
        Self(store)
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&dyn VersionStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.0);
        let answer = tokio::task::spawn_blocking(move || what(&*store)).await;
        answer.unwrap_or_else(|error| Err(StoreError::Unusable(error.to_string())))
    }

    /// See [`VersionStore::newest`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn newest(&self) -> Result<VersionId, StoreError> {
        self.ask(|store| store.newest()).await
    }

    /// See [`VersionStore::list`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self) -> Result<Vec<Version>, StoreError> {
        self.ask(|store| store.list()).await
    }

    /// See [`VersionStore::get`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn get(&self, id: VersionId) -> Result<Option<Entry>, StoreError> {
        self.ask(move |store| store.get(id)).await
    }

    /// See [`VersionStore::append`].
    ///
    /// # Errors
    /// Others have changed the store meanwhile, or it failed.
    pub async fn append(&self, entry: Entry) -> Result<(), StoreError> {
        self.ask(move |store| store.append(&entry)).await
    }

    /// See [`VersionStore::modules`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn modules(&self) -> Result<Vec<ModuleInfo>, StoreError> {
        self.ask(|store| store.modules()).await
    }

    /// See [`VersionStore::module`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn module(&self, sha256: String) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(move |store| store.module(&sha256)).await
    }

    /// See [`VersionStore::keep_module`].
    ///
    /// # Errors
    /// It is not durable.
    pub async fn keep_module(&self, info: ModuleInfo, module: Vec<u8>, leaving: Vec<String>) -> Result<(), StoreError> {
        self.ask(move |store| store.keep_module(&info, &module, &leaving)).await
    }
}

/// A version that is about to be.
#[derive(Debug, Clone)]
pub(super) struct Proposal {
    pub(super) author: Author,
    pub(super) comment: Option<String>,
    pub(super) rollback_of: Option<VersionId>,
    pub(super) module: Option<String>,
}

impl Proposal {
    /// The file's change. The module stays what it is.
    pub(super) fn of_file(module: Option<String>) -> Self {
        Self { author: Author::File, comment: None, rollback_of: None, module }
    }

    /// The entry with this id and document.
    pub(super) fn entry(self, id: VersionId, document: &Value) -> Entry {
        let mut text = document.to_string();
        let kept = text.len() <= KEPT_BYTES_MAX && not_installable(document).is_empty();
        if !kept {
            text = redacted(document).to_string();
        }
        if text.len() > KEPT_BYTES_MAX {
            text.clear();
        }
        let Self { author, comment, rollback_of, module } = self;
        let (at_ms, hash) = (super::now_ms(), content_hash(document));
        let version = Version { id, author, at_ms, hash, comment, rollback_of, module, kept };
        Entry { version, document: text }
    }
}

/// The hash of what a document says, however it is written down.
pub(super) fn content_hash(document: &Value) -> String {
    hex::encode(Sha256::digest(sorted(document).to_string()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        scalar => scalar.clone(),
    }
}

/// The hash of the latest document that came by a file.
pub(super) fn last_file(versions: &[Version]) -> Option<String> {
    versions.iter().find(|version| version.author == Author::File).map(|version| version.hash.clone())
}

/// Why a version's document cannot be had.
pub(super) fn not_kept(version: &Version) -> Problem {
    let message = format!(
        "the document of {} is not kept, because it holds what may be a secret, or a command, or is too large, and \
         this gateway's file is another one: put it back into the file",
        version.id
    );
    Problem::new("", message)
}

fn encode(what: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(what).map_err(|error| StoreError::Unusable(error.to_string()))
}

fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        StoreError::Unusable(format!("a configuration's version, or a module, cannot be read: {error}"))
    })
}
