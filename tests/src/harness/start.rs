//! How a gateway is started.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::locate::Part;
use super::{ADMIN_TOKEN, Gateway, Output, ports};
use crate::client::Client;
use crate::process::{self, Family, Signal};

/// A cold start compiles the filter; a machine that is busy with other tests takes its time for it.
const READY_DEADLINE: Duration = Duration::from_secs(90);
/// Starts before a conflict over ports is given up on.
pub(super) const ATTEMPTS: usize = 5;

/// A gateway to be started.
#[derive(Debug, Clone)]
pub struct GatewayBuilder {
    config: Value,
    binary: Option<PathBuf>,
    args: Vec<OsString>,
    environment: Vec<(String, Option<String>)>,
    admin: bool,
    addresses: Option<(SocketAddr, SocketAddr)>,
    deadline: Duration,
}

/// Why a gateway did not come up.
#[derive(Debug)]
pub struct StartFailure {
    /// How the process ended; `None` when it ran on without getting ready.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub log: String,
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "the gateway ended during its start ({status}):\n{}", self.log),
            None => write!(f, "the gateway did not get ready in time:\n{}", self.log),
        }
    }
}

impl std::error::Error for StartFailure {}

impl GatewayBuilder {
    pub(super) fn new(config: Value) -> Self {
        Self {
            config,
            binary: None,
            args: Vec::new(),
            environment: Vec::new(),
            admin: true,
            addresses: None,
            deadline: READY_DEADLINE,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<str>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().into()));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Unsets an environment variable.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.push((name.to_owned(), None));
        self
    }

    /// Runs another program than [`Part::Gateway`].
    #[must_use]
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = Some(binary.into());
        self
    }

    /// Gives it no admin token.
    #[must_use]
    pub fn without_admin_token(mut self) -> Self {
        self.admin = false;
        self
    }

    /// Listens for clients and for Envoys where another gateway did, instead of on ports of its own.
    #[must_use]
    pub fn in_place_of(mut self, other: &Gateway) -> Self {
        self.addresses = Some((other.address(), other.control()));
        self
    }

    /// How long it may take to get ready.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> Gateway {
        self.try_start().await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Starts it and waits until it is ready: `GET /health` answers 200 through Envoy, or through the control
    /// address with `--no-envoy`.
    ///
    /// # Errors
    /// When it ends or does not get ready in time. A conflict over ports is tried again with others.
    pub async fn try_start(self) -> Result<Gateway, StartFailure> {
        let mut attempt = 1;
        loop {
            match self.attempt().await {
                Err(failure) if attempt < ATTEMPTS && is_port_conflict(&failure.log) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self) -> Result<Gateway, StartFailure> {
        let mut gateway = self.launch();
        gateway.wait_ready().await?;
        Ok(gateway)
    }

    fn launch(&self) -> Gateway {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let config = directory.path().join("gateway.json");
        write_config(&config, &self.config);
        let (listen, control) = self.addresses.unwrap_or_else(|| (ports::free(), ports::free()));
        let (child, output) = self.spawn(&config, listen, control);
        let family = Family::of(child.id());
        let builder = self.clone();
        Gateway { builder, child, family, directory, config, listen, control, output, former: Vec::new(), ended: None }
    }

    /// Starts the process, in the directory of its configuration.
    pub(super) fn spawn(&self, config: &Path, listen: SocketAddr, control: SocketAddr) -> (Child, Output) {
        let mut command = self.command(config, listen, control);
        command.current_dir(config.parent().expect("the configuration is in a directory"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_owned();
        let mut child = process::spawn(command, Signal::Terminate)
            .unwrap_or_else(|error| panic!("start {}: {error}", program.display()));
        let output = Output::default();
        output.collect(child.stdout.take().expect("standard output is piped"));
        output.collect(child.stderr.take().expect("standard error is piped"));
        (child, output)
    }

    fn command(&self, config: &Path, listen: SocketAddr, control: SocketAddr) -> Command {
        let mut command = Command::new(self.binary.clone().unwrap_or_else(|| Part::Gateway.expect()));
        command.arg(config).arg("--listen").arg(listen.to_string());
        if !self.has_flag("--control-listen") {
            command.arg("--control-listen").arg(control.to_string());
        }
        if self.binary.is_none() && !self.has_flag("--filter") {
            command.arg("--filter").arg(Part::Filter.expect());
        }
        if !self.has_flag("--no-envoy") {
            if self.binary.is_none() && !self.has_flag("--envoy-bin") {
                command.arg("--envoy-bin").arg(Part::Envoy.expect());
            }
            if !self.has_flag("--envoy-concurrency") {
                command.args(["--envoy-concurrency", "1"]);
            }
        }
        if self.admin && !self.has_flag("--admin-") {
            command.args(["--admin-token", ADMIN_TOKEN]);
        }
        command.args(&self.args);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Whether an argument begins so.
    fn has_flag(&self, flag: &str) -> bool {
        self.args.iter().any(|arg| arg.to_string_lossy().starts_with(flag))
    }
}

impl Gateway {
    /// Waits until it is ready; see [`GatewayBuilder::try_start`].
    pub(super) async fn wait_ready(&mut self) -> Result<(), StartFailure> {
        let ready_at = if self.builder.has_flag("--no-envoy") { self.control } else { self.listen };
        // Whom it lets in is the test's affair: the gateway itself says when it serves.
        let over_tls = self.builder.has_flag("--tls-cert") && !self.builder.has_flag("--no-envoy");
        let started = Instant::now();
        loop {
            if let Some(status) = self.exit_status() {
                // What was printed last may still be on its way to the collecting threads. Something left behind may
                // hold the streams open.
                let ended = Instant::now();
                while !self.output.is_complete() && ended.elapsed() < Duration::from_secs(5) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                return Err(StartFailure { status: Some(status), log: self.output.text() });
            }
            let ready = match over_tls {
                true => self.output.text().contains("the gateway serves on https://"),
                false => is_healthy(ready_at).await,
            };
            if ready {
                self.family.look_again();
                return Ok(());
            }
            let log = self.output.text();
            if started.elapsed() > self.builder.deadline || is_port_conflict(&log) {
                return Err(StartFailure { status: None, log });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Writes beside the file and renames, so that a reload never reads half of it.
pub(super) fn write_config(path: &Path, config: &Value) {
    let fresh = path.with_extension("json.new");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| write!(file, "{config:#}"))
        .and_then(|()| fs::rename(&fresh, path));
    written.unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}

/// Whether `GET /health` answers 200 there.
pub(crate) async fn is_healthy(address: SocketAddr) -> bool {
    let probe = Client::new(&address.to_string()).get("/health").try_send();
    matches!(tokio::time::timeout(Duration::from_secs(5), probe).await, Ok(Ok(response)) if response.status == 200)
}

pub(super) fn is_port_conflict(log: &str) -> bool {
    log.to_lowercase().contains("address already in use")
}
