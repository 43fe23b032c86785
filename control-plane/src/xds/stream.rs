//! The protocol of one stream, as a state machine without sockets, tasks or a clock.
//!
//! # Make before break
//!
//! Envoy applies each resource type on its own, and a request in progress keeps using what it was decided under. So
//! a change is rolled out to each node in stages, and each waits for the node to accept the one before:
//!
//! 0. **Modules**, only where another filter module comes: a cluster that has the node fetch it, beside the old ones.
//! 1. **Clusters**: clusters, endpoints and secrets of the old and the new configuration. Nothing uses the new ones.
//! 2. **Routes**: the new listeners, and route tables with the routes of both. The filter still decides by the old
//!    configuration.
//! 3. **Extensions**: the new filter configuration, alone. This is the switch. Every decision that either version of
//!    the filter makes finds its route, and every route its cluster.
//! 4. **Grace**: requests decided before the switch may take time, and acceptance does not mean that every worker has
//!    switched yet. Then routes of the old configuration are taken away (**retiring routes**), and when the node has
//!    let go of them, the clusters (**retiring clusters**). The node is **settled**.
//!
//! A node that holds nothing yet goes through the same stages; there is just nothing old to keep. The order is the one
//! asked for in
//! <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations>.
//!
//! # When it does not go smoothly
//!
//! * *Refused* (**halted**): the node keeps what it last accepted, and nothing further is sent, except for names that
//!   it newly asks for, until there is a newer snapshot. What it refused is kept out of later unions.
//! * *A newer snapshot in the middle*: the roll-out starts again from what the node has. A configuration that was never
//!   switched to is dropped on the way, routes first; one that was is kept until its grace is over.
//! * *Reconnect*: the node names the versions it holds. They are looked up in [`History`] and treated as one more old
//!   configuration; what it stood on comes back before it. Meanwhile the node works by what it holds.
//!
//! # Invariant
//!
//! Whatever the order of events, each route that a node holds has its cluster there, and each extension configuration
//! its routes. The property test drives a model of Envoy through random histories to check just this.

use std::sync::Arc;
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use thiserror::Error;

use super::generations::{GenerationId, Generations, Offer};
use super::history::{History, Sent};
use super::merge::MergeRoutes;
use super::snapshot::{ResourceSet, ResourceType, Snapshot};
use super::status::{Progress, Stage};
use super::subscription::{Heard, Subscription};

/// Longer node ids are refused: they would be kept in the status.
const NODE_ID_BYTES_MAX: usize = 256;

/// One stream with one node.
#[derive(Debug)]
pub struct Stream {
    node_id: Option<String>,
    history: Arc<History>,
    retire_grace: Duration,
    generations: Generations,
    /// A snapshot that waits until it may become the goal.
    pending: Option<Arc<Snapshot>>,
    stage: Stage,
    subscriptions: [Subscription; ResourceType::ALL.len()],
    /// Whether the node has had what comes ahead of the goal, or must do without.
    has_ahead: bool,
    /// The node may remember an extension configuration that it refused on an earlier stream: see [`Self::restore`].
    must_restore: bool,
    /// What is on offer. Nothing yet for types whose stage has not come on this stream.
    offers: [Option<Offer>; ResourceType::ALL.len()],
    last_nonce: u64,
}

/// Why a stream has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The first request does not say who is asking.
    #[error("the first request on a stream must carry a node id")]
    NoNode,
    /// The node id is too long to be kept.
    #[error("the node id is longer than {NODE_ID_BYTES_MAX} bytes")]
    NodeIdTooLong,
}

// === impl Stream ===

impl Stream {
    /// A stream that takes its node to `goal`.
    pub fn new(goal: &Snapshot, merge: Arc<dyn MergeRoutes>, history: Arc<History>, retire_grace: Duration) -> Self {
        let mut stream = Self {
            node_id: None,
            history,
            retire_grace,
            generations: Generations::new(goal, merge),
            pending: None,
            stage: first_stage(goal.ahead()),
            subscriptions: ResourceType::ALL.map(Subscription::new),
            has_ahead: false,
            must_restore: false,
            offers: Default::default(),
            last_nonce: 0,
        };
        stream.make_offers();
        stream
    }

    /// Takes in a request. Requests for types that are not served here are ignored.
    pub fn on_request(
        &mut self,
        request: &DiscoveryRequest,
        now: Instant,
    ) -> Result<Vec<DiscoveryResponse>, StreamError> {
        self.identify(request)?;
        let Some(ty) = ResourceType::from_type_url(&request.type_url) else { return Ok(Vec::new()) };
        match self.subscription(ty).hear(request) {
            Heard::Stale => return Ok(Vec::new()),
            Heard::First { version } => self.recall(ty, &version, now),
            Heard::Names => {}
            Heard::Accepted => self.accepted(ty, now),
            Heard::Refused { offer } => self.refused(ty, &offer),
        }
        Ok(self.proceed(now))
    }

    /// Takes in a new snapshot. One with the version that the node is being taken to is no news.
    pub fn on_snapshot(&mut self, snapshot: Arc<Snapshot>, now: Instant) -> Vec<DiscoveryResponse> {
        let is_news = snapshot.version() != self.generations.goal_version();
        self.pending = is_news.then_some(snapshot);
        self.proceed(now)
    }

    /// Lets time pass. To be called at [`Self::next_deadline`].
    pub fn on_tick(&mut self, now: Instant) -> Vec<DiscoveryResponse> {
        self.proceed(now)
    }

    /// When something is due although nobody says anything.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.stage == Stage::Grace { self.generations.next_leave() } else { None }
    }

    /// Who is asking, once that is known.
    pub fn node_id(&self) -> Option<&str> {
        self.node_id.as_deref()
    }

    /// How far the node is.
    pub fn progress(&self) -> Progress {
        let asked = ResourceType::ALL.into_iter().filter(|ty| self.subscriptions[ty.index()].is_asked());
        Progress {
            version: self.generations.goal_version().to_owned(),
            stage: self.stage,
            types: asked.map(|ty| (ty, self.subscriptions[ty.index()].status())).collect(),
        }
    }

    /// Only the first request is sure to carry the node:
    /// <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#basic-protocol-overview>
    fn identify(&mut self, request: &DiscoveryRequest) -> Result<(), StreamError> {
        if self.node_id.is_some() {
            return Ok(());
        }
        match request.node.as_ref().map(|node| node.id.as_str()) {
            None | Some("") => Err(StreamError::NoNode),
            Some(id) if id.len() > NODE_ID_BYTES_MAX => Err(StreamError::NodeIdTooLong),
            Some(id) => {
                self.node_id = Some(id.to_owned());
                Ok(())
            }
        }
    }

    // --- what the node said

    /// Finds out what a node holds that was connected before.
    fn recall(&mut self, ty: ResourceType, version: &str, now: Instant) {
        let Some(sent) = self.history.recall(ty, version) else {
            // What it holds is not known, and would be taken away: it gets the goal at once.
            if ty == ResourceType::Cluster && !version.is_empty() && self.stage == Stage::Modules {
                self.has_ahead = true;
                self.enter(Stage::Clusters);
            }
            return;
        };
        let is_late = match self.stage {
            Stage::Modules | Stage::Clusters | Stage::Routes | Stage::Extensions | Stage::Halted => false,
            Stage::Grace | Stage::RetiringRoutes | Stage::RetiringClusters | Stage::Settled => true,
        };
        let leaves_at = is_late.then(|| now + self.retire_grace);
        let id = self.generations.recall(&sent, leaves_at);
        self.subscription(ty).recall(Offer { set: sent.set, members: vec![id] });
        self.must_restore |= ty == ResourceType::ExtensionConfig && !is_late;
        if self.stage == Stage::Settled && !self.generations.is_goal_alone() {
            self.enter(Stage::Grace);
        }
        self.make_offers();
    }

    fn accepted(&mut self, ty: ResourceType, now: Instant) {
        if ty != ResourceType::ExtensionConfig {
            return;
        }
        // The switch: from here on new requests are decided under the newest of what was accepted.
        let accepted = self.subscription(ty).accepted();
        if let Some(newest) = accepted.and_then(|offer| offer.members.last().copied()) {
            self.generations.leave_before(newest, now + self.retire_grace);
        }
        self.must_restore = false;
        self.make_offers();
    }

    fn refused(&mut self, ty: ResourceType, offer: &Offer) {
        let accepted = self.subscription(ty).accepted().cloned();
        self.generations.refuse(ty, offer, accepted.as_ref());
        self.must_restore &= ty != ResourceType::ExtensionConfig;
        // If it is the former one that is refused this time, that will not get better by repetition.
        let is_former = accepted.as_ref().is_some_and(|accepted| accepted.set.version() == offer.set.version());
        self.offers[ty.index()] = accepted;
        if ty == ResourceType::ExtensionConfig && !is_former {
            self.restore();
        }
        let goal = [self.generations.goal_id(), self.generations.goal_ahead_id()];
        if goal.iter().any(|id| offer.members.contains(id)) {
            self.stage = Stage::Halted;
        } else if self.stage != Stage::Halted {
            // A newer snapshot has overtaken the one at fault.
            self.subscription(ty).forget_refusal();
        }
        self.make_offers();
    }

    /// Sends the extension configuration that was accepted last once more, after another was refused.
    ///
    /// Envoy keeps a refused one as its latest: it would put a new listener to work with it, and it would accept it
    /// without a look when it comes again, and still not use it. The one it does use replaces it in its memory. See
    /// FilterConfigSubscription::onConfigUpdate in source/common/filter/config_discovery_impl.cc. (An Envoy that has
    /// never accepted one can't be helped in this way.)
    fn restore(&mut self) {
        self.subscription(ResourceType::ExtensionConfig).owe_answer();
    }

    // --- what to do about it

    fn proceed(&mut self, now: Instant) -> Vec<DiscoveryResponse> {
        self.adopt_pending();
        while let Some(next) = self.next_stage(now) {
            self.enter(next);
            self.adopt_pending();
        }
        self.flush()
    }

    fn adopt_pending(&mut self) {
        let may_adopt = match self.stage {
            // The goal so far is dropped in the first case; in the second, waiting would help nobody.
            Stage::Modules | Stage::Clusters | Stage::Halted => true,
            Stage::Routes | Stage::Extensions | Stage::Grace | Stage::Settled => self.generations.has_room(),
            Stage::RetiringRoutes | Stage::RetiringClusters => false,
        };
        let Some(snapshot) = self.pending.take_if(|_| may_adopt) else { return };
        let is_goal_in_use = self.is_goal_in_use();
        let held = self.held_members(&[ResourceType::Listener, ResourceType::Route]);
        let former = Arc::clone(self.generations.goal_ahead());
        self.generations.adopt(&snapshot, is_goal_in_use, &held);
        self.subscriptions.iter_mut().for_each(Subscription::forget_refusal);
        // What was on offer but not sent is withdrawn: its clusters may be gone by the time it is asked for.
        for ty in [ResourceType::Listener, ResourceType::Route, ResourceType::ExtensionConfig] {
            self.offers[ty.index()] = self.subscription(ty).last_sent().cloned();
        }
        self.has_ahead &= former.version() == snapshot.ahead().version();
        self.enter(if self.has_ahead { Stage::Clusters } else { first_stage(snapshot.ahead()) });
    }

    /// Whether requests may be decided under the goal: the node has, or will have in a moment, what decides. That is
    /// the extension configuration, or what is left of the chain if the snapshot has none.
    fn is_goal_in_use(&self) -> bool {
        let deciding = [ResourceType::ExtensionConfig, ResourceType::Route, ResourceType::Listener];
        let deciding = deciding.into_iter().find(|ty| !self.generations.goal_offer(*ty).set.is_empty());
        deciding.is_some_and(|ty| self.held_members(&[ty]).contains(&self.generations.goal_id()))
    }

    fn held_members(&self, types: &[ResourceType]) -> Vec<GenerationId> {
        let held = types.iter().flat_map(|ty| self.subscriptions[ty.index()].held());
        held.flat_map(|offer| offer.members.iter().copied()).collect()
    }

    /// The stage that comes next, if the node has accepted everything of this one.
    fn next_stage(&mut self, now: Instant) -> Option<Stage> {
        use ResourceType::{Cluster, Endpoint, ExtensionConfig, Listener, Route, Secret};
        match self.stage {
            // An Envoy that starts accepts clusters that are not warm, but asks for listeners only when all are.
            Stage::Modules => {
                let is_warm = self.are_settled(&[Cluster]) && self.subscriptions[Listener.index()].is_asked();
                self.has_ahead = is_warm;
                is_warm.then_some(Stage::Clusters)
            }
            // Once it is running, Envoy does not accept clusters before all of them are warm: while some are not,
            // ClusterManagerImpl::updateClusterCounts (source/common/upstream/cluster_manager_impl.cc) keeps CDS
            // paused, as a signal to the server that routes may follow. Before it is running it serves no requests.
            Stage::Clusters => self.are_settled(&[Cluster, Endpoint, Secret]).then_some(Stage::Routes),
            Stage::Routes if self.are_settled(&[Listener, Route]) => {
                self.generations.drop_doomed();
                Some(Stage::Extensions)
            }
            Stage::Extensions if self.are_settled(&[ExtensionConfig]) => {
                self.generations.leave_before(self.generations.goal_id(), now + self.retire_grace);
                self.generations.forget_covered();
                Some(Stage::Grace)
            }
            Stage::Grace if self.generations.is_goal_alone() => Some(Stage::Settled),
            Stage::Grace => self.generations.doom_due(now).then_some(Stage::RetiringRoutes),
            Stage::RetiringRoutes if self.are_settled(&[Route]) => {
                self.generations.drop_doomed();
                Some(Stage::RetiringClusters)
            }
            Stage::RetiringClusters => self.are_settled(&[Cluster]).then_some(Stage::Grace),
            Stage::Routes | Stage::Extensions | Stage::RetiringRoutes | Stage::Settled | Stage::Halted => None,
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.make_offers();
    }

    fn are_settled(&self, types: &[ResourceType]) -> bool {
        types.iter().all(|ty| match &self.offers[ty.index()] {
            Some(offer) => self.subscriptions[ty.index()].is_settled(offer),
            None => false,
        })
    }

    /// Brings offers in line with the stage. A type whose turn has not come keeps the offer it had.
    fn make_offers(&mut self) {
        if self.stage == Stage::Halted {
            return;
        }
        for ty in ResourceType::ALL {
            let offer = match ty {
                ResourceType::Cluster if self.stage == Stage::Modules => self.generations.ahead_offer(),
                ResourceType::Cluster | ResourceType::Endpoint | ResourceType::Secret => {
                    self.generations.union_offer(ty)
                }
                ResourceType::Listener if self.stage >= Stage::Routes => self.generations.goal_offer(ty),
                ResourceType::Route if self.stage >= Stage::Routes => self.generations.union_offer(ty),
                ResourceType::ExtensionConfig if self.stage >= Stage::Extensions => self.extension_offer(),
                ResourceType::Listener | ResourceType::Route | ResourceType::ExtensionConfig => continue,
            };
            self.subscription(ty).relabel(&offer);
            self.offers[ty.index()] = Some(offer);
        }
    }

    /// The goal's, but after a reconnect first what the node holds: it may have refused another meanwhile.
    fn extension_offer(&self) -> Offer {
        let ty = ResourceType::ExtensionConfig;
        let recalled = self.subscriptions[ty.index()].accepted().filter(|_| self.must_restore);
        recalled.cloned().unwrap_or_else(|| self.generations.goal_offer(ty))
    }

    fn flush(&mut self) -> Vec<DiscoveryResponse> {
        let mut responses = Vec::new();
        for ty in ResourceType::ALL {
            let Some(offer) = &self.offers[ty.index()] else { continue };
            let subscription = &mut self.subscriptions[ty.index()];
            if !subscription.needs(offer) {
                continue;
            }
            self.last_nonce += 1;
            responses.push(subscription.send(offer, self.last_nonce.to_string()));
            let set = Arc::clone(&offer.set);
            let providers = self.generations.providers(ty, &offer.members);
            self.history.remember(Sent { ty, set, providers });
            // A cluster that changed under its old name warms only on a new response with its endpoints, even if
            // they are the same: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-warming
            if ty == ResourceType::Cluster {
                self.subscription(ResourceType::Endpoint).owe_answer();
            }
        }
        responses
    }

    fn subscription(&mut self, ty: ResourceType) -> &mut Subscription {
        &mut self.subscriptions[ty.index()]
    }
}

fn first_stage(ahead: &ResourceSet) -> Stage {
    if ahead.is_empty() { Stage::Clusters } else { Stage::Modules }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
