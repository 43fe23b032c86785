//! Reads a request field by field, and names the field that is wrong the way the provider does.

use serde_json::{Map, Value};

use super::error::ApiError;

/// A value of the request and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
}

type Read<T> = Result<T, ApiError>;

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The same value under a name that says which of several shapes it has.
    pub(super) fn tagged(mut self, tag: &str) -> Self {
        self.path = join(&self.path, tag);
        self
    }

    pub(super) fn error(&self, message: impl std::fmt::Display) -> ApiError {
        ApiError::at(&self.path, message)
    }

    /// A field, if it is there; it may be null.
    pub(super) fn at(&self, name: &str) -> Option<Self> {
        self.value.get(name).map(|value| Self { value, path: join(&self.path, name) })
    }

    /// A field that may be null, if it is there and is not.
    pub(super) fn given(&self, name: &str) -> Option<Self> {
        self.at(name).filter(|node| !node.value.is_null())
    }

    pub(super) fn need(&self, name: &str) -> Read<Self> {
        self.at(name).ok_or_else(|| ApiError::at(&join(&self.path, name), "Field required"))
    }

    /// Refuses a value that is no object, and fields that are not known.
    pub(super) fn fields(&self, known: &[&str]) -> Read<()> {
        let unknown = self.object()?.keys().find(|name| !known.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(ApiError::at(&join(&self.path, name), "Extra inputs are not permitted")),
            None => Ok(()),
        }
    }

    pub(super) fn object(&self) -> Read<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.error("Input should be a valid dictionary"))
    }

    pub(super) fn list(&self) -> Read<Vec<Self>> {
        let items = self.value.as_array().ok_or_else(|| self.error("Input should be a valid list"))?;
        let item = |(at, value): (usize, &'a Value)| Self { value, path: join(&self.path, &at.to_string()) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        self.value.as_str().ok_or_else(|| self.error("Input should be a valid string"))
    }

    pub(super) fn filled(&self) -> Read<&'a str> {
        let text = self.text()?;
        if text.is_empty() { Err(self.error("String should have at least 1 character")) } else { Ok(text) }
    }

    pub(super) fn flag(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.error("Input should be a valid boolean"))
    }

    pub(super) fn integer(&self, minimum: i64) -> Read<u64> {
        let number = self.value.as_i64().ok_or_else(|| self.error("Input should be a valid integer"))?;
        if number < minimum {
            return Err(self.error(format_args!("Input should be greater than or equal to {minimum}")));
        }
        u64::try_from(number).map_err(|_| self.error("Input should be greater than or equal to 0"))
    }

    /// A number from 0 to 1.
    pub(super) fn share(&self) -> Read<f64> {
        let number = self.value.as_f64().ok_or_else(|| self.error("Input should be a valid number"))?;
        match number {
            _ if number < 0.0 => Err(self.error("Input should be greater than or equal to 0")),
            _ if number > 1.0 => Err(self.error("Input should be less than or equal to 1")),
            _ => Ok(number),
        }
    }

    /// One of the words.
    pub(super) fn word(&self, words: &[&'static str]) -> Read<&'static str> {
        let given = self.value.as_str().unwrap_or_default();
        words.iter().find(|word| **word == given).copied().ok_or_else(|| {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            self.error(format_args!("Input should be {}", quoted.join(" or ")))
        })
    }

    /// The `type` that says which of several shapes an object has.
    pub(super) fn kind(&self) -> Read<&'a str> {
        self.object()?;
        self.need("type")?.text()
    }

    /// What is said of a `type` that there is not.
    pub(super) fn no_such_kind(&self, kind: &str) -> ApiError {
        self.error(format_args!("Input tag '{kind}' found using 'type' does not match any of the expected tags"))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
