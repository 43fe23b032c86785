//! Crashes: the gateway's processes killed as if the machine had done it, and started again.

use std::time::Duration;

use super::start::{ATTEMPTS, is_port_conflict};
use super::{Gateway, Output, StartFailure};
use crate::eventually::eventually_some;
use crate::process::{Family, Signal, signal_process};

/// The kernel ends what belongs to a killed process well within this time.
const GONE: Duration = Duration::from_secs(10);
/// As long as an Envoy may need to come back on a busy machine: the gateway waits a little before it starts one.
const BACK: Duration = Duration::from_secs(90);

impl Gateway {
    /// Ends the gateway with SIGKILL and returns when it and its Envoy are gone. Nothing is told or put in order
    /// before. Without effect when it is gone.
    ///
    /// # Panics
    /// When something is left that the kernel should have ended.
    pub fn kill(&mut self) {
        self.family.look_again();
        if self.exit_status().is_none() {
            self.signal(Signal::Kill);
            self.ended = Some(self.child.wait().expect("a child can be waited for"));
        }
        assert!(self.family.wait_gone(GONE), "left after SIGKILL: {:?}", self.family.alive());
    }

    /// Starts the gateway again as it was started: the same arguments, ports and directory, and the configuration that
    /// the file has now; after ending it as [`Gateway::kill`] does if it still runs. Waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        self.try_restart().await.unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// As [`Gateway::restart`].
    ///
    /// # Errors
    /// When it ends or does not get ready in time.
    pub async fn try_restart(&mut self) -> Result<(), StartFailure> {
        let mut attempt = 1;
        loop {
            self.kill();
            let (child, output) = self.builder.spawn(&self.config, self.listen, self.control);
            self.family = Family::of(child.id());
            self.child = child;
            self.former.push(std::mem::replace(&mut self.output, output));
            self.ended = None;
            match self.wait_ready().await {
                // Connections of the former life may hold the port a little longer.
                Err(failure) if attempt < ATTEMPTS && is_port_conflict(&failure.log) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// Ends the gateway's Envoy with SIGKILL and returns its process id. The gateway starts another by itself: see
    /// [`Gateway::other_envoy`].
    ///
    /// # Panics
    /// When there is no Envoy.
    pub fn kill_envoy(&mut self) -> u32 {
        let pid = self.envoy_pid().expect("the gateway runs an Envoy");
        self.family.look_again();
        assert!(signal_process(pid, Signal::Kill), "the Envoy {pid} was gone already");
        pid
    }

    /// Waits until the gateway runs another Envoy than the one that was killed, and it serves. Its process id.
    ///
    /// # Panics
    /// When none comes.
    pub async fn other_envoy(&mut self, killed: u32) -> u32 {
        let (listen, what) = (self.listen, "another Envoy serves");
        let pid = eventually_some(BACK, what, async || {
            let pid = self.envoy_pid().filter(|pid| *pid != killed)?;
            super::is_healthy(listen).await.then_some(pid)
        });
        let pid = pid.await;
        self.family.look_again();
        pid
    }

    /// What the present life of the gateway has printed.
    #[must_use]
    pub fn output(&self) -> &Output {
        &self.output
    }
}
