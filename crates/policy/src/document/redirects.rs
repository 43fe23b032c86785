//! Redirects: names of models that stand for other names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::{Path, shown};
use super::reader::Reader;

/// Redirects that one name may pass through.
const STEPS_MAX: usize = 16;
/// Redirects of one document.
const REDIRECTS_MAX: usize = 10_000;

/// Why redirects cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// Names that stand for each other.
    #[error("redirects go round in a circle: {}; remove one of them", steps(.0))]
    Circle(Vec<String>),
    /// More redirects than anybody can overlook.
    #[error("more than {STEPS_MAX} redirects follow each other: {}, …; redirect the first to the last", steps(.0))]
    Long(Vec<String>),
    /// More than one document may have.
    #[error("there are {0} redirects: {REDIRECTS_MAX} are allowed")]
    Many(usize),
}

impl RedirectError {
    /// The first name of a chain that cannot be followed.
    pub fn first(&self) -> Option<&str> {
        match self {
            Self::Circle(names) | Self::Long(names) => names.first().map(String::as_str),
            Self::Many(_) => None,
        }
    }
}

fn steps(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", shown(name))).collect();
    names.join(" → ")
}

/// Each name with the end of its chain.
///
/// # Errors
/// A chain without an end, named by its members.
pub fn followed(redirects: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, RedirectError> {
    if redirects.len() > REDIRECTS_MAX {
        return Err(RedirectError::Many(redirects.len()));
    }
    redirects.iter().map(|(from, to)| Ok((from.clone(), end(redirects, from, to)?.to_owned()))).collect()
}

fn end<'r>(redirects: &'r BTreeMap<String, String>, from: &'r str, to: &'r str) -> Result<&'r str, RedirectError> {
    let mut names = vec![from, to];
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut last = to;
    loop {
        if let Some(first) =
            names.iter().position(|name| *name == last).filter(|first| first.saturating_add(1) < names.len())
        {
            return Err(RedirectError::Circle(owned(names.get(first..).unwrap_or_default())));
        }
        let Some(next) = redirects.get(last) else { return Ok(last) };
        if names.len() > STEPS_MAX {
            return Err(RedirectError::Long(owned(&names)));
        }
        names.push(next);
        last = next;
    }
}

/// Reads `redirects`.
pub(super) fn redirects(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<BTreeMap<String, String>> {
    let mut redirects = BTreeMap::new();
    for (from, to) in reader.members(value, path)? {
        let path = path.member(from);
        if from.trim().is_empty() {
            reader.problem(&path, "a model's name must not be blank");
        }
        if let Some(to) = reader.text(to, &path) {
            redirects.insert(from.clone(), to);
        }
    }
    if let Err(error) = followed(&redirects) {
        match error.first() {
            Some(first) => reader.problem(&path.member(first), error.to_string()),
            None => reader.problem(path, error.to_string()),
        }
    }
    Some(redirects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::{load_json, problems};

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn chains_are_followed_to_their_end() {
        let redirects = map(&[("a", "b"), ("b", "openai/c"), ("x", "y")]);
        assert_eq!(followed(&redirects).unwrap(), map(&[("a", "openai/c"), ("b", "openai/c"), ("x", "y")]));
    }

    #[test]
    fn a_circle_is_named_by_its_members_alone() {
        let text = |pairs: &[(&str, &str)]| followed(&map(pairs)).unwrap_err().to_string();
        let expected = "redirects go round in a circle: `b` → `c` → `b`; remove one of them";
        assert_eq!(text(&[("a", "b"), ("b", "c"), ("c", "b")]), expected);
        assert_eq!(text(&[("a", "a")]), "redirects go round in a circle: `a` → `a`; remove one of them");
    }

    #[test]
    fn a_chain_has_an_end_in_sight() {
        let pairs = |count: usize| (0..count).map(|n| (format!("m{n:02}"), format!("m{:02}", n + 1))).collect();
        assert_eq!(followed(&pairs(STEPS_MAX)).unwrap()["m00"], "m16");
        assert!(matches!(followed(&pairs(STEPS_MAX + 1)), Err(RedirectError::Long(names)) if names[0] == "m00"));
        assert_eq!(followed(&pairs(REDIRECTS_MAX + 1)), Err(RedirectError::Many(REDIRECTS_MAX + 1)));
    }

    #[test]
    fn a_document_has_them_and_is_refused_for_a_circle() {
        let loaded = load_json(r#"{"redirects": {"gpt-4": "openai/gpt-4o"}}"#).unwrap();
        assert_eq!(loaded.document.redirects, map(&[("gpt-4", "openai/gpt-4o")]));
        assert_eq!(
            problems(r#"{"redirects": {"a": "b", "b": "a", " ": "x", "c": ""}}"#),
            [
                "redirects[\" \"]: a model's name must not be blank",
                "redirects.c: is blank: write something, or leave the field out",
                "redirects.a: redirects go round in a circle: `a` → `b` → `a`; remove one of them",
            ]
        );
    }
}
