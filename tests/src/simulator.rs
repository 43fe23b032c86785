//! A provider that speaks many dialects, remembers what it was asked, and fails on request.
//!
//! A [`Simulator`] runs on threads of its own, so it keeps answering while a test blocks, and several of them can
//! run in one process. What it says is computed from what it was asked (see [`mind`]); how it says it can be
//! spoiled by a [`Fault`], from the test or from the `x-simulator-fault` request header.

mod anthropic;
mod azure;
mod bedrock;
mod book;
mod call;
mod cohere;
mod control;
mod dialect;
mod fault;
mod fields;
mod gemini;
mod google_error;
mod manner;
pub mod mind;
mod oauth;
pub mod openai;
mod plan;
mod progress;
mod record;
mod recorder;
mod reply;
mod server;
mod shape;
mod sigv4;
pub mod tokens;
mod vertex;
mod zhipu;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

pub use book::{Delivery, Totals};
pub use fault::{Cut, Fault, FaultSyntaxError, StreamError};
pub use manner::Manner;
pub use oauth::{OAuthConfig, ServiceAccount};
pub use record::{Outcome, RecordedRequest};
pub use sigv4::AwsCredentials;

use mind::Script;
use oauth::TokenStore;
use openai::files::FileStore;
use openai::stored::ResponseStore;
use plan::FaultPlan;
use recorder::Recorder;

/// How one simulator behaves.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Said in replies and in the `x-simulator` response header, to tell several simulators apart.
    pub name: String,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key every request must carry, in the header of its dialect; `None` accepts all.
    pub api_key: Option<String>,
    /// Whose signatures Bedrock's paths take; `None` takes all requests that `api_key` allows.
    pub aws: Option<AwsCredentials>,
    /// Who gets access tokens. With it, Vertex's paths take such a token or `api_key`; without, what `api_key` allows.
    pub oauth: Option<OAuthConfig>,
    /// What `GET /v1/models` lists.
    pub models: Vec<String>,
    /// Refuse models that are not listed, as OpenAI does. Off, any name is served.
    pub strict_models: bool,
    /// Ignore fields of an OpenAI request that OpenAI does not know, as many compatible providers do.
    pub open_fields: bool,
    /// Whether `/v1/responses` exists; without it the path answers 404, as many compatible providers do.
    pub responses_api: bool,
    /// Whether `/__simulator/…` shows what was received. Requests carry secrets: off for anything but tests.
    pub control_endpoints: bool,
    /// Threads that serve requests. One is enough except under load.
    pub worker_threads: usize,
    /// What the model says, where a test decides it; see [`mind`].
    pub script: Option<Script>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            name: "simulator".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: None,
            aws: None,
            oauth: None,
            models: [
                "gpt-4o-mini",
                "gpt-4.1",
                "gpt-3.5-turbo-instruct",
                "text-embedding-3-small",
                "whisper-1",
                "tts-1",
            ]
            .map(str::to_owned)
            .to_vec(),
            strict_models: false,
            open_fields: false,
            responses_api: true,
            control_endpoints: true,
            worker_threads: 1,
            script: None,
        }
    }
}

/// What all connections of one simulator share.
#[derive(Debug)]
pub(crate) struct State {
    config: SimulatorConfig,
    recorder: Recorder,
    plan: FaultPlan,
    files: FileStore,
    tokens: TokenStore,
    responses: ResponseStore,
    connections: AtomicU64,
}

/// A running simulator. It stops when dropped.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Starts one with the default configuration.
    ///
    /// # Panics
    /// When no port can be opened.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(SimulatorConfig::default()).expect("a simulator starts on a free port")
    }

    /// Starts one with the default configuration and a name.
    ///
    /// # Panics
    /// When no port can be opened.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let config = SimulatorConfig { name: name.to_owned(), ..SimulatorConfig::default() };
        Self::start_with(config).expect("a simulator starts on a free port")
    }

    /// Starts one; the port is open when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start_with(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(config.worker_threads.max(1))
            .thread_name(format!("simulator-{}", config.name))
            .enable_all()
            .build()?;
        let state = Arc::new(State {
            config,
            recorder: Recorder::default(),
            plan: FaultPlan::default(),
            files: FileStore::default(),
            tokens: TokenStore::default(),
            responses: ResponseStore::default(),
            connections: AtomicU64::new(0),
        });
        runtime.spawn(server::accept(listener, Arc::clone(&state)));
        Ok(Self { state, address, runtime: Some(runtime) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `base_url` of a backend: `http://127.0.0.1:<port>/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What was received so far, in order of arrival. The oldest are forgotten beyond a bound.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state.recorder.requests()
    }

    /// What was received for one path (without query), in order of arrival.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.path() == path).collect()
    }

    /// The request received last.
    ///
    /// # Panics
    /// When nothing was received.
    #[must_use]
    pub fn last_request(&self) -> RecordedRequest {
        self.requests().pop().unwrap_or_else(|| panic!("{} received no request", self.state.config.name))
    }

    /// What was delivered for each request, in order of arrival. The oldest that ended are forgotten beyond a bound.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.recorder.deliveries()
    }

    /// The sum of what was delivered, for every request there was.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.state.recorder.totals()
    }

    /// The sums for each [`Delivery::tag`]. Requests without one count in [`Simulator::totals`] only.
    #[must_use]
    pub fn totals_by_tag(&self) -> BTreeMap<String, Totals> {
        self.state.recorder.totals_by_tag()
    }

    /// Forgets what was delivered; what is under way will count.
    pub fn forget_deliveries(&self) {
        self.state.recorder.clear_deliveries();
    }

    /// Counts the requests that have `text` in them from now on, such as a token that is to stay behind the gateway.
    pub fn forbid(&self, text: &str) {
        self.state.recorder.forbid(text);
    }

    /// How many requests had a text in them that was [forbidden](Simulator::forbid).
    #[must_use]
    pub fn leaks(&self) -> u64 {
        self.state.recorder.leaks()
    }

    /// Ends the life of every access token that was issued.
    pub fn expire_tokens(&self) {
        self.state.tokens.expire();
    }

    /// Forgets what was received.
    pub fn forget_requests(&self) {
        self.state.recorder.clear();
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Spoils the next `count` requests, whatever their path.
    pub fn fault_next(&self, count: u64, fault: Fault) {
        self.state.plan.add(None, Some(count), fault);
    }

    /// Spoils every request to `path` until [`Simulator::clear_faults`]. A trailing `*` matches any rest.
    pub fn fault_on(&self, path: &str, fault: Fault) {
        self.state.plan.add(Some(path), None, fault);
    }

    /// Spoils the next `count` requests to `path`. A trailing `*` matches any rest.
    pub fn fault_next_on(&self, path: &str, count: u64, fault: Fault) {
        self.state.plan.add(Some(path), Some(count), fault);
    }

    /// Spoils every request until [`Simulator::clear_faults`].
    pub fn fault_always(&self, fault: Fault) {
        self.state.plan.add(None, None, fault);
    }

    /// Back to good behaviour.
    pub fn clear_faults(&self) {
        self.state.plan.clear();
    }

    /// Closes the port and every connection, and returns when they are closed.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // A runtime must not be waited for on a thread that belongs to another one, and tests run on such threads.
        let closer = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)));
        if closer.join().is_err() {
            eprintln!("simulator {} did not shut down cleanly", self.state.config.name);
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shut_down();
    }
}
