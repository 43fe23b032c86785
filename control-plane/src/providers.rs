//! Providers that are made over the API: backends that stand in the store and not in the document.
//!
//! All of them are one text in the store with a revision, because each change makes a new configuration of all
//! anyway: whoever changes it says which revision he knows, and a store that has come further refuses him. Their keys
//! are sealed in it (`seal.rs`). `config/providers.rs` puts a change in force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keys::store::StoreError;

mod record;
pub mod seal;
pub mod store;
#[cfg(test)]
mod tests;

pub use record::{KEYS_MAX, Provider, ProviderKey, masked};
use seal::Sealer;
use store::ProviderStore;

/// Providers of one store.
const PROVIDERS_MAX: usize = 1_000;
/// Bytes of all of them in the store.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// All providers, by name.
pub type Providers = BTreeMap<String, Provider>;

/// Why a change of the providers was not made. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What the request names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Keys must not be kept in clear, and there is nothing to seal them with.
    #[error(
        "provider keys are kept sealed, and there is no key to seal them with: start the gateway with \
         --secrets-key-env, naming a variable that holds 32 random bytes in hex (`openssl rand -hex 32`)"
    )]
    NotSealed,
}

/// The providers as this gateway knows them, and the store that they are kept in.
#[derive(Debug, Clone)]
pub struct ProviderBook {
    store: Arc<dyn ProviderStore>,
    /// None where the store outlives the process, and the operator gave no key.
    sealer: Option<Arc<Sealer>>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    revision: u64,
    providers: Arc<Providers>,
}

impl ProviderBook {
    /// The providers of a store. Nothing is known of them before [`ProviderBook::look`].
    pub fn new(store: Arc<dyn ProviderStore>, sealer: Option<Sealer>) -> Self {
        Self { store, sealer: sealer.map(Arc::new), known: Arc::default() }
    }

    /// The providers as they are known.
    pub fn all(&self) -> Arc<Providers> {
        Arc::clone(&self.known().providers)
    }

    /// Reads the store if it has come further. Says whether it had.
    ///
    /// # Errors
    /// The store cannot be read, or what is in it not opened.
    pub async fn look(&self) -> Result<bool, StoreError> {
        let book = self.clone();
        blocking(move || {
            let revision = book.known().revision;
            let Some((revision, text)) = book.store.read_after(revision)? else { return Ok(false) };
            let providers = record::open(&text, book.sealer.as_deref()).map_err(StoreError::Unusable)?;
            *book.known() = Known { revision, providers: Arc::new(providers) };
            Ok(true)
        })
        .await
    }

    /// Whether these may be kept.
    ///
    /// # Errors
    /// There are too many of them, or no key to seal theirs with.
    pub fn check(&self, providers: &Providers) -> Result<(), Refusal> {
        if providers.len() > PROVIDERS_MAX {
            return Err(Refusal::Invalid(format!("there are {PROVIDERS_MAX} providers: delete one first")));
        }
        if self.sealer.is_none() && providers.values().any(|provider| !provider.keys.is_empty()) {
            return Err(Refusal::NotSealed);
        }
        Ok(())
    }

    /// Makes these the providers, in the store and here.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if others have changed the store since the latest look; else it failed.
    pub async fn replace(&self, providers: Providers) -> Result<(), StoreError> {
        let book = self.clone();
        blocking(move || {
            let sealed = record::seal(&providers, book.sealer.as_deref()).map_err(StoreError::Unusable)?;
            if sealed.len() > TEXT_BYTES_MAX {
                return Err(StoreError::Unusable(format!("all providers are more than {TEXT_BYTES_MAX} bytes")));
            }
            let revision = book.store.write_after(book.known().revision, &sealed)?;
            *book.known() = Known { revision, providers: Arc::new(providers) };
            Ok(())
        })
        .await
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Unusable(error.to_string())))
}
