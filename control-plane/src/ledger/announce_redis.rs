//! How gateways on one Redis ask each other to recall what is idle, and hear that something came back.
//!
//! Both are hints. A recall that is lost costs whoever waits for it a short wait and perhaps a refusal that would not
//! have been needed; nothing in the books depends on it.

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;

use super::desk::LedgerDesk;
use super::options::Announce;
use super::store::{changes_channel, freed_accounts};
use crate::redis::{Notice, RedisClient};

/// An account's name that is longer is not one of ours.
const NAME_BYTES_MAX: usize = 16 * 1024;

/// The channels of one prefix.
#[derive(Clone)]
pub struct RedisAnnounce {
    client: RedisClient,
    recalls: String,
    changes: String,
    /// Begins our own messages, which come back to us.
    me: String,
}

impl fmt::Debug for RedisAnnounce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisAnnounce").field("recalls", &self.recalls).finish_non_exhaustive()
    }
}

impl RedisAnnounce {
    /// Announces on the server of `client`, to all gateways that have the same prefix.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(client: RedisClient, prefix: &str) -> Result<Self, getrandom::Error> {
        let mut me = [0; 16];
        getrandom::fill(&mut me)?;
        let (recalls, changes) = (format!("{{{prefix}}}:ledger:recall"), changes_channel(prefix));
        Ok(Self { client, recalls, changes, me: hex::encode(me) })
    }

    /// Tells the desk what other gateways say, for as long as there is a desk.
    pub async fn listen(self, desk: Weak<LedgerDesk>) {
        let mut notices = self.client.subscribe(vec![self.recalls.clone(), self.changes.clone()]);
        loop {
            let notice = notices.next().await;
            let Some(desk) = desk.upgrade() else { return };
            self.tell(&desk, &notice);
        }
    }

    fn tell(&self, desk: &Arc<LedgerDesk>, notice: &Notice) {
        match notice {
            Notice::Message { channel, payload } if *channel == self.recalls => {
                if let Some((sender, account)) = self.recalled(payload) {
                    // Any order will do that all gateways see in the same way.
                    desk.on_recall(account, sender < self.me.as_str());
                }
            }
            Notice::Message { payload, .. } => match freed_accounts(payload) {
                Some(accounts) => desk.on_change(&accounts),
                None => desk.on_any_change(),
            },
            Notice::Gap => desk.on_any_change(),
        }
    }

    /// Who another gateway's message is from, and the account that it names.
    fn recalled<'a>(&self, payload: &'a [u8]) -> Option<(&'a str, &'a str)> {
        if payload.len() > NAME_BYTES_MAX {
            return None;
        }
        let (sender, account) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
        if sender == self.me { None } else { Some((sender, account)) }
    }
}

#[async_trait]
impl Announce for RedisAnnounce {
    async fn recall(&self, account: &str) {
        let mut connection = self.client.connection();
        let mut command = redis::cmd("PUBLISH");
        command.arg(&self.recalls).arg(format!("{} {account}", self.me));
        let outcome: redis::RedisResult<()> = command.query_async(&mut connection).await;
        if let Err(error) = outcome {
            tracing::debug!(%error, "a recall was not announced");
        }
    }
}
