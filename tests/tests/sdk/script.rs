//! The scripts of checks of one language, run against one gateway before every backend.

use std::time::Duration;

use ditto_tests::backends;
use ditto_tests::harness::{Gateway, config, locate};
use ditto_tests::simulator::SimulatorConfig;
use futures_util::future::join_all;
use libtest_mimic::Failed;
use serde_json::json;

use super::installed::Installed;
use super::process::finish;

/// More than a busy machine needs; the clients bound each request themselves.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(150);

/// What OpenAI's client makes of a backend that is passed through, and what each client makes of every backend.
const SCRIPTS: [&str; 4] = ["checks", "openai_cases", "anthropic_cases", "google_cases"];

/// Runs the scripts to their ends, and prints what they said.
pub(crate) fn check(installed: &Installed, language: &str, ending: &str) -> Result<(), Failed> {
    let simulator = backends::simulator(SimulatorConfig::default());
    let mut document = backends::document(backends::all(&simulator));
    document["router"]["default_backends"] = json!([{"backend": "plain", "weight": 1.0}]);
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway = runtime.block_on(backends::gateway(document).start());
    let run = async |script: &str| {
        let path = format!("tests/sdk/{language}/{script}.{ending}");
        run(installed, &path, &gateway).await.map_err(|said| format!("{path}\n{said}"))
    };
    let ended = runtime.block_on(join_all(SCRIPTS.map(run)));
    let failures: Vec<String> = ended.into_iter().filter_map(Result::err).collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\nthe gateway said:\n{}", failures.join("\n"), gateway.log()).into()),
    }
}

/// Runs one script. What it said is printed, or is the error.
async fn run(installed: &Installed, path: &str, gateway: &Gateway) -> Result<(), String> {
    let models = backends::NAMES.map(|name| format!("on-{name}"));
    let mut command = installed.command();
    command
        .arg(path)
        .current_dir(locate::repository())
        .env("DITTO_URL", gateway.url())
        .env("DITTO_BASE_URL", format!("{}/v1", gateway.url()))
        .env("DITTO_MODELS", models.join(","))
        .env("DITTO_VK_TOKEN", config::TOKEN);
    let ended = finish(command, SCRIPT_TIMEOUT).await.map_err(|failed| format!("{failed:?}"))?;
    if !ended.success {
        return Err(ended.text());
    }
    print!("{}", ended.text());
    Ok(())
}
