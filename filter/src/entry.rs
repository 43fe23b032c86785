//! proxy-wasm's side: contexts, callbacks, and the stream to the control plane. No decisions are made here.
//!
//! The module serves as two plugins of one VM. The gateway plugin's configuration is a [`FilterConfig`]; its root
//! context keeps the stream. The backend plugin's configuration is empty. A third plugin, of a cluster that no request
//! goes to, brings a new module into every worker before it is needed: see [`WARMING`].

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use ditto_policy::filter_config::{FilterConfig, SCHEMA, WARMING};
use ditto_policy::routing::Router;
use ditto_proto::sync::Update;
use prost::Message;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::abi::Envoy;
use crate::backend_stage::BackendStage;
use crate::gateway_stage::{GatewayStage, Waiting};
use crate::host::{Flow, Host};
use crate::worker::Worker;

mod hold;
mod ledger;
mod outcomes;

/// Envoy's cluster of the control plane.
const CONTROL_CLUSTER: &str = "ditto-control-plane";
/// The first wait before the stream is opened again; it doubles up to the longest.
const RECONNECT_MS_MIN: u64 = 50;
/// See [`RECONNECT_MS_MIN`].
const RECONNECT_MS_MAX: u64 = 2_000;
/// How often the newest gateway plugin looks at what time alone decides.
const TICK_MS: u64 = 50;

/// What a control plane looks for before it hands this module out: the schema of the configuration that it reads.
#[used]
#[unsafe(link_section = "ditto.filter_config")]
#[allow(unsafe_code)]
static READS: [u8; 4] = SCHEMA.to_le_bytes();

thread_local! {
    static WORKER: Rc<Worker> = Rc::new(Worker::new(random()));
    /// The token of the stream that may change the worker's knowledge: that of the newest gateway plugin.
    static STREAM: RefCell<Option<u32>> = const { RefCell::new(None) };
    /// How many gateway plugins there have been; see [`Root::generation`].
    static GENERATIONS: Cell<u64> = const { Cell::new(0) };
}

#[unsafe(no_mangle)]
#[allow(unsafe_code, unreachable_pub)]
pub extern "C" fn _initialize() {
    std::panic::set_hook(Box::new(|panic| {
        // The message could hold request data, so only the place is told.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = hostcalls::log(LogLevel::Critical, &format!("panic at {place}"));
    }));
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context| Box::new(Root { context, ..Root::default() }));
}

/// The host's randomness seeds every `RandomState`.
fn random() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(0_u8));
    half() << 64 | half()
}

/// The root context of either plugin; which one, its configuration says.
#[derive(Default)]
struct Root {
    context: u32,
    router: Option<Rc<Router>>,
    /// Whether it keeps the stream only until there is a gateway plugin.
    is_warming: bool,
    /// A plugin that a newer one has replaced lives on until its last request ends. It must not take the stream back.
    generation: u64,
    node: Rc<str>,
    stream: Option<u32>,
    reconnect_ms: u64,
    /// The earliest time for another try, of both streams.
    reconnect_at_ms: u64,
    session: Option<u32>,
}

impl Root {
    fn is_newest(&self) -> bool {
        self.generation == GENERATIONS.get()
    }

    /// Opens the stream, from where this worker stands.
    fn open_stream(&mut self) {
        let request = WORKER.with(|worker| worker.knowledge.borrow().watch_request(self.node.to_string()));
        let opened = hostcalls::open_grpc_stream(CONTROL_CLUSTER, "ditto.sync.v1.PolicySync", "Watch", Vec::new());
        let Ok(token) = opened else { return self.reconnect_later() };
        self.stream = Some(token);
        STREAM.set(Some(token));
        if hostcalls::send_grpc_stream_message(token, Some(&request.encode_to_vec()), true).is_err() {
            self.reconnect_later();
        }
    }

    /// Opens the session with the ledger.
    fn open_session(&mut self) {
        let opened = hostcalls::open_grpc_stream(CONTROL_CLUSTER, "ditto.ledger.v1.LeaseLedger", "Session", Vec::new());
        match opened {
            Ok(token) => {
                self.session = Some(token);
                ledger::opened(token, self.context);
            }
            Err(_) => self.pause(),
        }
    }

    fn reconnect_later(&mut self) {
        self.stream = None;
        if self.is_newest() {
            WORKER.with(|worker| worker.knowledge.borrow_mut().disconnected());
            self.pause();
        }
    }

    /// Has the next try wait, each time longer.
    fn pause(&mut self) {
        self.reconnect_ms = self.reconnect_ms.saturating_mul(2).clamp(RECONNECT_MS_MIN, RECONNECT_MS_MAX);
        // A quarter of jitter, so that workers do not return together.
        let jitter = RandomState::new().hash_one(1_u8) % (self.reconnect_ms / 4).max(1);
        self.reconnect_at_ms = Envoy.now_ms().saturating_add(self.reconnect_ms).saturating_add(jitter);
    }

    fn configure(&mut self) -> Result<(), String> {
        let bytes = hostcalls::get_buffer(proxy_wasm::types::BufferType::PluginConfiguration, 0, usize::MAX);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        hold::configured();
        if bytes == WARMING.as_bytes() {
            self.warm();
            return Ok(());
        }
        let config: FilterConfig = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        self.router = Some(Rc::new(Router::compile(config).map_err(|error| error.to_string())?));
        self.node = node();
        self.generation = GENERATIONS.get().wrapping_add(1);
        GENERATIONS.set(self.generation);
        self.open_stream();
        self.open_session();
        let _ = hostcalls::set_tick_period(Duration::from_millis(TICK_MS));
        Ok(())
    }

    /// Hears what a gateway plugin will have to know, unless there is one in this VM.
    fn warm(&mut self) {
        if GENERATIONS.get() > 0 {
            return;
        }
        self.is_warming = true;
        self.node = node();
        self.open_stream();
        let _ = hostcalls::set_tick_period(Duration::from_millis(TICK_MS));
    }

    /// Keeps the stream open, or ends it where a gateway plugin has one.
    fn tick_warming(&mut self) {
        if GENERATIONS.get() > 0 {
            self.is_warming = false;
            if let Some(token) = self.stream.take() {
                let _ = hostcalls::cancel_grpc_stream(token);
            }
            let _ = hostcalls::set_tick_period(Duration::ZERO);
        } else if self.stream.is_none() && Envoy.now_ms() >= self.reconnect_at_ms {
            self.open_stream();
        }
    }
}

fn node() -> Rc<str> {
    let node = Envoy.property(&["xds", "node", "id"]).unwrap_or_default();
    String::from_utf8_lossy(&node).into()
}

impl Context for Root {
    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        let is_session = ledger::session() == Some(token);
        if !is_session && STREAM.with_borrow(|stream| *stream != Some(token)) {
            return;
        }
        let message = hostcalls::get_buffer(proxy_wasm::types::BufferType::GrpcReceiveBuffer, 0, size);
        let bytes = message.ok().flatten().unwrap_or_default();
        if is_session {
            return ledger::heard(&bytes, &self.node, self.context);
        }
        let Ok(update) = Update::decode(bytes.as_slice()) else {
            Envoy.warn("a message of the control plane could not be read");
            return;
        };
        if update.complete {
            self.reconnect_ms = 0;
        }
        WORKER.with(|worker| worker.apply(update));
        hold::release(self.context);
    }

    fn on_grpc_stream_close(&mut self, token: u32, _status: u32) {
        if self.stream == Some(token) {
            self.reconnect_later();
        }
        if self.session == Some(token) {
            self.session = None;
            if ledger::session() == Some(token) {
                ledger::closed();
            }
            self.pause();
        }
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, _size: usize) {
        outcomes::answered(token, self.context, status);
    }

    fn on_done(&mut self) -> bool {
        outcomes::gone(self.context);
        for token in [self.stream.take(), self.session.take()].into_iter().flatten() {
            let _ = hostcalls::cancel_grpc_stream(token);
        }
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match self.configure() {
            Ok(()) => true,
            Err(error) => {
                Envoy.warn(&format!("configuration refused: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if self.is_warming {
            return self.tick_warming();
        }
        if self.router.is_none() || !self.is_newest() {
            let _ = hostcalls::set_tick_period(Duration::ZERO);
            return;
        }
        if Envoy.now_ms() >= self.reconnect_at_ms {
            if self.stream.is_none() {
                self.open_stream();
            }
            if self.session.is_none() || ledger::session() != self.session {
                self.open_session();
            }
        }
        hold::release(self.context);
        ledger::tick(&self.node, self.context);
        outcomes::tick(&self.node, self.context);
        WORKER.with(|worker| worker.in_flight.renew(&Envoy));
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        let worker = WORKER.with(Rc::clone);
        Some(match &self.router {
            Some(router) => {
                let stage = Rc::new_cyclic(|stage| {
                    let handle = Waiting { context, stage: stage.clone(), ..Waiting::default() };
                    RefCell::new(GatewayStage::new(worker, Rc::clone(router)).with_handle(handle))
                });
                Box::new(Gateway { stage, context, node: Rc::clone(&self.node) })
            }
            None => Box::new(Backend(BackendStage::new(worker))),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Gateway {
    stage: Rc<RefCell<GatewayStage>>,
    context: u32,
    node: Rc<str>,
}
struct Backend(BackendStage);

impl Context for Gateway {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, size: usize, _trailers: usize) {
        self.stage.borrow_mut().on_call_answer(&Envoy, size);
    }
}
impl Context for Backend {}

impl Gateway {
    /// Runs a callback of the request's, and asks the ledger if it has to wait for it.
    fn on_request(&self, run: impl FnOnce(&mut GatewayStage) -> Flow) -> Action {
        let flow = run(&mut self.stage.borrow_mut());
        if flow == Flow::Pause {
            ledger::send_if_urgent(&self.node, self.context);
        }
        action(flow)
    }
}

impl HttpContext for Gateway {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if hold::begin(self.context, &self.stage, end_of_stream) {
            return Action::Pause;
        }
        self.on_request(|stage| stage.on_request_headers(&Envoy, end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if hold::body(self.context, size, end_of_stream) {
            return Action::Pause;
        }
        self.on_request(|stage| stage.on_request_body(&Envoy, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        if hold::trailers(self.context) {
            return Action::Pause;
        }
        self.on_request(|stage| stage.on_request_trailers(&Envoy))
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        action(self.stage.borrow_mut().on_response_headers(&Envoy))
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        action(self.stage.borrow_mut().on_response_body(&Envoy, size, end_of_stream))
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.stage.borrow_mut().on_response_trailers(&Envoy);
        Action::Continue
    }

    fn on_log(&mut self) {
        hold::forget(self.context);
        self.stage.borrow_mut().on_end(&Envoy);
    }
}

impl HttpContext for Backend {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        action(self.0.on_request_headers(&Envoy))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        action(self.0.on_request_body(&Envoy, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        action(self.0.on_request_trailers(&Envoy))
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.0.on_response_headers(&Envoy);
        Action::Continue
    }
}

fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Pause => Action::Pause,
    }
}
