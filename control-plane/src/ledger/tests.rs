//! The desk behind a real gRPC server, with workers that speak to it over sockets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ditto_ledger::{Account, Amounts, Lease, Limits, MINUTE_MS, Terms};
use ditto_proto::ledger as wire;
use ditto_proto::ledger::lease_ledger_client::LeaseLedgerClient;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Status, Streaming};

use super::desk::LedgerDesk;
use super::options::{Announce, Clock, LedgerOptions, TermsSource};
use super::recall::Pace;
use super::session::LeaseService;
use super::store::{Apply, Identity, Keys, LedgerStore, MemoryStore, StoreError};

mod expiry;
mod outages;
mod recalls;
mod redis;
mod sessions;

/// A time in the middle of a minute.
const NOW: u64 = 1_000 * MINUTE_MS + 20_000;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct TestClock(AtomicU64);

impl TestClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct TestTerms(Mutex<HashMap<String, Terms>>);

impl TestTerms {
    /// A key with a budget of its own and one of its tenant, in tokens.
    fn set(&self, key: &str, own: Option<u64>, tenant: Option<u64>) {
        let limits = |tokens| Limits { tokens, ..Limits::default() };
        let accounts = vec![(format!("key:{key}"), limits(own)), ("tenant:t".to_owned(), limits(tenant))];
        self.0.lock().unwrap().insert(key.to_owned(), Terms { accounts });
    }
}

impl TermsSource for TestTerms {
    fn terms(&self, key_id: &str) -> Option<Terms> {
        self.0.lock().unwrap().get(key_id).cloned()
    }
}

/// A store in memory that can be away, hang, or lose its books.
#[derive(Debug)]
struct TestStore {
    books: Mutex<Arc<MemoryStore>>,
    known: Mutex<Option<String>>,
    away: AtomicBool,
    hangs: AtomicBool,
    looks: AtomicU64,
    steps: AtomicU64,
    poisoned: Mutex<Option<String>>,
}

impl Default for TestStore {
    fn default() -> Self {
        Self {
            books: Mutex::new(Arc::new(MemoryStore::default())),
            known: Mutex::default(),
            away: AtomicBool::default(),
            hangs: AtomicBool::default(),
            looks: AtomicU64::default(),
            steps: AtomicU64::default(),
            poisoned: Mutex::default(),
        }
    }
}

impl TestStore {
    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn lose_everything(&self) {
        *self.books.lock().unwrap() = Arc::new(MemoryStore::default());
    }

    fn restore(&self, books: Arc<MemoryStore>) {
        *self.books.lock().unwrap() = books;
    }

    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Never returns while the store hangs.
    async fn answers(&self) {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    fn books(&self) -> Result<Arc<MemoryStore>, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable { doing: "test", source: "the store is unplugged".into() });
        }
        Ok(self.books.lock().unwrap().clone())
    }
}

#[async_trait]
impl LedgerStore for TestStore {
    fn name(&self) -> &'static str {
        "store.test"
    }

    fn is_durable(&self) -> bool {
        false
    }

    async fn identity(&self) -> Result<Identity, StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.answers().await;
        let identity = self.books()?.identity().await?;
        let mut known = self.known.lock().unwrap();
        if let Some(known) = &*known
            && *known != identity.epoch
        {
            return Err(StoreError::EpochChanged { expected: known.clone(), found: Some(identity.epoch) });
        }
        *known = Some(identity.epoch.clone());
        Ok(identity)
    }

    fn accept_loss(&self) {
        *self.known.lock().unwrap() = None;
    }

    async fn transact(&self, epoch: &str, keys: Keys, apply: &mut Apply<'_>) -> Result<u64, StoreError> {
        self.steps.fetch_add(1, Ordering::SeqCst);
        self.answers().await;
        let poisoned = self.poisoned.lock().unwrap().clone();
        if poisoned.is_some_and(|lease| keys.leases.contains(&lease)) {
            return Err(StoreError::Unusable("a row makes no sense".into()));
        }
        self.books()?.transact(epoch, keys, apply).await
    }

    async fn read_accounts(&self, names: &[String]) -> Result<Vec<Option<Account>>, StoreError> {
        self.books()?.read_accounts(names).await
    }

    async fn list_accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Account)>, StoreError> {
        self.books()?.list_accounts(prefix, after, limit).await
    }

    async fn due_leases(&self, until_ms: u64, limit: usize) -> Result<Vec<String>, StoreError> {
        self.books()?.due_leases(until_ms, limit).await
    }

    async fn old_leases(&self, renewed_before_ms: u64, limit: usize) -> Result<Vec<(String, Lease)>, StoreError> {
        self.books()?.old_leases(renewed_before_ms, limit).await
    }

    async fn count_leases(&self) -> Result<usize, StoreError> {
        self.books()?.count_leases().await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let found = self.books()?.identity().await?.epoch;
        match self.known.lock().unwrap().clone() {
            Some(expected) if expected != found => Err(StoreError::EpochChanged { expected, found: Some(found) }),
            _ => Ok(()),
        }
    }
}

/// A gateway: its desk, served.
struct Fixture<S = TestStore> {
    desk: Arc<LedgerDesk>,
    store: Arc<S>,
    terms: Arc<TestTerms>,
    clock: Arc<TestClock>,
    address: String,
    closing: watch::Sender<bool>,
}

async fn fixture(options: LedgerOptions) -> Fixture {
    gateway(options, Arc::new(TestStore::default()), None).await
}

async fn gateway<S: LedgerStore + 'static>(
    options: LedgerOptions,
    store: Arc<S>,
    announce: Option<Arc<dyn Announce>>,
) -> Fixture<S> {
    let terms = Arc::new(TestTerms::default());
    let clock = Arc::new(TestClock(AtomicU64::new(NOW)));
    let desk = LedgerDesk::start(store.clone(), terms.clone(), options, clock.clone(), announce).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (closing, closed) = watch::channel(false);
    let service = LeaseService::new(desk.clone(), closed).into_server();
    let server = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Fixture { desk, store, terms, clock, address, closing }
}

impl<S> Fixture<S> {
    async fn worker(&self, name: &str) -> Worker {
        let mut client = LeaseLedgerClient::new(
            tonic::transport::Endpoint::from_shared(self.address.clone()).unwrap().connect().await.unwrap(),
        );
        let (outgoing, messages) = mpsc::channel(256);
        let incoming = client.session(ReceiverStream::new(messages)).await.unwrap().into_inner();
        let mut worker =
            Worker { name: name.into(), outgoing, incoming, sequence: 0, recalls: Vec::new(), recalled: 0 };
        worker.send(Vec::new()).await;
        assert_eq!(worker.message().await.sequence, 1);
        worker
    }

    /// Recalls end by answers and not by time, however slow the machine is.
    fn be_patient(&self) {
        let hour = Duration::from_secs(3_600);
        self.desk.core().queue().recalls.pace = Pace { wait: hour, quiet: hour, tight: hour, ..Pace::default() };
    }

    /// What is spent and held of tokens.
    async fn tokens(&self, account: &str) -> (u64, u64) {
        let account = self.desk.account(account).await.unwrap().unwrap_or_default();
        (account.spent.tokens, account.held.tokens)
    }
}

/// A worker's end of a session.
struct Worker {
    name: String,
    outgoing: mpsc::Sender<wire::WorkerMessage>,
    incoming: Streaming<wire::LedgerMessage>,
    sequence: u64,
    /// Keys that came with recalls.
    recalls: Vec<String>,
    /// The latest recall.
    recalled: u64,
}

impl Worker {
    async fn send(&mut self, claims: Vec<wire::Claim>) -> u64 {
        self.sequence += 1;
        let message = wire::WorkerMessage {
            node: "node".into(),
            worker: self.name.clone(),
            sequence: self.sequence,
            claims,
            recalled: self.recalled,
        };
        self.outgoing.send(message).await.unwrap();
        self.sequence
    }

    async fn next(&mut self) -> Result<Option<wire::LedgerMessage>, Status> {
        tokio::time::timeout(PATIENCE, self.incoming.message()).await.expect("a message in time")
    }

    /// The next message; remembers recalls.
    async fn message(&mut self) -> wire::LedgerMessage {
        let message = self.next().await.unwrap().expect("the session goes on");
        self.recalls.extend(message.recalls.iter().cloned());
        self.recalled = self.recalled.max(message.recall);
        message
    }

    /// Waits for a recall; returns its keys.
    async fn recall(&mut self) -> Vec<String> {
        while self.recalls.is_empty() {
            self.message().await;
        }
        std::mem::take(&mut self.recalls)
    }

    async fn reply(&mut self) -> wire::Reply {
        loop {
            if let Some(reply) = self.message().await.replies.into_iter().next() {
                return reply;
            }
        }
    }

    /// Says one claim and waits for what is said to it.
    async fn say(&mut self, claim: wire::Claim) -> wire::Reply {
        self.send(vec![claim]).await;
        self.reply().await
    }

    fn claim(&self, number: u64, key: &str) -> wire::Claim {
        wire::Claim { lease: format!("{}/{number}", self.name), key_id: key.into(), ..wire::Claim::default() }
    }

    /// Asks for tokens on its first lease, of which it says that it was granted and has spent so much.
    fn ask(&self, key: &str, granted: u64, spent: u64, need: u64) -> wire::Claim {
        wire::Claim {
            granted: tokens(granted),
            spent: tokens(spent),
            want: tokens(need),
            least: tokens(need),
            ..self.claim(1, key)
        }
    }

    /// Hands back all that is not spent.
    fn hand_back(&self, key: &str, granted: u64, spent: u64) -> wire::Claim {
        wire::Claim { returned: tokens(granted - spent), ..self.ask(key, granted, spent, 0) }
    }
}

#[allow(clippy::unnecessary_wraps)] // as the messages have it
fn tokens(tokens: u64) -> Option<wire::Amounts> {
    Some((&Amounts { tokens, ..Amounts::default() }).into())
}

fn granted(reply: &wire::Reply) -> u64 {
    assert_eq!((reply.unavailable.as_str(), &reply.refusal), ("", &None));
    assert_eq!(reply.state(), wire::State::Open);
    reply.granted.map_or(0, |granted| granted.tokens)
}

/// Waits until `condition` holds.
async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.expect("it becomes true in time");
}
