//! Following what other gateways do to the keys in a store that they share.
//!
//! The store publishes its revision with each change, and the directory then takes over what changed. Messages can be
//! lost, so the store is also asked every [`POLL_INTERVAL`], and whenever listening has begun anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::directory::KeyDirectory;
use crate::redis::{Notice, Subscription};

/// How often the store is asked for changes of which no message came.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps `directory` up with its store for good. `notices` are of the store's channel.
pub async fn follow(directory: Arc<KeyDirectory>, mut notices: Subscription) {
    let mut polls = tokio::time::interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = None;
    loop {
        tokio::select! {
            notice = notices.next() => if is_known(&notice, directory.store_revision()) { continue },
            _ = polls.tick() => {}
        }
        let failure = directory.refresh().await.err().map(|error| error.to_string());
        if failure != failing {
            match &failure {
                Some(error) => tracing::error!(error, "cannot follow the key store; the keys in force stay in force"),
                None => tracing::info!("following the key store again"),
            }
            failing = failure;
        }
    }
}

/// Whether a notice tells of nothing but what is in force already, as those of one's own changes do.
fn is_known(notice: &Notice, revision: u64) -> bool {
    match notice {
        Notice::Message { payload, .. } => {
            let told = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<u64>().ok());
            told.is_some_and(|told| told <= revision)
        }
        Notice::Gap => false,
    }
}
