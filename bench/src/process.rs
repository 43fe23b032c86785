//! Child processes that end with the run, their output in a file.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::affinity;

/// Set by a signal: the run ends at the next opportunity, and its processes with it.
pub(crate) static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How much of a log's end is shown when something went wrong.
const TAIL: usize = 2_000;

/// A process that is killed and waited for when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it on the given core; what it prints goes to `<directory>/<name>.log`.
    pub(crate) fn start(name: &str, mut command: Command, core: usize, directory: &Path) -> Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        // A child inherits the core of the thread that starts it; a thread of its own leaves the caller's as it is.
        let spawned = thread::spawn(move || {
            affinity::pin(core)?;
            command.spawn().with_context(|| format!("starting {}", command.get_program().display()))
        });
        let child = spawned.join().ok().context("the starting thread panicked")??;
        Ok(Self { name: name.to_owned(), child, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails, with the end of the log, if the process has ended.
    pub(crate) fn ensure_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}:\n{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// The end of what it printed.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(TAIL);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on the loopback that nothing listens on at present.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?)
}

/// Fails with a hint if the file is not there.
pub(crate) fn ensure_file(path: &Path, hint: &str) -> Result<()> {
    ensure!(path.is_file(), "{} is missing: {hint}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_log_of_a_process_that_ended_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 3"]);
        let core = affinity::Cores::detect().unwrap().envoy;
        let mut process = Process::start("short", command, core, directory.path()).unwrap();
        let begun = Instant::now();
        let error = loop {
            if let Err(error) = process.ensure_alive() {
                break error.to_string();
            }
            assert!(begun.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(5));
        };
        assert!(error.contains("exit status: 3") && error.contains("no such thing"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let core = affinity::Cores::detect().unwrap().envoy;
        let error =
            Process::start("none", Command::new("/no/such/program"), core, directory.path()).unwrap_err().to_string();
        assert!(error.contains("/no/such/program"), "{error}");
    }
}
