//! The gateway's process, from start to end.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};

use super::Interruption;
use super::state::StateDirectory;
use crate::harness::locate::Part;
use crate::process::{self, Family, Signal};

/// How long an orderly end may take.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
/// How long what it started may outlast it.
const ORPHAN_DEADLINE: Duration = Duration::from_secs(2);
/// Lines of the log that explain a failure.
const LINES_SHOWN: usize = 20;

#[derive(Debug)]
pub(super) struct GatewayProcess {
    child: Child,
    /// Everything it started, as far as was seen: should it die, that can still be found.
    family: Family,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl GatewayProcess {
    pub(super) fn start(state: &StateDirectory, listen: SocketAddr) -> Result<Self> {
        let program = program()?;
        let log = state.new_log()?;
        let mut command = Command::new(&program);
        command.arg(state.config_path());
        command.arg("--listen").arg(listen.to_string());
        command.arg("--sqlite").arg(state.database_path());
        command.args(["--admin-token-env", "DITTO_ADMIN_TOKEN"]);
        command.arg("--envoy-bin").arg(Part::Envoy.find()?);
        command.arg("--filter").arg(Part::Filter.find()?);
        command.env("DITTO_ADMIN_TOKEN", &state.tokens().admin_token);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // In a group of its own it does not hear Ctrl-C, and is stopped in order instead.
        let child =
            process::spawn(command, Signal::Terminate).with_context(|| format!("start {}", program.display()))?;
        let family = Family::of(child.id());
        Ok(Self { child, family, log: state.log_path(), ended: None })
    }

    /// Notes what it has started by now.
    pub(super) fn look_around(&mut self) {
        self.family.look_again();
    }

    /// How it ended, if it has.
    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            // A child that cannot be asked about is as good as running.
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits until it ends.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What happened, with the last lines of the log.
    pub(super) fn explain(&self, what: &str) -> Error {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n    ");
        anyhow!("{what}; the end of {}:\n    {last}", self.log.display())
    }

    /// Ends it and everything it started; at once if interrupted a second time.
    pub(super) async fn stop(&mut self, interruption: &mut Interruption) {
        self.family.look_again();
        let family = self.family.clone();
        let orderly = async {
            process::signal_process(self.child.id(), Signal::Terminate);
            if tokio::time::timeout(STOP_DEADLINE, self.ended()).await.is_err() {
                println!("The gateway takes too long to end.");
                return;
            }
            let started = Instant::now();
            while !family.alive().is_empty() && started.elapsed() < ORPHAN_DEADLINE {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = orderly => {}
            () = interruption.next() => println!("Ending it at once."),
        }
        family.signal(Signal::Kill);
        let _ = family.wait_gone(Duration::from_secs(5));
        // Collects the child, so that nothing waits for this process to end.
        let _ = self.status();
    }
}

/// `DITTO_GATEWAY_BIN`, or the one built beside this program, or the debug build.
fn program() -> Result<PathBuf> {
    if Part::Gateway.from_environment().is_none() {
        let beside = env::current_exe()?.with_file_name("ditto-gateway");
        if beside.is_file() {
            return Ok(beside);
        }
    }
    Part::Gateway.find()
}
