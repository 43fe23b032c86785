//! A file of redirects in TOML, as other gateways have it:
//!
//! ```toml
//! [redirects]
//! "gpt-4" = "my-openai/gpt-4o"
//!
//! [[redirect]]
//! from = "gpt-4-turbo"
//! to = "gpt-4"
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use ditto_policy::document::Problem;
use ditto_policy::document::redirects::followed;
use toml::{Table, Value};

/// Adds what a file says to a document's redirects.
///
/// # Errors
/// What is wrong with the file, or with both together.
pub(super) fn add(
    path: &Path,
    text: &Result<String, String>,
    redirects: &mut BTreeMap<String, String>,
) -> Result<(), Vec<Problem>> {
    let problem = |message: String| Problem::new(path.display(), message);
    let text = text.as_ref().map_err(|error| vec![problem(error.clone())])?;
    let mut problems = Vec::new();
    for (place, read) in read(text).map_err(|error| vec![problem(error)])? {
        match read {
            Ok((from, to)) => match redirects.get(&from) {
                Some(known) if *known != to => {
                    problems
                        .push(problem(format!("{place}: the document redirects it to `{known}`: remove one of them")));
                }
                _ => drop(redirects.insert(from, to)),
            },
            Err(what) => problems.push(problem(format!("{place}: {what}"))),
        }
    }
    if problems.is_empty()
        && let Err(error) = followed(redirects)
    {
        problems.push(problem(format!("redirects: {error}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A redirect, or what is wrong with it.
type Read = Result<(String, String), &'static str>;

/// All redirects of a file, each with its place in it.
fn read(text: &str) -> Result<Vec<(String, Read)>, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        format!("line {line}: no TOML: {}", error.message().lines().next().unwrap_or_default())
    })?;
    let mut all = Vec::new();
    for (name, value) in &table {
        match (name.as_str(), value) {
            ("redirects" | "redirect", Value::Table(members)) => {
                all.extend(members.iter().map(|(from, to)| (format!("{name}.{from}"), pair(Some(from), Some(to)))));
            }
            ("redirects" | "redirect", Value::Array(entries)) => {
                let entry = |(at, entry): (usize, &Value)| {
                    let from = entry.get("from").and_then(Value::as_str);
                    (format!("{name}[{at}]"), pair(from, entry.get("to")))
                };
                all.extend(entries.iter().enumerate().map(entry));
            }
            _ => all.push((name.clone(), Err("unknown table: expected `[redirects]` or `[[redirect]]`"))),
        }
    }
    Ok(all)
}

fn pair(from: Option<&str>, to: Option<&Value>) -> Read {
    let named = |name: &&str| !name.trim().is_empty();
    let from = from.filter(named).ok_or("expected the name of a model to redirect, as `from`")?;
    let to = to.and_then(Value::as_str).filter(named).ok_or("expected a model's name in quotes")?;
    Ok((from.to_owned(), to.to_owned()))
}
