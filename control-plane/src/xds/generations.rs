//! The configurations that one node may be using at the moment, and the unions offered of them.
//!
//! Most of the time there is one, the goal. While a roll-out is on, and for a grace after it, there are more, and
//! clusters and routes are offered as the union of them all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::history::Sent;
use super::merge::MergeRoutes;
use super::snapshot::{ResourceSet, ResourceType, Snapshot};

/// Past this many, a new snapshot waits until an old configuration has been retired. Bounds what a node has to hold
/// when snapshots come faster than the grace passes.
const GENERATIONS_MAX: usize = 8;

/// Names one generation on one stream.
pub(crate) type GenerationId = u64;

/// Tells what is ahead of a generation from the generation. Ids are counted and never come near it.
const AHEAD: GenerationId = 1 << 63;

/// Resources of one type as offered to the node, and the generations they serve.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) set: Arc<ResourceSet>,
    pub(crate) members: Vec<GenerationId>,
}

/// All generations of one stream, oldest first. The last one is the goal; there is always one.
#[derive(Debug)]
pub(crate) struct Generations {
    merge: Arc<dyn MergeRoutes>,
    older: Vec<Generation>,
    goal: Generation,
    next_id: GenerationId,
}

#[derive(Debug)]
struct Generation {
    id: GenerationId,
    /// The builder's version; empty for what a node brought along from an earlier stream.
    version: String,
    sets: BTreeMap<ResourceType, Arc<ResourceSet>>,
    /// Clusters that come before all of these.
    ahead: Arc<ResourceSet>,
    /// Types that the node refused while this was the goal.
    refused: Vec<ResourceType>,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The goal, or requests may be decided under it.
    InUse,
    /// The node has moved on; requests in progress may still use it until then.
    Leaving { at: Instant },
    /// Nothing uses it. Its routes are no longer offered, and it goes once the node has let go of them: a route must
    /// never outlive its cluster.
    Doomed,
}

// === impl Generations ===

impl Generations {
    pub(crate) fn new(goal: &Snapshot, merge: Arc<dyn MergeRoutes>) -> Self {
        Self { merge, older: Vec::new(), goal: Generation::of(goal, 0), next_id: 1 }
    }

    pub(crate) fn goal_id(&self) -> GenerationId {
        self.goal.id
    }

    pub(crate) fn goal_version(&self) -> &str {
        &self.goal.version
    }

    pub(crate) fn has_room(&self) -> bool {
        self.older.len() + 1 < GENERATIONS_MAX
    }

    pub(crate) fn is_goal_alone(&self) -> bool {
        self.older.is_empty()
    }

    /// Adds what a node brought along from an earlier stream. Returns its id.
    ///
    /// Before the switch it is added even if the goal has the same: a newer goal may come before the node has said
    /// that it uses this one. After the switch, when it has a time to leave, the goal's own id will do.
    pub(crate) fn recall(&mut self, sent: &Sent, leaves_at: Option<Instant>) -> GenerationId {
        let mut sets = sent.providers.clone();
        sets.insert(sent.ty, Arc::clone(&sent.set));
        let is_same = |(ty, set): (&ResourceType, &Arc<ResourceSet>)| {
            self.goal.sets.get(ty).is_some_and(|own| own.version() == set.version())
        };
        if leaves_at.is_some() && sets.iter().all(is_same) {
            return self.goal.id;
        }
        let id = self.take_id();
        let role = leaves_at.map_or(Role::InUse, |at| Role::Leaving { at });
        self.older.insert(
            0,
            Generation { id, version: String::new(), sets, ahead: Arc::default(), refused: Vec::new(), role },
        );
        id
    }

    /// Makes a snapshot the goal.
    ///
    /// `is_goal_in_use` says whether requests may be decided under the goal so far. `held` are the generations whose
    /// routes or listeners the node has or may have; a doomed one that is not among them goes at once.
    pub(crate) fn adopt(&mut self, snapshot: &Snapshot, is_goal_in_use: bool, held: &[GenerationId]) {
        let goal = Generation::of(snapshot, self.take_id());
        let mut last = std::mem::replace(&mut self.goal, goal);
        for ty in std::mem::take(&mut last.refused) {
            last.withdraw(ty);
        }
        if !is_goal_in_use {
            last.role = Role::Doomed;
        }
        self.older.push(last);
        self.older.retain(|generation| generation.role != Role::Doomed || held.contains(&generation.id));
        // Only a node that refuses and reconnects in a loop can get here; the oldest is what it is least likely to use.
        while self.older.len() > 2 * GENERATIONS_MAX {
            self.older.remove(0);
        }
    }

    /// Notes that the node refused `offer`. What it brought beyond `accepted` is to blame, as a whole.
    pub(crate) fn refuse(&mut self, ty: ResourceType, offer: &Offer, accepted: Option<&Offer>) {
        let goal_id = self.goal.id;
        for generation in self.older.iter_mut().chain([&mut self.goal]) {
            let has_part = offer.members.contains(&generation.id);
            let is_proven = accepted.is_some_and(|accepted| {
                // Where a name means two things, the newest wins, so an old one with its name can't be to blame.
                // Tables are merged, so they can.
                let is_covered = |set: &Arc<ResourceSet>| match ty {
                    ResourceType::Route => accepted.set.covers(set),
                    _ => accepted.set.covers_names(set),
                };
                accepted.members.contains(&generation.id) || generation.sets.get(&ty).is_none_or(is_covered)
            });
            if !has_part || is_proven {
                continue;
            }
            if generation.id == goal_id {
                generation.refused.push(ty);
            } else {
                generation.withdraw(ty);
            }
        }
    }

    /// What these generations' resources of a type stand on, clusters below routes below extensions.
    pub(crate) fn providers(
        &self,
        ty: ResourceType,
        members: &[GenerationId],
    ) -> BTreeMap<ResourceType, Arc<ResourceSet>> {
        use ResourceType::{Cluster, Endpoint, ExtensionConfig, Listener, Route, Secret};
        let types: &[ResourceType] = match ty {
            Cluster | Endpoint | Secret | Listener => &[],
            Route => &[Cluster, Endpoint, Secret],
            ExtensionConfig => &[Cluster, Endpoint, Secret, Route],
        };
        let is_member = |generation: &Generation| members.contains(&generation.id);
        let union = |ty: &ResourceType| Some((*ty, self.union_of(*ty, is_member)?.set));
        types.iter().filter_map(union).collect()
    }

    /// The goal's resources alone.
    pub(crate) fn goal_offer(&self, ty: ResourceType) -> Offer {
        let set = self.goal.sets.get(&ty).cloned().unwrap_or_else(|| Arc::new(ResourceSet::new(BTreeMap::new())));
        Offer { set, members: vec![self.goal.id] }
    }

    /// The clusters that come before everything else of the goal.
    pub(crate) fn goal_ahead(&self) -> &Arc<ResourceSet> {
        &self.goal.ahead
    }

    /// Stands for them among the members of an offer: the goal itself is not part of it yet.
    pub(crate) fn goal_ahead_id(&self) -> GenerationId {
        self.goal.id | AHEAD
    }

    /// Those, beside the clusters of the older generations.
    pub(crate) fn ahead_offer(&self) -> Offer {
        let older = self.union_of(ResourceType::Cluster, |generation| generation.id != self.goal.id);
        let (set, mut members) = older.map_or_else(Default::default, |older| (older.set, older.members));
        members.push(self.goal_ahead_id());
        Offer { set: self.union(&set, &self.goal.ahead), members }
    }

    /// The resources of all generations; for routes, of all that are not doomed.
    pub(crate) fn union_offer(&self, ty: ResourceType) -> Offer {
        let takes_part = |generation: &Generation| ty != ResourceType::Route || generation.role != Role::Doomed;
        self.union_of(ty, takes_part).unwrap_or_else(|| self.goal_offer(ty))
    }

    fn union_of(&self, ty: ResourceType, takes_part: impl Fn(&Generation) -> bool) -> Option<Offer> {
        let mut offer: Option<Offer> = None;
        for generation in self.older.iter().chain([&self.goal]).filter(|generation| takes_part(generation)) {
            let Some(set) = generation.sets.get(&ty) else { continue };
            match &mut offer {
                None => offer = Some(Offer { set: Arc::clone(set), members: vec![generation.id] }),
                Some(offer) => {
                    offer.set = self.union(&offer.set, set);
                    offer.members.push(generation.id);
                }
            }
        }
        offer
    }

    /// The node has moved to generation `id`: those before it stay until `at`, for requests in progress.
    pub(crate) fn leave_before(&mut self, id: GenerationId, at: Instant) {
        let position = self.older.iter().position(|generation| generation.id == id);
        let end = if id == self.goal.id { self.older.len() } else { position.unwrap_or(0) };
        for generation in self.older.iter_mut().take(end).filter(|generation| generation.role == Role::InUse) {
            generation.role = Role::Leaving { at };
        }
    }

    /// Forgets the older generations if everything they have is in the goal too, so there is nothing to retire.
    pub(crate) fn forget_covered(&mut self) {
        use ResourceType::{Cluster, Endpoint, Route, Secret};
        let is_covered = |ty| self.union_offer(ty).set.version() == self.goal_offer(ty).set.version();
        if [Cluster, Endpoint, Secret, Route].into_iter().all(is_covered) {
            self.older.clear();
        }
    }

    /// When the next generation is due to leave.
    pub(crate) fn next_leave(&self) -> Option<Instant> {
        self.older.iter().filter_map(Generation::leaves_at).min()
    }

    /// Dooms those that are due. Returns whether any is doomed.
    pub(crate) fn doom_due(&mut self, now: Instant) -> bool {
        for generation in &mut self.older {
            if generation.leaves_at().is_some_and(|at| at <= now) {
                generation.role = Role::Doomed;
            }
        }
        self.older.iter().any(|generation| generation.role == Role::Doomed)
    }

    /// Drops the doomed, now that the node has let go of their routes.
    pub(crate) fn drop_doomed(&mut self) {
        self.older.retain(|generation| generation.role != Role::Doomed);
    }

    /// By name, the newer winning. Only routes need more than that: see [`super::merge`].
    fn union(&self, old: &Arc<ResourceSet>, new: &Arc<ResourceSet>) -> Arc<ResourceSet> {
        if old.version() == new.version() {
            return Arc::clone(new);
        }
        let mut resources = old.resources().clone();
        for (name, any) in new.resources() {
            let joined = match resources.get(name) {
                Some(older) if older != any && any.type_url == ResourceType::Route.type_url() => {
                    Arc::new(self.merge.merge(older, any))
                }
                _ => Arc::clone(any),
            };
            resources.insert(Arc::clone(name), joined);
        }
        Arc::new(ResourceSet::new(resources))
    }

    fn take_id(&mut self) -> GenerationId {
        let id = self.next_id;
        self.next_id += 1;
        id
    }
}

// === impl Generation ===

impl Generation {
    fn of(snapshot: &Snapshot, id: GenerationId) -> Self {
        let sets = ResourceType::ALL.into_iter().map(|ty| (ty, Arc::clone(snapshot.set(ty)))).collect();
        let (version, ahead) = (snapshot.version().to_owned(), Arc::clone(snapshot.ahead()));
        Self { id, version, sets, ahead, refused: Vec::new(), role: Role::InUse }
    }

    /// Keeps what was refused from coming back inside a union, which would be refused too.
    fn withdraw(&mut self, ty: ResourceType) {
        self.sets.remove(&ty);
        // Without its clusters, nothing can be using its routes, and nothing must begin to.
        if ty == ResourceType::Cluster {
            self.sets.remove(&ResourceType::Route);
        }
    }

    fn leaves_at(&self) -> Option<Instant> {
        match self.role {
            Role::Leaving { at } => Some(at),
            Role::InUse | Role::Doomed => None,
        }
    }
}
