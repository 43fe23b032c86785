//! The documented calls: one server that speaks OpenAI's dialect, plain and with one model for all names, is asked in
//! three dialects by curl, and by the programs that need no more than an address and a key.

use std::fs;
use std::process::Command;
use std::time::Duration;

use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::cli::Program;
use super::installed::Installed;
use super::process::finish;

/// The server's only model.
const MODEL: &str = "glm-4.7";
const CURL_TIMEOUT: Duration = Duration::from_secs(30);
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(120);
/// What is asked, and answered: the simulator's model says what it is told.
const REPLY: &str = "Reply with [[say ok]]";
const TEXT: &str = "ok";

/// Path, header for the key, body, and where the text is in the answer.
const CALLS: [(&str, &str, &str, &str); 3] = [
    (
        "/v1/chat/completions",
        "Authorization: Bearer ",
        r#"{"model":"gpt-local","messages":[{"role":"user","content":"@"}]}"#,
        "/choices/0/message/content",
    ),
    (
        "/v1/messages",
        "x-api-key: ",
        r#"{"model":"claude-local","max_tokens":16,"messages":[{"role":"user","content":[{"type":"text","text":"@"}]}]}"#,
        "/content/0/text",
    ),
    (
        "/v1beta/models/gemini-pro:generateContent",
        "x-goog-api-key: ",
        r#"{"contents":[{"role":"user","parts":[{"text":"@"}]}]}"#,
        "/candidates/0/content/parts/0/text",
    ),
];

/// Whether curl is there, or why the calls are not made.
pub(crate) fn curl() -> Result<(), String> {
    let version = Command::new("curl").arg("--version").output();
    version.map(|_| ()).map_err(|problem| format!("not run: curl: {problem}"))
}

/// Makes the calls with curl, and looks for the text where the documentation does.
pub(crate) fn check_curl() -> Result<(), Failed> {
    let simulator = simulator()?;
    let runtime = Runtime::new()?;
    let gateway = start(&runtime, &simulator);
    let get = |path: &str, more: &[&str]| -> Result<Value, Failed> {
        let mut command = Command::new("curl");
        command.args(["-sS", "--noproxy", "*", &format!("{}{path}", gateway.url())]).args(more);
        let ended = runtime.block_on(finish(command, CURL_TIMEOUT))?;
        serde_json::from_str(&ended.stdout).map_err(|problem| format!("{path}: {problem}: {}", ended.text()).into())
    };
    let models = get("/v1/models", &["-H", &format!("Authorization: Bearer {}", config::TOKEN)])?;
    if models.pointer("/data/0/id").and_then(Value::as_str) != Some(MODEL) {
        return Err(format!("no model is listed: {models}").into());
    }
    for (path, header, body, place) in CALLS {
        let (header, body) = (format!("{header}{}", config::TOKEN), body.replace('@', REPLY));
        let answer = get(path, &["-H", &header, "-H", "content-type: application/json", "-d", &body])?;
        if answer.pointer(place).and_then(Value::as_str) != Some(TEXT) {
            return Err(format!("{path}: no text at {place}: {answer}").into());
        }
    }
    Ok(())
}

/// Asks each program, which is told no model, or an alias of its own.
pub(crate) fn check_programs(installed: &Installed) -> Result<(), Failed> {
    let simulator = simulator()?;
    let runtime = Runtime::new()?;
    let gateway = start(&runtime, &simulator);
    for program in [Program::ClaudeCode, Program::GeminiCli] {
        let home = tempfile::tempdir()?;
        fs::create_dir(home.path().join("work"))?;
        let mut command = program.at(installed, home.path(), &gateway.url())?;
        if let Program::GeminiCli = program {
            command.args(["-m", "flash"]);
        }
        command.args(["-p", REPLY]);
        let ended = runtime.block_on(finish(command, PROGRAM_TIMEOUT))?;
        if !ended.success || ended.stdout.trim() != TEXT || ended.text().to_lowercase().contains("error") {
            return Err(format!("{}\nthe gateway said:\n{}", ended.text(), gateway.log()).into());
        }
    }
    Ok(())
}

fn simulator() -> std::io::Result<Simulator> {
    Simulator::start_with(SimulatorConfig {
        api_key: Some(config::PROVIDER_KEY.to_owned()),
        models: vec![MODEL.to_owned()],
        strict_models: true,
        // Such servers ignore what they do not know, and have no other paths.
        open_fields: true,
        responses_api: false,
        ..SimulatorConfig::default()
    })
}

fn start(runtime: &Runtime, simulator: &Simulator) -> Gateway {
    let mut document = config::single(simulator);
    document["backends"][0]["model_map"] = json!({"*": MODEL});
    runtime.block_on(Gateway::start(document, &[]))
}
