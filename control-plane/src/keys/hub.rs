//! What the data plane must know, numbered by revision.
//!
//! There is no log of past values. Each item (a key, a cluster's credentials, the access mode) has one entry in an
//! index ordered by revision: the place of its latest change. A reader that knows everything up to revision `n`
//! needs exactly the entries after `n`, whatever happened in between, so many changes to one key cost a slow reader
//! one entry, and live items never fall out of the index. Only removals would pile up; the oldest beyond
//! [`Bounds::removals`] are forgotten, and a reader that may have missed one of those starts a new snapshot.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ditto_policy::key::{KeyPolicy, TokenHash};
use ditto_policy::secret::Secret;
use tokio::sync::watch;

#[cfg(test)]
mod tests;

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
}

/// Sizes that keep the stream's memory bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Items (keys, removals, credentials) of one Update.
    pub(crate) items: usize,
    /// Encoded bytes of one Update's items. A single larger item travels alone.
    pub(crate) bytes: usize,
    /// Removals remembered for readers that are behind.
    pub(crate) removals: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { items: 512, bytes: 512 << 10, removals: 10_000 }
    }
}

/// What an entry of the index is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    /// A key, by its token.
    Key(TokenHash),
    /// A cluster's credentials.
    Credentials(Arc<str>),
    /// The access mode; its value is in every complete Update.
    Access,
}

/// A value and the revision at which it last changed.
#[derive(Debug)]
struct Versioned<T> {
    value: T,
    revision: u64,
}

/// Everything under the hub's lock.
#[derive(Debug)]
pub(crate) struct State {
    keys: HashMap<TokenHash, Versioned<KeyPolicy>>,
    credentials: HashMap<Arc<str>, Versioned<Credentials>>,
    access: Access,
    access_revision: u64,
    /// Revision of the latest change → what changed. Live items and remembered removals.
    index: BTreeMap<u64, Item>,
    /// Removals still remembered, each with its entry in `index`.
    removed: HashMap<Item, u64>,
    /// The same, oldest first.
    removed_order: BTreeMap<u64, Item>,
    /// The latest removal that has been forgotten; 0 if none was.
    floor: u64,
    revision: u64,
    keys_known: bool,
    credentials_known: bool,
    bounds: Bounds,
}

impl State {
    /// The revision of the latest change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// A reader that stands below this revision may have missed a removal.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether keys and credentials have both been set, so that a worker may decide by them.
    pub(crate) fn ready(&self) -> bool {
        self.keys_known && self.credentials_known
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The items that changed after `revision`, in order.
    pub(crate) fn after(&self, revision: u64) -> impl Iterator<Item = (u64, &Item)> {
        self.index.range(revision.saturating_add(1)..).map(|(at, item)| (*at, item))
    }

    /// A key that is in force.
    pub(crate) fn key(&self, hash: &TokenHash) -> Option<&KeyPolicy> {
        self.keys.get(hash).map(|entry| &entry.value)
    }

    /// Credentials that are in force.
    pub(crate) fn credentials(&self, cluster: &str) -> Option<&Credentials> {
        self.credentials.get(cluster).map(|entry| &entry.value)
    }

    /// Gives `item` the next revision and drops its former entry.
    fn touch(&mut self, item: Item, former: Option<u64>) -> u64 {
        let former = former.or_else(|| self.unremember(&item));
        if let Some(former) = former {
            self.index.remove(&former);
        }
        self.revision += 1;
        self.index.insert(self.revision, item);
        self.revision
    }

    fn unremember(&mut self, item: &Item) -> Option<u64> {
        let at = self.removed.remove(item)?;
        self.removed_order.remove(&at);
        Some(at)
    }

    /// Notes that a live item is gone, and forgets the oldest removals beyond the bound.
    fn note_removal(&mut self, item: Item, former: u64) {
        let at = self.touch(item.clone(), Some(former));
        self.removed.insert(item.clone(), at);
        self.removed_order.insert(at, item);
        while self.removed_order.len() > self.bounds.removals {
            let Some((at, item)) = self.removed_order.pop_first() else { break };
            self.removed.remove(&item);
            self.index.remove(&at);
            self.floor = at;
        }
    }

    fn put_key(&mut self, hash: TokenHash, policy: KeyPolicy) {
        let former = self.keys.get(&hash);
        if former.is_some_and(|entry| entry.value == policy) {
            return;
        }
        let former = former.map(|entry| entry.revision);
        let revision = self.touch(Item::Key(hash), former);
        self.keys.insert(hash, Versioned { value: policy, revision });
    }

    fn remove_key(&mut self, hash: &TokenHash) {
        if let Some(entry) = self.keys.remove(hash) {
            self.note_removal(Item::Key(*hash), entry.revision);
        }
    }

    fn put_credentials(&mut self, cluster: &str, value: Credentials) {
        let former = self.credentials.get(cluster);
        if former.is_some_and(|entry| entry.value == value) {
            return;
        }
        let former = former.map(|entry| entry.revision);
        let cluster: Arc<str> = cluster.into();
        let revision = self.touch(Item::Credentials(cluster.clone()), former);
        self.credentials.insert(cluster, Versioned { value, revision });
    }

    fn remove_credentials(&mut self, cluster: &Arc<str>) {
        if let Some(entry) = self.credentials.remove(cluster) {
            self.note_removal(Item::Credentials(cluster.clone()), entry.revision);
        }
    }

    fn put_access(&mut self, access: Access) {
        if self.access != access || self.access_revision == 0 {
            self.access = access;
            let former = (self.access_revision != 0).then_some(self.access_revision);
            self.access_revision = self.touch(Item::Access, former);
        }
    }
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
        let state = State {
            keys: HashMap::new(),
            credentials: HashMap::new(),
            access: Access::Keyed,
            access_revision: 0,
            index: BTreeMap::new(),
            removed: HashMap::new(),
            removed_order: BTreeMap::new(),
            floor: 0,
            revision: 0,
            keys_known: false,
            credentials_known: false,
            bounds,
        };
        Ok(Arc::new(Self { epoch: hex::encode(epoch), state: RwLock::new(state), bell: watch::Sender::new(0) }))
    }

    /// Random for each process: revisions of different epochs cannot be compared.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The revision of the latest change; grows by one with each.
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// Whether a proxied request needs a virtual key at this moment.
    pub fn access(&self) -> Access {
        self.read().access
    }

    /// Wakes whenever the revision has grown.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Makes `credentials` (cluster name → what its attempts add) the only ones; what is equal is not sent again.
    pub fn set_credentials(&self, credentials: BTreeMap<String, Credentials>) {
        self.change(|state| {
            let gone: Vec<Arc<str>> =
                state.credentials.keys().filter(|name| !credentials.contains_key(&***name)).cloned().collect();
            for cluster in &gone {
                state.remove_credentials(cluster);
            }
            for (cluster, value) in credentials {
                state.put_credentials(&cluster, value);
            }
            state.credentials_known = true;
        });
    }

    /// Makes `keys` the only ones in force; what is equal is not sent again.
    pub fn replace_keys(&self, keys: HashMap<TokenHash, KeyPolicy>, access: Access) {
        self.change(|state| {
            let gone: Vec<TokenHash> = state.keys.keys().filter(|hash| !keys.contains_key(*hash)).copied().collect();
            for hash in &gone {
                state.remove_key(hash);
            }
            for (hash, policy) in keys {
                state.put_key(hash, policy);
            }
            state.put_access(access);
            state.keys_known = true;
        });
    }

    /// One change of the directory: a token that is no longer valid, a key that is now in force, and the access mode.
    pub fn apply(&self, removal: Option<TokenHash>, upsert: Option<(TokenHash, KeyPolicy)>, access: Access) {
        self.change(|state| {
            // The access mode first: a gateway that is about to know a key must not stay open without it.
            state.put_access(access);
            if let Some(hash) = removal {
                state.remove_key(&hash);
            }
            if let Some((hash, policy)) = upsert {
                state.put_key(hash, policy);
            }
        });
    }

    fn change(&self, edit: impl FnOnce(&mut State)) {
        let revision = {
            let mut state = self.write();
            edit(&mut state);
            state.revision
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
