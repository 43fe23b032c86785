//! Putting providers in force that were made over the API: they are backends beside those of the document.

use std::sync::Arc;

use ditto_policy::document::{Backend, Problem};

use super::install::TRIES_MAX;
use super::{ConfigManager, Configured, Failure, Source, compile_for};
use crate::keys::store::StoreError;
use crate::providers::{Provider, ProviderBook, Providers, Refusal};
use crate::resources;

/// Why a change of the providers did not come into force. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFailure {
    /// The change itself.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The document does not go together with it, or the store failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<StoreError> for ProviderFailure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// The backends that providers are, those that are disabled left out.
///
/// # Errors
/// What is wrong with one of them, by its name.
pub fn backends_of(providers: &Providers) -> Result<Vec<Backend>, Vec<Problem>> {
    let of = |provider: &Provider| {
        let named = |problem: Problem| {
            let path = format!("providers[{}]", super::secrecy::quoted(&provider.name));
            Problem::new(format!("{path}.{}", problem.path), problem.message)
        };
        provider.backend().map_err(|problems| problems.into_iter().map(named).collect::<Vec<_>>())
    };
    providers.values().filter(|provider| provider.enabled).map(of).collect()
}

impl ConfigManager {
    /// The providers that were made over the API.
    pub fn providers(&self) -> Arc<Providers> {
        self.parts.providers.all()
    }

    /// Changes the providers, and puts that in force.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub async fn change_providers<T>(
        self: &Arc<Self>,
        change: impl Fn(&mut Providers) -> Result<T, Refusal> + Send,
    ) -> Result<T, ProviderFailure> {
        let _one = self.changing.lock().await;
        if self.parts.cache.is_staged() {
            // What is put in force for all would end the roll-out.
            return Err(Failure::Staged.into());
        }
        let book = &self.parts.providers;
        for _ in 0..TRIES_MAX {
            book.look().await?;
            let known = book.all();
            let mut changed = (*known).clone();
            let answer = change(&mut changed)?;
            if changed == *known {
                return Ok(answer);
            }
            book.check(&changed)?;
            let backends = backends_of(&changed).map_err(Failure::from)?;
            let configured = self.read_beside(backends.clone()).await?;
            // Whatever could be wrong with it is found before the store has it.
            let settings = self.settings_in_force();
            let trial = compile_for(&configured, &settings, self.parts.directory.access()).map_err(Failure::from)?;
            let unfit = |error: resources::ResourcesError| Failure::from(vec![Problem::new("", error.to_string())]);
            resources::snapshot(&trial, &settings, &self.parts.health.marks()).map_err(unfit)?;
            match book.replace(changed).await {
                Err(StoreError::Moved) => continue,
                kept => kept?,
            }
            let former = self.source.providers.all();
            self.source.providers.replace(backends);
            if let Err(failure) = self.put_in_force(configured).await {
                self.source.providers.replace((*former).clone());
                book.replace((*known).clone()).await?;
                return Err(failure.into());
            }
            return Ok(answer);
        }
        Err(StoreError::Moved.into())
    }

    /// Puts in force what other gateways have made of the providers.
    pub(super) async fn follow_providers(self: &Arc<Self>) -> Result<(), Failure> {
        let book = &self.parts.providers;
        // A change that could not be put in force is tried again, though the store says nothing new.
        let is_new = book.look().await?;
        let backends = backends_of(&book.all())?;
        if !is_new && *self.source.providers.all() == backends {
            return Ok(());
        }
        let configured = self.read_beside(backends.clone()).await?;
        let former = self.source.providers.all();
        self.source.providers.replace(backends);
        let applied = self.put_in_force(configured).await;
        if applied.is_err() {
            self.source.providers.replace((*former).clone());
        } else {
            tracing::info!("following the providers that another gateway has changed");
        }
        applied
    }

    /// The document in force, beside these providers.
    async fn read_beside(&self, backends: Vec<Backend>) -> Result<Configured, Failure> {
        let written = self.status().in_force.written.to_string();
        let source = Source { providers: Default::default(), ..self.source.clone() };
        source.providers.replace(backends);
        let read = move || source.load_text(&written, Some(ditto_policy::document::Format::Json));
        let read = tokio::task::spawn_blocking(read).await;
        Ok(read.map_err(|error| vec![Problem::new("", error.to_string())])??)
    }
}

/// Reads the providers of a store, for a gateway that begins.
///
/// # Errors
/// The store cannot be read, or what is in it cannot be used.
pub async fn begin(book: &ProviderBook, source: &Source) -> Result<(), Failure> {
    book.look().await?;
    source.providers.replace(backends_of(&book.all())?);
    Ok(())
}
