//! One gateway for many checks: it takes longer to start than to answer them all.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use ditto_tests::backends;
use ditto_tests::client::{Client, Response};
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use futures_util::FutureExt;
use serde_json::Value;

/// A gateway before the simulator.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) simulator: Simulator,
    pub(super) gateway: Gateway,
}

impl Site {
    /// One with a backend for each dialect, and what `change` makes of its document.
    pub(super) async fn start(change: impl FnOnce(&Simulator, &mut Value), args: &[&str]) -> Self {
        let simulator = backends::simulator(SimulatorConfig::default());
        let mut document = backends::document(backends::all(&simulator));
        change(&simulator, &mut document);
        let gateway = backends::gateway(document).args(args).start().await;
        Self { simulator, gateway }
    }

    /// A client with the harness's key.
    pub(super) fn client(&self) -> Client {
        self.client_of(config::TOKEN)
    }

    /// A client with another key.
    pub(super) fn client_of(&self, token: &str) -> Client {
        // A header that is the same in all dialects.
        self.gateway.client().with_header("x-ditto-virtual-key", token)
    }
}

/// The reply, which must be a good one.
pub(super) async fn ok(mut reply: Response, case: &str) -> Response {
    match reply.status {
        200 => reply,
        status => panic!("{case}: {status} {}", reply.text().await),
    }
}

/// Runs a check and says how it ended.
pub(super) async fn passes(name: &str, check: impl Future<Output = ()>) -> bool {
    let started = Instant::now();
    let passed = AssertUnwindSafe(check).catch_unwind().await.is_ok();
    let outcome = if passed { "ok" } else { "FAILED" };
    println!("{name}: {outcome} after {:.1} s", started.elapsed().as_secs_f64());
    passed
}

/// Runs checks of one site in turn, whatever becomes of those before, and fails if one does.
macro_rules! check_all {
    ($site:expr, $($check:path),+ $(,)?) => {{
        let mut failed = Vec::new();
        $(if !$crate::dialects::rig::passes(stringify!($check), $check($site)).await {
            failed.push(stringify!($check));
        })+
        assert!(failed.is_empty(), "failed: {failed:?}");
    }};
}
pub(super) use check_all;
