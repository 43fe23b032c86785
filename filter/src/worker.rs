//! What one worker knows: virtual keys, credentials, and the requests that the backend stage must prepare.
//!
//! Both stages run in one VM per worker, so this state is theirs together. It is filled by the control plane's stream
//! (`ditto.sync.v1`); between a snapshot's first message and its last the old state goes on to decide.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use ditto_policy::base_url::encode_query;
use ditto_policy::key::TokenHash;
use ditto_policy::routing::Backend;
use ditto_proto::sync::{Access, BackendCredentials, BudgetMode, Key, SigV4, Update, WatchRequest};

use crate::backend_stage::Attempt;
use crate::gateway_stage::Waiting;
use crate::in_flight::InFlight;
use crate::key_ring::KeyRing;
use crate::purses::Purses;
use crate::request_id::RequestIds;

/// Tokens whose hashes are remembered, one for each place.
const RECENT_TOKENS: usize = 1024;
/// Longer tokens are hashed each time.
const RECENT_TOKEN_BYTES_MAX: usize = 256;

/// Backends of which it is remembered whether they have Responses. Those of one document, and what former ones left.
const RESPONSES_MAX: usize = 4_096;
/// For how long: backends learn.
const RESPONSES_KNOWN_MS: u64 = 600_000;

/// Everything one worker shares between its stages.
#[derive(Debug)]
pub struct Worker {
    /// Virtual keys and credentials.
    pub knowledge: RefCell<Knowledge>,
    /// Makes request ids.
    pub request_ids: RequestIds,
    /// What keys may spend, and the requests that wait for the ledger.
    pub(crate) purses: RefCell<Purses<Waiting>>,
    /// Its part of the requests in flight, where their number is limited.
    pub(crate) in_flight: InFlight,
    /// Whether passthrough backends have OpenAI's Responses, by cluster, and until when that is taken for granted.
    responses: RefCell<HashMap<String, (bool, u64)>>,
    attempts: RefCell<HashMap<u64, Rc<Attempt>>>,
    next_attempt: Cell<u64>,
}

impl Worker {
    /// `random` tells this worker from all others, its former incarnations included.
    pub fn new(random: u128) -> Self {
        let name = format!("{random:032x}");
        Self {
            purses: RefCell::new(Purses::new(name)),
            in_flight: InFlight::new(random as u64),
            knowledge: RefCell::new(Knowledge { random: random as u64, ..Knowledge::default() }),
            request_ids: RequestIds::new(random as u32),
            responses: RefCell::default(),
            attempts: RefCell::default(),
            next_attempt: Cell::new(1),
        }
    }

    /// Keeps a request's originals for the backend stage, until the ticket is dropped.
    pub fn keep_attempt(self: &Rc<Self>, attempt: Attempt) -> Ticket {
        let id = self.next_attempt.get();
        self.next_attempt.set(id.wrapping_add(1));
        self.attempts.borrow_mut().insert(id, Rc::new(attempt));
        Ticket { worker: Rc::clone(self), id }
    }

    /// Whether a passthrough backend has OpenAI's Responses; `None`: nobody knows.
    pub(crate) fn has_responses(&self, cluster: &str, now_ms: u64) -> Option<bool> {
        let known = self.responses.borrow();
        known.get(cluster).filter(|(_, until_ms)| now_ms < *until_ms).map(|(has, _)| *has)
    }

    /// A passthrough backend has, or lacks, OpenAI's Responses.
    pub(crate) fn learn_responses(&self, cluster: &str, has: bool, now_ms: u64) {
        let mut known = self.responses.borrow_mut();
        if known.len() >= RESPONSES_MAX {
            known.retain(|_, (_, until_ms)| now_ms < *until_ms);
        }
        if known.len() < RESPONSES_MAX {
            known.insert(cluster.to_owned(), (has, now_ms.saturating_add(RESPONSES_KNOWN_MS)));
        }
    }

    /// What was known of a backend's Responses is in doubt.
    pub(crate) fn forget_responses(&self, cluster: &str) {
        self.responses.borrow_mut().remove(cluster);
    }

    /// The query that a backend's requests get; `None`: it is not known yet.
    pub(crate) fn query_of(&self, backend: &Backend) -> Option<String> {
        if !backend.has_query_params {
            return Some(String::new());
        }
        self.knowledge.borrow().credentials(&backend.cluster).map(|credentials| credentials.query.clone())
    }

    /// Takes one message of the key stream.
    pub fn apply(&self, update: Update) {
        let changed: Vec<TokenHash> =
            update.upserts.iter().filter_map(|key| TokenHash::from_bytes(&key.token_sha256)).collect();
        let mut knowledge = self.knowledge.borrow_mut();
        knowledge.apply(update);
        let mut purses = self.purses.borrow_mut();
        if purses.len() > 0 {
            changed.iter().filter_map(|hash| knowledge.key(hash)).for_each(|key| purses.refresh(key));
        }
    }

    /// The originals behind a ticket.
    pub fn attempt(&self, id: u64) -> Option<Rc<Attempt>> {
        self.attempts.borrow().get(&id).cloned()
    }

    /// How many requests are kept; for tests.
    pub fn attempts_kept(&self) -> usize {
        self.attempts.borrow().len()
    }
}

/// Holds a request's originals; they go when it goes, which is when the client's stream ends.
#[derive(Debug)]
pub struct Ticket {
    worker: Rc<Worker>,
    id: u64,
}

impl Ticket {
    /// The name under which the backend stage finds the originals.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The originals.
    pub fn attempt(&self) -> Option<Rc<Attempt>> {
        self.worker.attempt(self.id)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.worker.attempts.borrow_mut().remove(&self.id);
    }
}

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
    fn key(&self, hash: &TokenHash) -> Option<&KnownKey> {
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

/// The hashes of tokens seen lately. A client sends the same token with every request, and to compare it costs a
/// tenth of what hashing it does. The cache holds a function's values and nothing else, so it never goes stale.
#[derive(Debug)]
struct RecentTokens(RefCell<Vec<Option<HashedToken>>>);

/// A token and its hash.
type HashedToken = (Box<[u8]>, TokenHash);

impl Default for RecentTokens {
    fn default() -> Self {
        Self(RefCell::new(vec![None; RECENT_TOKENS]))
    }
}

impl RecentTokens {
    fn hash(&self, token: &[u8]) -> TokenHash {
        // Tokens are random at their end, and operators' own ones differ somewhere.
        let sum = token
            .iter()
            .rev()
            .take(24)
            .fold(0_usize, |sum, &byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let mut recent = self.0.borrow_mut();
        let Some(slot) = recent.get_mut(sum % RECENT_TOKENS) else { return TokenHash::of(token) };
        match slot {
            Some((known, hash)) if **known == *token => *hash,
            _ => {
                let hash = TokenHash::of(token);
                if token.len() <= RECENT_TOKEN_BYTES_MAX {
                    *slot = Some((token.into(), hash));
                }
                hash
            }
        }
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

    #[test]
    fn originals_go_with_their_ticket() {
        let worker = Rc::new(Worker::new(1));
        let ticket = worker.keep_attempt(Attempt::default());
        assert!(worker.attempt(ticket.id()).is_some());
        drop(ticket);
        assert_eq!(worker.attempts_kept(), 0);
    }
}
