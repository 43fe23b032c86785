//! What was sent lately, by version, for nodes that come back.
//!
//! A node that reconnects says only the version of what it holds. To add to that without taking anything away, the
//! server has to know what it was. Versions are hashes of content, so one memory serves all nodes, and it does not
//! matter which of them got it, or whether its acceptance was lost together with the connection.
//!
//! The memory does not outlive the process. After a restart with a changed configuration a node is treated like a
//! new one: its old clusters and then its old routes are replaced without an overlap, and requests that fall into
//! the moment between may fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::snapshot::{ResourceSet, ResourceType};

/// How many sets are remembered: all types together, least lately sent first to go. Sets share their resources, so
/// this is mostly names.
const SETS_MAX: usize = 256;

/// A bounded memory of sets by type and version, shared by all streams.
#[derive(Debug, Default)]
pub struct History {
    sets: Mutex<VecDeque<(ResourceType, Arc<ResourceSet>)>>,
}

impl History {
    pub(crate) fn remember(&self, ty: ResourceType, set: &Arc<ResourceSet>) {
        let mut sets = self.lock();
        sets.retain(|(other_ty, other)| *other_ty != ty || other.version() != set.version());
        sets.push_back((ty, Arc::clone(set)));
        while sets.len() > SETS_MAX {
            sets.pop_front();
        }
    }

    pub(crate) fn recall(&self, ty: ResourceType, version: &str) -> Option<Arc<ResourceSet>> {
        let sets = self.lock();
        let found = sets.iter().find(|(other_ty, set)| *other_ty == ty && set.version() == version);
        found.map(|(_, set)| Arc::clone(set))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(ResourceType, Arc<ResourceSet>)>> {
        // Every change leaves the queue whole, so a panic elsewhere is no reason to stop serving.
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
