//! Programs that people work with, in a directory with a file that the model has them read and edit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ditto_tests::backends;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::mind::{Heard, Said, Script};
use ditto_tests::simulator::{RecordedRequest, SimulatorConfig};
use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::installed::Installed;
use super::process::finish;

/// More than a busy machine needs for three requests.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(120);

const FILE: &str = "note.txt";
const BEFORE: &str = "The colour is red.\n";
const AFTER: &str = "The colour is blue.\n";
const TASK: &str = "Make the colour in note.txt blue.";
const DONE: &str = "Done: the colour is blue now.";

/// A program that works on files with a model's help.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// `claude`, by Anthropic's dialect.
    ClaudeCode,
    /// `gemini`, by Google's.
    GeminiCli,
}

impl Program {
    /// What it is called in `.tools/sdk-cli/run`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude",
            Self::GeminiCli => "gemini",
        }
    }

    /// Its names for the tools that read and edit a file.
    fn tools(self) -> (&'static str, &'static str) {
        match self {
            Self::ClaudeCode => ("Read", "Edit"),
            Self::GeminiCli => ("read_file", "replace"),
        }
    }

    /// The path of its requests begins so.
    fn path(self) -> &'static str {
        match self {
            Self::ClaudeCode => "/v1/messages",
            Self::GeminiCli => "/v1beta/models/",
        }
    }

    /// The model's side: it reads the file, edits it by what it read, and says that it is done.
    fn script(self, file: &Path) -> Script {
        let (read, edit) = self.tools();
        let file = file.to_string_lossy().into_owned();
        Script::new(move |heard: &Heard| {
            // Side questions, such as for a title, bring no tools; they are answered as ever.
            heard.tool(edit)?;
            let results = heard.messages.iter().flat_map(|message| message.results()).collect::<Vec<_>>();
            Some(match results.as_slice() {
                [] => Said::text("I look first.").and_call(read, &json!({"file_path": file})),
                [shown] if shown.text.contains(BEFORE.trim()) => Said::call(edit, &self.edit(&file)),
                [_, edited] if !edited.is_error => Said::text(DONE),
                unexpected => Said::text(format!("I am lost: {unexpected:?}")),
            })
        })
    }

    /// What the model gives the tool that edits.
    fn edit(self, file: &str) -> Value {
        let mut arguments = json!({"file_path": file, "old_string": "red", "new_string": "blue"});
        if let Self::GeminiCli = self {
            arguments["instruction"] = json!(TASK);
        }
        arguments
    }

    /// The program in `home/work`, told by the environment where the gateway is, as the documentation has it.
    pub(crate) fn at(self, installed: &Installed, home: &Path, gateway: &str) -> Result<Command, Failed> {
        let mut command = installed.command();
        command.arg(self.name()).current_dir(home.join("work")).env("HOME", home).env("TMPDIR", home);
        match self {
            Self::ClaudeCode => command
                .env("ANTHROPIC_BASE_URL", gateway)
                .env("ANTHROPIC_API_KEY", config::TOKEN)
                .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                .env("DISABLE_AUTOUPDATER", "1"),
            Self::GeminiCli => {
                // Without the kind of key it takes a base URL for a gateway of another sort, and refuses to begin.
                let settings = json!({
                    "security": {"auth": {"selectedType": "gemini-api-key"}},
                    "privacy": {"usageStatisticsEnabled": false},
                    "general": {"enableAutoUpdate": false},
                });
                fs::create_dir_all(home.join(".gemini"))?;
                fs::write(home.join(".gemini/settings.json"), settings.to_string())?;
                command
                    .env("GOOGLE_GEMINI_BASE_URL", gateway)
                    .env("GEMINI_API_KEY", config::TOKEN)
                    .env("GEMINI_CLI_TRUST_WORKSPACE", "true")
            }
        };
        Ok(command)
    }

    /// Arguments for the task, and for leave to edit.
    fn arguments(self, model: &str) -> Vec<&str> {
        match self {
            Self::ClaudeCode => vec!["-p", TASK, "--model", model, "--allowedTools", "Read,Edit"],
            Self::GeminiCli => vec!["--yolo", "-m", model, "-p", TASK],
        }
    }
}

/// Has the program edit the file, with the model behind this backend.
pub(crate) fn check(program: Program, installed: &Installed, backend: &str) -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    let work = home.path().join("work");
    fs::create_dir(&work)?;
    let file = work.join(FILE);
    fs::write(&file, BEFORE)?;
    // As most servers do that speak OpenAI's dialect: they ignore what they do not know.
    let script = Some(program.script(&file));
    let simulator = backends::simulator(SimulatorConfig { script, open_fields: true, ..SimulatorConfig::default() });
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway = runtime.block_on(Gateway::start(backends::document(&simulator, &[backend]), &[]));
    let mut command = program.at(installed, home.path(), &gateway.url())?;
    command.args(program.arguments(&format!("on-{backend}")));
    if let Program::ClaudeCode = program {
        // The other way in which it presents a key: as a bearer token.
        command.env_remove("ANTHROPIC_API_KEY").env("ANTHROPIC_AUTH_TOKEN", config::TOKEN);
    }
    let ended = runtime.block_on(finish(command, PROGRAM_TIMEOUT))?;

    let all = || format!("{}\nthe gateway said:\n{}", ended.text(), gateway.log());
    let fail = |what: &str| Err(Failed::from(format!("{what}\n{}", all())));
    if !ended.success {
        return fail("it did not end well");
    }
    if !ended.stdout.contains(DONE) {
        return fail("it did not print what the model said last");
    }
    if fs::read_to_string(&file)? != AFTER {
        return fail("the file is not as it should be");
    }
    if ended.text().to_lowercase().contains("error") {
        return fail("it speaks of an error");
    }
    let refused: Vec<_> = simulator.deliveries().into_iter().filter(|delivery| delivery.status != 200).collect();
    if !refused.is_empty() {
        return fail(&format!("the provider refused something: {refused:?}"));
    }
    let served = simulator.requests().iter().filter(|request| is_of(request, program, backend)).count();
    if served < 3 {
        return fail(&format!("only {served} requests came to the model"));
    }
    println!("ok      {} over {backend}: {served} requests", program.name());
    Ok(())
}

/// Whether the backend's own dialect was spoken: the program's, or another one.
fn is_of(request: &RecordedRequest, program: Program, backend: &str) -> bool {
    match backend {
        "anthropic" => request.path() == "/v1/messages",
        "google" => request.path().starts_with("/v1beta/models/"),
        _ => !request.path().starts_with(program.path()),
    }
}
