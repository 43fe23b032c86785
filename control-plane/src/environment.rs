//! What a configuration may refer to: variables of a dotenv file and of the process, and files.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use ditto_policy::document::Environment;
use ditto_policy::secret::Secret;

/// The dotenv file first, then the process environment.
#[derive(Debug, Default)]
pub struct ProcessEnvironment {
    dotenv: HashMap<String, String>,
}

impl ProcessEnvironment {
    /// Reads the dotenv file, if one is given.
    pub fn load(dotenv: Option<&Path>) -> Result<Self, String> {
        let Some(path) = dotenv else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| format!("--dotenv {}: {error}", path.display()))?;
        let dotenv = parse(&text).map_err(|error| format!("--dotenv {}: {error}", path.display()))?;
        Ok(Self { dotenv })
    }
}

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.dotenv.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    fn read_file(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

/// The value of the variable `name`, which `flag` names.
///
/// # Errors
/// The variable is not set or blank, or the dotenv file cannot be read.
pub fn secret(flag: &str, name: &str, dotenv: Option<&Path>) -> anyhow::Result<Secret> {
    let environment = ProcessEnvironment::load(dotenv).map_err(|error| anyhow!(error))?;
    let value = environment.var(name).with_context(|| format!("{flag}: the variable {name} is not set"))?;
    if value.trim().is_empty() {
        bail!("{flag}: the variable {name} is empty");
    }
    Ok(Secret::new(value))
}

/// Lines of `NAME=value`, with optional `export`, quotes around the value, and comments on lines of their own.
fn parse(text: &str) -> Result<HashMap<String, String>, String> {
    let mut variables = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or_else(|| format!("line {}: expected NAME=value", index + 1))?;
        let value = value.trim();
        let unquoted = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
        variables.insert(name.trim().to_owned(), unquoted.unwrap_or(value).to_owned());
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_is_read_as_shells_write_it() {
        let read = parse("# comment\n\nA=1\nexport B = two \nC=\"a b\"\nD='x=y'\nE=\n").unwrap();
        let get = |name: &str| read.get(name).map(String::as_str);
        assert_eq!(
            [get("A"), get("B"), get("C"), get("D"), get("E")],
            [Some("1"), Some("two"), Some("a b"), Some("x=y"), Some("")]
        );
        assert_eq!(parse("A=1\nnonsense").unwrap_err(), "line 2: expected NAME=value");
    }
}
