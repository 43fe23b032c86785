//! The Envoy that the gateway starts: watched, restarted when it dies, drained when the gateway stops.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::control::ControlAddress;

pub mod admin;
pub mod clusters;
pub mod ejections;
mod logs;
mod spawn;

use admin::EnvoyAdmin;
use ejections::Ejections;

/// The Envoy that this gateway has started, for who asks it something.
#[derive(Debug, Clone)]
pub struct OwnEnvoy {
    /// Its node id.
    pub node_id: &'static str,
    /// Its admin endpoint.
    pub admin: EnvoyAdmin,
    /// What it notes of ejections.
    pub ejections: Ejections,
}

/// The first wait before a restart; it doubles up to the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// See [`BACKOFF_MIN`].
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// An Envoy that ran for this long was healthy: the waits begin anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// Requests under way have this long to finish when the gateway stops.
const DRAIN_MAX: Duration = Duration::from_secs(20);
/// Lines of Envoy's log that are kept for the reason of its death.
const LINES_KEPT: usize = 12;

/// How to start Envoy.
#[derive(Debug, Clone)]
pub struct EnvoyCommand {
    /// The executable.
    pub binary: PathBuf,
    /// The bootstrap document.
    pub bootstrap: PathBuf,
    /// Worker threads; `None` lets Envoy count the cores.
    pub concurrency: Option<u32>,
    /// Envoy's admin endpoint, as the bootstrap names it.
    pub admin: ControlAddress,
}

/// The last lines of Envoy's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    pub(crate) fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(1_000).collect());
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// Runs Envoy until `stop` turns true, restarting it when it dies. Fails when it cannot be started at all, or dies
/// before it has served for the first time. When it has served its last request, `settle` is waited for before it ends:
/// what its workers still have to say is heard.
pub async fn supervise(
    command: EnvoyCommand,
    mut stop: watch::Receiver<bool>,
    serving: watch::Receiver<bool>,
    settle: impl Future<Output = ()>,
) -> Result<(), String> {
    let mut backoff = BACKOFF_MIN;
    loop {
        let lines = LastLines::default();
        let started = Instant::now();
        let mut child = spawn::spawn(&command, &lines)
            .map_err(|error| format!("Envoy ({}) cannot be started: {error}", command.binary.display()))?;
        tracing::info!(pid = child.id(), "Envoy started");
        let status = tokio::select! {
            status = child.wait() => status,
            () = until_true(&mut stop) => return drain(child, &command.admin, settle).await,
        };
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        if !*serving.borrow() {
            return Err(format!("Envoy ended before it served ({status}):{}", lines.text()));
        }
        if started.elapsed() >= HEALTHY_AFTER {
            backoff = BACKOFF_MIN;
        }
        tracing::error!(status, ?backoff, "Envoy died and will be restarted:{}", lines.text());
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            () = until_true(&mut stop) => return Ok(()),
        }
        backoff = BACKOFF_MAX.min(backoff * 2);
    }
}

/// Resolves once the flag is true, or nobody can set it any more.
pub(crate) async fn until_true(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|value| *value).await;
}

/// Lets requests finish, then ends Envoy.
async fn drain(mut child: Child, admin: &ControlAddress, settle: impl Future<Output = ()>) -> Result<(), String> {
    let admin = EnvoyAdmin::new(admin.clone());
    let drained = async {
        if admin.post("/drain_listeners?graceful&skip_exit").await.is_err() {
            return;
        }
        while admin.active_requests().await.is_ok_and(|active| active > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(DRAIN_MAX, drained).await.is_err() {
        tracing::warn!("some requests did not finish in time and are cut off");
    }
    settle.await;
    spawn::terminate(&child);
    if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    tracing::info!("Envoy ended");
    Ok(())
}
