use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ditto_policy::secret::Secret;

use super::*;
use crate::keys::hub::Bounds;
use crate::keys::testing::{hash, policy};

mod model;

/// What a worker knows.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    keys: BTreeMap<Vec<u8>, sync::Key>,
    credentials: BTreeMap<String, sync::BackendCredentials>,
}

impl Known {
    fn apply(&mut self, update: &Update) {
        for hash in &update.removals {
            self.keys.remove(hash);
        }
        for cluster in &update.credential_removals {
            self.credentials.remove(cluster);
        }
        for key in &update.upserts {
            self.keys.insert(key.token_sha256.clone(), key.clone());
        }
        for credentials in &update.credentials {
            self.credentials.insert(credentials.cluster.clone(), credentials.clone());
        }
    }
}

/// A worker that follows the protocol's comments to the letter.
#[derive(Debug, Default)]
struct Worker {
    known: Known,
    /// A snapshot that has begun and is not complete.
    arriving: Option<Known>,
    access: i32,
    epoch: String,
    revision: u64,
    /// The last Update was complete.
    settled: bool,
}

impl Worker {
    fn connect(&mut self, hub: &Hub) -> Cursor {
        self.arriving = None;
        self.settled = false;
        Cursor::new(hub, &self.epoch, self.revision)
    }

    fn apply(&mut self, update: &Update) {
        if update.reset {
            self.arriving = Some(Known::default());
        }
        self.arriving.as_mut().unwrap_or(&mut self.known).apply(update);
        self.settled = update.complete;
        if update.complete {
            if let Some(arrived) = self.arriving.take() {
                self.known = arrived;
            }
            self.access = update.access;
            self.epoch.clone_from(&update.epoch);
            self.revision = update.revision;
        }
    }

    fn drain(&mut self, cursor: &mut Cursor, hub: &Hub) -> Vec<Update> {
        let updates: Vec<Update> = std::iter::from_fn(|| cursor.next(hub)).collect();
        updates.iter().for_each(|update| self.apply(update));
        updates
    }
}

fn ready(bounds: Bounds) -> Arc<Hub> {
    let hub = Hub::with_bounds(bounds).unwrap();
    hub.set_credentials(BTreeMap::new());
    hub.replace_keys(HashMap::new(), Access::Open);
    hub
}

fn put(hub: &Hub, name: &str) {
    hub.apply(None, Some((hash(name), policy(name))), Access::Keyed);
}

fn credentials(value: &str) -> Credentials {
    let pair = || vec![("name".to_owned(), Secret::new(value))];
    Credentials { headers: pair(), query_params: pair(), sigv4: None, api_keys: None }
}

#[test]
fn a_hub_that_knows_nothing_says_nothing() {
    let hub = Hub::new().unwrap();
    let mut cursor = Cursor::new(&hub, "", 0);
    assert_eq!(cursor.next(&hub), None);
    hub.replace_keys(HashMap::new(), Access::Open);
    assert_eq!(cursor.next(&hub), None);
    hub.set_credentials(BTreeMap::new());
    assert!(cursor.next(&hub).unwrap().complete);
}

#[test]
fn a_snapshot_says_everything_and_then_nothing() {
    let hub = ready(Bounds::default());
    put(&hub, "a");
    hub.set_credentials(BTreeMap::from([("cluster".into(), credentials("secret"))]));
    let mut worker = Worker::default();
    let mut cursor = worker.connect(&hub);
    let updates = worker.drain(&mut cursor, &hub);
    assert_eq!(updates.len(), 1);
    assert!(updates[0].reset && updates[0].complete);
    assert_eq!(updates[0].revision, hub.revision());
    assert_eq!(updates[0].access(), sync::Access::Keyed);
    assert_eq!(worker.known.keys.len(), 1);
    assert_eq!(worker.known.credentials["cluster"].headers[0].value, "secret");
    assert_eq!(cursor.next(&hub), None);
}

#[test]
fn a_worker_that_returns_gets_what_changed_and_always_an_answer() {
    let hub = ready(Bounds::default());
    put(&hub, "a");
    let mut worker = Worker::default();
    let mut cursor = worker.connect(&hub);
    worker.drain(&mut cursor, &hub);

    let mut cursor = worker.connect(&hub);
    let updates = worker.drain(&mut cursor, &hub);
    assert_eq!(updates.len(), 1);
    assert!(updates[0].complete && !updates[0].reset && updates[0].upserts.is_empty());

    put(&hub, "b");
    hub.apply(Some(hash("a")), None, Access::Keyed);
    let mut cursor = worker.connect(&hub);
    let updates = worker.drain(&mut cursor, &hub);
    assert_eq!((updates.len(), updates[0].upserts.len(), updates[0].removals.len()), (1, 1, 1));
    assert!(!updates[0].reset);
}

#[test]
fn another_epoch_or_a_revision_from_the_future_means_a_snapshot() {
    let hub = ready(Bounds::default());
    for (epoch, revision) in [("", 0), ("other", 1), (hub.epoch(), 0), (hub.epoch(), u64::MAX)] {
        assert!(Cursor::new(&hub, epoch, revision).next(&hub).unwrap().reset, "{epoch} {revision}");
    }
}

#[test]
fn many_changes_to_one_key_are_told_once() {
    let hub = ready(Bounds::default());
    let mut worker = Worker::default();
    let mut cursor = worker.connect(&hub);
    worker.drain(&mut cursor, &hub);
    for round in 0..1000 {
        let mut changed = policy("a");
        changed.enabled = round % 2 == 0;
        hub.apply(None, Some((hash("a"), changed)), Access::Keyed);
    }
    let updates = worker.drain(&mut cursor, &hub);
    assert_eq!((updates.len(), updates[0].upserts.len()), (1, 1));
    assert!(!updates[0].upserts[0].enabled);
}

#[test]
fn a_worker_that_may_have_missed_a_removal_starts_again() {
    let hub = ready(Bounds { removals: 2, ..Bounds::default() });
    ["a", "b", "c", "d"].iter().for_each(|name| put(&hub, name));
    let mut worker = Worker::default();
    let mut cursor = worker.connect(&hub);
    worker.drain(&mut cursor, &hub);
    for name in ["a", "b", "c"] {
        hub.apply(Some(hash(name)), None, Access::Keyed);
    }
    let updates = worker.drain(&mut cursor, &hub);
    assert!(updates[0].reset, "the removal of `a` has been forgotten");
    assert_eq!(worker.known.keys.len(), 1);
}

#[test]
fn batches_keep_to_their_bounds() {
    let hub = ready(Bounds::default());
    for n in 0..1000 {
        put(&hub, &format!("small-{n}"));
    }
    for n in 0..40 {
        let mut large = policy(&format!("large-{n}"));
        large.tenant_id = Some("t".repeat(100_000));
        hub.apply(None, Some((hash(&large.id), large)), Access::Keyed);
    }
    let mut worker = Worker::default();
    let mut cursor = worker.connect(&hub);
    let updates = worker.drain(&mut cursor, &hub);
    for update in &updates {
        assert!(update.upserts.len() <= 512);
        assert!(update.encoded_len() < 1 << 20, "{}", update.encoded_len());
    }
    assert_eq!(updates.iter().filter(|update| update.reset).count(), 1);
    assert_eq!(updates.iter().filter(|update| update.complete).count(), 1);
    assert!(updates[0].reset && updates[updates.len() - 1].complete);
    assert_eq!(worker.known.keys.len(), 1040);
}

#[test]
fn an_item_larger_than_a_batch_travels_alone() {
    let hub = ready(Bounds { bytes: 100, ..Bounds::default() });
    put(&hub, "a");
    let mut large = policy("large");
    large.tenant_id = Some("t".repeat(1000));
    hub.apply(None, Some((hash("large"), large)), Access::Keyed);
    put(&hub, "z");
    let updates = Worker::default().drain(&mut Cursor::new(&hub, "", 0), &hub);
    assert_eq!(updates.iter().map(|update| update.upserts.len()).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_snapshot_that_is_overtaken_by_changes_still_ends_right() {
    let hub = ready(Bounds { items: 2, ..Bounds::default() });
    for n in 0..6 {
        put(&hub, &format!("{n}"));
    }
    let mut worker = Worker::default();
    let mut cursor = worker.connect(&hub);
    worker.apply(&cursor.next(&hub).unwrap());
    assert!(!worker.settled);
    hub.apply(Some(hash("0")), Some((hash("new"), policy("new"))), Access::Keyed);
    hub.apply(Some(hash("5")), None, Access::Keyed);
    worker.drain(&mut cursor, &hub);
    let ids: Vec<&str> = worker.known.keys.values().map(|key| key.id.as_str()).collect();
    assert_eq!(worker.known.keys.len(), 5, "{ids:?}");
    assert!(ids.contains(&"new") && !ids.contains(&"0") && !ids.contains(&"5"));
}
