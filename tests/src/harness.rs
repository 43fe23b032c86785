//! Runs the real gateway, with its Envoy, for tests.
//!
//! ```no_run
//! use ditto_tests::harness::{Gateway, config};
//! use ditto_tests::simulator::Simulator;
//!
//! # async fn example() {
//! let simulator = Simulator::start();
//! let gateway = Gateway::start(config::single(&simulator), &["--json-logs"]).await;
//! let client = gateway.client().with_bearer(config::TOKEN);
//! client.get("/v1/files").send().await.expect_status(200).await;
//! assert!(!simulator.last_request().mentions(config::TOKEN));
//! # }
//! ```

pub mod config;
mod crash;
pub mod envoy;
pub mod locate;
mod start;
mod stop;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::process::{Family, Process, Signal, descendants, signal_process};

pub use crate::process::{Output, ports};
pub(crate) use start::is_healthy;
pub use start::{GatewayBuilder, StartFailure};

/// The admin token every gateway of the harness is started with, unless its arguments give another.
pub const ADMIN_TOKEN: &str = "admin-token-of-the-test-harness-0123456789";

/// A running gateway. Dropped, it ends with everything it started; nothing left is asserted.
#[derive(Debug)]
pub struct Gateway {
    /// How it was started, to start it again.
    builder: GatewayBuilder,
    child: Child,
    /// As it was when the gateway got ready: should the gateway die, its Envoy can still be found.
    family: Family,
    directory: TempDir,
    config: PathBuf,
    listen: SocketAddr,
    control: SocketAddr,
    output: Output,
    /// What it printed in its former lives.
    former: Vec<Output>,
    ended: Option<ExitStatus>,
}

impl Gateway {
    /// Starts the gateway with a configuration and extra arguments, and waits until it answers through Envoy.
    ///
    /// # Panics
    /// When it does not come up; the panic shows what it printed.
    pub async fn start(config: Value, args: &[&str]) -> Self {
        Self::builder(config).args(args).start().await
    }

    /// More to choose from than [`Gateway::start`] has.
    #[must_use]
    pub fn builder(config: Value) -> GatewayBuilder {
        GatewayBuilder::new(config)
    }

    /// `http://127.0.0.1:<port>`: where clients go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Where clients go.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// A client without credentials.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.url())
    }

    /// A client with the harness's admin token.
    #[must_use]
    pub fn admin(&self) -> Client {
        self.client().with_bearer(ADMIN_TOKEN)
    }

    /// Where the control plane itself listens, behind Envoy.
    #[must_use]
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// A client of the control plane itself, without credentials.
    #[must_use]
    pub fn control_client(&self) -> Client {
        Client::new(&self.control.to_string())
    }

    /// The process id of the gateway.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process id of its Envoy, if one runs.
    #[must_use]
    pub fn envoy_pid(&self) -> Option<u32> {
        let is_envoy = |process: &Process| process.name.starts_with("envoy");
        descendants(self.pid()).into_iter().find(is_envoy).map(|process| process.pid)
    }

    /// The configuration file.
    #[must_use]
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// A directory that lives as long as the gateway, for files that a test needs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What it printed so far, standard output and error together, in former lives too. The oldest lines are forgotten
    /// beyond a bound.
    #[must_use]
    pub fn log(&self) -> String {
        self.former.iter().chain([&self.output]).map(Output::text).collect()
    }

    /// Replaces the configuration and tells the gateway to read it. The effect takes a moment: wait for it with
    /// [`eventually`](crate::eventually::eventually).
    pub fn reload(&self, config: &Value) {
        start::write_config(&self.config, config);
        self.signal(Signal::Reload);
    }

    /// Sends a signal to the gateway alone.
    pub fn signal(&self, signal: Signal) {
        signal_process(self.pid(), signal);
    }

    /// Whether the gateway's process still runs.
    pub fn is_running(&mut self) -> bool {
        self.exit_status().is_none()
    }

    /// How the gateway's process ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked about");
        }
        self.ended
    }
}
