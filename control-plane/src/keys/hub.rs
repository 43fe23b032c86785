//! What the data plane must know, numbered by revision.
//!
//! There is no log of past values. Each item (a key, a cluster's credentials, the access mode) has one entry in an
//! index ordered by revision: the place of its latest change. A reader that knows everything up to revision `n`
//! needs exactly the entries after `n`, whatever happened in between, so many changes to one key cost a slow reader
//! one entry, and live items never fall out of the index. Only removals would pile up; the oldest beyond
//! `Bounds::removals` are forgotten, and a reader that may have missed one of those starts a new snapshot.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ditto_policy::document::{ApiKeys, SigV4};
use ditto_policy::key::{KeyPolicy, TokenHash};
use ditto_policy::secret::Secret;
use tokio::sync::watch;

mod state;
#[cfg(test)]
mod tests;

pub(crate) use state::{Bounds, Item, State};

/// Whether a proxied request needs a virtual key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Every request needs one.
    Keyed,
    /// No keys are configured: an open relay.
    Open,
}

/// What an attempt to one cluster adds to the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Header names (lower case) and values, in the order in which they are sent.
    pub headers: Vec<(String, Secret)>,
    /// Names and values appended to the query, not yet percent-encoded.
    pub query_params: Vec<(String, Secret)>,
    /// What attempts are signed with.
    pub sigv4: Option<SigV4>,
    /// Keys, of which each attempt gets one.
    pub api_keys: Option<ApiKeys>,
}

/// The data plane's view and the bell that announces changes to it. Writers are the key directory (keys and access)
/// and whoever builds the clusters (credentials).
pub struct Hub {
    epoch: String,
    state: RwLock<State>,
    bell: watch::Sender<u64>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("epoch", &self.epoch).field("revision", &self.revision()).finish_non_exhaustive()
    }
}

impl Hub {
    /// An empty hub with an epoch of its own. Streams answer nothing until keys (through the directory) and
    /// credentials ([`Hub::set_credentials`], an empty map included) have both been set once: a worker must not
    /// refuse keys, or send requests without credentials, because the control plane has just started.
    ///
    /// # Errors
    /// The operating system has no randomness.
    pub fn new() -> Result<Arc<Self>, getrandom::Error> {
        Self::with_bounds(Bounds::default())
    }

    pub(crate) fn with_bounds(bounds: Bounds) -> Result<Arc<Self>, getrandom::Error> {
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch)?;
        Ok(Arc::new(Self {
            epoch: hex::encode(epoch),
            state: RwLock::new(State::new(bounds)),
            bell: watch::Sender::new(0),
        }))
    }

    /// Random for each process: revisions of different epochs cannot be compared.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The revision of the latest change; grows by one with each.
    pub fn revision(&self) -> u64 {
        self.read().revision()
    }

    /// Whether a proxied request needs a virtual key at this moment.
    pub fn access(&self) -> Access {
        self.read().access()
    }

    /// Wakes whenever the revision has grown.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Makes `credentials` (cluster name → what its attempts add) the only ones; what is equal is not sent again.
    pub fn set_credentials(&self, credentials: BTreeMap<String, Credentials>) {
        self.change(|state| {
            state.replace_credentials(credentials);
        });
    }

    /// Makes `keys` the only ones in force; what is equal is not sent again.
    pub fn replace_keys(&self, keys: HashMap<TokenHash, KeyPolicy>, access: Access) {
        self.change(|state| {
            state.put_access(access);
            state.replace_keys(keys);
        });
    }

    /// One change of the directory: tokens that are no longer valid, keys that are now in force, and the access mode.
    pub fn apply(
        &self,
        removals: impl IntoIterator<Item = TokenHash>,
        upserts: impl IntoIterator<Item = (TokenHash, KeyPolicy)>,
        access: Access,
    ) {
        self.change(|state| {
            // The access mode first: a gateway that is about to know a key must not stay open without it.
            state.put_access(access);
            for hash in removals {
                state.remove_key(&hash);
            }
            for (hash, policy) in upserts {
                state.put_key(hash, policy);
            }
        });
    }

    fn change(&self, edit: impl FnOnce(&mut State)) {
        let revision = {
            let mut state = self.write();
            edit(&mut state);
            state.revision()
        };
        // Always: the first call may make the hub ready without a new revision. A writer that was overtaken between
        // the two steps must not put the bell back.
        self.bell.send_modify(|rung| *rung = revision.max(*rung));
    }

    /// The state for reading. Hold it for one batch at most.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
