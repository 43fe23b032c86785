//! The one front of the ledger's store in this process.
//!
//! Claims that arrive while a step of the store is under way are booked together in the next: under load, a step costs
//! the same for hundreds of claims as for one. All decisions about amounts are made by `ditto_ledger::exchange`, and all
//! decisions about waiting by [`super::recall`]; this is the loop around them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ditto_ledger::{Account, Claim, Reply};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::fail_open::Allowance;
use super::guard::{Guard, STORE_TIMEOUT};
use super::holders::SessionId;
use super::job::{Answer, Job, Told};
use super::options::{Announce, Away, Clock, LedgerOptions, TermsSource};
use super::outbox::Outbox;
use super::queue::Queue;
use super::status::{Counters, LedgerStatus, calls_per_1000};
use super::store::{LedgerStore, StoreError};
use super::{reaper, rounds};

/// A claim that has no answer by then has failed; whether it was booked is not known.
pub(super) const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
/// Accounts that wait to be announced to other gateways. What comes on top is not announced.
const ANNOUNCED_MAX: usize = 1_024;
/// How often a closing desk asks again.
const CLOSE_INTERVAL: Duration = Duration::from_millis(100);

/// The front of a store. One in each process; its tasks end when it is dropped.
pub struct LedgerDesk {
    core: Arc<Core>,
    tasks: Vec<AbortHandle>,
}

/// What the desk's tasks share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) store: Arc<dyn LedgerStore>,
    pub(super) terms: Arc<dyn TermsSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: LedgerOptions,
    pub(super) guard: Guard,
    pub(super) counters: Arc<Counters>,
    queue: Mutex<Queue>,
    /// Rings when there is something to do.
    pub(super) bell: Notify,
    /// Rings after each step.
    settled: Notify,
    announcements: Option<mpsc::Sender<String>>,
}

/// A session's place at the desk.
#[derive(Debug)]
pub(super) struct Seat {
    core: Arc<Core>,
    session: SessionId,
    pub(super) outbox: Arc<Outbox>,
}

/// The worker has another session now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replaced;

impl fmt::Debug for LedgerDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerDesk").field("store", &self.core.store).finish_non_exhaustive()
    }
}

impl Drop for LedgerDesk {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl LedgerDesk {
    /// Opens the desk, on a Tokio runtime. A store that does not answer now is looked after until it does; meanwhile,
    /// claims are turned away.
    pub async fn start(
        store: Arc<dyn LedgerStore>,
        terms: Arc<dyn TermsSource>,
        options: LedgerOptions,
        clock: Arc<dyn Clock>,
        announce: Option<Arc<dyn Announce>>,
    ) -> Arc<Self> {
        let counters = Arc::new(Counters::default());
        let allowance = options.fail_open.map(Allowance::new);
        let (announcements, announced) = mpsc::channel(ANNOUNCED_MAX);
        let core = Arc::new(Core {
            guard: Guard::new(store.clone(), clock.clone(), options.on_loss),
            queue: Mutex::new(Queue::new(allowance, announce.is_some(), counters.clone())),
            announcements: announce.is_some().then_some(announcements),
            bell: Notify::new(),
            settled: Notify::new(),
            store,
            terms,
            clock,
            options,
            counters,
        });
        core.guard.look().await;
        let mut tasks = vec![
            tokio::spawn(rounds::run(core.clone())).abort_handle(),
            tokio::spawn(reaper::run(core.clone())).abort_handle(),
            tokio::spawn(watch(core.clone())).abort_handle(),
        ];
        tasks.extend(announce.map(|announce| tokio::spawn(tell_others(announced, announce)).abort_handle()));
        Arc::new(Self { core, tasks })
    }

    /// Books one claim and grants what it asks for.
    ///
    /// # Errors
    /// It was not booked, or there was no answer in time: it must be repeated.
    pub async fn claim(&self, claim: Claim) -> Answer {
        let (sender, receiver) = oneshot::channel();
        self.core.counters.claims.add(1);
        self.core.queue().push(Job::new(claim, Some(sender)));
        self.core.bell.notify_one();
        answer(receiver, Instant::now() + CLAIM_TIMEOUT).await
    }

    /// A worker's new session; its former one ends.
    pub(super) fn enter(&self, worker: &str) -> Seat {
        let (session, outbox) = self.core.queue().holders.enter(worker);
        Seat { core: self.core.clone(), session, outbox }
    }

    /// Another gateway asks to recall what is idle in `account`. With `goes_first`, it gets what there is if both wait.
    pub fn on_recall(&self, account: &str, goes_first: bool) {
        let mut queue = self.core.queue();
        if goes_first {
            queue.recalls.give_way(account);
            self.core.bell.notify_one();
        }
        if queue.recalls.asked_by_others(account, Instant::now()) {
            queue.holders.ask(account, None, self.core.clock.now_ms(), &Default::default());
        }
    }

    /// Another gateway has made room in `accounts`.
    pub fn on_change(&self, accounts: &[String]) {
        self.core.came_back(&accounts.iter().cloned().collect());
    }

    /// Room may have been made in any account: word of it may have been missed.
    pub fn on_any_change(&self) {
        self.core.queue().try_again();
        self.core.bell.notify_one();
    }

    /// For readiness: whether budgets can be kept now.
    ///
    /// # Errors
    /// They cannot; the text says why, for the log.
    pub async fn check(&self) -> Result<(), String> {
        if let (_, Some(reason), ..) = self.core.guard.show() {
            return Err(reason);
        }
        match tokio::time::timeout(STORE_TIMEOUT, self.core.store.check()).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", STORE_TIMEOUT.as_secs())),
        }
    }

    /// An operator's word: the store has lost its past, and what it holds now is right. What workers still know of
    /// their leases is booked again; all else that was lost can be spent a second time.
    ///
    /// # Errors
    /// The store does not answer, or has lost nothing.
    pub async fn accept_loss(&self) -> Result<(), String> {
        self.core.guard.accept_loss().await?;
        self.core.bell.notify_one();
        Ok(())
    }

    /// Has workers hand back everything that no request has reserved, until none of their leases holds anything, or
    /// `within` is over. From now on nothing is granted ahead.
    pub async fn close(&self, within: Duration) {
        self.core.queue().closing = true;
        let all_back = async {
            loop {
                let settled = self.core.settled.notified();
                if !self.core.queue().holders.ask_all(self.core.clock.now_ms()) {
                    return;
                }
                let _ = tokio::time::timeout(CLOSE_INTERVAL, settled).await;
            }
        };
        if tokio::time::timeout(within, all_back).await.is_err() {
            let leases = self.core.queue().holders.leases();
            tracing::warn!(leases, "some leases still hold something; they end by expiry");
        }
    }

    /// One account, as it is stored: its window is that of its last change.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let accounts = self.core.store.read_accounts(&[name.to_owned()]).await?;
        Ok(accounts.into_iter().next().flatten())
    }

    /// Up to `limit` accounts whose names begin with `prefix`, sorted, those that follow `after` if it is given.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Account)>, StoreError> {
        self.core.store.list_accounts(prefix, after, limit).await
    }

    /// The desk as it is now.
    pub fn status(&self) -> LedgerStatus {
        let (state, reason, epoch, revision) = self.core.guard.show();
        let counters = self.core.counters.read();
        let queue = self.core.queue();
        LedgerStatus {
            store: self.core.store.name(),
            durable: self.core.store.is_durable(),
            epoch,
            revision,
            state,
            reason,
            sessions: queue.holders.sessions(),
            leases: queue.holders.leases(),
            calls_per_1000_requests: calls_per_1000(&counters),
            fail_open_left: queue.allowance.as_ref().map(Allowance::left),
            counters,
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Core {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is more room in `accounts`.
    pub(super) fn came_back(&self, accounts: &BTreeSet<String>) {
        self.queue().came_back(accounts);
        self.bell.notify_one();
    }

    /// Asks other gateways. What does not fit is not asked for: its claims wait as long, and are refused.
    pub(super) fn announce(&self, accounts: Vec<String>) {
        let Some(announcements) = &self.announcements else { return };
        for account in accounts {
            let _ = announcements.try_send(account);
        }
    }

    /// A step is done.
    pub(super) fn settled(&self) {
        self.settled.notify_waiters();
    }
}

impl Seat {
    /// Takes a message's claims in, in the order of messages. `recalled` is the latest recall that the message answers.
    pub(super) fn submit(&self, claims: Vec<Claim>, recalled: u64) -> Result<Vec<Waiting>, Replaced> {
        let mut queue = self.core.queue();
        // Under the same lock as the entering of another session: nothing of this one comes after anything of that.
        if !queue.holders.is_current(self.session) {
            return Err(Replaced);
        }
        let told = Arc::new(Told { session: self.session, recalled, left: AtomicUsize::new(claims.len()) });
        if claims.is_empty() {
            queue.answered(&told);
        } else {
            self.core.counters.calls.add(1);
            self.core.counters.claims.add(claims.len() as u64);
        }
        let deadline = Instant::now() + CLAIM_TIMEOUT;
        let waiting = claims.into_iter().map(|claim| {
            let (sender, receiver) = oneshot::channel();
            let lease = claim.lease.clone();
            let job = Job::new(claim, Some(sender));
            queue.push(Job { session: Some(self.session), told: Some(told.clone()), ..job });
            Waiting { lease, receiver, deadline }
        });
        let waiting = waiting.collect();
        self.core.bell.notify_one();
        Ok(waiting)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.core.queue().leave(self.session);
        self.core.bell.notify_one();
    }
}

/// A claim of a session that has no answer yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) lease: String,
    receiver: oneshot::Receiver<Answer>,
    deadline: Instant,
}

impl Waiting {
    /// The answer, after [`CLAIM_TIMEOUT`] at the latest.
    pub(super) async fn answer(self) -> (String, Answer) {
        (self.lease, answer(self.receiver, self.deadline).await)
    }
}

async fn answer(receiver: oneshot::Receiver<Answer>, deadline: Instant) -> Result<Reply, Away> {
    match tokio::time::timeout_at(deadline, receiver).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Away("the ledger is closed".into())),
        Err(_) => Err(Away("the ledger did not answer in time".into())),
    }
}

/// Looks after the store.
async fn watch(core: Arc<Core>) {
    core.guard.watch(|| core.bell.notify_one()).await;
}

/// Passes recalls on to other gateways, one after the other.
async fn tell_others(mut accounts: mpsc::Receiver<String>, announce: Arc<dyn Announce>) {
    while let Some(account) = accounts.recv().await {
        if tokio::time::timeout(STORE_TIMEOUT, announce.recall(&account)).await.is_err() {
            tracing::debug!("a recall was not announced in time");
        }
    }
}
