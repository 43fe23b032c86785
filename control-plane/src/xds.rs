//! The xDS management server: how configuration reaches every Envoy.
//!
//! One aggregated, state-of-the-world stream per Envoy carries all resource types, so that their order is ours to
//! choose. The parts, from the outside in:
//!
//! * [`service`] is the gRPC method. It owns the socket, the clock and the queue, and decides nothing.
//! * [`stream`] is the protocol of one stream as a pure state machine: who is at which stage of a roll-out, and
//!   what to send next. `subscription` is one resource type of it: names, nonces, what was accepted or refused.
//! * [`node`] is who a node says it is, and [`staged`] who goes first.
//! * [`cache`] holds the snapshot in force and what is known of each node. It never sees gRPC.
//! * [`snapshot`] is the immutable, self-consistent set of resources that the builder of resources hands over.
//!
//! A change never takes away what a request in progress may still use: see [`stream`] for the stages.
//!
//! What is deliberately not here: building clusters or listeners (the server does not know what a resource means,
//! apart from [`merge`], which joins two route tables), delta xDS, and authentication of nodes, which belongs to
//! the socket the service is mounted on.

pub mod cache;
mod generations;
pub mod history;
pub mod merge;
pub mod node;
pub mod service;
pub mod snapshot;
pub mod staged;
pub mod status;
pub mod stream;
mod subscription;
#[cfg(test)]
mod testing;

pub use cache::SnapshotCache;
pub use merge::{MergeRoutes, RouteUnion};
pub use node::{Labels, Node};
pub use service::XdsService;
pub use snapshot::{Reference, ResourceSet, ResourceType, Snapshot, SnapshotError};
pub use staged::{RefusalKind, Selection, StagedRefusal};
pub use status::{ConfigStatus, NodeStatus};
