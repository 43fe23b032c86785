//! Reading the key file of a service account.

use serde_json::Value;

use super::ServiceAccount;
use crate::document::problem::{Path, shown};
use crate::document::reader::Reader;
use crate::secret::Secret;

/// A key file may hold this many bytes.
const KEY_FILE_BYTES_MAX: usize = 64 * 1024;
/// The token endpoint of files that name none.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// Reads a key file.
pub(super) fn from_file(reader: &mut Reader<'_>, file: &str, path: &Path<'_>) -> Option<ServiceAccount> {
    match reader.read_file(file) {
        Some(Ok(text)) => from_text(reader, &text, &format!("the file {}", shown(file)), path),
        Some(Err(reason)) => {
            reader.problem(path, format!("cannot read {}: {reason}", shown(file)));
            None
        }
        None => None,
    }
}

/// Reads a key file's text; `what` names it in problems, which never show what it says.
pub(super) fn from_text(reader: &mut Reader<'_>, text: &str, what: &str, path: &Path<'_>) -> Option<ServiceAccount> {
    let read = if text.len() > KEY_FILE_BYTES_MAX {
        Err(format!("holds more than {KEY_FILE_BYTES_MAX} bytes: is it the right one?"))
    } else {
        parse(text)
    };
    match read {
        Ok(account) => Some(account),
        Err(flaw) => {
            reader.problem(path, format!("{what} {flaw}"));
            None
        }
    }
}

fn parse(text: &str) -> Result<ServiceAccount, String> {
    let file: Value = serde_json::from_str(text).map_err(|_| "is not JSON".to_owned())?;
    let member = |name: &str| file.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    match member("type") {
        Some("service_account") | None => {}
        Some(other) => {
            let other = shown(other);
            return Err(format!("is of the type `{other}`: give the key file of a service account"));
        }
    }
    let required =
        |name: &str| member(name).ok_or_else(|| format!("has no `{name}`: give a service account's key file"));
    let private_key = required("private_key")?;
    if !private_key.contains("-----BEGIN ") {
        return Err("has a `private_key` that is not in PEM".to_owned());
    }
    let token_url = member("token_uri").unwrap_or(TOKEN_URL);
    if !token_url.starts_with("https://") && !token_url.starts_with("http://") {
        return Err("has a `token_uri` that is no URL".to_owned());
    }
    Ok(ServiceAccount {
        email: required("client_email")?.to_owned(),
        private_key: Secret::new(private_key),
        key_id: member("private_key_id").map(str::to_owned),
        token_url: token_url.to_owned(),
        project: member("project_id").map(str::to_owned),
    })
}
