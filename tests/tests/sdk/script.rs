//! A script of checks, run against a gateway of its own.

use std::time::Duration;

use ditto_tests::harness::{Gateway, config, locate};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use libtest_mimic::Failed;
use serde_json::Value;

use super::backends;
use super::installed::Installed;
use super::process::finish;

/// More than a busy machine needs; the clients bound each request themselves.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(150);

/// What the gateway is like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Setting {
    /// One backend that is passed through.
    Plain,
    /// One of every dialect.
    EveryBackend,
}

/// Runs a script to its end, and prints what it said.
pub(crate) fn check(installed: &Installed, script: &str, setting: Setting) -> Result<(), Failed> {
    let (simulator, document) = prepare(setting)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway = runtime.block_on(Gateway::start(document, &[]));
    let mut command = installed.command();
    command
        .arg(script)
        .current_dir(locate::repository())
        .env("DITTO_URL", gateway.url())
        .env("DITTO_BASE_URL", format!("{}/v1", gateway.url()))
        .env("DITTO_MODELS", backends::models().join(","))
        .env("DITTO_VK_TOKEN", config::TOKEN);
    let said = runtime.block_on(finish(command, SCRIPT_TIMEOUT))?;
    drop(simulator);
    if said.success {
        print!("{}", said.text());
        return Ok(());
    }
    Err(format!("{}\nthe gateway said:\n{}", said.text(), gateway.log()).into())
}

fn prepare(setting: Setting) -> Result<(Simulator, Value), Failed> {
    Ok(match setting {
        Setting::Plain => {
            // As the real provider does: a model that it does not list is an error.
            let strict = SimulatorConfig { strict_models: true, ..SimulatorConfig::default() };
            let simulator = Simulator::start_with(strict)?;
            let document = config::single(&simulator);
            (simulator, document)
        }
        Setting::EveryBackend => {
            let simulator = backends::simulator(SimulatorConfig::default())?;
            let document = backends::document(&simulator);
            (simulator, document)
        }
    })
}
