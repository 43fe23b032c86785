//! Claims between their arrival and their answer: what goes into the next step, and what follows from the last one.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use ditto_ledger::{Claim, Reply};
use tokio::time::Instant;

use super::batch::{Applied, Booked};
use super::fail_open::Allowance;
use super::holders::{Holders, Holding, SessionId};
use super::job::{Job, Told};
use super::options::Away;
use super::recall::Recalls;
use super::status::Counters;

/// Claims that wait at a time; what comes on top is turned away.
const PENDING_MAX: usize = 16_384;
/// Claims in one step.
pub(super) const ROUND_MAX: usize = 256;

/// Everything about claims that one lock guards.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) pending: VecDeque<Job>,
    pub(super) holders: Holders,
    pub(super) recalls: Recalls,
    pub(super) allowance: Option<Allowance>,
    /// Nothing is granted ahead: the gateway is about to stop.
    pub(super) closing: bool,
    /// Whether other gateways can be asked.
    has_others: bool,
    counters: Arc<Counters>,
}

impl Queue {
    pub(super) fn new(allowance: Option<Allowance>, has_others: bool, counters: Arc<Counters>) -> Self {
        Self {
            pending: VecDeque::new(),
            holders: Holders::default(),
            recalls: Recalls::default(),
            allowance,
            closing: false,
            has_others,
            counters,
        }
    }

    /// Takes a claim in.
    pub(super) fn push(&mut self, job: Job) {
        // In the order of their arrival: tried again later, the older one could bring back a lease that is over.
        if let Some((job, reply)) = self.recalls.supersede(&job.claim.lease) {
            self.refuse(job, reply);
        }
        if self.pending.len() >= PENDING_MAX {
            job.answer(Err(Away("too many claims wait for the ledger".into())));
            return;
        }
        self.pending.push_back(job);
    }

    /// The claims of the next step: each lease at most once, claims of one lease in their order.
    pub(super) fn next_round(&mut self) -> Vec<Job> {
        let mut round: Vec<Job> = Vec::new();
        let mut leases = HashSet::new();
        let mut later = Vec::new();
        while round.len() < ROUND_MAX && later.len() < ROUND_MAX {
            let Some(job) = self.pending.pop_front() else { break };
            if job.alone && !round.is_empty() {
                self.pending.push_front(job);
                break;
            }
            if !leases.insert(job.claim.lease.clone()) {
                later.push(job);
                continue;
            }
            let alone = job.alone;
            round.push(job);
            if alone {
                break;
            }
        }
        while let Some(job) = later.pop() {
            self.pending.push_front(job);
        }
        round
    }

    /// A step is done: remembers who holds what, answers what can be answered and parks the rest. Returns accounts that
    /// other gateways should be asked about.
    pub(super) fn settle(&mut self, round: Vec<Job>, applied: Applied, now_ms: u64, now: Instant) -> Vec<String> {
        let mut refused = Vec::new();
        let mut told = Vec::new();
        for (mut job, booked) in round.into_iter().zip(applied.booked) {
            self.note(&job, &booked);
            told.extend(job.told.take().filter(|told| told.booked()));
            if booked.reply.refusal.is_some() && job.is_awaited() {
                refused.push((job, booked.reply));
            } else {
                job.answer(Ok(booked.reply));
            }
        }
        for (job, reply) in refused {
            if let Some((job, reply)) = self.recalls.park(job, reply, now) {
                self.refuse(job, reply);
            }
        }
        self.came_back(&applied.lowered);
        let announcements = self.begin_recalls(now_ms, now);
        for told in told {
            self.answered(&told);
        }
        self.finish_recalls(now_ms, now);
        announcements
    }

    fn note(&mut self, job: &Job, booked: &Booked) {
        self.counters.requests.add(booked.requests);
        if let Some(session) = job.session {
            let (accounts, hold, minute) = (&booked.accounts, booked.hold, booked.reply.minute);
            let (lease, key) = (&job.claim.lease, &job.claim.key_id);
            self.recalls.heard(accounts, session, key);
            self.holders.note(session, &Holding { lease, key, accounts, hold, minute });
        }
    }

    /// There is more room in `accounts`.
    pub(super) fn came_back(&mut self, accounts: &BTreeSet<String>) {
        for account in accounts {
            for job in self.recalls.came_back(account).into_iter().rev() {
                self.pending.push_front(job);
            }
        }
    }

    /// There may be more room anywhere.
    pub(super) fn try_again(&mut self) {
        for job in self.recalls.try_again().into_iter().rev() {
            self.pending.push_front(job);
        }
    }

    /// Begins the recalls that are due. Returns accounts that other gateways should be asked about.
    pub(super) fn begin_recalls(&mut self, now_ms: u64, now: Instant) -> Vec<String> {
        let mut announcements = Vec::new();
        for (account, need) in self.recalls.to_begin(now) {
            let held = self.holders.held(&account, need.unit, now_ms, &need.lease);
            let remote = self.has_others && need.held_by_others > held;
            let asked = self.holders.ask(&account, Some(need.unit), now_ms, &need.waiting);
            self.counters.recalls.add(1);
            self.recalls.begin(&account, asked, remote, now);
            if remote {
                announcements.push(account);
            }
        }
        announcements
    }

    /// Ends the recalls that are over.
    pub(super) fn finish_recalls(&mut self, now_ms: u64, now: Instant) {
        for account in self.recalls.to_finish(now) {
            let holders = &self.holders;
            let holds = |session, key: &str, unit| holders.held_by(&account, unit, now_ms, session, key);
            let Some((job, reply)) = self.recalls.sacrifice(&account, now, holds) else {
                let remote = self.recalls.is_remote(&account);
                for (job, reply) in self.recalls.finish(&account, now) {
                    // What it holds was of no use to it; a claim of another gateway may wait for that.
                    if let Some(session) = job.session.filter(|_| remote) {
                        self.holders.ask_one(session, &job.claim.key_id);
                    }
                    self.refuse(job, reply);
                }
                continue;
            };
            let asked =
                job.session.and_then(|session| Some((session, self.holders.ask_one(session, &job.claim.key_id)?)));
            self.refuse(job, reply);
            if let Some((session, asked)) = asked {
                self.recalls.wait_for(&account, session, asked);
            }
        }
    }

    /// A worker has done its recalls.
    pub(super) fn answered(&mut self, told: &Told) {
        self.recalls.answered(told.session, told.recalled);
    }

    /// A session is over.
    pub(super) fn leave(&mut self, session: SessionId) {
        self.holders.leave(session);
        self.recalls.gone(session);
    }

    /// Whether a claim on `accounts` gets what it needs and no more.
    pub(super) fn is_exact<'a>(&self, mut accounts: impl Iterator<Item = &'a String>, now: Instant) -> bool {
        self.closing || accounts.any(|account| self.recalls.is_tight(account, now))
    }

    /// Answers everything that waits without the store: by the allowance, if there is one and `may_grant` agrees, or with
    /// `why`.
    pub(super) fn turn_away(&mut self, why: &str, now_ms: u64, may_grant: impl Fn(&Claim) -> bool) {
        for (job, reply) in self.recalls.give_up() {
            self.refuse(job, reply);
        }
        for job in std::mem::take(&mut self.pending) {
            let allowance = self.allowance.as_mut().filter(|_| job.is_awaited() && may_grant(&job.claim));
            let answer = allowance.and_then(|allowance| allowance.grant(&job.claim, now_ms));
            match answer {
                Some(reply) => {
                    self.counters.failed_open.add(1);
                    job.answer(Ok(reply));
                }
                None => {
                    self.counters.unavailable.add(1);
                    job.answer(Err(Away(why.to_owned())));
                }
            }
        }
    }

    /// What was granted without the store is booked before anything else.
    pub(super) fn replay(&mut self) {
        let claims = self.allowance.as_mut().map(Allowance::take_book).unwrap_or_default();
        for claim in claims {
            self.pending.push_front(Job::new(claim, None));
        }
    }

    fn refuse(&mut self, job: Job, reply: Reply) {
        if let Some(refusal) = &reply.refusal {
            self.counters.refused(refusal.unit);
        }
        job.answer(Ok(reply));
    }
}

/// Puts claims back that were in a failed step, each to be tried alone.
pub(super) fn alone(queue: &mut Queue, round: Vec<Job>) {
    for mut job in round.into_iter().rev() {
        job.alone = true;
        queue.pending.push_front(job);
    }
}

#[cfg(test)]
mod tests;
