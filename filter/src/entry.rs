//! proxy-wasm's side: contexts, callbacks, and the stream to the control plane. No decisions are made here.
//!
//! The module serves as two plugins of one VM. The gateway plugin's configuration is a [`FilterConfig`]; its root
//! context keeps the stream. The backend plugin's configuration is empty.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use ditto_policy::filter_config::FilterConfig;
use ditto_policy::routing::Router;
use ditto_proto::sync::Update;
use prost::Message;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::abi::Envoy;
use crate::backend_stage::BackendStage;
use crate::gateway_stage::GatewayStage;
use crate::host::{Flow, Host};
use crate::worker::Worker;

/// Envoy's cluster of the control plane.
const CONTROL_CLUSTER: &str = "ditto-control-plane";
/// The first wait before the stream is opened again; it doubles up to the longest.
const RECONNECT_MS_MIN: u64 = 50;
/// See [`RECONNECT_MS_MIN`].
const RECONNECT_MS_MAX: u64 = 2_000;

thread_local! {
    static WORKER: Rc<Worker> = Rc::new(Worker::new(RandomState::new().hash_one(0_u8) as u32));
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
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}

/// The root context of either plugin; which one, its configuration says.
#[derive(Default)]
struct Root {
    router: Option<Rc<Router>>,
    /// A plugin that a newer one has replaced lives on until its last request ends. It must not take the stream back.
    generation: u64,
    node: String,
    stream: Option<u32>,
    reconnect_ms: u64,
}

impl Root {
    fn is_newest(&self) -> bool {
        self.generation == GENERATIONS.get()
    }

    /// Opens the stream, from where this worker stands.
    fn open_stream(&mut self) {
        let request = WORKER.with(|worker| worker.knowledge.borrow().watch_request(self.node.clone()));
        let opened = hostcalls::open_grpc_stream(CONTROL_CLUSTER, "ditto.sync.v1.PolicySync", "Watch", Vec::new());
        let Ok(token) = opened else { return self.reconnect_later() };
        self.stream = Some(token);
        STREAM.set(Some(token));
        if hostcalls::send_grpc_stream_message(token, Some(&request.encode_to_vec()), true).is_err() {
            self.reconnect_later();
        }
    }

    fn reconnect_later(&mut self) {
        self.stream = None;
        if !self.is_newest() {
            return;
        }
        WORKER.with(|worker| worker.knowledge.borrow_mut().disconnected());
        self.reconnect_ms = self.reconnect_ms.saturating_mul(2).clamp(RECONNECT_MS_MIN, RECONNECT_MS_MAX);
        // A quarter of jitter, so that workers do not return together.
        let jitter = RandomState::new().hash_one(1_u8) % (self.reconnect_ms / 4).max(1);
        let _ = hostcalls::set_tick_period(Duration::from_millis(self.reconnect_ms.saturating_add(jitter)));
    }

    fn configure(&mut self) -> Result<(), String> {
        let bytes = hostcalls::get_buffer(proxy_wasm::types::BufferType::PluginConfiguration, 0, usize::MAX);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        let config: FilterConfig = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        self.router = Some(Rc::new(Router::compile(config).map_err(|error| error.to_string())?));
        let node = Envoy.property(&["node", "id"]).unwrap_or_default();
        self.node = String::from_utf8_lossy(&node).into_owned();
        self.generation = GENERATIONS.get().wrapping_add(1);
        GENERATIONS.set(self.generation);
        self.open_stream();
        Ok(())
    }
}

impl Context for Root {
    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        if STREAM.with_borrow(|stream| *stream != Some(token)) {
            return;
        }
        let message = hostcalls::get_buffer(proxy_wasm::types::BufferType::GrpcReceiveBuffer, 0, size);
        let Some(update) = message.ok().flatten().and_then(|bytes| Update::decode(bytes.as_slice()).ok()) else {
            Envoy.warn("a message of the control plane could not be read");
            return;
        };
        if update.complete {
            self.reconnect_ms = 0;
        }
        WORKER.with(|worker| worker.knowledge.borrow_mut().apply(update));
    }

    fn on_grpc_stream_close(&mut self, token: u32, _status: u32) {
        if self.stream == Some(token) {
            self.reconnect_later();
        }
    }

    fn on_done(&mut self) -> bool {
        if let Some(token) = self.stream.take() {
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
        let _ = hostcalls::set_tick_period(Duration::ZERO);
        if self.router.is_some() && self.is_newest() && self.stream.is_none() {
            self.open_stream();
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        let worker = WORKER.with(Rc::clone);
        Some(match &self.router {
            Some(router) => Box::new(Gateway(GatewayStage::new(worker, Rc::clone(router)))),
            None => Box::new(Backend(BackendStage::new(worker))),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Gateway(GatewayStage);
struct Backend(BackendStage);

impl Context for Gateway {}
impl Context for Backend {}

impl HttpContext for Gateway {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        action(self.0.on_request_headers(&Envoy, end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        action(self.0.on_request_body(&Envoy, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        action(self.0.on_request_trailers(&Envoy))
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
}

fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Pause => Action::Pause,
    }
}
