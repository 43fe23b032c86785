//! The hub's data and its arithmetic of revisions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ditto_policy::key::{KeyPolicy, TokenHash};

use super::{Access, Credentials};

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
    /// Nothing known yet; revision 0.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
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
        }
    }

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

    /// Whether a request needs a key.
    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// The sizes to keep to.
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

    pub(super) fn put_key(&mut self, hash: TokenHash, policy: KeyPolicy) {
        let former = self.keys.get(&hash);
        if former.is_some_and(|entry| entry.value == policy) {
            return;
        }
        let former = former.map(|entry| entry.revision);
        let revision = self.touch(Item::Key(hash), former);
        self.keys.insert(hash, Versioned { value: policy, revision });
    }

    pub(super) fn remove_key(&mut self, hash: &TokenHash) {
        if let Some(entry) = self.keys.remove(hash) {
            self.note_removal(Item::Key(*hash), entry.revision);
        }
    }

    /// Makes `keys` the only ones.
    pub(super) fn replace_keys(&mut self, keys: HashMap<TokenHash, KeyPolicy>) {
        let gone: Vec<TokenHash> = self.keys.keys().filter(|hash| !keys.contains_key(*hash)).copied().collect();
        for hash in &gone {
            self.remove_key(hash);
        }
        for (hash, policy) in keys {
            self.put_key(hash, policy);
        }
        self.keys_known = true;
    }

    /// Makes `credentials` the only ones.
    pub(super) fn replace_credentials(&mut self, credentials: BTreeMap<String, Credentials>) {
        let gone: Vec<Arc<str>> =
            self.credentials.keys().filter(|name| !credentials.contains_key(&***name)).cloned().collect();
        for cluster in &gone {
            self.remove_credentials(cluster);
        }
        for (cluster, value) in credentials {
            self.put_credentials(&cluster, value);
        }
        self.credentials_known = true;
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

    pub(super) fn put_access(&mut self, access: Access) {
        if self.access != access || self.access_revision == 0 {
            self.access = access;
            let former = (self.access_revision != 0).then_some(self.access_revision);
            self.access_revision = self.touch(Item::Access, former);
        }
    }
}
