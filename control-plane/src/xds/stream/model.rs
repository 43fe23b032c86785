//! A model of Envoy, and random histories between it and the server.
//!
//! The model asks for types in the order in which Envoy does, answers every response, refuses what is marked as bad,
//! keeps what it holds when its stream breaks, and checks after every change that what it holds fits together.

use std::collections::{BTreeMap, VecDeque};

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::google::rpc;
use proptest::prelude::*;

use super::*;
use crate::xds::merge::RouteUnion;
use crate::xds::testing::{FILTER, TABLE, behind, clusters_of, is_bad, name_of, routes_of, snapshot};

const GRACE: Duration = Duration::from_secs(30);
const BACKENDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What Envoy has in memory, and the messages under way on its stream.
#[derive(Debug, Default)]
pub(super) struct Envoy {
    held: BTreeMap<ResourceType, Held>,
    asked: BTreeMap<ResourceType, Vec<String>>,
    nonces: BTreeMap<ResourceType, String>,
    /// The last filter configuration that came, accepted or not. Envoy does not look at the same one twice.
    seen_filter: Option<Any>,
    /// Refuses every filter configuration, as when a file that they name is gone.
    pub(super) is_broken: bool,
    requests: VecDeque<DiscoveryRequest>,
    responses: VecDeque<DiscoveryResponse>,
}

#[derive(Debug, Default)]
struct Held {
    version: String,
    resources: BTreeMap<String, Any>,
}

/// Envoy and server with the wire between them.
#[derive(Debug)]
pub(super) struct World {
    pub(super) envoy: Envoy,
    pub(super) stream: Stream,
    pub(super) newest: Arc<Snapshot>,
    history: Arc<History>,
    pub(super) now: Instant,
}

impl Envoy {
    /// Asks again for everything it asked for before, or for clusters if it is fresh.
    fn connect(&mut self) {
        self.requests.clear();
        self.responses.clear();
        self.nonces.clear();
        self.asked.entry(ResourceType::Cluster).or_default();
        for ty in self.asked.keys().copied().collect::<Vec<_>>() {
            self.request(ty, None);
        }
        let node = Node { id: "envoy".into(), ..Default::default() };
        self.requests[0].node = Some(node);
    }

    fn request(&mut self, ty: ResourceType, error: Option<&str>) {
        let error_detail = error.map(|message| rpc::Status { message: message.into(), ..Default::default() });
        self.requests.push_back(DiscoveryRequest {
            version_info: self.held.get(&ty).map(|held| held.version.clone()).unwrap_or_default(),
            resource_names: self.asked.get(&ty).cloned().unwrap_or_default(),
            type_url: ty.type_url().into(),
            response_nonce: self.nonces.get(&ty).cloned().unwrap_or_default(),
            error_detail,
            ..Default::default()
        });
    }

    fn ask(&mut self, ty: ResourceType, names: Vec<String>) {
        if self.asked.get(&ty) != Some(&names) {
            self.asked.insert(ty, names);
            self.request(ty, None);
        }
    }

    /// Drops its names and takes them up again, as when a listener goes and comes back.
    pub(super) fn ask_again(&mut self, ty: ResourceType) {
        let Some(names) = self.asked.get(&ty).filter(|names| !names.is_empty()).cloned() else { return };
        if let Some(held) = self.held.get_mut(&ty) {
            held.resources.clear();
        }
        if ty == ResourceType::ExtensionConfig {
            self.seen_filter = None;
        }
        self.ask(ty, Vec::new());
        self.ask(ty, names);
    }

    fn receive(&mut self, response: DiscoveryResponse) {
        let ty = ResourceType::from_type_url(&response.type_url).unwrap();
        self.nonces.insert(ty, response.nonce.clone());
        let was_seen = self.has_seen(&response) && self.held.contains_key(&ty);
        let is_refused = self.is_broken && ty == ResourceType::ExtensionConfig;
        if is_refused || response.resources.iter().any(is_bad) && !was_seen {
            self.request(ty, Some(if is_refused { "broken" } else { "bad" }));
            return;
        }
        let held = self.held.entry(ty).or_default();
        held.version = response.version_info;
        if was_seen {
            self.request(ty, None);
            return;
        }
        // Only of these is a response the whole; of the others, what is missing stays as it was.
        if ty.has_wildcard() {
            held.resources.clear();
        }
        held.resources.extend(response.resources.into_iter().map(|any| (name_of(&any), any)));
        self.request(ty, None);
        self.follow(ty);
    }

    /// Whether the response is a filter configuration that it has just seen.
    fn has_seen(&mut self, response: &DiscoveryResponse) -> bool {
        if response.type_url != ResourceType::ExtensionConfig.type_url() {
            return false;
        }
        let new = response.resources.first().cloned();
        std::mem::replace(&mut self.seen_filter, new.clone()) == new
    }

    /// Asks for what the resources of a type refer to.
    fn follow(&mut self, ty: ResourceType) {
        match ty {
            ResourceType::Cluster => {
                let clusters = self.held[&ty].resources.keys().cloned().collect();
                self.ask(ResourceType::Secret, clusters);
                self.ask(ResourceType::Listener, Vec::new());
            }
            ResourceType::Listener => {
                self.ask(ResourceType::ExtensionConfig, vec![FILTER.into()]);
                self.ask(ResourceType::Route, vec![TABLE.into()]);
            }
            _ => {}
        }
    }

    /// Names of the clusters it has.
    pub(super) fn clusters(&self) -> Vec<String> {
        self.names_in(ResourceType::Cluster)
    }

    /// Clusters that it would route to.
    pub(super) fn routes(&self) -> Vec<String> {
        self.resource(ResourceType::Route, TABLE).map(clusters_of).unwrap_or_default()
    }

    /// Routes that its filter decides between.
    pub(super) fn decisions(&self) -> Vec<String> {
        self.resource(ResourceType::ExtensionConfig, FILTER).map(routes_of).unwrap_or_default()
    }

    fn names_in(&self, ty: ResourceType) -> Vec<String> {
        self.held.get(&ty).map(|held| held.resources.keys().cloned().collect()).unwrap_or_default()
    }

    fn resource(&self, ty: ResourceType, name: &str) -> Option<&Any> {
        self.held.get(&ty)?.resources.get(name)
    }

    fn assert_consistent(&self) {
        let (clusters, routes) = (self.clusters(), self.routes());
        for cluster in &routes {
            assert!(clusters.contains(cluster), "route to {cluster}, but clusters are {clusters:?}");
        }
        // Without a table there is no listener, and nothing to decide.
        let has_table = self.resource(ResourceType::Route, TABLE).is_some();
        for route in self.decisions().into_iter().filter(|_| has_table) {
            assert!(routes.contains(&route), "decision for {route}, but routes are {routes:?}");
        }
    }
}

impl World {
    pub(super) fn new(first: Snapshot) -> Self {
        let history = Arc::new(History::default());
        let stream = Stream::new(&first, Arc::new(RouteUnion), Arc::clone(&history), GRACE);
        let mut world = Self { envoy: Envoy::default(), stream, newest: Arc::new(first), history, now: Instant::now() };
        world.envoy.connect();
        world
    }

    pub(super) fn reconnect(&mut self) {
        self.stream = Stream::new(&self.newest, Arc::new(RouteUnion), Arc::clone(&self.history), GRACE);
        self.envoy.connect();
    }

    pub(super) fn set(&mut self, snapshot: Snapshot) {
        self.newest = Arc::new(snapshot);
        let responses = self.stream.on_snapshot(Arc::clone(&self.newest), self.now);
        self.envoy.responses.extend(responses);
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.stream.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            let responses = self.stream.on_tick(self.now);
            self.envoy.responses.extend(responses);
        }
    }

    /// One request reaches the server. Returns whether there was one.
    pub(super) fn deliver_request(&mut self) -> bool {
        let Some(request) = self.envoy.requests.pop_front() else { return false };
        let responses = self.stream.on_request(&request, self.now).unwrap();
        self.envoy.responses.extend(responses);
        true
    }

    /// One response reaches Envoy. Returns whether there was one, and its type.
    pub(super) fn deliver_response(&mut self) -> Option<ResourceType> {
        let response = self.envoy.responses.pop_front()?;
        let ty = ResourceType::from_type_url(&response.type_url);
        self.envoy.receive(response);
        self.envoy.assert_consistent();
        ty
    }

    /// Delivers until nobody has anything to say. Returns the types that were sent.
    pub(super) fn talk(&mut self) -> Vec<ResourceType> {
        let mut sent = Vec::new();
        for _ in 0..10_000 {
            let was_request = self.deliver_request();
            let response = self.deliver_response();
            sent.extend(response);
            if !was_request && response.is_none() {
                return sent;
            }
        }
        panic!("the conversation does not end: {:#?}", self.stream.progress());
    }

    /// Talks, and waits for whatever is due.
    pub(super) fn rest(&mut self) {
        for _ in 0..100 {
            self.talk();
            let Some(deadline) = self.stream.next_deadline() else { return };
            self.pass(deadline.saturating_duration_since(self.now));
        }
        panic!("never comes to rest: {:#?}", self.stream.progress());
    }

    pub(super) fn stage(&self) -> Stage {
        self.stream.progress().stage
    }
}

#[derive(Clone, Debug)]
enum Step {
    Request,
    Response,
    Talk,
    Set { backends: Vec<&'static str>, bad: Option<ResourceType> },
    Pass(u64),
    StaleNonce(ResourceType),
    AskAgain(ResourceType),
    Reconnect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ty = || proptest::sample::select(ResourceType::ALL.to_vec());
    let bad = proptest::sample::select(vec![
        ResourceType::Cluster,
        ResourceType::Listener,
        ResourceType::Route,
        ResourceType::ExtensionConfig,
    ]);
    let backends = proptest::sample::subsequence(BACKENDS.to_vec(), 0..=BACKENDS.len());
    let set = (backends, prop_oneof![3 => Just(None), 1 => bad.prop_map(Some)]);
    let step = prop_oneof![
        8 => Just(Step::Request),
        8 => Just(Step::Response),
        2 => Just(Step::Talk),
        3 => set.prop_map(|(backends, bad)| Step::Set { backends, bad }),
        2 => (1_u64..40).prop_map(Step::Pass),
        1 => ty().prop_map(Step::StaleNonce),
        1 => ty().prop_map(Step::AskAgain),
        1 => Just(Step::Reconnect),
    ];
    proptest::collection::vec(step, 0..120)
}

fn take(world: &mut World, step: Step, number: usize, newest_bad: &mut Option<ResourceType>) {
    match step {
        Step::Request => drop(world.deliver_request()),
        Step::Response => drop(world.deliver_response()),
        Step::Talk => drop(world.talk()),
        Step::Set { backends, bad } => {
            *newest_bad = bad;
            let snapshot = snapshot(&format!("v{number}"), &backends, bad);
            let ahead = [None, Some("ahead-1"), Some("ahead-2")][number % 3];
            world.set(match ahead {
                Some(ahead) => behind(snapshot, ahead),
                None => snapshot,
            });
        }
        Step::Pass(seconds) => world.pass(Duration::from_secs(seconds)),
        Step::StaleNonce(ty) if world.envoy.nonces.contains_key(&ty) => {
            let type_url = ty.type_url().into();
            let response_nonce = "0".into();
            let stale = DiscoveryRequest { type_url, response_nonce, ..Default::default() };
            let responses = world.stream.on_request(&stale, world.now).unwrap();
            assert!(responses.is_empty(), "a stale nonce was answered: {responses:?}");
        }
        Step::AskAgain(ty) => world.envoy.ask_again(ty),
        Step::StaleNonce(_) => {}
        Step::Reconnect => world.reconnect(),
    }
}

/// The table that was asked for again is refused: the former one is still owed, though no other is ever sent.
#[test]
fn what_was_asked_for_again_comes_after_a_refusal() {
    let good = || Step::Set { backends: vec!["f"], bad: None };
    let bad = Step::Set { backends: vec![], bad: Some(ResourceType::Route) };
    let steps = [good(), Step::Talk, Step::Reconnect, Step::AskAgain(ResourceType::Route), bad, Step::Talk, good()];
    let mut world = World::new(snapshot("first", &["a", "b"], None));
    for (number, step) in steps.into_iter().enumerate() {
        take(&mut world, step, number, &mut None);
    }
    world.rest();
    assert_eq!(world.envoy.routes(), ["f"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    /// Whatever happens, what Envoy holds fits together at every moment, and in the end it is the newest snapshot, or
    /// else the status says what was refused.
    #[test]
    fn every_history_is_consistent_and_converges(steps in steps()) {
        let mut world = World::new(snapshot("first", &["a", "b"], None));
        let mut newest_bad = None;
        for (number, step) in steps.into_iter().enumerate() {
            take(&mut world, step, number, &mut newest_bad);
        }
        world.rest();
        let progress = world.stream.progress();
        prop_assert_eq!(&progress.version, world.newest.version());
        if let Some(bad) = newest_bad {
            prop_assert_eq!(progress.stage, Stage::Halted);
            prop_assert!(progress.types[&bad].nacked.is_some(), "{:?}", progress);
            return Ok(());
        }
        prop_assert_eq!(progress.stage, Stage::Settled);
        for ty in ResourceType::ALL {
            let status = progress.types.get(&ty);
            prop_assert!(status.is_none_or(|status| status.nacked.is_none()), "{:?}", progress);
            for (name, any) in world.newest.set(ty).resources() {
                prop_assert_eq!(world.envoy.resource(ty, name), Some(any.as_ref()));
            }
        }
        prop_assert_eq!(world.envoy.clusters().len(), world.newest.set(ResourceType::Cluster).resources().len());
    }
}
