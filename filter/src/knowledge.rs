//! What a worker knows: virtual keys and credentials.
//!
//! The control plane's stream (`ditto.sync.v1`) tells it; between a snapshot's first message and its last the old state
//! goes on to decide.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use ditto_policy::base_url::encode_query;
use ditto_policy::key::TokenHash;
use ditto_proto::sync::{Access, BackendCredentials, BudgetMode, Key, SigV4, Update, WatchRequest};

use crate::key_ring::KeyRing;
use crate::recent_tokens::RecentTokens;

/// What a worker knows of a virtual key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its id.
    pub id: Rc<str>,
    /// Units that some account of the key limits, in the order of `ditto_ledger::Unit::ALL`.
    pub limited: [bool; 4],
    /// Whether its budgets must never be passed; `None`: as the configuration says.
    pub strict: Option<bool>,
    /// Changes whenever its accounts or their limits do.
    pub terms: u64,
    /// A disabled key is refused.
    pub enabled: bool,
    /// The backend it is pinned to.
    pub pin: Option<Rc<str>>,
}

/// What the filter adds to attempts at one cluster.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Headers, in place of those the request has.
    pub headers: Vec<(String, String)>,
    /// Query parameters, encoded and joined.
    pub query: String,
    /// What attempts are signed with.
    pub sigv4: Option<SigV4>,
    /// Keys, of which each attempt gets one.
    pub keys: Option<KeyRing>,
}

/// Virtual keys and credentials at one revision of the control plane's.
#[derive(Debug, Default)]
pub struct Knowledge {
    epoch: String,
    revision: u64,
    state: Option<State>,
    /// A snapshot that is still arriving.
    arriving: Option<State>,
    /// Whether the state is the control plane's present one, as far as a stream can tell.
    current: bool,
    recent_tokens: RecentTokens,
    /// This worker's own.
    random: u64,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    keys: HashMap<TokenHash, Rc<KnownKey>, BuildHasherDefault<DigestHasher>>,
    credentials: HashMap<String, Rc<Credentials>>,
}

/// What a worker says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody can tell: nothing has been received yet, or the token is not known and may have been handed out since the
    /// control plane was heard last.
    Unknown,
    /// Known and enabled.
    Allowed(Rc<KnownKey>),
    /// Known and disabled.
    Disabled,
    /// Not handed out.
    Refused,
}

impl Knowledge {
    /// Nothing is known yet. `random` is this worker's own.
    pub fn new(random: u64) -> Self {
        Self { random, ..Self::default() }
    }

    /// The request that continues where this worker stands.
    pub fn watch_request(&self, node: String) -> WatchRequest {
        let known = self.state.is_some();
        WatchRequest {
            node,
            epoch: if known { self.epoch.clone() } else { String::new() },
            revision: if known { self.revision } else { 0 },
        }
    }

    /// Whether anything is known.
    pub fn is_ready(&self) -> bool {
        self.state.is_some()
    }

    /// Whether requests without a key are served; `None` when nothing is known.
    pub fn is_open(&self) -> Option<bool> {
        self.state.as_ref().map(|state| state.open)
    }

    /// How many keys are known.
    pub fn key_count(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.keys.len())
    }

    /// Judges a token as the client presented it.
    pub fn judge(&self, token: &[u8]) -> Verdict {
        let Some(state) = &self.state else { return Verdict::Unknown };
        match state.keys.get(&self.recent_tokens.hash(token)) {
            None if self.current => Verdict::Refused,
            None => Verdict::Unknown,
            Some(key) if key.enabled => Verdict::Allowed(Rc::clone(key)),
            Some(_) => Verdict::Disabled,
        }
    }

    /// The key of a token, as far as has been heard.
    pub(crate) fn key(&self, hash: &TokenHash) -> Option<&KnownKey> {
        self.state.as_ref()?.keys.get(hash).map(|key| &**key)
    }

    /// The credentials of a cluster.
    pub fn credentials(&self, cluster: &str) -> Option<Rc<Credentials>> {
        self.state.as_ref()?.credentials.get(cluster).cloned()
    }

    /// The credentials of a message, under their cluster. What is known of keys that stay is kept.
    fn known_credentials(&self, credentials: &BackendCredentials) -> (String, Rc<Credentials>) {
        let headers = credentials.headers.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
        let query = credentials.query_params.iter().map(|pair| (pair.name.as_str(), pair.value.as_str()));
        let former = self.credentials(&credentials.cluster);
        let former = former.as_ref().and_then(|former| former.keys.as_ref());
        let keys = credentials.api_keys.as_ref().map(|keys| KeyRing::new(keys, former));
        if let (Some(keys), None) = (&keys, former) {
            keys.begin_at(self.random);
        }
        let known = Credentials { headers, query: encode_query(query), sigv4: credentials.sigv4.clone(), keys };
        (credentials.cluster.clone(), Rc::new(known))
    }

    /// The stream is gone. What is known goes on to decide, but what is not known may exist by now; and a snapshot
    /// that broke off is worth nothing.
    pub fn disconnected(&mut self) {
        self.arriving = None;
        self.current = false;
    }

    /// Takes one message of the stream.
    pub fn apply(&mut self, update: Update) {
        if update.reset {
            self.arriving = Some(State::default());
        }
        let credentials: Vec<_> =
            update.credentials.iter().map(|credentials| self.known_credentials(credentials)).collect();
        let Some(state) = self.arriving.as_mut().or(self.state.as_mut()) else {
            // A change to a state that was never received: the next snapshot brings it.
            return;
        };
        state.apply(&update, credentials);
        if update.complete {
            if update.access() != Access::Unspecified {
                state.open = update.access() == Access::Open;
            }
            if let Some(arrived) = self.arriving.take() {
                self.state = Some(arrived);
            }
            self.epoch = update.epoch;
            self.revision = update.revision;
            self.current = true;
        }
    }
}

impl State {
    fn apply(&mut self, update: &Update, credentials: Vec<(String, Rc<Credentials>)>) {
        for hash in update.removals.iter().filter_map(|hash| TokenHash::from_bytes(hash)) {
            self.keys.remove(&hash);
        }
        for key in &update.upserts {
            if let Some(hash) = TokenHash::from_bytes(&key.token_sha256) {
                self.keys.insert(hash, Rc::new(known_key(key)));
            }
        }
        for cluster in &update.credential_removals {
            self.credentials.remove(cluster);
        }
        self.credentials.extend(credentials);
    }
}

fn known_key(key: &Key) -> KnownKey {
    KnownKey {
        id: key.id.as_str().into(),
        limited: std::array::from_fn(|unit| key.limited >> unit & 1 == 1),
        strict: match key.budget_mode() {
            BudgetMode::Unspecified => None,
            mode => Some(mode == BudgetMode::Strict),
        },
        terms: key.terms,
        enabled: key.enabled,
        pin: if key.route.is_empty() { None } else { Some(key.route.as_str().into()) },
    }
}

/// Takes the first eight bytes of a SHA-256 as its hash: they are as random as hashes come, and only operators can
/// put entries into the table.
#[derive(Debug, Default)]
pub struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(token: &str, enabled: bool) -> Key {
        Key {
            token_sha256: TokenHash::of(token.as_bytes()).as_bytes().to_vec(),
            id: format!("id-{token}"),
            enabled,
            ..Key::default()
        }
    }

    fn snapshot(keys: Vec<Key>) -> Update {
        Update {
            epoch: "e".into(),
            revision: 7,
            reset: true,
            complete: true,
            access: Access::Keyed.into(),
            upserts: keys,
            ..Update::default()
        }
    }

    #[test]
    fn nothing_is_known_before_the_first_complete_snapshot() {
        let mut knowledge = Knowledge::default();
        assert_eq!(knowledge.judge(b"a"), Verdict::Unknown);
        knowledge.apply(Update { complete: false, ..snapshot(vec![key("a", true)]) });
        assert_eq!(knowledge.judge(b"a"), Verdict::Unknown);
        assert_eq!(knowledge.watch_request("n".into()).revision, 0);
        knowledge.apply(Update { reset: false, ..snapshot(vec![key("b", false)]) });
        assert!(matches!(knowledge.judge(b"a"), Verdict::Allowed(_)));
        assert_eq!(knowledge.judge(b"b"), Verdict::Disabled);
        assert_eq!(knowledge.judge(b"c"), Verdict::Refused);
        let request = knowledge.watch_request("n".into());
        assert_eq!((request.epoch.as_str(), request.revision), ("e", 7));
    }

    #[test]
    fn the_old_state_decides_until_the_new_one_is_complete() {
        let mut knowledge = Knowledge::default();
        knowledge.apply(snapshot(vec![key("old", true)]));
        knowledge.apply(Update { complete: false, ..snapshot(vec![key("new", true)]) });
        assert!(matches!(knowledge.judge(b"old"), Verdict::Allowed(_)));
        assert_eq!(knowledge.judge(b"new"), Verdict::Refused);
        knowledge.disconnected();
        knowledge.apply(Update { reset: true, ..snapshot(vec![key("newer", true)]) });
        assert_eq!(knowledge.judge(b"old"), Verdict::Refused);
        assert_eq!(knowledge.judge(b"new"), Verdict::Refused);
        assert!(matches!(knowledge.judge(b"newer"), Verdict::Allowed(_)));
    }

    #[test]
    fn without_the_control_plane_only_what_is_known_is_judged() {
        let mut knowledge = Knowledge::default();
        knowledge.apply(snapshot(vec![key("on", true), key("off", false)]));
        assert_eq!(knowledge.judge(b"new"), Verdict::Refused);
        knowledge.disconnected();
        assert!(matches!(knowledge.judge(b"on"), Verdict::Allowed(_)));
        assert_eq!(knowledge.judge(b"off"), Verdict::Disabled);
        assert_eq!(knowledge.judge(b"new"), Verdict::Unknown);
        // A snapshot that has only begun says nothing yet.
        knowledge.apply(Update { complete: false, ..snapshot(vec![]) });
        assert_eq!(knowledge.judge(b"new"), Verdict::Unknown);
        let nothing_new = Update { reset: false, revision: 8, ..snapshot(vec![key("new", true)]) };
        knowledge.apply(nothing_new);
        assert!(matches!(knowledge.judge(b"new"), Verdict::Allowed(_)));
        assert_eq!(knowledge.judge(b"newer"), Verdict::Refused);
    }

    #[test]
    fn a_change_removes_before_it_adds() {
        let mut knowledge = Knowledge::default();
        knowledge.apply(snapshot(vec![key("a", true)]));
        let hash = TokenHash::of(b"a").as_bytes().to_vec();
        let change = Update {
            epoch: "e".into(),
            revision: 8,
            complete: true,
            removals: vec![hash],
            upserts: vec![key("a", false)],
            ..Update::default()
        };
        knowledge.apply(change);
        assert_eq!(knowledge.judge(b"a"), Verdict::Disabled);
        assert_eq!(knowledge.is_open(), Some(false));
    }
}
