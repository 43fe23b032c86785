//! Running a program to its end, with a bound.

use std::process::{Command, Stdio};
use std::time::Duration;

use ditto_tests::process::{Family, Signal};
use libtest_mimic::Failed;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// With status 0.
    pub(crate) success: bool,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
    /// What it wrote to standard error.
    pub(crate) stderr: String,
}

impl Ended {
    /// All that it wrote.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs a program to its end. When that takes longer than `timeout`, it and all that it started are killed.
pub(crate) async fn finish(command: Command, timeout: Duration) -> Result<Ended, Failed> {
    let mut command = tokio::process::Command::from(command);
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn()?;
    let leader = child.id().ok_or("a program that was not waited for has an id")?;
    let Ok(output) = tokio::time::timeout(timeout, child.wait_with_output()).await else {
        Family::of(leader).signal(Signal::Kill);
        return Err(format!("not at its end after {timeout:?}: {command:?}").into());
    };
    let output = output?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}
