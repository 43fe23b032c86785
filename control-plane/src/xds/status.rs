//! What `GET /admin/config/status` shows: the version in force and, for each node, what it was sent, what it
//! accepted, and what it refused with which words.

use std::collections::BTreeMap;

use serde::Serialize;

use super::node::Labels;
use super::snapshot::ResourceType;

/// The state of configuration across all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigStatus {
    /// Version of the snapshot in force.
    pub version: String,
    /// Nodes that are connected, and those that were lately, sorted by id.
    pub nodes: Vec<NodeStatus>,
}

/// One Envoy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// The node id from its bootstrap.
    pub id: String,
    /// Whether its stream is open.
    pub connected: bool,
    /// Unix seconds of the last connect or disconnect.
    pub since: u64,
    /// What its bootstrap says of it.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// The rest, which the stream knows.
    #[serde(flatten)]
    pub progress: Progress,
}

/// How far one node is with the newest snapshot it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Version of the snapshot that the node is being taken to, or has reached.
    pub version: String,
    /// Where it is on the way.
    pub stage: Stage,
    /// What happened to each type that the node asked for.
    pub types: BTreeMap<ResourceType, TypeStatus>,
}

/// The stages of a roll-out to one node; see [`super::stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The node fetches another filter module; nothing uses it yet.
    Modules,
    /// Clusters, endpoints and secrets of old and new are on their way; nothing uses the new ones yet.
    Clusters,
    /// New listeners and the routes of old and new are on their way.
    Routes,
    /// The new extension configurations are on their way: this is the switch from old to new.
    Extensions,
    /// The node works by the new configuration; the old resources stay until the grace is over.
    Grace,
    /// The routes of the old configuration are being taken away.
    RetiringRoutes,
    /// The clusters of the old configuration are being taken away.
    RetiringClusters,
    /// The node has the new configuration and nothing else.
    Settled,
    /// The node refused something. It keeps what it last accepted until there is a newer snapshot.
    Halted,
}

/// One resource type on one node. Versions are those of the type, not of the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TypeStatus {
    /// Version last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// Version last accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acked: Option<String>,
    /// What was refused, if it was refused after `acked` was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nacked: Option<Nack>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nack {
    /// The version refused.
    pub version: String,
    /// Envoy's reason, shortened if it is very long.
    pub message: String,
}

impl ConfigStatus {
    /// What the first node that refuses something says, in a sentence.
    pub fn first_refusal(&self) -> Option<String> {
        self.nodes.iter().find_map(|node| {
            let (ty, nack) = node.progress.first_refusal()?;
            Some(format!("node {:?} refused {ty} version {}: {}", node.id, nack.version, nack.message))
        })
    }
}

impl Progress {
    /// The first type, in order of sending, whose last response was refused.
    pub fn first_refusal(&self) -> Option<(ResourceType, &Nack)> {
        self.types.iter().find_map(|(ty, status)| Some((*ty, status.nacked.as_ref()?)))
    }
}
