//! Changing the document in force: by its file, by the API, or because another gateway on the same store did.
//!
//! The latest change wins, wherever it came from. A change by the file is one if the file says something else than the
//! last document that came by a file: so an installed version stays in force until the file is edited, over restarts
//! and reloads too.

use std::sync::Arc;

use ditto_policy::document::{Format, Problem};

use super::versions::{Author, Entry, Proposal, Version, VersionId, Versions, content_hash, last_file, not_kept};
use super::{ConfigManager, Configured, InForce, Refused, Source, compile_for, now_ms, prices_status, warn, warnings};
use crate::keys::hub::Access;
use crate::keys::store::StoreError;
use crate::resources::{self, Marks};

/// How often a change is tried again because another gateway was faster.
pub(super) const TRIES_MAX: usize = 10;

/// Why a document did not come into force. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Problems(Vec<Problem>),
    /// The caller expected another version to be in force than this one.
    #[error("{0} is in force")]
    Unexpected(VersionId),
    /// There is no such version, or no longer.
    #[error("there is no version {0}")]
    Unknown(VersionId),
    /// A document is staged already.
    #[error("a document is staged already: promote or abort it first")]
    Staged,
    /// Nothing is staged.
    #[error("no document is staged")]
    NotStaged,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

/// What the manager knows of the store of versions.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The latest version that was seen.
    pub(super) known: VersionId,
    /// The version that is in force; 0 as long as there is none.
    pub(super) applied: VersionId,
    /// What the latest document that came by a file said.
    pub(super) last_file: Option<String>,
}

/// What a change is to be.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The version that must be in force; `None`: any.
    pub expected: Option<VersionId>,
    /// What the author says of it.
    pub comment: Option<String>,
}

impl ConfigManager {
    /// Puts the file's present content in force, or says why not.
    pub async fn reload(self: &Arc<Self>) {
        let mut standing = self.changing.lock().await;
        match self.try_reload(&mut standing).await {
            Ok(()) => tracing::info!(version = self.status().version, "configuration reloaded"),
            Err(failure) => self.refuse(&failure),
        }
    }

    /// Keeps for the status, and for the log unless it is known, why the latest change is not in force.
    fn refuse(&self, failure: &Failure) {
        let problems: Vec<String> = match failure {
            Failure::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        };
        let mut status = self.status();
        if status.refused.as_ref().is_some_and(|refused| refused.problems == problems) {
            return;
        }
        for problem in &problems {
            tracing::error!(%problem, "the changed configuration is refused; the former one stays in force");
        }
        status.refused = Some(Refused { at_ms: now_ms(), problems });
    }

    async fn try_reload(self: &Arc<Self>, standing: &mut Standing) -> Result<(), Failure> {
        for _ in 0..TRIES_MAX {
            let configured = self.read(Source::load).await?;
            let hash = content_hash(&configured.written);
            let module = self.status().module.clone();
            if standing.last_file.as_ref() != Some(&hash) {
                match self.apply(standing, configured, module.clone(), Some(Proposal::of_file(module))).await {
                    Err(Failure::Store(StoreError::Moved)) => self.look(standing).await?,
                    outcome => return outcome,
                }
                continue;
            }
            // The file is no news, but its variables or prices may be.
            let written = Arc::clone(&self.status().in_force.written);
            let configured = match content_hash(&written) == hash {
                true => configured,
                false => self.read_text(written.to_string()).await?,
            };
            return self.apply(standing, configured, module, None).await;
        }
        Err(StoreError::Moved.into())
    }

    /// Installs a document that came over the API, as a version of its own unless it is in force already.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub async fn install(
        self: &Arc<Self>,
        text: String,
        format: Option<Format>,
        wish: Wish,
    ) -> Result<Version, Failure> {
        let configured = self.read(move |source| source.load_text(&text, format)).await?;
        let refused = super::secrecy::not_installable(&configured.written);
        if !refused.is_empty() {
            return Err(Failure::Problems(refused));
        }
        let mut standing = self.changing.lock().await;
        self.look(&mut standing).await?;
        self.expect(&standing, wish.expected)?;
        let current = self.status().version_in_force.clone();
        if let Some(current) = current.filter(|current| current.id == standing.known)
            && current.hash == content_hash(&configured.written)
        {
            return Ok(current);
        }
        let module = self.status().module.clone();
        let proposal = Proposal { author: Author::Admin, comment: wish.comment, rollback_of: None, module };
        self.propose(&mut standing, configured, proposal).await
    }

    /// Installs the document of an earlier version again.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub async fn roll_back(self: &Arc<Self>, to: VersionId, wish: Wish) -> Result<Version, Failure> {
        let mut standing = self.changing.lock().await;
        self.look(&mut standing).await?;
        self.expect(&standing, wish.expected)?;
        let entry = self.versions.get(to).await?.ok_or(Failure::Unknown(to))?;
        let configured = self.configured(&entry).await?;
        let module = self.usable(entry.version.module).await?;
        let proposal = Proposal { author: Author::Admin, comment: wish.comment, rollback_of: Some(to), module };
        self.propose(&mut standing, configured, proposal).await
    }

    fn expect(&self, standing: &Standing, expected: Option<VersionId>) -> Result<(), Failure> {
        match expected {
            Some(expected) if expected != standing.known => Err(Failure::Unexpected(standing.known)),
            _ => Ok(()),
        }
    }

    pub(super) async fn propose(
        self: &Arc<Self>,
        standing: &mut Standing,
        configured: Configured,
        proposal: Proposal,
    ) -> Result<Version, Failure> {
        match self.apply(standing, configured, proposal.module.clone(), Some(proposal)).await {
            Err(Failure::Store(StoreError::Moved)) => {
                self.look(standing).await?;
                Err(Failure::Unexpected(standing.known))
            }
            outcome => outcome,
        }?;
        self.status().version_in_force.clone().ok_or(Failure::Unknown(standing.applied))
    }

    /// Sees which version is the latest.
    pub(super) async fn look(&self, standing: &mut Standing) -> Result<(), Failure> {
        let newest = self.versions.newest().await?;
        if newest < standing.known {
            let lost = format!("the latest version of the configuration is {newest}, and was {}", standing.known);
            return Err(StoreError::Lost(lost).into());
        }
        if newest != standing.known {
            standing.last_file = last_file(&self.versions.list().await?).or_else(|| standing.last_file.take());
            standing.known = newest;
        }
        Ok(())
    }

    /// Puts the latest version of the store in force, if it is not.
    pub async fn catch_up(self: &Arc<Self>) {
        let mut standing = self.changing.lock().await;
        // Each for itself: what is wrong with one is no reason to miss the other.
        let outcomes = [self.follow_providers().await, self.try_catch_up(&mut standing).await];
        for failure in outcomes.into_iter().filter_map(Result::err) {
            self.refuse(&failure);
        }
    }

    /// Puts a document in force that is no version of its own: the one in force, with something else beside it.
    pub(super) async fn put_in_force(self: &Arc<Self>, configured: Configured) -> Result<(), Failure> {
        let module = self.status().module.clone();
        self.apply(&mut Standing::default(), configured, module, None).await
    }

    async fn try_catch_up(self: &Arc<Self>, standing: &mut Standing) -> Result<(), Failure> {
        self.look(standing).await?;
        let newest = standing.known;
        if newest == standing.applied {
            return Ok(());
        }
        let entry = self.versions.get(newest).await?.ok_or(Failure::Unknown(newest))?;
        let configured = self.configured(&entry).await?;
        let module = self.usable(entry.version.module.clone()).await?;
        self.apply(standing, configured, module, None).await?;
        tracing::info!(version = %newest, "following the configuration that another gateway has put in force");
        standing.applied = newest;
        self.status().version_in_force = Some(entry.version);
        Ok(())
    }

    /// A version's document, with this gateway's variables and prices.
    async fn configured(&self, entry: &Entry) -> Result<Configured, Failure> {
        let entry = entry.clone();
        Ok(self.read(move |source| configured(source, &entry)).await?)
    }

    pub(super) async fn read_text(&self, text: String) -> Result<Configured, Vec<Problem>> {
        self.read(move |source| source.load_text(&text, Some(Format::Json))).await
    }

    /// Reads files on a thread that may wait for them.
    pub(super) async fn read(
        &self,
        read: impl FnOnce(&Source) -> Result<Configured, Vec<Problem>> + Send + 'static,
    ) -> Result<Configured, Vec<Problem>> {
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || read(&source)).await;
        read.map_err(|error| vec![Problem::new("", error.to_string())])?
    }

    /// Puts a document in force, and before that into the store if it is a version of its own.
    async fn apply(
        self: &Arc<Self>,
        standing: &mut Standing,
        configured: Configured,
        module: Option<String>,
        proposal: Option<Proposal>,
    ) -> Result<(), Failure> {
        let problem = |error: String| vec![Problem::new("", error)];
        // The compiled form depends on the access, the access on the keys, and the keys must not change unless the
        // rest is fine: so first see that it compiles and makes a snapshot in either case.
        let settings = self.settings_of(module.clone());
        let trial = compile_for(&configured, &settings, Access::Open)?;
        resources::snapshot(&trial, &settings, &Marks::default()).map_err(|error| problem(error.to_string()))?;
        let obtained = self.parts.tokens.obtain(&trial).await?;
        let keys = configured.loaded.document.virtual_keys.clone();
        self.parts.directory.replace_file_keys(keys).await.map_err(|error| problem(error.to_string()))?;
        if let Some(proposal) = proposal {
            self.keep(standing, proposal.entry(standing.known.next(), &configured.written)).await?;
        }
        let mut compiled = compile_for(&configured, &settings, self.parts.directory.access())?;
        self.parts.tokens.adopt(&compiled, obtained);
        self.parts.tokens.fill(&mut compiled);
        let marks = self.parts.health.marks();
        let snapshot = resources::snapshot(&compiled, &settings, &marks).map_err(|error| problem(error.to_string()))?;

        self.change_credentials(resources::credentials(&compiled));
        self.parts.backends.replace(super::backend_names(&compiled));
        self.parts.models.replace(&compiled);
        self.parts.health.replace(&compiled);
        let version = snapshot.version().to_owned();
        self.parts.cache.set(snapshot);
        // Whatever is put in force ends a roll-out: it is what was staged, or what goes before it.
        self.parts.cache.unstage();
        warn(&configured, &self.parts.directory);
        let mut status = self.status();
        status.version = version;
        status.in_force = InForce::of(&configured, &compiled);
        status.module = module;
        status.loaded_at_ms = now_ms();
        status.warnings = warnings(&configured);
        status.prices = prices_status(&configured);
        status.refused = None;
        status.compiled = Arc::new(compiled);
        Ok(())
    }

    /// Keeps a version; if that fails, the keys become what they were.
    async fn keep(&self, standing: &mut Standing, entry: Entry) -> Result<(), Failure> {
        let version = entry.version.clone();
        if let Err(error) = self.versions.append(entry).await {
            let former = self.status().in_force.document.virtual_keys.clone();
            if let Err(error) = self.parts.directory.replace_file_keys(former).await {
                tracing::error!(%error, "the keys of the former document cannot be put back in force");
            }
            return Err(error.into());
        }
        (standing.known, standing.applied) = (version.id, version.id);
        if version.author == Author::File {
            standing.last_file = Some(version.hash.clone());
        }
        self.status().version_in_force = Some(version);
        Ok(())
    }
}

/// A version's document: from the store, or from the file if that is the same.
fn configured(source: &Source, entry: &Entry) -> Result<Configured, Vec<Problem>> {
    if entry.version.kept {
        return source.load_text(&entry.document, Some(Format::Json));
    }
    match source.load() {
        Ok(configured) if content_hash(&configured.written) == entry.version.hash => Ok(configured),
        _ => Err(vec![not_kept(&entry.version)]),
    }
}

/// What a gateway begins with.
#[derive(Debug)]
pub struct Beginning {
    /// The document to put in force.
    pub configured: Configured,
    /// The filter module, if it is not the one that the gateway came with.
    pub module: Option<String>,
    /// Its version, if the store has it.
    version: Option<Version>,
    standing: Standing,
}

impl Beginning {
    /// Reads the file, and the latest version if the file is no news against the store. Blocking.
    ///
    /// # Errors
    /// What is wrong with the document, or with the store.
    pub async fn read(source: &Source, versions: &Versions) -> Result<Self, Failure> {
        let configured_by_file = source.load()?;
        let list = versions.list().await?;
        let hash = content_hash(&configured_by_file.written);
        let known = list.first().map(|version| version.id).unwrap_or_default();
        let standing = Standing { known, applied: VersionId::default(), last_file: last_file(&list) };
        let latest = list.into_iter().next();
        let module = super::module::first(versions, latest.as_ref()).await?;
        let latest = latest.filter(|_| standing.last_file.as_ref() == Some(&hash));
        let Some(latest) = latest else {
            return Ok(Self { configured: configured_by_file, module, version: None, standing });
        };
        let entry = versions.get(latest.id).await?.ok_or(Failure::Unknown(latest.id))?;
        let configured = configured(source, &entry).map_err(|problems| {
            let of = |problem: Problem| Problem::new(format!("{} (by the admin API)", latest.id), problem.to_string());
            problems.into_iter().map(of).collect::<Vec<_>>()
        })?;
        let standing = Standing { applied: latest.id, ..standing };
        Ok(Self { configured, module, version: Some(latest), standing })
    }

    /// Keeps the file's document as a version, if it is news. If another gateway is faster, its version is followed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep(&mut self, versions: &Versions) -> Result<(), Failure> {
        if self.version.is_some() {
            return Ok(());
        }
        let entry = Proposal::of_file(self.module.clone()).entry(self.standing.known.next(), &self.configured.written);
        let version = entry.version.clone();
        match versions.append(entry).await {
            Ok(()) => {
                self.standing =
                    Standing { known: version.id, applied: version.id, last_file: Some(version.hash.clone()) };
                self.version = Some(version);
                Ok(())
            }
            Err(StoreError::Moved) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What the manager goes on with.
    pub(super) fn standing(&self) -> (Standing, Option<Version>) {
        (self.standing.clone(), self.version.clone())
    }
}
