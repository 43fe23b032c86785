//! The worker's side: what one worker may let one key spend without asking.
//!
//! Admission is arithmetic on local numbers. When they do not cover a request, the caller asks the ledger and tries
//! again; ahead of that, [`Purse::due`] says when it is time to ask or report in the background. How much is asked
//! for follows use: from exact single requests for a key that is used now and then, to [`AHEAD_MAX`] requests for a
//! busy one.
//!
//! Times are milliseconds of any steady clock. A lease's time counts from before the claim was sent, so the worker
//! always stops before the ledger gives up, as long as both clocks run at about the same rate.

use crate::amounts::{Amounts, Counts, Unit};
use crate::claim::{Claim, Refusal, Reply};

mod held;
mod pace;
mod parts;

use held::{Heard, Held};
use pace::Pace;
pub use parts::{Admission, Holding, Reservation, Waiting};

/// Requests that a busy key holds ahead, at most.
pub const AHEAD_MAX: u64 = 1024;
/// A key that has not been used for so long does not ask ahead.
const ACTIVE_MS: u64 = 1_000;
/// A key that has not been used for so long hands back what it does not need.
const IDLE_MS: u64 = 5_000;
/// Reports are sent when so many requests have ended,
const REPORT_REQUESTS: u64 = 250;
/// or when none has for so long,
const REPORT_QUIET_MS: u64 = 300;
/// or when the oldest that is unreported is so old.
const REPORT_AGE_MS: u64 = 10_000;
/// A refusal holds for so long, for requests that need as much. A minute that slides makes a little room again sooner,
/// but to ask for each request by itself would cost a call for each.
const REFUSED_MS: u64 = 100;
/// Leases of one key that wait for their last requests. Beyond it the oldest is left to its expiry.
const LEASES_MAX: usize = 8;

/// One key in one worker.
///
/// A copy is for models and tests: two copies would spend the same leases twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Purse {
    key_id: String,
    /// Begins the ids of leases.
    worker: String,
    next_lease: u64,
    /// The last is the one to spend from; the others wait for their requests to end.
    leases: Vec<Held>,
    /// Units that some account limits.
    limited: [bool; 4],
    pace: Pace,
    last_use_ms: u64,
    /// Somebody else needs what is idle here, or the terms have changed.
    recalled: bool,
    /// What the requests needed that waited when the last claim was made.
    waited_for: Waiting,
    /// The latest refusal, until when it holds, and what the request needed that it was for.
    refused: Option<(u64, Amounts, Refusal)>,
    /// Only what waiting requests need is asked for.
    exact: bool,
    /// When the claims that have no answer yet were sent.
    asking: Option<u64>,
}

impl Purse {
    /// A purse with nothing in it. `worker` begins the ids of its leases, `<worker>/<number>`, and must be another for
    /// each purse that there has ever been: two purses of one worker, or one that is made anew for the same key, would
    /// otherwise speak of each other's leases. With `exact`, every request asks for itself.
    pub fn new(key_id: impl Into<String>, worker: impl Into<String>, exact: bool) -> Self {
        Self {
            key_id: key_id.into(),
            worker: worker.into(),
            next_lease: 1,
            leases: Vec::new(),
            limited: [false; 4],
            pace: Pace::default(),
            last_use_ms: 0,
            recalled: false,
            waited_for: Waiting::default(),
            refused: None,
            exact,
            asking: None,
        }
    }

    /// The key's id.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Says which units some account limits, in the order of [`Unit::ALL`]. Whenever the key's terms have changed,
    /// this must be called: what is idle goes back, and the new terms decide about what is asked for again.
    pub fn set_limited(&mut self, limited: [bool; 4]) {
        self.limited = limited;
        self.pace.keep(|unit| unit.is_in(&limited));
        self.recalled = !self.leases.is_empty();
        self.refused = None;
    }

    /// Whether any unit is limited; if none is, every request is granted at once.
    pub fn is_limited(&self) -> bool {
        self.limited.contains(&true)
    }

    /// Hand back what no request has reserved, with the next claim, which is due at once. It is made also when nothing
    /// is idle, so that whoever asked knows; and after an answer that is still on its way, which may bring something.
    pub fn recall(&mut self) {
        self.recalled = !self.leases.is_empty();
    }

    /// Whether a recall is still to be followed.
    pub fn is_recalled(&self) -> bool {
        self.recalled
    }

    /// Reserves what a request needs, if the lease covers it.
    pub fn admit(&mut self, now_ms: u64, need: &Amounts) -> Admission {
        let need = self.only_limited(need);
        // What needs nothing that is limited need not ask anybody.
        let limited = self.is_limited() && !need.is_zero();
        let windowed = !need.without_lifetime().is_zero();
        if !self.leases.last().is_some_and(|lease| lease.is_open()) {
            if limited {
                return Admission::Short;
            }
            self.open();
        }
        let Some(lease) = self.leases.last_mut() else { return Admission::Short };
        if limited && !(lease.is_valid(now_ms, windowed) && lease.available().covers(&need)) {
            return Admission::Short;
        }
        self.last_use_ms = now_ms;
        self.pace.used(&need);
        Admission::Granted(lease.reserve(need))
    }

    /// Why a request that [`Purse::admit`] finds too large need not wait for the ledger: it has just refused one that
    /// needed no more. So an exhausted budget costs a few calls a second, however many requests come.
    pub fn refusal(&self, now_ms: u64, need: &Amounts) -> Option<&Refusal> {
        let (until_ms, needed, refusal) = self.refused.as_ref()?;
        let as_large = need.get(refusal.unit) >= needed.get(refusal.unit);
        if now_ms < *until_ms && as_large { Some(refusal) } else { None }
    }

    /// Books what a request used. `used` may be more than was reserved, and is then reported as it is.
    pub fn settle(&mut self, reservation: &Reservation, used: &Amounts, counts: &Counts, now_ms: u64) {
        // A lease that is not there any more was given up, and its expiry has charged it.
        if let Some(lease) = self.leases.iter_mut().find(|lease| lease.number() == reservation.lease) {
            lease.settle(reservation, used, counts, now_ms);
        }
        self.last_use_ms = self.last_use_ms.max(now_ms);
    }

    /// Whether there is something to tell the ledger now.
    pub fn due(&self, now_ms: u64) -> bool {
        if self.asking.is_some() {
            return false;
        }
        let idle = now_ms.saturating_sub(self.last_use_ms) >= IDLE_MS;
        self.recalled
            || self.runs_low(now_ms)
            || self.leases.iter().any(|lease| {
                let gives = idle && (lease.is_idle() || !lease.available().is_zero());
                gives || lease.is_due(now_ms, self.last_use_ms)
            })
    }

    /// Whether nothing is left to do: no lease, no request.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Since when claims of this purse have no answer.
    pub fn asking_since(&self) -> Option<u64> {
        self.asking
    }

    /// What to tell the ledger now, about each lease. Until [`Purse::heard`] or [`Purse::lost`], nothing is due.
    pub fn claims(&mut self, now_ms: u64, waiting: Option<&Waiting>) -> Vec<Claim> {
        let idle = now_ms.saturating_sub(self.last_use_ms) >= IDLE_MS;
        let needs_lease = waiting.is_some() && !self.leases.last().is_some_and(|lease| lease.is_open());
        if needs_lease {
            self.open();
        }
        let low = waiting.is_some() || self.runs_low(now_ms);
        self.pace.before_claim(now_ms, low, idle);
        let waiting = waiting.map_or_else(Waiting::default, |waiting| Waiting {
            first: self.only_limited(&waiting.first),
            all: self.only_limited(&waiting.all),
        });
        let recalled = std::mem::take(&mut self.recalled);
        if recalled {
            self.pace.stop();
        }
        let none = idle || self.exact;
        let ahead = if none { Amounts::default() } else { self.only_limited(&self.pace.target()) };
        self.waited_for = waiting;
        let (key_id, worker) = (self.key_id.clone(), self.worker.clone());
        let current = self.leases.last().map(Held::number);
        let claims = self.leases.iter_mut().map(|lease| {
            let (first, wanted) = if Some(lease.number()) == current && lease.is_open() {
                (waiting.first, waiting.all.plus(&ahead))
            } else {
                (Amounts::default(), Amounts::default())
            };
            lease.hand_back(&wanted, now_ms, recalled || idle);
            Claim {
                lease: format!("{worker}/{}", lease.number()),
                key_id: key_id.clone(),
                ..lease.claim(&first, &wanted)
            }
        });
        let claims: Vec<Claim> = claims.collect();
        if !claims.is_empty() {
            self.asking = Some(now_ms);
        }
        claims
    }

    /// The ledger has booked a claim that was sent at `sent_ms`. Claims are under way until each has its answer.
    pub fn heard(&mut self, reply: &Reply, sent_ms: u64) {
        let Some(number) = reply.lease.rsplit_once('/').and_then(|(_, number)| number.parse::<u64>().ok()) else {
            return;
        };
        let last = self.leases.last().map_or(0, Held::number);
        let Some(place) = self.leases.iter().position(|lease| lease.number() == number) else { return };
        let Some(lease) = self.leases.get_mut(place).filter(|lease| lease.is_asking()) else { return };
        self.pace.after_claim(sent_ms);
        // What is said to a report is no news for requests.
        if lease.number() == last && !self.waited_for.first.is_zero() {
            self.refused = refused(reply, &self.waited_for.first, sent_ms);
        }
        match lease.heard(reply, sent_ms) {
            Heard::InFull => {}
            Heard::CutShort => self.pace.cut(&lease.available().minus(&self.waited_for.all)),
            Heard::Over => drop(self.leases.remove(place)),
        }
        if !self.leases.iter().any(Held::is_asking) {
            self.asking = None;
        }
    }

    /// The ledger could not book the claim of this lease, which is repeated with the next ones. It may have booked others
    /// that were sent with it.
    pub fn not_booked(&mut self, lease: &str) {
        let number = lease.rsplit_once('/').and_then(|(_, number)| number.parse::<u64>().ok());
        self.leases.iter_mut().filter(|lease| Some(lease.number()) == number).for_each(Held::lost);
        if !self.leases.iter().any(Held::is_asking) {
            self.asking = None;
        }
    }

    /// There will be no answer to the claims that were sent last. They are repeated with the next ones.
    pub fn lost(&mut self) {
        self.asking = None;
        self.leases.iter_mut().for_each(Held::lost);
    }

    /// What the lease to spend from holds beyond reservations.
    pub fn available(&self) -> Amounts {
        self.leases.last().filter(|lease| lease.is_open()).map_or_else(Amounts::default, Held::available)
    }

    /// What it holds, lease by lease; the last is the one to spend from.
    pub fn holdings(&self) -> impl Iterator<Item = Holding> {
        self.leases.iter().map(Held::holding)
    }

    fn only_limited(&self, need: &Amounts) -> Amounts {
        Amounts::by_unit(|unit| if unit.is_in(&self.limited) { need.get(unit) } else { 0 })
    }

    fn open(&mut self) {
        if self.leases.len() >= LEASES_MAX {
            self.leases.remove(0);
        }
        self.leases.push(Held::new(self.next_lease));
        self.next_lease = self.next_lease.saturating_add(1);
    }

    /// Whether the lease in use should be renewed before it runs out.
    fn runs_low(&self, now_ms: u64) -> bool {
        let Some(lease) = self.leases.last().filter(|lease| lease.is_open()) else { return false };
        if self.exact || !self.is_limited() || now_ms.saturating_sub(self.last_use_ms) >= ACTIVE_MS {
            return false;
        }
        let (ahead, available) = (self.only_limited(&self.pace.target()), lease.available());
        Unit::ALL.iter().any(|&unit| available.get(unit) < ahead.get(unit) / 2)
    }
}

/// What to remember of a reply to a claim that was made for a request.
fn refused(reply: &Reply, needed: &Amounts, sent_ms: u64) -> Option<(u64, Amounts, Refusal)> {
    let refusal = reply.refusal.clone()?;
    Some((sent_ms.saturating_add(REFUSED_MS), *needed, refusal))
}

#[cfg(test)]
mod tests;
