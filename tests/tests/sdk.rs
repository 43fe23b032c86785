//! The official clients against the gateway: the scripts in `tests/sdk`, run with what `tools/setup-sdks.sh` installed.
//!
//! A client that could not be installed is listed as ignored, never as passed. The built-in test harness decides that
//! when it is compiled, so this program lists its tests itself.

mod sdk {
    pub(crate) mod backends;
    pub(crate) mod installed;
    pub(crate) mod script;
}

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use sdk::installed::Installed;
use sdk::script::{Setting, check};

/// What is installed, the script, and what the gateway before it is like.
const SCRIPTS: [(&str, &str, Setting); 8] = [
    ("python", "checks.py", Setting::Plain),
    ("python", "openai_cases.py", Setting::EveryBackend),
    ("python", "anthropic_cases.py", Setting::EveryBackend),
    ("python", "google_cases.py", Setting::EveryBackend),
    ("node", "checks.cjs", Setting::Plain),
    ("node", "openai_cases.cjs", Setting::EveryBackend),
    ("node", "anthropic_cases.cjs", Setting::EveryBackend),
    ("node", "google_cases.cjs", Setting::EveryBackend),
];

fn main() -> ExitCode {
    let trials = SCRIPTS.into_iter().map(|(language, script, setting)| {
        let (client, _) = script.split_once(['_', '.']).unwrap_or((script, ""));
        let name = match setting {
            Setting::Plain => format!("the_{language}_client_is_served"),
            Setting::EveryBackend => format!("the_{language}_client_of_{client}_is_served_by_every_backend"),
        };
        let installed = Installed::find(language);
        let missing = installed.is_err();
        let test = move || check(&installed?, &format!("tests/sdk/{language}/{script}"), setting);
        Trial::test(name, test).with_ignored_flag(missing)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
