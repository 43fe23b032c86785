//! The output of a command.

use std::process::Stdio;
use std::time::Duration;

use ditto_policy::secret::Secret;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::oauth::life;
use super::{NoToken, Token};

/// A command may take this long.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);
/// A command may write this much.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Runs the command and reads its standard output. Its standard error is not kept: it may show what is secret.
pub(super) async fn run(words: &[Secret]) -> Result<Token, NoToken> {
    let [program, arguments @ ..] = words else { return Err(NoToken("there is no command".to_owned())) };
    let failed = |why: String| NoToken(format!("the command `{}` {why}", program.expose()));
    let mut command = Command::new(program.expose());
    command.args(arguments.iter().map(Secret::expose));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(format!("does not start: {error}")))?;
    let output = async {
        let mut output = Vec::new();
        let stdout = child.stdout.take().ok_or_else(|| failed("has no output".to_owned()))?;
        let read = stdout.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut output).await;
        read.map_err(|error| failed(format!("broke off: {error}")))?;
        if output.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(failed(format!("wrote more than {OUTPUT_BYTES_MAX} bytes")));
        }
        let status = child.wait().await.map_err(|error| failed(format!("broke off: {error}")))?;
        if !status.success() {
            return Err(failed(format!("failed ({status}): run it by hand to see why")));
        }
        String::from_utf8(output).map_err(|_| failed("wrote something that is not UTF-8".to_owned()))
    };
    let output = tokio::time::timeout(COMMAND_TIMEOUT, output).await;
    let output = output.map_err(|_| failed(format!("took more than {} s", COMMAND_TIMEOUT.as_secs())))??;
    read(&output).map_err(|error| failed(format!("was no help: {error}")))
}

/// Text, a JSON string, or an object with a member that is a token.
fn read(output: &str) -> Result<Token, NoToken> {
    let text = output.trim();
    if !text.starts_with(['{', '"']) {
        return Token::new(text, None);
    }
    match serde_json::from_str(text) {
        Ok(Value::String(token)) => Token::new(&token, None),
        Ok(value) => {
            let member = ["api_key", "token", "access_token"].iter().find_map(|name| value.get(name)?.as_str());
            let token = member.ok_or_else(|| {
                NoToken("its output is an object without `api_key`, `token` or `access_token`".to_owned())
            })?;
            Token::new(token, life(&value))
        }
        Err(_) => Err(NoToken("its output begins like JSON and is none".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<Secret> {
        words.iter().map(|word| Secret::new(*word)).collect()
    }

    #[test]
    fn every_form_of_output_is_understood() {
        for (output, token, seconds) in [
            ("sk-1\n", "sk-1", None),
            (" \"sk-2\" ", "sk-2", None),
            (r#"{"api_key": "sk-3"}"#, "sk-3", None),
            (r#"{"token": "sk-4", "expires_in": 60}"#, "sk-4", Some(60)),
            (r#"{"access_token": "sk-5", "expires_in": "90"}"#, "sk-5", Some(90)),
        ] {
            let good_for = seconds.map(Duration::from_secs);
            assert_eq!(read(output), Ok(Token { value: Secret::new(token), good_for }), "{output}");
        }
        for output in ["", "a\nb", "{", "{}", r#"{"token": 1}"#, "\"\"", &"x".repeat(20_000)] {
            assert!(read(output).is_err(), "{output}");
        }
    }

    #[tokio::test]
    async fn a_command_is_run_with_its_arguments_and_what_fails_is_told_without_its_output() {
        let token = run(&words(&["printf", "%s", "a b"])).await.unwrap();
        assert_eq!(token.value.expose(), "a b");
        let error = run(&words(&["sh", "-c", "echo hidden; echo hidden >&2; exit 3"])).await.unwrap_err().to_string();
        assert!(error.contains("`sh` failed (exit status: 3)") && !error.contains("hidden"), "{error}");
        let error = run(&words(&["/no/such/program"])).await.unwrap_err().to_string();
        assert!(error.contains("does not start"), "{error}");
        let error = run(&words(&["sh", "-c", "head -c 70000 /dev/zero"])).await.unwrap_err().to_string();
        assert!(error.contains("wrote more than 65536 bytes"), "{error}");
    }
}
