//! Replacing `${NAME}`, `os.environ/NAME` and `secret://` references with what they stand for.

use thiserror::Error;

/// Where references find their values. The caller decides the order of look-up (a `.env` file before the process's
/// environment) and what reading a file means.
pub trait Environment {
    /// The value of a variable, `None` when it is not set.
    fn var(&self, name: &str) -> Option<String>;

    /// The content of a file.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, in words.
    fn read_file(&self, path: &str) -> Result<String, String>;
}

/// Why a reference has no value. No variant holds a value, so that a message can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Unexpandable {
    #[error("environment variable {0} is not set: set it, or put it in the file given with --dotenv")]
    Missing(String),
    #[error("environment variable {0} is set but blank: give it a value")]
    Blank(String),
    #[error("`${{` has no closing `}}`: write ${{NAME}}")]
    Unterminated,
    #[error("`{0}` names no variable: write the variable's name into it")]
    Unnamed(&'static str),
    #[error("`{0}` is not a variable's name: write ${{NAME}}; defaults and nesting are not supported")]
    Misnamed(String),
    #[error("a secret:// reference must be the whole value, not a part of it")]
    Embedded,
    #[error("this secret:// form is not supported: use secret://env/NAME or secret://file?path=/file")]
    Unsupported,
    #[error("secret://file needs one parameter, an absolute path: write secret://file?path=/file")]
    NoPath,
    #[error("cannot read the secret's file {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("the secret's file {0} is blank: write the secret into it")]
    BlankFile(String),
    #[error("the secret's file {0} holds more than {SECRET_BYTES_MAX} bytes: is it the right file?")]
    LargeFile(String),
}

/// A file with a secret may hold this many bytes.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// Whether `expand` would look at anything in this text.
pub(super) fn has_reference(text: &str) -> bool {
    text.contains("${") || text.starts_with(LITELLM_PREFIX) || text.contains(SECRET_SCHEME)
}

const LITELLM_PREFIX: &str = "os.environ/";
const SECRET_SCHEME: &str = "secret://";

/// Replaces every reference in `text`. Values are not searched for `${` again; a value that is a `secret://`
/// reference is resolved.
pub(super) fn expand(text: &str, environment: &dyn Environment) -> Result<String, Unexpandable> {
    let expanded = match text.strip_prefix(LITELLM_PREFIX) {
        Some(name) => variable(name, "os.environ/", environment)?,
        None => expand_variables(text, environment)?,
    };
    match expanded.strip_prefix(SECRET_SCHEME) {
        Some(reference) => resolve(reference, environment),
        // Left in, it would be sent upstream in place of the secret.
        None if expanded.contains(SECRET_SCHEME) => Err(Unexpandable::Embedded),
        None => Ok(expanded),
    }
}

fn expand_variables(text: &str, environment: &dyn Environment) -> Result<String, Unexpandable> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("${") {
        expanded.push_str(before);
        let (name, after) = reference.split_once('}').ok_or(Unexpandable::Unterminated)?;
        expanded.push_str(&variable(name, "${}", environment)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn variable(name: &str, form: &'static str, environment: &dyn Environment) -> Result<String, Unexpandable> {
    if name.trim().is_empty() {
        return Err(Unexpandable::Unnamed(form));
    }
    let named = name.len() <= 256 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if !named {
        return Err(Unexpandable::Misnamed(super::problem::shown(name)));
    }
    match environment.var(name) {
        None => Err(Unexpandable::Missing(name.to_owned())),
        Some(value) if value.trim().is_empty() => Err(Unexpandable::Blank(name.to_owned())),
        Some(value) => Ok(value),
    }
}

/// Resolves what follows `secret://`.
fn resolve(reference: &str, environment: &dyn Environment) -> Result<String, Unexpandable> {
    if let Some(name) = reference.strip_prefix("env/") {
        return variable(name, "secret://env/", environment);
    }
    let query = match reference.strip_prefix("file") {
        Some("") | Some("/") => return Err(Unexpandable::NoPath),
        Some(rest) => rest.strip_prefix('?').or_else(|| rest.strip_prefix("/?")).ok_or(Unexpandable::Unsupported)?,
        None => return Err(Unexpandable::Unsupported),
    };
    let path = query.strip_prefix("path=").filter(|path| !path.contains('&')).and_then(percent_decoded);
    let path = path.filter(|path| path.starts_with('/')).ok_or(Unexpandable::NoPath)?;
    let shown = super::problem::shown(&path);
    let content = match environment.read_file(&path) {
        Ok(content) => content,
        Err(reason) => return Err(Unexpandable::Unreadable { path: shown, reason }),
    };
    if content.len() > SECRET_BYTES_MAX {
        return Err(Unexpandable::LargeFile(shown));
    }
    if content.trim().is_empty() {
        return Err(Unexpandable::BlankFile(shown));
    }
    // Editors end a file with a line break that is no part of the secret.
    Ok(content.trim_end_matches(['\r', '\n']).to_owned())
}

/// Decodes `%XX`; `None` when a percent sign stands alone or the result is not text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::Fixed;

    fn expanded(text: &str) -> Result<String, Unexpandable> {
        let environment = Fixed::new(&[
            ("KEY", "sk-1"),
            ("HOST", "example.test"),
            ("BLANK", " \t"),
            ("RECURSIVE", "${KEY}"),
            ("REFERENCE", "secret://env/KEY"),
        ])
        .with_file("/run/key", "from-file\n")
        .with_file("/run/blank", "\n")
        .with_file("/run/large", &"x".repeat(SECRET_BYTES_MAX + 1))
        .with_file("/run/a b", "spaced");
        expand(text, &environment)
    }

    #[test]
    fn variables_are_replaced_wherever_they_stand() {
        for (text, value) in [
            ("plain $ and {braces}", "plain $ and {braces}"),
            ("Bearer ${KEY}", "Bearer sk-1"),
            ("https://${HOST}/${KEY}/v1", "https://example.test/sk-1/v1"),
            ("os.environ/KEY", "sk-1"),
            ("not os.environ/KEY", "not os.environ/KEY"),
            ("${RECURSIVE}", "${KEY}"),
            ("$${KEY}", "$sk-1"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn secrets_are_resolved() {
        for (text, value) in [
            ("secret://env/KEY", "sk-1"),
            ("secret://file?path=/run/key", "from-file"),
            ("secret://file/?path=/run/key", "from-file"),
            ("secret://file?path=/run/a%20b", "spaced"),
            ("secret://file?path=/run/${KEY}", ""),
            ("${REFERENCE}", "sk-1"),
        ] {
            if value.is_empty() {
                assert!(matches!(expanded(text), Err(Unexpandable::Unreadable { .. })), "{text}");
            } else {
                assert_eq!(expanded(text).as_deref(), Ok(value), "{text}");
            }
        }
    }

    #[test]
    fn every_way_to_have_no_value_is_told_apart() {
        use Unexpandable::*;
        for (text, error) in [
            ("${NOPE}", Missing("NOPE".into())),
            ("${KEY} ${NOPE}", Missing("NOPE".into())),
            ("${BLANK}", Blank("BLANK".into())),
            ("Bearer ${KEY", Unterminated),
            ("${}", Unnamed("${}")),
            ("${ }", Unnamed("${}")),
            ("os.environ/", Unnamed("os.environ/")),
            ("${KEY:-x}", Misnamed("KEY:-x".into())),
            ("${${KEY}}", Misnamed("${KEY".into())),
            ("os.environ/NOPE", Missing("NOPE".into())),
            ("Bearer secret://env/KEY", Embedded),
            ("Bearer ${REFERENCE}", Embedded),
            ("secret://vault/x?field=y", Unsupported),
            ("secret://", Unsupported),
            ("secret://filex", Unsupported),
            ("secret://env/", Unnamed("secret://env/")),
            ("secret://env/NOPE", Missing("NOPE".into())),
            ("secret://env/BLANK", Blank("BLANK".into())),
            ("secret://file", NoPath),
            ("secret://file?path=", NoPath),
            ("secret://file?path=relative", NoPath),
            ("secret://file?path=%2", NoPath),
            ("secret://file?path=/run/key&x=1", NoPath),
            ("secret://file?path=/run/blank", BlankFile("/run/blank".into())),
            ("secret://file?path=/run/large", LargeFile("/run/large".into())),
            ("secret://file?path=/none", Unreadable { path: "/none".into(), reason: "no such file".into() }),
        ] {
            assert_eq!(expanded(text), Err(error), "{text}");
        }
    }

    #[test]
    fn messages_show_the_syntax_as_it_is_written() {
        assert_eq!(Unexpandable::Unterminated.to_string(), "`${` has no closing `}`: write ${NAME}");
    }
}
