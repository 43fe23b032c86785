//! The gRPC service.

use std::sync::Arc;
use std::time::Duration;

use super::cache::SnapshotCache;

/// How long old routes and clusters outlive the switch to new ones, unless told otherwise.
pub const RETIRE_GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// The aggregated discovery service.
#[derive(Clone, Debug)]
pub struct XdsService {
    cache: Arc<SnapshotCache>,
    retire_grace: Duration,
}

impl XdsService {
    /// A service that hands out what `cache` holds.
    ///
    /// `retire_grace` is how long routes and clusters of the old configuration outlive the switch to the new one.
    pub fn new(cache: Arc<SnapshotCache>, retire_grace: Duration) -> Self {
        let _ = (&cache, retire_grace);
        Self { cache, retire_grace }
    }
}
