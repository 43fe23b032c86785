//! Reading what is sent with every request to an upstream: headers and query parameters.

use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::Path;
use super::reader::Reader;
use crate::secret::Secret;

/// Headers that belong to the connection or to the request's framing: whoever writes the message sets them.
const RESERVED_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers with their names in lower case.
pub(super) fn headers(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<BTreeMap<String, Secret>> {
    let mut headers = BTreeMap::new();
    for (name, value) in reader.members(value, path)? {
        let path = path.member(name);
        let secret = header_value(reader, value, &path);
        let lower = name.to_ascii_lowercase();
        if check_header(reader, name, &path).is_some() && headers.insert(lower, secret.unwrap_or_default()).is_some() {
            reader.problem(&path, "is given twice: header names ignore case");
        }
    }
    Some(headers)
}

fn header_value(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Secret> {
    let secret = reader.secret(value, path)?;
    plain_value(reader, &secret, path)?;
    Some(secret)
}

/// Notes a problem unless the text can be a header's value.
pub(super) fn plain_value(reader: &mut Reader<'_>, secret: &Secret, path: &Path<'_>) -> Option<()> {
    if secret.expose().contains(['\r', '\n', '\0']) {
        reader.problem(path, "a header's value must not contain line breaks or NUL");
        return None;
    }
    Some(())
}

/// Notes a problem unless the name is that of a header that an operator may set.
pub(super) fn check_header(reader: &mut Reader<'_>, name: &str, path: &Path<'_>) -> Option<()> {
    let lower = name.to_ascii_lowercase();
    if name.starts_with(':') {
        reader.problem(path, "pseudo headers are set by the gateway: remove it");
    } else if !is_header_name(name) {
        reader.problem(path, "not a header's name: use letters, digits and hyphens");
    } else if RESERVED_HEADERS.contains(&lower.as_str()) {
        reader.problem(path, format!("`{lower}` is set by the gateway: remove it"));
    } else {
        return Some(());
    }
    None
}

/// A token of RFC 9110.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Query parameters, trimmed; one without a name is dropped.
pub(super) fn query_params(
    reader: &mut Reader<'_>,
    value: &Value,
    path: &Path<'_>,
) -> Option<BTreeMap<String, Secret>> {
    let mut params = BTreeMap::new();
    for (name, value) in reader.members(value, path)? {
        let path = path.member(name);
        let secret = reader.secret(value, &path);
        let name = name.trim();
        if name.is_empty() {
            reader.warn(&path, "ignored: a parameter without a name");
        } else if params.insert(name.to_owned(), trimmed(secret)).is_some() {
            reader.problem(&path, "is given twice: white space around names is ignored");
        }
    }
    Some(params)
}

fn trimmed(secret: Option<Secret>) -> Secret {
    secret.map(|secret| Secret::new(secret.expose().trim())).unwrap_or_default()
}

/// Makes sure that every reference in the strings of a value can be replaced. The value stays as written: what is
/// not used yet need not lie in memory in clear.
pub(super) fn check_references(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) {
    match value {
        Value::String(_) => {
            reader.secret(value, path);
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                check_references(reader, element, &path.element(index));
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                check_references(reader, member, &path.member(name));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{load_json, problems};

    #[test]
    fn names_are_normalised_and_values_expanded() {
        let text = r#"{"backends": [{"name": "a", "base_url": "http://h",
            "headers": {"Authorization": "Bearer ${KEY}", "X-Empty": ""},
            "query_params": {" api-version ": " v1 ", " ": "dropped"}}]}"#;
        let loaded = load_json(text).unwrap();
        let backend = loaded.document.backends.first().unwrap();
        assert_eq!(backend.headers["authorization"].expose(), "Bearer sk-secret");
        assert_eq!(backend.headers["x-empty"].expose(), "");
        assert_eq!(backend.query_params.len(), 1);
        assert_eq!(backend.query_params["api-version"].expose(), "v1");
        assert!(!format!("{backend:?}").contains("sk-secret"));
        let warning = loaded.warnings.first().unwrap().to_string();
        assert_eq!(warning, "backends[0].query_params[\" \"]: ignored: a parameter without a name");
    }

    #[test]
    fn every_bad_header_is_named() {
        let text = r#"{"backends": [{"name": "a", "base_url": "http://h", "headers": {
            "Content-Length": "1", "host": "x", "Transfer-Encoding": "x", "connection": "x", ":path": "/",
            "a b": "x", "": "x", "x-a": "1", "X-A": "2", "x-split": "a\r\nb: c", "x-nul": "\u0000",
            "x-number": 1, "x-missing": "${NOPE}", "x-blank": "${BLANK}", "x-open": "${KEY", "x-unnamed": "${}",
            "x-vault": "secret://vault/x"}, "query_params": {"a": "1", " a": "2", "b": []}}]}"#;
        let expected = [
            "headers.Content-Length: `content-length` is set by the gateway: remove it",
            "headers.host: `host` is set by the gateway: remove it",
            "headers.Transfer-Encoding: `transfer-encoding` is set by the gateway: remove it",
            "headers.connection: `connection` is set by the gateway: remove it",
            "headers[\":path\"]: pseudo headers are set by the gateway: remove it",
            "headers[\"a b\"]: not a header's name: use letters, digits and hyphens",
            "headers[\"\"]: not a header's name: use letters, digits and hyphens",
            "headers.X-A: is given twice: header names ignore case",
            "headers.x-split: a header's value must not contain line breaks or NUL",
            "headers.x-nul: a header's value must not contain line breaks or NUL",
            "headers.x-number: expected a string, found a number: put it in quotes",
            "headers.x-missing: environment variable NOPE is not set: set it, or put it in the file given with --dotenv",
            "headers.x-blank: environment variable BLANK is set but blank: give it a value",
            "headers.x-open: `${` has no closing `}`: write ${NAME}",
            "headers.x-unnamed: `${}` names no variable: write the variable's name into it",
            "headers.x-vault: this secret:// form is not supported: use secret://env/NAME or secret://file?path=/file",
            "query_params[\" a\"]: is given twice: white space around names is ignored",
            "query_params.b: expected a string, found a list",
        ];
        assert_eq!(problems(text), expected.map(|line| format!("backends[0].{line}")));
    }
}
