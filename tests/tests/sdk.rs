//! The official clients against the gateway: the scripts in `tests/sdk`, run with what `tools/setup-sdks.sh` installed.
//!
//! A client that could not be installed is listed as ignored, never as passed. The built-in test harness decides that
//! when it is compiled, so this program lists its tests itself.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Output};
use std::{env, fs};

use ditto_tests::harness::{Gateway, config, locate};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use libtest_mimic::{Arguments, Failed, Trial};

const CLIENTS: [Client; 2] = [
    Client { language: "python", script: "tests/sdk/python/checks.py" },
    Client { language: "node", script: "tests/sdk/node/checks.cjs" },
];

/// One official client and the checks it makes.
#[derive(Debug, Clone, Copy)]
struct Client {
    language: &'static str,
    script: &'static str,
}

fn main() -> ExitCode {
    let trials = CLIENTS.into_iter().map(|client| {
        let name = format!("the_{}_client_is_served", client.language);
        Trial::test(name, move || client.check()).with_ignored_flag(client.installed().is_err())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

impl Client {
    /// The program that runs a script with the client at hand, or why there is none.
    fn installed(self) -> Result<PathBuf, String> {
        let tools = locate::repository().join(".tools");
        let status = tools.join(format!("sdk-{}.status", self.language));
        let status = fs::read_to_string(status).map_err(|_| "not run: tools/setup-sdks.sh was not run".to_owned())?;
        if status.starts_with("ready ") {
            return Ok(tools.join(format!("sdk-{}/run", self.language)));
        }
        Err(status.trim().to_owned())
    }

    fn check(self) -> Result<(), Failed> {
        let run = self.installed()?;
        let runtime = tokio::runtime::Runtime::new()?;
        // As the real provider does: a model that it does not list is an error.
        let strict = SimulatorConfig { strict_models: true, ..SimulatorConfig::default() };
        let simulator = Simulator::start_with(strict)?;
        let gateway = runtime.block_on(Gateway::start(config::single(&simulator), &[]));

        let mut command = Command::new(run);
        command
            .arg(self.script)
            .current_dir(locate::repository())
            .env("DITTO_BASE_URL", format!("{}/v1", gateway.url()))
            .env("DITTO_VK_TOKEN", config::TOKEN)
            // A proxy meant for the world outside would be asked for the gateway.
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        // Settings of whoever runs the tests that the clients would follow.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("OPENAI_") {
                command.env_remove(name);
            }
        }
        let Output { status, stdout, stderr } = command.output()?;
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        if status.success() {
            print!("{said}");
            return Ok(());
        }
        Err(format!("{status}\n{said}\nthe gateway said:\n{}", gateway.log()).into())
    }
}
