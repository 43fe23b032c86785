//! What was sent lately, by version, for nodes that come back.
//!
//! A node that reconnects says only the version of what it holds. To add to that without taking anything away, the
//! server has to know what it was. Versions are hashes of content, so one memory serves all nodes, and it does not
//! matter which of them got it, or whether its acceptance was lost together with the connection.
//!
//! The memory does not outlive the process. After a restart with a changed configuration a node is treated like a
//! new one: its old clusters and then its old routes are replaced without an overlap, and requests that fall into
//! the moment between may fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::snapshot::{ResourceSet, ResourceType};

/// How many sets are remembered: all types together, least lately sent first to go. Sets share their resources, so
/// this is mostly names.
const SENT_MAX: usize = 256;

/// A bounded memory of what was sent, by type and version, shared by all streams.
#[derive(Debug, Default)]
pub struct History {
    sent: Mutex<VecDeque<Sent>>,
}

/// Resources of one type, and what they stood on when they were sent, clusters below routes below extensions. A node
/// still names a version when it has let go of the resources and the server has retired what is below them; when they
/// come back, that has to come back first.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) ty: ResourceType,
    pub(crate) set: Arc<ResourceSet>,
    pub(crate) providers: BTreeMap<ResourceType, Arc<ResourceSet>>,
}

impl History {
    pub(crate) fn remember(&self, new: Sent) {
        let mut sent = self.lock();
        sent.retain(|other| other.ty != new.ty || other.set.version() != new.set.version());
        sent.push_back(new);
        while sent.len() > SENT_MAX {
            sent.pop_front();
        }
    }

    pub(crate) fn recall(&self, ty: ResourceType, version: &str) -> Option<Sent> {
        self.lock().iter().find(|sent| sent.ty == ty && sent.set.version() == version).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        // Every change leaves the queue whole, so a panic elsewhere is no reason to stop serving.
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
