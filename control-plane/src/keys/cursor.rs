//! One worker's place in the hub's changes.
//!
//! A cursor is two or three numbers: it holds no keys and queues nothing. Each call builds the next Update from the
//! hub's current values, so a slow reader skips intermediate values instead of accumulating them.
//!
//! The rule that makes it correct: everything whose latest change is at or before `position` is known to the worker.
//! When `position` reaches the hub's revision, the worker knows everything, and the Update says `complete`.

use ditto_policy::document::{ApiKeys, Balance, BudgetMode, SigV4};
use ditto_policy::key::{KeyPolicy, TokenHash};
use ditto_proto::sync::{self, Update};
use prost::Message as _;

use super::hub::{Access, Credentials, Hub, Item, State};

#[cfg(test)]
mod tests;

/// Field tag and length prefix of a repeated field's element, at most.
const FRAMING: usize = 8;

/// Where a worker stands.
#[derive(Debug)]
pub struct Cursor {
    /// Changes up to here have been sent.
    position: u64,
    /// The hub's revision when the current snapshot began: removals up to here concern nothing that was sent.
    snapshot_start: u64,
    /// The next Update starts a snapshot.
    reset: bool,
    /// The last Update sent was complete.
    settled: bool,
}

impl Cursor {
    /// A worker that says it knows everything of `epoch` up to `revision`. It resumes there if the hub can tell what
    /// changed since, and starts with a snapshot otherwise.
    pub fn new(hub: &Hub, epoch: &str, revision: u64) -> Self {
        let mut cursor = Self { position: 0, snapshot_start: 0, reset: true, settled: false };
        if epoch == hub.epoch() && revision != 0 && revision <= hub.revision() {
            cursor.position = revision;
            cursor.reset = false;
        }
        cursor
    }

    /// The next Update, or `None` if the worker knows everything (or the hub knows nothing yet). The first Update of a
    /// connection always comes, even an empty one, so that the worker knows that it is up to date.
    pub fn next(&mut self, hub: &Hub) -> Option<Update> {
        let state = hub.read();
        if !state.ready() {
            return None;
        }
        if self.reset || state.floor() > self.position.max(self.snapshot_start) {
            self.start_snapshot(&state);
        } else if self.settled && self.position == state.revision() {
            return None;
        }
        let mut batch = Batch::new(&state);
        let mut through = state.revision();
        for (at, item) in state.after(self.position) {
            if !batch.add(&state, item, at <= self.snapshot_start) {
                through = at - 1;
                break;
            }
        }
        self.position = through;
        self.settled = through == state.revision();
        let mut update = batch.update;
        hub.epoch().clone_into(&mut update.epoch);
        update.reset = std::mem::take(&mut self.reset);
        update.complete = self.settled;
        update.revision = if self.settled { through } else { 0 };
        update.access = proto_access(state.access()).into();
        Some(update)
    }

    fn start_snapshot(&mut self, state: &State) {
        *self = Self { position: 0, snapshot_start: state.revision(), reset: true, settled: false };
    }
}

/// An Update being filled.
struct Batch {
    update: Update,
    items: usize,
    bytes: usize,
    max_items: usize,
    max_bytes: usize,
}

impl Batch {
    fn new(state: &State) -> Self {
        let bounds = state.bounds();
        Self { update: Update::default(), items: 0, bytes: 0, max_items: bounds.items, max_bytes: bounds.bytes }
    }

    /// Adds the current value of `item`; false if the batch is full. `fresh` says that the worker cannot have heard of
    /// the item, so that its removal need not be told.
    fn add(&mut self, state: &State, item: &Item, fresh: bool) -> bool {
        match item {
            Item::Access => true,
            Item::Key(hash) => match state.key(hash) {
                Some(policy) => {
                    let key = proto_key(hash, policy);
                    self.admit(key.encoded_len()) && push(&mut self.update.upserts, key)
                }
                None if fresh => true,
                None => {
                    let hash = hash.as_bytes();
                    self.admit(hash.len()) && push(&mut self.update.removals, hash.to_vec())
                }
            },
            Item::Credentials(cluster) => match state.credentials(cluster) {
                Some(value) => {
                    let value = proto_credentials(cluster, value);
                    self.admit(value.encoded_len()) && push(&mut self.update.credentials, value)
                }
                None if fresh => true,
                None => {
                    self.admit(cluster.len()) && push(&mut self.update.credential_removals, cluster.as_ref().to_owned())
                }
            },
        }
    }

    /// Whether an item of `len` encoded bytes still fits. An item larger than a whole batch is let in alone.
    fn admit(&mut self, len: usize) -> bool {
        let bytes = self.bytes + len + FRAMING;
        if self.items > 0 && (self.items >= self.max_items || bytes > self.max_bytes) {
            return false;
        }
        self.items += 1;
        self.bytes = bytes;
        true
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> bool {
    list.push(item);
    true
}

fn proto_access(access: Access) -> sync::Access {
    match access {
        Access::Keyed => sync::Access::Keyed,
        Access::Open => sync::Access::Open,
    }
}

fn proto_key(hash: &TokenHash, policy: &KeyPolicy) -> sync::Key {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    sync::Key {
        token_sha256: hash.as_bytes().to_vec(),
        id: policy.id.clone(),
        enabled: policy.enabled,
        route: text(&policy.route),
        tenant_id: text(&policy.tenant_id),
        project_id: text(&policy.project_id),
        user_id: text(&policy.user_id),
        limited: policy.limited.iter().rev().fold(0, |bits, limited| bits << 1 | u32::from(*limited)),
        budget_mode: budget_mode(policy.budget_mode).into(),
        terms: policy.terms,
    }
}

fn budget_mode(mode: Option<BudgetMode>) -> sync::BudgetMode {
    match mode {
        None => sync::BudgetMode::Unspecified,
        Some(BudgetMode::Estimate) => sync::BudgetMode::Estimate,
        Some(BudgetMode::Strict) => sync::BudgetMode::Strict,
    }
}

fn proto_credentials(cluster: &str, value: &Credentials) -> sync::BackendCredentials {
    let pairs = |list: &[(String, ditto_policy::secret::Secret)]| {
        list.iter().map(|(name, value)| sync::Pair { name: name.clone(), value: value.expose().to_owned() }).collect()
    };
    sync::BackendCredentials {
        cluster: cluster.to_owned(),
        headers: pairs(&value.headers),
        query_params: pairs(&value.query_params),
        sigv4: value.sigv4.as_ref().map(proto_sigv4),
        api_keys: value.api_keys.as_ref().map(proto_api_keys),
    }
}

fn proto_api_keys(keys: &ApiKeys) -> sync::ApiKeys {
    let balance = match keys.balance {
        Balance::FirstAvailable => sync::Balance::FirstAvailable,
        Balance::RoundRobin => sync::Balance::RoundRobin,
        Balance::Random => sync::Balance::Random,
        Balance::LeastBusy => sync::Balance::LeastBusy,
    };
    let values = keys.values().map(|value| value.expose().to_owned()).collect();
    sync::ApiKeys { header: keys.header.clone(), balance: balance.into(), values }
}

fn proto_sigv4(value: &SigV4) -> sync::SigV4 {
    sync::SigV4 {
        access_key_id: value.access_key_id.expose().to_owned(),
        secret_access_key: value.secret_access_key.expose().to_owned(),
        session_token: value.session_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default(),
        region: value.region.clone(),
        service: value.service.clone(),
    }
}
