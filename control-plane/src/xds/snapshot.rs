//! A snapshot: every resource of one configuration, immutable once built.
//!
//! Construction is the only place where a snapshot can be wrong, so it checks there: each resource is of the type
//! it is filed under, no name occurs twice, and everything that is referred to exists. After that it is shared by
//! `Arc` between all streams and never changes.
//!
//! Each type has its own version, a hash over its content. A type that did not change keeps its version, and so is
//! not sent again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The resource types that the server knows, in the order in which they are sent.
///
/// The derived order is load-bearing: a stream answers in it, so that what is referred to comes before what refers
/// to it: <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// `Cluster`, by CDS.
    Cluster,
    /// `ClusterLoadAssignment`, by EDS.
    Endpoint,
    /// `Secret`, by SDS. Clusters warm only once they have theirs.
    Secret,
    /// `Listener`, by LDS.
    Listener,
    /// `RouteConfiguration`, by RDS.
    Route,
    /// `TypedExtensionConfig`, by ECDS.
    ExtensionConfig,
}

/// The resources of one type, with their version.
#[derive(Debug)]
pub struct ResourceSet {
    version: String,
    resources: BTreeMap<Arc<str>, Arc<Any>>,
}

/// One resource that mentions another by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Type and name of the resource that mentions.
    pub from: (ResourceType, String),
    /// Type and name of the resource that is mentioned.
    pub to: (ResourceType, String),
}

/// All resources of one configuration.
#[derive(Clone, Debug)]
pub struct Snapshot {
    version: String,
    sets: [Arc<ResourceSet>; ResourceType::ALL.len()],
    ahead: Arc<ResourceSet>,
}

/// Why resources do not make a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// Two resources of one type share a name.
    #[error("{resource_type} {name:?} is defined twice")]
    Duplicate {
        /// The type.
        resource_type: ResourceType,
        /// The name.
        name: String,
    },
    /// The packed message is of another type than the one it is filed under.
    #[error("{resource_type} {name:?} holds a {found:?}")]
    WrongType {
        /// The type it is filed under.
        resource_type: ResourceType,
        /// The name.
        name: String,
        /// The type URL found.
        found: String,
    },
    /// A resource mentions one that the snapshot does not have.
    #[error("{} {:?} refers to {} {:?}, which is not in the snapshot", from.0, from.1, to.0, to.1)]
    Missing {
        /// The resource that mentions.
        from: (ResourceType, String),
        /// The resource that is missing.
        to: (ResourceType, String),
    },
}

/// Packs a message the way Envoy expects to find it in a response.
pub fn pack<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

// === impl ResourceType ===

impl ResourceType {
    /// Every type, in the order of sending.
    pub const ALL: [Self; 6] =
        [Self::Cluster, Self::Endpoint, Self::Secret, Self::Listener, Self::Route, Self::ExtensionConfig];

    /// The type URL that stands for the type in requests and responses.
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::ExtensionConfig => "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        }
    }

    /// The type that a type URL stands for, if the server serves it.
    pub fn from_type_url(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ty| ty.type_url() == type_url)
    }

    /// Whether a client may ask for all resources of the type without naming them.
    pub fn has_wildcard(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }

    /// A short name for logs and for the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Endpoint => "endpoint",
            Self::Secret => "secret",
            Self::Listener => "listener",
            Self::Route => "route",
            Self::ExtensionConfig => "extension_config",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ResourceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

// === impl ResourceSet ===

impl Default for ResourceSet {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl ResourceSet {
    pub(crate) fn new(resources: BTreeMap<Arc<str>, Arc<Any>>) -> Self {
        Self { version: content_version(&resources), resources }
    }

    /// A hash over names and content; the `version_info` of responses.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The resources by name.
    pub fn resources(&self) -> &BTreeMap<Arc<str>, Arc<Any>> {
        &self.resources
    }

    /// Whether everything in `other` is here too, with the same content.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.resources.iter().all(|(name, any)| self.resources.get(name) == Some(any))
    }

    /// Whether there is something of each name in `other`.
    pub(crate) fn covers_names(&self, other: &Self) -> bool {
        other.resources.keys().all(|name| self.resources.contains_key(name))
    }

    /// Whether there are no resources.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

/// Names and values are length-prefixed, so that no two different sets feed the hash the same bytes. Eight bytes are
/// plenty: a version is compared with a handful of others, never searched for.
fn content_version(resources: &BTreeMap<Arc<str>, Arc<Any>>) -> String {
    let mut hash = Sha256::new();
    for (name, any) in resources {
        for part in [name.as_bytes(), any.type_url.as_bytes(), &any.value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

// === impl Snapshot ===

impl Snapshot {
    /// Checks the resources and freezes them.
    ///
    /// `version` is the builder's name for the configuration: it appears in the status and in logs, and two
    /// snapshots with the same version are taken to be the same. `references` is everything the builder knows to be
    /// mentioned by name; the first one without its target is the error.
    pub fn new(
        version: impl Into<String>,
        resources: impl IntoIterator<Item = (ResourceType, String, Any)>,
        references: impl IntoIterator<Item = Reference>,
    ) -> Result<Self, SnapshotError> {
        let mut maps: [BTreeMap<Arc<str>, Arc<Any>>; ResourceType::ALL.len()] = Default::default();
        for (resource_type, name, any) in resources {
            if any.type_url != resource_type.type_url() {
                return Err(SnapshotError::WrongType { resource_type, name, found: any.type_url });
            }
            if maps[resource_type.index()].insert(name.as_str().into(), Arc::new(any)).is_some() {
                return Err(SnapshotError::Duplicate { resource_type, name });
            }
        }
        let sets = maps.map(|map| Arc::new(ResourceSet::new(map)));
        let snapshot = Self { version: version.into(), sets, ahead: Arc::default() };
        snapshot.consistent(references)?;
        Ok(snapshot)
    }

    /// The same, with clusters that a node must have been warm with before it gets anything else of this. They leave it
    /// when that comes.
    #[must_use]
    pub fn with_ahead(self, clusters: impl IntoIterator<Item = (String, Any)>) -> Self {
        let clusters = clusters.into_iter().map(|(name, any)| (name.as_str().into(), Arc::new(any))).collect();
        Self { ahead: Arc::new(ResourceSet::new(clusters)), ..self }
    }

    /// See [`Self::with_ahead`].
    pub(crate) fn ahead(&self) -> &Arc<ResourceSet> {
        &self.ahead
    }

    /// The builder's name for this configuration.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The resources of one type.
    pub fn set(&self, resource_type: ResourceType) -> &Arc<ResourceSet> {
        &self.sets[resource_type.index()]
    }

    /// Whether the snapshot has the resource.
    pub fn contains(&self, resource_type: ResourceType, name: &str) -> bool {
        self.set(resource_type).resources.contains_key(name)
    }

    fn consistent(&self, references: impl IntoIterator<Item = Reference>) -> Result<(), SnapshotError> {
        for Reference { from, to } in references {
            if !self.contains(to.0, &to.1) {
                return Err(SnapshotError::Missing { from, to });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::config::cluster::v3::Cluster;
    use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
    use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
    use envoy_types::pb::envoy::config::listener::v3::Listener;
    use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
    use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;

    use super::*;

    fn cluster(name: &str) -> (ResourceType, String, Any) {
        (ResourceType::Cluster, name.into(), pack(&Cluster { name: name.into(), ..Default::default() }))
    }

    fn route(name: &str) -> (ResourceType, String, Any) {
        (ResourceType::Route, name.into(), pack(&RouteConfiguration { name: name.into(), ..Default::default() }))
    }

    #[test]
    fn type_urls_are_those_of_the_messages() {
        let expected = [
            Cluster::type_url(),
            ClusterLoadAssignment::type_url(),
            Secret::type_url(),
            Listener::type_url(),
            RouteConfiguration::type_url(),
            TypedExtensionConfig::type_url(),
        ];
        assert_eq!(ResourceType::ALL.map(|ty| ty.type_url().to_owned()), expected);
        assert_eq!(ResourceType::ALL.map(|ty| ResourceType::from_type_url(ty.type_url())), ResourceType::ALL.map(Some));
        assert_eq!(ResourceType::from_type_url("type.googleapis.com/envoy.service.runtime.v3.Runtime"), None);
    }

    #[test]
    fn only_the_changed_type_changes_its_version() {
        let one = Snapshot::new("1", [cluster("a"), route("r")], []).unwrap();
        let two = Snapshot::new("2", [cluster("a"), cluster("b"), route("r")], []).unwrap();
        assert_ne!(one.set(ResourceType::Cluster).version(), two.set(ResourceType::Cluster).version());
        assert_eq!(one.set(ResourceType::Route).version(), two.set(ResourceType::Route).version());
    }

    #[test]
    fn a_missing_referent_is_named() {
        let from = (ResourceType::Route, "r".to_owned());
        let to = (ResourceType::Cluster, "b".to_owned());
        let reference = Reference { from: from.clone(), to: to.clone() };
        let error = Snapshot::new("1", [cluster("a"), route("r")], [reference]).unwrap_err();
        assert_eq!(error.to_string(), r#"route "r" refers to cluster "b", which is not in the snapshot"#);
        assert_eq!(error, SnapshotError::Missing { from, to });
    }

    #[test]
    fn a_name_cannot_be_defined_twice() {
        let error = Snapshot::new("1", [cluster("a"), cluster("a")], []).unwrap_err();
        assert_eq!(error, SnapshotError::Duplicate { resource_type: ResourceType::Cluster, name: "a".into() });
    }

    #[test]
    fn a_resource_filed_under_another_type_is_refused() {
        let (_, name, any) = cluster("a");
        let error = Snapshot::new("1", [(ResourceType::Listener, name, any)], []).unwrap_err();
        assert!(matches!(error, SnapshotError::WrongType { resource_type: ResourceType::Listener, .. }), "{error}");
    }
}
