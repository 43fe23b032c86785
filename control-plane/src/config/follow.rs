//! Following what other gateways install in a store that they share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::ConfigManager;
use crate::redis::Subscription;

/// How often the store is asked for a version of which no message came.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps `manager` up with its store for good. `notices` are of the store's channel.
pub async fn follow(manager: Arc<ConfigManager>, mut notices: Subscription) {
    let mut polls = tokio::time::interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = notices.next() => {}
            _ = polls.tick() => {}
        }
        manager.catch_up().await;
    }
}
