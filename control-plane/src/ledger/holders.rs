//! Who holds what: the sessions of this process, and the leases that they have told of.
//!
//! The books say how much is held in an account, not by whom. This does, for the workers that can be asked to hand
//! something back.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use ditto_ledger::{Amounts, MINUTE_MS, Unit};

use super::outbox::Outbox;

/// A session's number; never used again in a process.
pub(super) type SessionId = u64;

/// What a session was asked to hand back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The number that the answer will have.
    pub(super) number: u64,
    /// Ids of the keys that it has not said anything of since.
    pub(super) keys: BTreeSet<String>,
}

/// Sessions and their leases.
#[derive(Debug, Default)]
pub(super) struct Holders {
    last: SessionId,
    seats: HashMap<SessionId, Seat>,
    /// The session of each worker.
    workers: HashMap<Arc<str>, SessionId>,
    /// Only leases that hold something.
    leases: HashMap<Arc<str>, Known>,
    /// Leases by account.
    accounts: HashMap<Arc<str>, HashSet<Arc<str>>>,
}

#[derive(Debug)]
struct Seat {
    worker: Arc<str>,
    outbox: Arc<Outbox>,
    leases: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct Known {
    session: SessionId,
    key: Arc<str>,
    accounts: Vec<Arc<str>>,
    hold: Amounts,
    minute: u64,
}

/// What a lease was said to hold.
#[derive(Debug)]
pub(super) struct Holding<'a> {
    pub(super) lease: &'a str,
    pub(super) key: &'a str,
    pub(super) accounts: &'a [String],
    pub(super) hold: Amounts,
    /// The minute of the window's numbers.
    pub(super) minute: u64,
}

impl Known {
    /// What is still held of it: a window that is over holds nothing.
    fn held(&self, now_ms: u64) -> Amounts {
        if self.minute < now_ms / MINUTE_MS { self.hold.without_window() } else { self.hold }
    }
}

impl Holders {
    /// A worker's new session. Its former one is told that it is over.
    pub(super) fn enter(&mut self, worker: &str) -> (SessionId, Arc<Outbox>) {
        let worker: Arc<str> = worker.into();
        if let Some(former) = self.workers.get(&worker).copied() {
            if let Some(seat) = self.seats.get(&former) {
                seat.outbox.replace();
            }
            self.leave(former);
        }
        self.last = self.last.saturating_add(1);
        let outbox = Arc::new(Outbox::default());
        self.workers.insert(worker.clone(), self.last);
        self.seats.insert(self.last, Seat { worker, outbox: outbox.clone(), leases: HashSet::new() });
        (self.last, outbox)
    }

    /// The session is over: nobody is there to be asked. What its leases hold, they hold.
    pub(super) fn leave(&mut self, session: SessionId) {
        let Some(seat) = self.seats.remove(&session) else { return };
        self.workers.remove(&seat.worker);
        for lease in &seat.leases {
            self.forget(lease);
        }
    }

    /// Whether the session is its worker's, and not over.
    pub(super) fn is_current(&self, session: SessionId) -> bool {
        self.seats.contains_key(&session)
    }

    pub(super) fn sessions(&self) -> usize {
        self.seats.len()
    }

    /// Leases of sessions that hold something.
    pub(super) fn leases(&self) -> usize {
        self.leases.len()
    }

    /// Remembers what a lease of `session` holds now.
    pub(super) fn note(&mut self, session: SessionId, holding: &Holding<'_>) {
        if holding.hold.is_zero() || holding.accounts.is_empty() {
            self.forget(holding.lease);
            return;
        }
        if let Some(known) = self.leases.get_mut(holding.lease)
            && known.session == session
        {
            // A lease's accounts never change.
            known.hold = holding.hold;
            known.minute = holding.minute;
            return;
        }
        self.forget(holding.lease);
        let Some(seat) = self.seats.get_mut(&session) else { return };
        let lease: Arc<str> = holding.lease.into();
        seat.leases.insert(lease.clone());
        let mut accounts = Vec::with_capacity(holding.accounts.len());
        for name in holding.accounts {
            let name =
                self.accounts.get_key_value(name.as_str()).map_or_else(|| name.as_str().into(), |(n, _)| n.clone());
            self.accounts.entry(Arc::clone(&name)).or_default().insert(lease.clone());
            accounts.push(name);
        }
        let known = Known { session, key: holding.key.into(), accounts, hold: holding.hold, minute: holding.minute };
        self.leases.insert(lease, known);
    }

    /// The lease holds nothing any more.
    pub(super) fn forget(&mut self, lease: &str) {
        let Some(known) = self.leases.remove(lease) else { return };
        for account in &known.accounts {
            if let Some(leases) = self.accounts.get_mut(account) {
                leases.remove(lease);
                if leases.is_empty() {
                    self.accounts.remove(account);
                }
            }
        }
        if let Some(seat) = self.seats.get_mut(&known.session) {
            seat.leases.remove(lease);
        }
    }

    /// How much of `unit` the sessions of this process hold in `account`, without the lease `except`.
    pub(super) fn held(&self, account: &str, unit: Unit, now_ms: u64, except: &str) -> u64 {
        let leases = self.accounts.get(account).into_iter().flatten().filter(|lease| &***lease != except);
        let held = leases.filter_map(|lease| Some(self.leases.get(lease)?.held(now_ms).get(unit)));
        held.fold(0, u64::saturating_add)
    }

    /// How much of `unit` one key of one session holds in `account`.
    pub(super) fn held_by(&self, account: &str, unit: Unit, now_ms: u64, session: SessionId, key: &str) -> u64 {
        let leases = self.accounts.get(account).into_iter().flatten().filter_map(|lease| self.leases.get(lease));
        let own = leases.filter(|known| known.session == session && &*known.key == key);
        own.fold(0, |held, known| held.saturating_add(known.held(now_ms).get(unit)))
    }

    /// Asks those who hold something in `account` (of `unit`, if one is named) to hand back what is idle, but for the
    /// keys in `except`, which are waiting for an answer themselves. Says who was asked.
    pub(super) fn ask(
        &self,
        account: &str,
        unit: Option<Unit>,
        now_ms: u64,
        except: &HashSet<(SessionId, String)>,
    ) -> HashMap<SessionId, Asked> {
        let leases = self.accounts.get(account).into_iter().flatten().filter_map(|lease| self.leases.get(lease));
        let holding = leases.filter(|known| {
            let held = known.held(now_ms);
            unit.map_or(!held.is_zero(), |unit| held.get(unit) > 0)
        });
        let mut keys: HashMap<SessionId, BTreeSet<&str>> = HashMap::new();
        for known in holding.filter(|known| !except.contains(&(known.session, known.key.as_ref().to_owned()))) {
            keys.entry(known.session).or_default().insert(&known.key);
        }
        self.send(keys)
    }

    /// Asks one session for one key.
    pub(super) fn ask_one(&self, session: SessionId, key: &str) -> Option<Asked> {
        let number = self.seats.get(&session)?.outbox.ask([key]);
        Some(Asked { number, keys: BTreeSet::from([key.to_owned()]) })
    }

    /// Asks everybody for everything. False if nobody holds anything.
    pub(super) fn ask_all(&self, now_ms: u64) -> bool {
        let mut keys: HashMap<SessionId, BTreeSet<&str>> = HashMap::new();
        for known in self.leases.values().filter(|known| !known.held(now_ms).is_zero()) {
            keys.entry(known.session).or_default().insert(&known.key);
        }
        !self.send(keys).is_empty()
    }

    fn send(&self, keys: HashMap<SessionId, BTreeSet<&str>>) -> HashMap<SessionId, Asked> {
        let asked = keys.into_iter().filter_map(|(session, keys)| {
            let number = self.seats.get(&session)?.outbox.ask(keys.iter().copied());
            Some((session, Asked { number, keys: keys.into_iter().map(str::to_owned).collect() }))
        });
        asked.collect()
    }
}
