//! Workers, ledger and network of the model, and what really happened beside what the books say.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ditto_ledger::{Account, Amounts, Claim, Lease, Limits, MINUTE_MS, Policy, Purse, Reply, Reservation, Terms, Unit};

/// The ledger's clock when a run begins: within a minute, so that runs cross its end.
pub(crate) const START_MS: u64 = 1_000 * MINUTE_MS + 20_000;
/// What one token costs, in pico-dollars.
pub(crate) const PRICE: u64 = 3;
/// The ids of the keys.
pub(crate) const KEYS: [&str; 2] = ["a", "b"];
/// The ids of the tenants; both keys begin with the first.
pub(crate) const TENANTS: [&str; 2] = ["t", "u"];

/// What a run begins with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Setup {
    pub(crate) workers: usize,
    /// Limits of each key.
    pub(crate) keys: Limits,
    /// Limits of each tenant.
    pub(crate) tenants: Limits,
    /// No request uses more than it reserved.
    pub(crate) strict: bool,
    /// The workers' clocks run one hundredth fast and slow.
    pub(crate) uneven: bool,
    /// One grant takes at most this part of what is left (one over it).
    pub(crate) share: u64,
}

impl Setup {
    pub(crate) fn policy(&self) -> Policy {
        Policy { share: self.share, ..Policy::default() }
    }
}

/// The whole system at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) setup: Arc<Setup>,
    /// True time since the run began, in milliseconds.
    pub(crate) now_ms: u64,
    /// How far the ledger's clock has been stepped.
    pub(crate) stepped_ms: i64,
    pub(crate) leases: BTreeMap<String, Lease>,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Limits of each account, now.
    pub(crate) limits: BTreeMap<String, Limits>,
    pub(crate) keys: Vec<Key>,
    pub(crate) workers: Vec<Worker>,
    /// What really happened, by lease.
    pub(crate) truth: BTreeMap<String, Truth>,
    /// The first thing that was wrong.
    pub(crate) broken: Option<String>,
}

/// A virtual key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) tenant: usize,
    pub(crate) gone: bool,
}

/// A worker in its present incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    pub(crate) incarnation: u32,
    pub(crate) desks: Vec<Desk>,
    pub(crate) flights: Vec<Flight>,
}

/// One key in one worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Desk {
    /// Begins the ids of its leases.
    pub(crate) name: String,
    pub(crate) purse: Purse,
    /// The worker does not know the key, or not any more.
    pub(crate) gone: bool,
    pub(crate) queue: VecDeque<Request>,
    pub(crate) call: Option<Call>,
    /// A recall is under way to it.
    pub(crate) recall: bool,
    /// Claims sent so far.
    pub(crate) claims: u32,
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) tokens: u64,
    /// Calls that it has waited for.
    pub(crate) calls: u32,
}

/// One message to the ledger: each claim is booked by itself, and all are answered together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) sent_ms: u64,
    pub(crate) claims: VecDeque<Claim>,
    pub(crate) replies: Vec<Reply>,
    /// A claim of it has no reply: it is repeated.
    pub(crate) unavailable: bool,
}

/// A request that was let through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    pub(crate) key: usize,
    pub(crate) lease: String,
    pub(crate) minute: u64,
    pub(crate) reservation: Reservation,
    pub(crate) reserved_tokens: u64,
    pub(crate) delivered_tokens: u64,
}

/// What was really let through on one lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Truth {
    /// As the ledger named them when it opened the lease.
    pub(crate) accounts: Vec<String>,
    /// Delivered by requests that have ended, or whose worker has.
    pub(crate) delivered: Amounts,
    pub(crate) requests: u64,
    /// The same for each minute.
    pub(crate) minutes: BTreeMap<u64, Amounts>,
    /// Its worker crashed.
    pub(crate) dead: bool,
}

/// What a number of tokens is in all units.
pub(crate) fn amounts(tokens: u64) -> Amounts {
    Amounts { tokens, pico_usd: tokens * PRICE, window_requests: 1, window_tokens: tokens }
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut limits = BTreeMap::new();
        limits.extend(KEYS.iter().map(|id| (format!("key:{id}"), setup.keys)));
        limits.extend(TENANTS.iter().map(|id| (format!("tenant:{id}"), setup.tenants)));
        let mut world = Self {
            now_ms: 0,
            stepped_ms: 0,
            leases: BTreeMap::new(),
            accounts: BTreeMap::new(),
            limits,
            keys: vec![Key::default(); KEYS.len()],
            workers: Vec::new(),
            truth: BTreeMap::new(),
            broken: None,
            setup: Arc::new(setup),
        };
        world.workers = (0..world.setup.workers).map(|worker| world.incarnate(worker, 0)).collect();
        world
    }

    /// A worker that has just begun.
    pub(crate) fn incarnate(&self, worker: usize, incarnation: u32) -> Worker {
        let desk = |key: usize| {
            let name = format!("{worker}.{incarnation}.{}", KEYS[key]);
            let mut purse = Purse::new(KEYS[key], &name, false);
            purse.set_limited(self.limited(key));
            Desk {
                name,
                purse,
                gone: self.keys[key].gone,
                queue: VecDeque::new(),
                call: None,
                recall: false,
                claims: 0,
            }
        };
        Worker { incarnation, desks: (0..KEYS.len()).map(desk).collect(), flights: Vec::new() }
    }

    /// The ledger's clock.
    pub(crate) fn ledger_ms(&self) -> u64 {
        (START_MS + self.now_ms).saturating_add_signed(self.stepped_ms)
    }

    /// A worker's clock: steady, with a beginning of its own.
    pub(crate) fn clock_ms(&self, worker: usize) -> u64 {
        let drift = if self.setup.uneven { self.now_ms / 100 } else { 0 };
        let own = 7_000_000 * (worker as u64 + 1) + self.now_ms;
        match worker {
            0 => own + drift,
            1 => own - drift,
            _ => own,
        }
    }

    /// A key's terms; `None` if it is gone.
    pub(crate) fn terms(&self, key: usize) -> Option<Terms> {
        let names = [format!("key:{}", KEYS[key]), format!("tenant:{}", TENANTS[self.keys[key].tenant])];
        let accounts = names.into_iter().map(|name| (name.clone(), self.limits[&name])).collect();
        (!self.keys[key].gone).then_some(Terms { accounts })
    }

    pub(crate) fn limited(&self, key: usize) -> [bool; 4] {
        self.terms(key).map_or([false; 4], |terms| Unit::ALL.map(|unit| terms.limits(unit)))
    }

    pub(crate) fn desk(&mut self, worker: usize, key: usize) -> &mut Desk {
        &mut self.workers[worker].desks[key]
    }

    /// Keeps the first thing that is wrong.
    pub(crate) fn complain(&mut self, what: impl FnOnce() -> String) {
        self.broken.get_or_insert_with(what);
    }
}
