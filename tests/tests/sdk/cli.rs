//! Programs that people work with, in a directory with a file that the model has them read and edit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ditto_tests::backends;
use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::mind::{Heard, Said, Script};
use ditto_tests::simulator::{RecordedRequest, Simulator, SimulatorConfig};
use futures_util::future::join_all;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::installed::Installed;
use super::process::{Ended, finish};

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

/// Has the program edit a file with the model behind each of these backends, all behind one gateway.
pub(crate) fn check(program: Program, installed: &Installed, names: &[&'static str]) -> Result<(), Failed> {
    let tasks = names.iter().map(|name| Task::new(program, name)).collect::<Result<Vec<_>, _>>()?;
    let entries: Vec<Value> = tasks.iter().map(|task| backends::backend(task.backend, &task.simulator)).collect();
    let document = backends::document(entries);
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway = runtime.block_on(Gateway::start(document, &[]));
    let done = runtime.block_on(join_all(tasks.iter().map(|task| task.run(installed, &gateway))));
    let failures: Vec<String> = done.into_iter().filter_map(Result::err).collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\nthe gateway said:\n{}", failures.join("\n"), gateway.log()).into()),
    }
}

/// One file to be edited, with the model behind one backend.
struct Task {
    program: Program,
    backend: &'static str,
    home: TempDir,
    simulator: Simulator,
}

impl Task {
    fn new(program: Program, backend: &'static str) -> Result<Self, Failed> {
        let home = tempfile::tempdir()?;
        let file = home.path().join("work").join(FILE);
        fs::create_dir(home.path().join("work"))?;
        fs::write(&file, BEFORE)?;
        let script = Some(program.script(&file));
        // As most servers do that speak OpenAI's dialect: they ignore what they do not know.
        let config = SimulatorConfig { script, open_fields: true, ..SimulatorConfig::default() };
        Ok(Self { program, backend, home, simulator: backends::simulator(config) })
    }

    /// Runs the program to its end, and says what is wrong with what it did.
    async fn run(&self, installed: &Installed, gateway: &Gateway) -> Result<(), String> {
        let said = |problem: &str| format!("{} over {}: {problem}", self.program.name(), self.backend);
        let wrong = |failed: Failed| said(failed.message().unwrap_or("it cannot be run"));
        let mut command = self.program.at(installed, self.home.path(), &gateway.url()).map_err(wrong)?;
        command.args(self.program.arguments(&format!("on-{}", self.backend)));
        if let Program::ClaudeCode = self.program {
            // The other way in which it presents a key: as a bearer token.
            command.env_remove("ANTHROPIC_API_KEY").env("ANTHROPIC_AUTH_TOKEN", config::TOKEN);
        }
        let ended = finish(command, PROGRAM_TIMEOUT).await.map_err(wrong)?;
        match self.problem(&ended) {
            Some(problem) => Err(said(&format!("{problem}\n{}", ended.text()))),
            None => Ok(()),
        }
    }

    fn problem(&self, ended: &Ended) -> Option<String> {
        if !ended.success {
            return Some("it did not end well".to_owned());
        }
        if !ended.stdout.contains(DONE) {
            return Some("it did not print what the model said last".to_owned());
        }
        if fs::read_to_string(self.home.path().join("work").join(FILE)).ok().as_deref() != Some(AFTER) {
            return Some("the file is not as it should be".to_owned());
        }
        if ended.text().to_lowercase().contains("error") {
            return Some("it speaks of an error".to_owned());
        }
        let deliveries = self.simulator.deliveries();
        let refused: Vec<_> = deliveries.into_iter().filter(|delivery| delivery.status != 200).collect();
        if !refused.is_empty() {
            return Some(format!("the provider refused something: {refused:?}"));
        }
        let served = self.simulator.requests().iter().filter(|request| self.is_of(request)).count();
        (served < 3).then(|| format!("only {served} requests came to the model"))
    }

    /// Whether the backend's own dialect was spoken: the program's, or another one.
    fn is_of(&self, request: &RecordedRequest) -> bool {
        match self.backend {
            "anthropic" => request.path() == "/v1/messages",
            "google" => request.path().starts_with("/v1beta/models/"),
            _ => !request.path().starts_with(self.program.path()),
        }
    }
}
