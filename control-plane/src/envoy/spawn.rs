//! Starting and ending the process.

#![allow(unsafe_code)]

use std::io;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::logs;
use super::{EnvoyCommand, LastLines};

/// Starts Envoy in a process group of its own: Ctrl-C reaches the gateway alone, which then lets requests finish. If
/// the gateway is killed, the kernel ends Envoy.
pub(super) fn spawn(command: &EnvoyCommand, lines: &LastLines) -> io::Result<Child> {
    let mut process = Command::new(&command.binary);
    process
        .arg("-c")
        .arg(&command.bootstrap)
        .args(["--disable-hot-restart", "--log-level", "warning", "--log-format", logs::FORMAT])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(concurrency) = command.concurrency {
        process.args(["--concurrency", &concurrency.to_string()]);
    }
    #[cfg(target_os = "linux")]
    // SAFETY: `prctl` is async-signal-safe, touches no memory of ours, and runs in the child only.
    unsafe {
        process.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let mut child = process.spawn()?;
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(logs::forward(stderr, lines.clone()));
    }
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(logs::forward_access_log(stdout));
    }
    Ok(child)
}

/// Asks Envoy to end.
pub(super) fn terminate(child: &Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // SAFETY: `kill` has no memory effects; the child has not been waited for, so the id is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
}
