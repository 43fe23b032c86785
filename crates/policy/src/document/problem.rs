//! What is wrong with a document, and where.

use std::fmt;

/// One thing wrong (or, as a warning, worth knowing) about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands, as in `backends[2].base_url`; empty when it concerns the document as a whole.
    pub path: String,
    /// What is wrong and what would be right. It never contains the value of a secret.
    pub message: String,
}

impl Problem {
    /// Names what is wrong at a path.
    pub fn new(path: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { path: path.to_string(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Where a value stands in its document. Links point from child to parent, so going down allocates nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    /// The start: empty for a document, or the caller's name for a lone value.
    Start(&'a str),
    /// A member of an object.
    Member(&'a Path<'a>, &'a str),
    /// An element of a list, counted from 0.
    Element(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    /// The whole document.
    pub(super) const DOCUMENT: Path<'static> = Path::Start("");

    pub(super) fn member(&'a self, name: &'a str) -> Path<'a> {
        Path::Member(self, name)
    }

    pub(super) fn element(&'a self, index: usize) -> Path<'a> {
        Path::Element(self, index)
    }
}

/// Names longer than this are cut in paths and messages.
const NAME_SHOWN_MAX: usize = 64;

/// A name from outside, short enough and free of control characters, for use in a message.
pub(super) fn shown(name: &str) -> String {
    let mut cut: String = name.chars().take(NAME_SHOWN_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(NAME_SHOWN_MAX).is_some() {
        cut.push('…');
    }
    cut
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Start(name) => f.write_str(name),
            Path::Element(parent, index) => write!(f, "{parent}[{index}]"),
            Path::Member(parent, name) => {
                let plain = !name.is_empty()
                    && name.len() <= NAME_SHOWN_MAX
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if !plain {
                    return write!(f, "{parent}[\"{}\"]", shown(name));
                }
                if !matches!(parent, Path::Start("")) {
                    write!(f, "{parent}.")?;
                }
                f.write_str(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_an_expression() {
        let root = Path::DOCUMENT;
        let list = root.member("backends");
        let element = list.element(2);
        assert_eq!(element.member("base_url").to_string(), "backends[2].base_url");
        assert_eq!(element.member("a b\n").to_string(), "backends[2][\"a b\\n\"]");
        assert_eq!(Path::Start("body").member("limits").to_string(), "body.limits");
        assert_eq!(root.member("").to_string(), "[\"\"]");
        assert!(root.member(&"x".repeat(1000)).to_string().len() < 100);
    }

    #[test]
    fn a_problem_without_a_path_is_its_message() {
        assert_eq!(Problem::new("", "the document is empty").to_string(), "the document is empty");
        assert_eq!(Problem::new("router", "expected an object").to_string(), "router: expected an object");
    }
}
