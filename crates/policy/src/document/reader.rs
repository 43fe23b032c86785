//! Reading a tree of values into types. Nothing stops at the first problem: what cannot be read is noted with its
//! path, and reading goes on with what is left.

use serde_json::{Map, Value};

use super::expand::{Environment, expand, has_reference};
use super::nearest::nearest;
use super::problem::{Path, Problem, shown};
use crate::secret::Secret;

/// Collects what is found on the way through a document.
pub(super) struct Reader<'e> {
    /// `None`: references are not allowed.
    environment: Option<&'e dyn Environment>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// What a field holds that works when it arrives but is not acted on.
const NOT_ENFORCED: &str = "accepted, not enforced in this version";

impl<'e> Reader<'e> {
    pub(super) fn new(environment: Option<&'e dyn Environment>) -> Self {
        Self { environment, problems: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn problem(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    pub(super) fn warn(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.warnings.push(Problem::new(path, message));
    }

    /// Warns that a field has no effect yet.
    pub(super) fn warn_not_enforced(&mut self, path: &Path<'_>) {
        self.warn(path, NOT_ENFORCED);
    }

    fn unexpected(&mut self, expected: &str, found: &Value, path: &Path<'_>) {
        self.problem(path, format!("expected {expected}, found {}", kind(found)));
    }

    /// An object that has no other members than these.
    pub(super) fn object<'v>(
        &mut self,
        value: &'v Value,
        path: &'v Path<'v>,
        known: &'v [&'v str],
    ) -> Option<Object<'v>> {
        let members = self.members(value, path)?;
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let meant = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the fields known here are {}", known.join(", ")),
            };
            self.problem(&path.member(name), format!("unknown field `{}`; {meant}", shown(name)));
        }
        Some(Object { members, path, known })
    }

    /// An object whose members the caller names.
    pub(super) fn members<'v>(&mut self, value: &'v Value, path: &Path<'_>) -> Option<&'v Map<String, Value>> {
        match value {
            Value::Object(members) => Some(members),
            other => {
                self.unexpected("an object", other, path);
                None
            }
        }
    }

    /// A list; elements that cannot be read are left out.
    pub(super) fn list<T>(
        &mut self,
        value: &Value,
        path: &Path<'_>,
        mut read: impl FnMut(&mut Self, &Value, &Path<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(elements) = value else {
            self.unexpected("a list", value, path);
            return None;
        };
        let element = |(index, element)| read(self, element, &path.element(index));
        Some(elements.iter().enumerate().filter_map(element).collect())
    }

    /// A list of strings.
    pub(super) fn strings(&mut self, value: &Value, path: &Path<'_>) -> Option<Vec<String>> {
        self.list(value, path, Reader::string)
    }

    pub(super) fn string(&mut self, value: &Value, path: &Path<'_>) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => {
                self.problem(path, format!("expected a string, found {}: put it in quotes", kind(value)));
                None
            }
            other => {
                self.unexpected("a string", other, path);
                None
            }
        }
    }

    /// A string with something in it.
    pub(super) fn text(&mut self, value: &Value, path: &Path<'_>) -> Option<String> {
        let text = self.string(value, path)?;
        if text.trim().is_empty() {
            self.problem(path, "is blank: write something, or leave the field out");
            return None;
        }
        Some(text)
    }

    /// A string in which references are replaced.
    pub(super) fn secret(&mut self, value: &Value, path: &Path<'_>) -> Option<Secret> {
        let text = self.string(value, path)?;
        if !has_reference(&text) {
            return Some(Secret::new(text));
        }
        let Some(environment) = self.environment else {
            self.problem(path, "references are replaced in the configuration document only: give the value itself");
            return None;
        };
        match expand(&text, environment) {
            Ok(expanded) => Some(Secret::new(expanded)),
            Err(error) => {
                self.problem(path, error.to_string());
                None
            }
        }
    }

    /// A variable that is set and not blank; `None` also where references are not allowed.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment?.var(name).filter(|value| !value.trim().is_empty())
    }

    /// A file's content, or why it cannot be read; `None` where references are not allowed.
    pub(super) fn read_file(&self, path: &str) -> Option<Result<String, String>> {
        Some(self.environment?.read_file(path))
    }

    pub(super) fn boolean(&mut self, value: &Value, path: &Path<'_>) -> Option<bool> {
        if value.as_bool().is_none() {
            self.unexpected("true or false", value, path);
        }
        value.as_bool()
    }

    /// A number, possibly with a fraction.
    pub(super) fn number(&mut self, value: &Value, path: &Path<'_>) -> Option<f64> {
        if value.as_f64().is_none() {
            self.unexpected("a number", value, path);
        }
        value.as_f64()
    }

    /// A whole number from 0 up to what the type holds.
    pub(super) fn whole<T: TryFrom<u64>>(&mut self, value: &Value, path: &Path<'_>) -> Option<T> {
        let Value::Number(number) = value else {
            self.unexpected("a whole number", value, path);
            return None;
        };
        let read = number.as_u64().and_then(|number| T::try_from(number).ok());
        if read.is_none() {
            let flaw = match number.as_f64() {
                Some(number) if number < 0.0 => "must not be negative",
                Some(_) if number.is_u64() => "is too large",
                Some(number) if number.fract() == 0.0 && number >= u64::MAX as f64 => "is too large",
                _ => "must not have a fraction or an exponent",
            };
            self.problem(path, format!("expected a whole number, found {number}: it {flaw}"));
        }
        read
    }
}

/// What a value is, in words. What it says is left out: a number can be somebody's token.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An object while its members are read. A member that is null counts as absent.
#[derive(Clone, Copy)]
pub(super) struct Object<'v> {
    members: &'v Map<String, Value>,
    path: &'v Path<'v>,
    known: &'v [&'v str],
}

impl<'v> Object<'v> {
    /// Where a member stands, whether or not it is there.
    pub(super) fn at(&self, name: &'v str) -> Path<'v> {
        self.path.member(name)
    }

    /// Whether a member of this name has a meaning here.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.known.contains(&name)
    }

    /// The member as written.
    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Reads a member that may be absent. `None` also when it cannot be read; the problem is noted then.
    pub(super) fn optional<'e, T>(
        &self,
        reader: &mut Reader<'e>,
        name: &'v str,
        read: impl FnOnce(&mut Reader<'e>, &Value, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        self.get(name).and_then(|value| read(reader, value, &self.at(name)))
    }

    /// Reads a member that must be there.
    pub(super) fn required<'e, T>(
        &self,
        reader: &mut Reader<'e>,
        name: &'v str,
        read: impl FnOnce(&mut Reader<'e>, &Value, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.get(name).is_none() {
            reader.problem(&self.at(name), format!("required field `{name}` is missing"));
        }
        self.optional(reader, name, read)
    }
}
