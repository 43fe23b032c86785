//! The two notations of a document, JSON and YAML.

use std::cell::RefCell;

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::Problem;
use super::tree::Tree;

/// How a document is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML 1.2; only on the host.
    Yaml,
}

impl Format {
    /// The format that a file's extension announces; `None` when it announces none.
    pub fn of_path(path: &str) -> Option<Format> {
        let name = path.rsplit(['/', '\\']).next()?;
        let (_, extension) = name.rsplit_once('.')?;
        if extension.eq_ignore_ascii_case("json") {
            Some(Format::Json)
        } else if extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml") {
            Some(Format::Yaml)
        } else {
            None
        }
    }
}

/// A tree, and what was found wrong with it on the way (duplicate members, names that are not strings).
pub(super) type Parsed = (Value, Vec<Problem>);

/// Parses a text; without a format as JSON, then as YAML.
///
/// # Errors
///
/// Where the text stops being readable; one problem for each format tried.
pub(super) fn parse(text: &str, format: Option<Format>) -> Result<Parsed, Vec<Problem>> {
    // Editors on some systems put a byte order mark at the start of a file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(vec![Problem::new("", "the document is empty: the smallest one is {}")]);
    }
    match format {
        Some(Format::Json) => parse_json(text).map_err(|problem| vec![problem]),
        Some(Format::Yaml) => parse_yaml(text).map_err(|problem| vec![problem]),
        None => parse_json(text).or_else(|as_json| match parse_yaml(text) {
            Ok(parsed) if parsed.0.is_object() => Ok(parsed),
            // Any line of prose is a YAML string; only an object shows that YAML was meant.
            Ok(_) => Err(vec![as_json]),
            Err(as_yaml) => Err(vec![as_json, as_yaml]),
        }),
    }
}

fn parse_json(text: &str) -> Result<Parsed, Problem> {
    let notes = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = Tree::root(&notes)
        .deserialize(&mut deserializer)
        .and_then(|tree| deserializer.end().map(|()| tree))
        .map_err(|error| json_problem(&error))?;
    Ok((tree, notes.into_inner()))
}

fn json_problem(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    let advice = if error.is_eof() {
        "the text ends early: close what is open, or check that the file is complete"
    } else if what.contains("trailing comma") {
        "remove the comma before the closing bracket"
    } else if what.contains("trailing characters") {
        "a document is one value: remove what follows it"
    } else if what.contains("key must be a string") {
        "put the member's name in double quotes"
    } else if what.contains("expected `,`") {
        "put a comma between members, or close the bracket"
    } else if what.contains("expected `:`") {
        "put a colon after the member's name"
    } else if what.contains("control character") {
        "write a line break in a string as \\n"
    } else if what.contains("escape") {
        "write a backslash as \\\\"
    } else if what.contains("recursion limit") {
        "the document is nested too deeply: flatten it"
    } else if what.contains("out of range") {
        "write a smaller number"
    } else {
        "write a value; JSON knows no comments, no single quotes and no bare words"
    };
    Problem::new("", format!("not valid JSON at line {line}, column {column}: {what}; {advice}"))
}

#[cfg(not(target_arch = "wasm32"))]
fn parse_yaml(text: &str) -> Result<Parsed, Problem> {
    let options = serde_saphyr::options! {
        // YAML 1.2: `yes` and `on` are strings, and the reader says where a boolean is expected.
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        // The library bounds what aliases grow a text to: 64 MiB of scalars, and these many events.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        // A snippet could show a secret.
        with_snippet: false,
    };
    let notes = RefCell::default();
    let tree =
        serde_saphyr::with_deserializer_from_str_with_options(text, options, |de| Tree::root(&notes).deserialize(de))
            .map_err(|error| yaml_problem(&error))?;
    Ok((tree, notes.into_inner()))
}

#[cfg(not(target_arch = "wasm32"))]
fn yaml_problem(error: &serde_saphyr::Error) -> Problem {
    let what = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    Problem::new("", format!("not valid YAML: {what}"))
}

#[cfg(target_arch = "wasm32")]
fn parse_yaml(_: &str) -> Result<Parsed, Problem> {
    Err(Problem::new("", "YAML is read by the gateway process only: write JSON here"))
}
