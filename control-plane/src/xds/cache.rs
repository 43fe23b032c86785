//! The snapshot in force and the register of nodes.
//!
//! The cache knows what there is and how each node is doing with it. It never sees gRPC, and streams never wait for
//! it: a new snapshot is published on a `watch` channel, whose receivers see the newest value and may skip older ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::history::History;
use super::merge::MergeRoutes;
use super::node::Node;
use super::snapshot::Snapshot;
use super::staged::{Goals, RefusalKind, Selection, Staged, StagedRefusal};
use super::status::{ConfigStatus, NodeStatus, Progress, Stage};
use super::stream::Stream;

/// How many nodes that went away are remembered, so that an operator sees which are missing.
const DISCONNECTED_MAX: usize = 64;

/// Holds the snapshot in force, tells every stream of a new one, and remembers how each node is doing.
#[derive(Debug)]
pub struct SnapshotCache {
    goals: watch::Sender<Arc<Goals>>,
    is_closed: watch::Sender<bool>,
    /// Rings when a node has accepted clusters that nothing uses yet.
    clusters: watch::Sender<()>,
    merge: Arc<dyn MergeRoutes>,
    history: Arc<History>,
    nodes: Mutex<Nodes>,
    staged_refusal: Mutex<Option<StagedRefusal>>,
}

#[derive(Debug, Default)]
struct Nodes {
    /// By stream: two streams may carry the same node id, as during a hot restart of Envoy.
    connected: BTreeMap<u64, NodeStatus>,
    /// Oldest first, one per id, none that is connected.
    disconnected: VecDeque<NodeStatus>,
    next_stream: u64,
}

/// A connected node's place in the register. Dropping it marks the node as disconnected.
#[derive(Debug)]
pub(crate) struct Registration {
    cache: Arc<SnapshotCache>,
    stream: u64,
}

// === impl SnapshotCache ===

impl SnapshotCache {
    /// A cache that serves `first` until [`Self::set`] is called.
    ///
    /// There is no empty state on purpose: an Envoy that reconnects to an empty server would lose its configuration.
    pub fn new(first: Snapshot, merge: Arc<dyn MergeRoutes>) -> Self {
        Self {
            goals: watch::Sender::new(Arc::new(Goals { current: Arc::new(first), staged: None })),
            is_closed: watch::Sender::new(false),
            clusters: watch::Sender::new(()),
            merge,
            history: Arc::default(),
            nodes: Mutex::default(),
            staged_refusal: Mutex::default(),
        }
    }

    /// Puts a snapshot in force. Streams notice on their own; this does not wait for them.
    pub fn set(&self, snapshot: Snapshot) {
        self.change(|goals| goals.current = Arc::new(snapshot));
    }

    /// Takes some nodes to a snapshot that is not in force. A former one is forgotten.
    pub fn stage(&self, snapshot: Snapshot, selection: Selection) {
        self.refusal().take();
        let staged = Staged { snapshot: Arc::new(snapshot), selection };
        self.change(|goals| goals.staged = Some(staged));
    }

    /// Takes those nodes to the snapshot in force.
    pub fn unstage(&self) {
        self.change(|goals| goals.staged = None);
    }

    /// Whether some nodes have a snapshot of their own.
    pub fn is_staged(&self) -> bool {
        self.goals.borrow().staged.is_some()
    }

    /// Why what was staged last was taken back by itself.
    pub fn staged_refusal(&self) -> Option<StagedRefusal> {
        self.refusal().clone()
    }

    /// The snapshot that is staged, if the node of this id works by it, or is on its way there.
    pub(crate) fn staged_at(&self, node: &str) -> Option<Arc<Snapshot>> {
        let staged = Arc::clone(&self.goals.borrow().staged.as_ref()?.snapshot);
        let is_there = |status: &NodeStatus| status.id == node && status.progress.version == staged.version();
        self.lock().connected.values().any(is_there).then_some(staged)
    }

    fn change(&self, change: impl FnOnce(&mut Goals)) {
        self.goals.send_modify(|goals| change(Arc::make_mut(goals)));
    }

    fn refusal(&self) -> MutexGuard<'_, Option<StagedRefusal>> {
        self.staged_refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the staged snapshot back if this node, which is on it, has refused a part.
    fn take_back_if_refused(&self, node: &str, progress: &Progress) {
        let is_on_it = |staged: &Staged| staged.snapshot.version() == progress.version;
        if progress.stage != Stage::Halted || !self.goals.borrow().staged.as_ref().is_some_and(is_on_it) {
            return;
        }
        let reason = match progress.first_refusal() {
            Some((ty, nack)) => format!("{ty}: {}", nack.message),
            None => String::new(),
        };
        let refusal = StagedRefusal { kind: RefusalKind::Nack, node: Some(node.to_owned()), reason };
        self.take_back(&progress.version, refusal);
    }

    /// Takes the staged snapshot back for this reason, if it is of this version. Whether it was.
    pub fn take_back(&self, version: &str, refusal: StagedRefusal) -> bool {
        self.goals.send_if_modified(|goals| {
            let is_it = |staged: &Staged| staged.snapshot.version() == version;
            if !goals.staged.as_ref().is_some_and(is_it) {
                return false;
            }
            let StagedRefusal { kind, node, reason } = &refusal;
            tracing::error!(?kind, node, reason, "the staged configuration is taken back from all its nodes");
            *self.refusal() = Some(refusal);
            Arc::make_mut(goals).staged = None;
            true
        })
    }

    /// The snapshot in force.
    pub fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.goals.borrow().current)
    }

    /// How every node is doing.
    pub fn status(&self) -> ConfigStatus {
        let version = self.current().version().to_owned();
        let nodes = self.lock();
        let mut nodes: Vec<_> = nodes.connected.values().chain(&nodes.disconnected).cloned().collect();
        nodes.sort_by(|a, b| (&a.id, a.since).cmp(&(&b.id, b.since)));
        ConfigStatus { version, nodes }
    }

    /// Ends all streams, and each new one at once. A server that drains its connections would wait for them forever.
    pub fn close(&self) {
        self.is_closed.send_replace(true);
    }

    pub(crate) fn watch_goals(&self) -> watch::Receiver<Arc<Goals>> {
        self.goals.subscribe()
    }

    pub(crate) fn watch_closed(&self) -> watch::Receiver<bool> {
        self.is_closed.subscribe()
    }

    /// Changes when a node has accepted clusters that nothing uses yet.
    pub(crate) fn watch_clusters(&self) -> watch::Receiver<()> {
        self.clusters.subscribe()
    }

    pub(crate) fn new_stream(&self, goal: &Snapshot, retire_grace: Duration) -> Stream {
        Stream::new(goal, Arc::clone(&self.merge), Arc::clone(&self.history), retire_grace)
    }

    pub(crate) fn register(self: &Arc<Self>, node: &Node, progress: Progress) -> Registration {
        let Node { id, labels } = node.clone();
        tracing::info!(node = node.id, "Envoy connected to the xDS server");
        let status = NodeStatus { id, connected: true, since: unix_now(), labels, progress };
        let mut nodes = self.lock();
        nodes.disconnected.retain(|other| other.id != node.id);
        let stream = nodes.next_stream;
        nodes.next_stream += 1;
        nodes.connected.insert(stream, status);
        Registration { cache: Arc::clone(self), stream }
    }

    fn lock(&self) -> MutexGuard<'_, Nodes> {
        // The register is for show: half an update after a panic is better than no status at all.
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Registration ===

impl Registration {
    pub(crate) fn update(&self, progress: Progress) {
        let mut nodes = self.cache.lock();
        let Some(node) = nodes.connected.get_mut(&self.stream) else { return };
        log_changes(&node.id, &node.progress, &progress);
        let id = node.id.clone();
        let has_clusters = node.progress.stage == Stage::Clusters && progress.stage != Stage::Clusters;
        node.progress = progress.clone();
        drop(nodes);
        if has_clusters {
            self.cache.clusters.send_replace(());
        }
        self.cache.take_back_if_refused(&id, &progress);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut nodes = self.cache.lock();
        let Some(mut node) = nodes.connected.remove(&self.stream) else { return };
        tracing::info!(node = node.id, "Envoy disconnected from the xDS server");
        if nodes.connected.values().any(|other| other.id == node.id) {
            return;
        }
        node.connected = false;
        node.since = unix_now();
        nodes.disconnected.push_back(node);
        if nodes.disconnected.len() > DISCONNECTED_MAX {
            nodes.disconnected.pop_front();
        }
    }
}

fn log_changes(node: &str, old: &Progress, new: &Progress) {
    for (ty, status) in &new.types {
        let known = old.types.get(ty).and_then(|status| status.nacked.as_ref());
        if let Some(nack) = status.nacked.as_ref().filter(|nack| known != Some(nack)) {
            let (version, message) = (&nack.version, &nack.message);
            tracing::warn!(node, resource_type = %ty, version, message, "Envoy refused a configuration");
        }
    }
    if new.stage == Stage::Settled && old.stage != Stage::Settled {
        tracing::info!(node, version = new.version, "Envoy has the configuration");
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xds::Labels;
    use crate::xds::merge::RouteUnion;

    fn cache() -> Arc<SnapshotCache> {
        Arc::new(SnapshotCache::new(Snapshot::new("1", [], []).unwrap(), Arc::new(RouteUnion)))
    }

    fn node(id: &str) -> Node {
        let labels = Labels::from([("zone".to_owned(), "z".to_owned())]);
        Node { id: id.to_owned(), labels }
    }

    fn progress() -> Progress {
        Progress { version: "1".into(), stage: Stage::Clusters, types: BTreeMap::new() }
    }

    fn nodes(cache: &SnapshotCache) -> Vec<(String, bool)> {
        cache.status().nodes.into_iter().map(|node| (node.id, node.connected)).collect()
    }

    #[test]
    fn the_status_shows_the_version_in_force() {
        let cache = cache();
        cache.set(Snapshot::new("2", [], []).unwrap());
        assert_eq!(cache.status(), ConfigStatus { version: "2".into(), nodes: vec![] });
    }

    #[test]
    fn a_node_that_went_away_is_remembered_until_it_is_back() {
        let cache = cache();
        drop(cache.register(&node("a"), progress()));
        assert_eq!(nodes(&cache), [("a".to_owned(), false)]);
        let _again = cache.register(&node("a"), progress());
        assert_eq!(nodes(&cache), [("a".to_owned(), true)]);
    }

    #[test]
    fn a_node_is_connected_as_long_as_one_of_its_streams_is() {
        let cache = cache();
        let parent = cache.register(&node("a"), progress());
        let _child = cache.register(&node("a"), progress());
        drop(parent);
        assert_eq!(nodes(&cache), [("a".to_owned(), true)]);
    }

    #[test]
    fn only_so_many_disconnected_nodes_are_remembered() {
        let cache = cache();
        for id in 0..=DISCONNECTED_MAX {
            drop(cache.register(&node(&format!("{id:03}")), progress()));
        }
        assert_eq!(nodes(&cache).len(), DISCONNECTED_MAX);
        assert_eq!(nodes(&cache)[0].0, "001");
    }

    #[test]
    fn the_status_reads_as_documented() {
        let cache = cache();
        let registration = cache.register(&node("a"), progress());
        let nacked = Some(super::super::status::Nack { version: "v2".into(), message: "no".into() });
        let status = super::super::status::TypeStatus { sent: Some("v2".into()), acked: Some("v1".into()), nacked };
        let types = BTreeMap::from([(super::super::snapshot::ResourceType::Route, status)]);
        registration.update(Progress { version: "1".into(), stage: Stage::Halted, types });
        let mut json = serde_json::to_value(cache.status()).unwrap();
        json["nodes"][0]["since"] = 0.into();
        let expected = serde_json::json!({
            "version": "1",
            "nodes": [{
                "id": "a", "connected": true, "since": 0, "labels": {"zone": "z"}, "version": "1", "stage": "halted",
                "types": {"route": {"sent": "v2", "acked": "v1", "nacked": {"version": "v2", "message": "no"}}},
            }],
        });
        assert_eq!(json, expected);
    }
}
