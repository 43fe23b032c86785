//! How a gateway is ended, and the proof that nothing is left.

use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use super::Gateway;
use crate::process::Signal;

/// Longer than an orderly end takes on a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// How long the kernel may take to end what was killed.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

impl Gateway {
    /// Ends the gateway as an operator does, with SIGTERM to the gateway alone, and returns how it ended and what it
    /// had printed.
    ///
    /// # Panics
    /// When it does not end in time, or leaves a process behind.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.family.look_again();
        self.signal(Signal::Terminate);
        let Some(status) = self.wait_exit(STOP_DEADLINE) else {
            panic!("the gateway does not end on SIGTERM:\n{}", self.log());
        };
        // An orphan that is about to end has a moment for it.
        let gone = self.family.wait_gone(Duration::from_secs(2));
        assert!(gone, "the gateway ended and left {:?}:\n{}", self.family.alive(), self.log());
        (status, self.log())
    }

    fn wait_exit(&mut self, deadline: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            match self.exit_status() {
                None if started.elapsed() < deadline => thread::sleep(Duration::from_millis(20)),
                status => return status,
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let failed = thread::panicking();
        if failed {
            eprintln!("--- the gateway at {} printed:\n{}---", self.listen, self.log());
        }
        self.family.look_again();
        if !self.family.alive().is_empty() {
            // Stopped processes do not hear SIGTERM.
            self.family.signal(Signal::Continue);
            self.family.signal(Signal::Terminate);
            let _ = self.wait_exit(STOP_DEADLINE);
            if !self.family.wait_gone(Duration::from_secs(5)) {
                self.family.signal(Signal::Kill);
            }
        }
        let _ = self.wait_exit(KILL_DEADLINE);
        let gone = self.family.wait_gone(KILL_DEADLINE);
        // A second panic would hide the first.
        assert!(gone || failed, "left after SIGKILL: {:?}", self.family.alive());
    }
}
