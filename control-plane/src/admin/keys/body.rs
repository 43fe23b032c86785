//! The body of a request that creates or replaces a key.
//!
//! The shape is the document's and is read by the same code. On top of it come the rules that only matter for keys
//! that arrive at run time: a route must exist now, and names must fit the stream's messages and HTTP headers.

use ditto_policy::document::{Problem, VirtualKey};
use ditto_policy::key::TokenHash;
use serde_json::Value;

use super::REDACTED;
use crate::admin::{ApiError, BackendNames};
use crate::keys::directory::TokenChoice;

/// Bytes of an id or an attribution.
const NAME_MAX: usize = 256;

/// Bytes of a token: more does not fit in a request header with room to spare.
const TOKEN_MAX: usize = 4096;

/// Problems said in one answer.
const PROBLEMS_MAX: usize = 50;

/// The key and the token that `body` asks for. `id`, from the path, wins over the body's.
pub(super) fn parse(
    mut body: Value,
    id: Option<String>,
    backends: &BackendNames,
) -> Result<(VirtualKey, TokenChoice), ApiError> {
    if let (Some(id), Value::Object(fields)) = (id, &mut body) {
        fields.insert("id".into(), id.into());
    }
    let kept = body.get("token").and_then(Value::as_str) == Some(REDACTED);
    let mut problems = Vec::new();
    let mut token = if kept { TokenChoice::Keep } else { TokenChoice::KeepOrGenerate };
    match body.get("token") {
        Some(Value::String(text)) if !kept => match choose(text) {
            Ok(choice) => token = choice,
            Err(why) => problems.push(Problem::new("token", why)),
        },
        // `null` is how many clients leave a field out.
        Some(Value::Null) => {
            body.as_object_mut().map(|fields| fields.shift_remove("token"));
        }
        _ => {}
    }
    match VirtualKey::from_value(&body, "") {
        Ok(key) => {
            check_names(&key, &mut problems);
            check_route(&key, backends, &mut problems);
            if problems.is_empty() {
                return Ok((key, token));
            }
        }
        Err(found) => {
            // A token that is refused for its content may be refused for its shape as well; once is enough.
            problems.retain(|own| found.iter().all(|other| other.path != own.path));
            problems.extend(found);
        }
    }
    Err(refusal(&problems))
}

fn choose(token: &str) -> Result<TokenChoice, String> {
    if token.trim().is_empty() {
        return Err("it is blank; leave it out to have one made".into());
    }
    if token.len() > TOKEN_MAX {
        return Err(format!("it is longer than {TOKEN_MAX} bytes"));
    }
    if token.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it has white space or control characters in it, which a request header cannot carry".into());
    }
    if let Some(hash) = TokenHash::from_stored(token) {
        return Ok(TokenChoice::Set(hash));
    }
    if token.starts_with("sha256:") {
        return Err("after `sha256:` come 64 hex digits".into());
    }
    Ok(TokenChoice::Set(TokenHash::of(token.as_bytes())))
}

fn check_names(key: &VirtualKey, problems: &mut Vec<Problem>) {
    let names = [
        ("id", Some(&key.id)),
        ("tenant_id", key.tenant_id.as_ref()),
        ("project_id", key.project_id.as_ref()),
        ("user_id", key.user_id.as_ref()),
    ];
    for (path, name) in names {
        let Some(name) = name else { continue };
        if name.trim().is_empty() {
            problems.push(Problem::new(path, "it is blank"));
        }
        if name.len() > NAME_MAX {
            problems.push(Problem::new(path, format!("it is longer than {NAME_MAX} bytes")));
        }
        if name.chars().any(char::is_control) {
            problems.push(Problem::new(path, "it has control characters in it"));
        }
    }
}

fn check_route(key: &VirtualKey, backends: &BackendNames, problems: &mut Vec<Problem>) {
    if let Some(route) = &key.route
        && !backends.contains(route)
    {
        let shown: String = route.chars().take(64).flat_map(char::escape_debug).collect();
        problems.push(Problem::new("route", format!("there is no backend `{shown}`")));
    }
}

fn refusal(problems: &[Problem]) -> ApiError {
    let mut message: Vec<String> = problems.iter().take(PROBLEMS_MAX).map(ToString::to_string).collect();
    if problems.len() > PROBLEMS_MAX {
        message.push(format!("and {} more", problems.len() - PROBLEMS_MAX));
    }
    ApiError::invalid_request(message.join("; "))
}
