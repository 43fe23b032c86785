//! The official clients against the gateway: the scripts in `tests/sdk`, run with what `tools/setup-sdks.sh` installed.
//!
//! A client that could not be installed is listed as ignored, never as passed. The built-in test harness decides that
//! when it is compiled, so this program lists its tests itself.

mod sdk {
    pub(crate) mod cli;
    pub(crate) mod installed;
    pub(crate) mod process;
    pub(crate) mod recipe;
    pub(crate) mod script;
}

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use sdk::cli::{self, Program};
use sdk::installed::Installed;
use sdk::recipe;
use sdk::script;

/// What is installed, and what its scripts are called.
const LANGUAGES: [(&str, &str); 2] = [("python", "py"), ("node", "cjs")];

/// The backends that programs are tried over: one of each maker's dialect.
const PROGRAM_BACKENDS: [&str; 3] = ["compatible", "anthropic", "google"];

const PROGRAMS: [Program; 2] = [Program::ClaudeCode, Program::GeminiCli];

fn main() -> ExitCode {
    let scripts = LANGUAGES.map(|(language, ending)| script_trial(language, ending));
    let edits = PROGRAMS.map(|program| {
        let name = format!("{}_edits_a_file_over_every_makers_dialect", program.name());
        program_trial(name, move |installed| cli::check(program, installed, &PROGRAM_BACKENDS))
    });
    let recipes = program_trial("programs_are_answered_as_documented".to_owned(), recipe::check_programs);
    let curl = Trial::test("curl_is_answered_as_documented", recipe::check_curl);
    let curl = curl.with_ignored_flag(recipe::curl().is_err());
    let trials = scripts.into_iter().chain(edits).chain([recipes, curl]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn script_trial(language: &'static str, ending: &'static str) -> Trial {
    let installed = Installed::find(language);
    let missing = installed.is_err();
    let name = format!("the_{language}_clients_are_served_by_every_backend");
    Trial::test(name, move || script::check(&installed?, language, ending)).with_ignored_flag(missing)
}

fn program_trial(name: String, check: impl FnOnce(&Installed) -> Result<(), Failed> + Send + 'static) -> Trial {
    let installed = Installed::find("cli");
    let missing = installed.is_err();
    Trial::test(name, move || check(&installed?)).with_ignored_flag(missing)
}
