//! Claims that wait because others hold what they need, and when they stop waiting.
//!
//! A claim that an account refuses although other leases hold amounts in it is parked, and the holders are asked to
//! hand back what no request has reserved. Whenever something comes back in the account, its parked claims are tried
//! again. They are refused for good when everybody who could be asked has answered, or when the time is up. Near the
//! end of a budget that makes the last token usable; at its end it costs one short wait in a while, not one for each
//! request.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use ditto_ledger::{Refusal, Reply, Unit};
use tokio::time::Instant;

use super::holders::{Asked, SessionId};
use super::job::Job;

/// A claim that is refused by one account after the other waits for so many recalls at most.
const RECALLS_MAX: u32 = 2;
/// Claims that wait for one account. What comes on top is refused at once.
const PARKED_MAX: usize = 1_024;

/// How recalls follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The longest that a recall takes.
    pub(super) wait: Duration,
    /// Recalls of one account do not follow each other faster.
    pub(super) spacing: Duration,
    /// After a recall that brought nothing, the account's refusals are final for so long.
    pub(super) quiet: Duration,
    /// After a recall, nothing is granted ahead in the account for so long: it would only be recalled again.
    pub(super) tight: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            wait: Duration::from_millis(150),
            spacing: Duration::from_millis(20),
            quiet: Duration::from_millis(100),
            tight: Duration::from_secs(1),
        }
    }
}

/// A refusal that nobody waits for any more: to be said.
pub(super) type Final = (Job, Reply);

/// All accounts that were short lately.
#[derive(Debug, Default)]
pub(super) struct Recalls {
    accounts: HashMap<String, Short>,
    /// Accounts with parked claims or a recall under way; the others are only remembered.
    active: BTreeSet<String>,
    /// Leases of parked claims.
    leases: HashSet<String>,
    last: u64,
    pub(super) pace: Pace,
}

/// One account that was short lately.
#[derive(Debug, Default)]
struct Short {
    parked: Vec<Parked>,
    running: Option<Running>,
    /// When the latest recall began, of this process or of another.
    asked: Option<Instant>,
    quiet_until: Option<Instant>,
}

#[derive(Debug)]
struct Parked {
    job: Job,
    reply: Reply,
    refusal: Refusal,
}

#[derive(Debug)]
struct Running {
    number: u64,
    begun: Instant,
    /// Who has not answered.
    waiting: HashMap<SessionId, Asked>,
    /// Others may hold something that cannot be asked here.
    remote: bool,
    /// Another gateway that waits for the same account goes first.
    gives_way: bool,
    brought: bool,
}

impl Running {
    /// Of gateways that wait for what each other's waiting requests hold, all but one give up early: it gets the rest.
    fn deadline(&self, pace: Pace) -> Instant {
        self.begun + if self.gives_way { pace.wait / 2 } else { pace.wait }
    }

    fn is_over(&self, now: Instant, pace: Pace) -> bool {
        now >= self.deadline(pace) || (self.waiting.is_empty() && !self.remote)
    }

    /// Whether all who have not answered wait for an answer themselves: a worker says that it is done when it has
    /// followed the recall for every key. What its other keys hand back comes before that, so they are waited for.
    fn is_stuck(&self, parked: &[Parked]) -> bool {
        let waits = |session: SessionId, asked: &Asked| {
            let mut keys = parked.iter().filter(|parked| parked.job.session == Some(session)).peekable();
            let some = keys.peek().is_some();
            let parked: HashSet<&String> = keys.map(|parked| &parked.job.claim.key_id).collect();
            some && asked.keys.iter().all(|key| parked.contains(key))
        };
        !self.remote && self.waiting.iter().all(|(session, asked)| waits(*session, asked))
    }
}

impl Short {
    fn begins_at(&self, pace: Pace) -> Option<Instant> {
        let first = self.parked.first().filter(|_| self.running.is_none())?;
        self.asked.map(|asked| asked + pace.spacing).max(first.job.since)
    }

    fn is_tight(&self, now: Instant, pace: Pace) -> bool {
        self.running.is_some() || self.asked.is_some_and(|asked| now < asked + pace.tight)
    }
}

/// What a recall needs to know of an account.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) unit: Unit,
    /// The most that is held by leases other than `lease`, in a refused claim's view.
    pub(super) held_by_others: u64,
    pub(super) lease: String,
    /// Who waits for an answer and cannot hand back before it.
    pub(super) waiting: HashSet<(SessionId, String)>,
}

impl Recalls {
    /// Parks a refused claim, or gives it back if its refusal is final.
    pub(super) fn park(&mut self, mut job: Job, reply: Reply, now: Instant) -> Option<Final> {
        let Some(refusal) = reply.refusal.clone().filter(|refusal| refusal.held_by_others > 0) else {
            return Some((job, reply));
        };
        let short = self.accounts.entry(refusal.account.clone()).or_default();
        let running = short.running.as_ref().map(|running| running.number);
        // One recall of each account for each claim, and not too long in all.
        let is_done = job
            .recall
            .as_ref()
            .is_some_and(|(account, number)| *account == refusal.account && Some(*number) != running)
            || job.since.is_some_and(|since| now >= since + self.pace.wait * RECALLS_MAX);
        let is_quiet = running.is_none() && short.quiet_until.is_some_and(|until| now < until);
        if is_done || is_quiet || short.parked.len() >= PARKED_MAX {
            return Some((job, reply));
        }
        job.since.get_or_insert(now);
        self.leases.insert(job.claim.lease.clone());
        self.active.insert(refusal.account.clone());
        short.parked.push(Parked { job, reply, refusal });
        None
    }

    /// There is more room in `account`: its claims are to be tried again.
    pub(super) fn came_back(&mut self, account: &str) -> Vec<Job> {
        if let Some(running) = self.accounts.get_mut(account).and_then(|short| short.running.as_mut()) {
            running.brought = true;
        }
        self.unpark(account)
    }

    /// There may be more room anywhere.
    pub(super) fn try_again(&mut self) -> Vec<Job> {
        let accounts: Vec<String> = self.active.iter().cloned().collect();
        accounts.iter().flat_map(|account| self.unpark(account)).collect()
    }

    fn unpark(&mut self, account: &str) -> Vec<Job> {
        let Some(short) = self.accounts.get_mut(account) else { return Vec::new() };
        let jobs: Vec<Job> = std::mem::take(&mut short.parked).into_iter().map(|parked| parked.job).collect();
        self.left(account, &jobs);
        jobs
    }

    /// Accounts whose recall should begin now.
    pub(super) fn to_begin(&self, now: Instant) -> Vec<(String, Need)> {
        let due = self.active().filter(|(_, short)| short.begins_at(self.pace).is_some_and(|at| at <= now));
        due.filter_map(|(name, short)| Some((name.clone(), short.need()?))).collect()
    }

    /// A recall has begun: `waiting` have been asked. If nobody was and nobody else can be, it is over.
    pub(super) fn begin(&mut self, account: &str, waiting: HashMap<SessionId, Asked>, remote: bool, now: Instant) {
        let Some(short) = self.accounts.get_mut(account) else { return };
        self.last = self.last.saturating_add(1);
        for parked in &mut short.parked {
            parked.job.recall = Some((account.to_owned(), self.last));
        }
        short.asked = Some(now);
        short.running =
            Some(Running { number: self.last, begun: now, waiting, remote, gives_way: false, brought: false });
    }

    /// A claim of this key has been booked in `accounts`: whatever it hands back is back.
    pub(super) fn heard(&mut self, accounts: &[String], session: SessionId, key: &str) {
        for account in accounts {
            let running = self.accounts.get_mut(account).and_then(|short| short.running.as_mut());
            if let Some(asked) = running.and_then(|running| running.waiting.get_mut(&session)) {
                asked.keys.remove(key);
            }
        }
    }

    /// A worker has handed back what is idle of all keys of its recalls up to `number`.
    pub(super) fn answered(&mut self, session: SessionId, number: u64) {
        for name in &self.active {
            let Some(running) = self.accounts.get_mut(name).and_then(|short| short.running.as_mut()) else { continue };
            if running.waiting.get(&session).is_some_and(|asked| asked.number <= number) {
                running.waiting.remove(&session);
            }
        }
    }

    /// A session is over, so it does not answer.
    pub(super) fn gone(&mut self, session: SessionId) {
        self.answered(session, u64::MAX);
    }

    /// Accounts of whose recall nothing more is to be expected: everybody has answered, or waits for an answer to a
    /// claim of its own, or the time is up. Each is to be given to [`Recalls::sacrifice`] and [`Recalls::finish`].
    pub(super) fn to_finish(&self, now: Instant) -> Vec<String> {
        let over = self.active().filter(|(_, short)| {
            let running = short.running.as_ref();
            running.is_some_and(|running| running.is_over(now, self.pace) || running.is_stuck(&short.parked))
        });
        over.map(|(name, _)| name.clone()).collect()
    }

    /// Of claims that hold parts of what each other needs, refuses the youngest that holds something, so that it can
    /// hand it back to the others. `holds` says how much a key of a session holds in the unit; the session and key of
    /// the refused one must be asked, and [`Recalls::wait_for`] told.
    pub(super) fn sacrifice(
        &mut self,
        account: &str,
        now: Instant,
        holds: impl Fn(SessionId, &str, Unit) -> u64,
    ) -> Option<Final> {
        let short = self.accounts.get_mut(account)?;
        let running = short.running.as_ref()?;
        if running.remote || now >= running.begun + self.pace.wait || short.parked.len() < 2 {
            return None;
        }
        let oldest =
            short.parked.first().and_then(|parked| Some((parked.job.session?, parked.job.claim.key_id.clone())));
        let place = short.parked.iter().rposition(|parked| {
            let Some(session) = parked.job.session else { return false };
            let key = parked.job.claim.key_id.as_str();
            let is_oldest = oldest.as_ref().is_some_and(|(s, k)| *s == session && k == key);
            !is_oldest && holds(session, key, parked.refusal.unit) > 0
        })?;
        let parked = short.parked.remove(place);
        self.leases.remove(&parked.job.claim.lease);
        Some((parked.job, parked.reply))
    }

    /// One more has been asked.
    pub(super) fn wait_for(&mut self, account: &str, session: SessionId, asked: Asked) {
        if let Some(running) = self.accounts.get_mut(account).and_then(|short| short.running.as_mut()) {
            let waiting = running.waiting.entry(session).or_default();
            waiting.number = asked.number;
            waiting.keys.extend(asked.keys);
        }
    }

    /// Ends the recall of `account`, if it is over. Claims that came when it was under way may have another, if it brought something.
    pub(super) fn finish(&mut self, account: &str, now: Instant) -> Vec<Final> {
        let Some(short) = self.accounts.get_mut(account) else { return Vec::new() };
        let Some(running) = short.running.take_if(|running| running.is_over(now, self.pace)) else { return Vec::new() };
        if !running.brought {
            short.quiet_until = Some(now + self.pace.quiet);
        }
        let parked = std::mem::take(&mut short.parked);
        let (stay, over) = parked.into_iter().partition(|parked| running.brought && !parked.waited_for(running.number));
        short.parked = stay;
        let over: Vec<Final> = over.into_iter().map(|parked| (parked.job, parked.reply)).collect();
        self.left(account, over.iter().map(|(job, _)| job));
        over
    }

    /// Another gateway asks: whether it is time to pass it on.
    pub(super) fn asked_by_others(&mut self, account: &str, now: Instant) -> bool {
        let short = self.accounts.entry(account.to_owned()).or_default();
        if short.asked.is_some_and(|asked| now < asked + self.pace.spacing) {
            return false;
        }
        short.asked = Some(now);
        true
    }

    /// Another gateway waits for `account` too, and goes first.
    pub(super) fn give_way(&mut self, account: &str) {
        if let Some(running) = self.accounts.get_mut(account).and_then(|short| short.running.as_mut()) {
            running.gives_way = running.remote;
        }
    }

    /// Whether the recall of `account` asks other gateways too.
    pub(super) fn is_remote(&self, account: &str) -> bool {
        let running = self.accounts.get(account).and_then(|short| short.running.as_ref());
        running.is_some_and(|running| running.remote)
    }

    /// Whether nothing should be granted ahead in `account`.
    pub(super) fn is_tight(&self, account: &str, now: Instant) -> bool {
        self.accounts.get(account).is_some_and(|short| short.is_tight(now, self.pace))
    }

    /// A newer claim of `lease` takes the place of a parked one, whose refusal is final.
    pub(super) fn supersede(&mut self, lease: &str) -> Option<Final> {
        if !self.leases.remove(lease) {
            return None;
        }
        for name in &self.active {
            let Some(short) = self.accounts.get_mut(name) else { continue };
            if let Some(place) = short.parked.iter().position(|parked| parked.job.claim.lease == lease) {
                let parked = short.parked.remove(place);
                return Some((parked.job, parked.reply));
            }
        }
        None
    }

    /// Everything that waits, refused for good: the store is away.
    pub(super) fn give_up(&mut self) -> Vec<Final> {
        self.active.clear();
        self.leases.clear();
        let shorts = std::mem::take(&mut self.accounts).into_values();
        shorts.flat_map(|short| short.parked).map(|parked| (parked.job, parked.reply)).collect()
    }

    /// When to look again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let times = self.active().filter_map(|(_, short)| match &short.running {
            Some(running) => Some(running.deadline(self.pace)),
            None => short.begins_at(self.pace),
        });
        times.min()
    }

    fn active(&self) -> impl Iterator<Item = (&String, &Short)> {
        self.active.iter().filter_map(|name| Some((name, self.accounts.get(name)?)))
    }

    /// `jobs` of `account` are parked no more.
    fn left<'a>(&mut self, account: &str, jobs: impl IntoIterator<Item = &'a Job>) {
        for job in jobs {
            self.leases.remove(&job.claim.lease);
        }
        let is_idle = |short: &Short| short.parked.is_empty() && short.running.is_none();
        if self.accounts.get(account).is_none_or(is_idle) {
            self.active.remove(account);
        }
    }

    /// Forgets accounts that have not been short for a while.
    pub(super) fn prune(&mut self, now: Instant) {
        self.accounts.retain(|_, short| {
            !short.parked.is_empty()
                || short.is_tight(now, self.pace)
                || short.quiet_until.is_some_and(|until| now < until)
        });
    }
}

impl Parked {
    fn waited_for(&self, recall: u64) -> bool {
        self.job.recall.as_ref().is_some_and(|(account, number)| *account == self.refusal.account && *number == recall)
    }
}

impl Short {
    fn need(&self) -> Option<Need> {
        let most = self.parked.iter().max_by_key(|parked| parked.refusal.held_by_others)?;
        let waiting =
            self.parked.iter().filter_map(|parked| Some((parked.job.session?, parked.job.claim.key_id.clone())));
        Some(Need {
            unit: most.refusal.unit,
            held_by_others: most.refusal.held_by_others,
            lease: most.job.claim.lease.clone(),
            waiting: waiting.collect(),
        })
    }
}

#[cfg(test)]
mod tests;
