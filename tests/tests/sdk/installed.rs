//! What `tools/setup-sdks.sh` installed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ditto_tests::harness::locate;

/// Clients that are there.
#[derive(Debug)]
pub(crate) struct Installed {
    run: PathBuf,
}

impl Installed {
    /// The clients of a kind, as in `.tools/sdk-KIND`, or why they are not there.
    pub(crate) fn find(kind: &str) -> Result<Self, String> {
        let tools = locate::repository().join(".tools");
        let status = fs::read_to_string(tools.join(format!("sdk-{kind}.status")))
            .map_err(|_| "not run: tools/setup-sdks.sh was not run".to_owned())?;
        if status.starts_with("ready ") {
            return Ok(Self { run: tools.join(format!("sdk-{kind}/run")) });
        }
        Err(status.trim().to_owned())
    }

    /// What runs a script, or a program, of theirs; without settings of whoever runs the tests that they would follow.
    pub(crate) fn command(&self) -> Command {
        const FOREIGN: [&str; 7] = ["OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "CLAUDE", "GENAI_", "OTEL_"];
        let mut command = Command::new(&self.run);
        for (name, _) in std::env::vars_os() {
            if FOREIGN.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        // A proxy meant for the world outside would be asked for the gateway.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }
}
