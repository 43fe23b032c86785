//! Logs: on standard error, filtered by `RUST_LOG` (default `info`).

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Sets the process's logs up. With `json`, each event is one JSON object.
pub fn init(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Colours would be noise in a file.
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    let result = if json { logs.json().flatten_event(true).try_init() } else { logs.with_target(false).try_init() };
    // Already set up: a test that runs the application in its own process.
    let _ = result;
}
