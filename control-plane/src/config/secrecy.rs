//! Which values of a document may be shown and kept: a list of what is harmless, so that a field that nobody thought
//! of is hidden.
//!
//! References (`${NAME}`, `secret://…`, `os.environ/NAME`) say where a secret is, not what it is, and are shown. The
//! same rule decides what a document that comes over the API may hold: what would be hidden is refused there, so that
//! no store ever holds it.

use ditto_policy::document::Problem;
use serde_json::{Map, Value};

/// What stands in for a value that is not shown.
pub(super) const REDACTED: &str = "redacted";

/// Fields whose strings are names, models and modes.
const PUBLIC: &[&str] = &[
    "agent_id",
    "allow_models",
    "anthropic_version",
    "api_version",
    "audience",
    "backend",
    "balance",
    "budget_mode",
    "client_id",
    "default_backend",
    "default_model",
    "deny_models",
    "enabled_capabilities",
    "header",
    "id",
    "litellm_provider",
    "location",
    "lossy",
    "model",
    "model_name",
    "model_prefix",
    "model_whitelist",
    "name",
    "normalize_endpoint",
    "normalize_to",
    "param",
    "project",
    "project_id",
    "provider",
    "region",
    "route",
    "scope",
    "scopes",
    "server_id",
    "server_name",
    "service",
    "tenant_id",
    "type",
    "upstream_api",
    "user_id",
];

/// Fields whose strings are addresses: shown unless there is room for a secret in them.
const ADDRESSES: &[&str] = &["api_base", "base_url", "http_url", "token_url", "url"];

/// Fields whose strings are names of variables, as long as they look like one.
const VARIABLES: &[&str] =
    &["access_keys", "client_id_keys", "client_secret_keys", "json_env", "keys", "secret_keys", "session_token_keys"];

/// Fields whose strings are certificates in PEM, or paths of files with them.
const CERTIFICATES: &[&str] = &["ca", "client_cert"];

/// Objects whose members the operator names, and whose values may be credentials.
const SECRET_MAPS: &[&str] = &["env", "extra_params", "headers", "http_headers", "http_query_params", "query_params"];

/// Headers and parameters that are no credentials.
const HARMLESS: &[&str] = &[
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "api-version",
    "content-type",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "user-agent",
];

/// Objects in which nothing is a credential.
const PUBLIC_MAPS: &[&str] =
    &["agent_card_params", "capabilities", "guardrails", "model_map", "observability", "passthrough", "redirects"];

/// Fields in which not even a number is shown.
const SECRETS: &[&str] = &["api_key", "client_secret", "command", "key", "master_key", "password", "secret", "token"];

/// Words before a reference in a header.
const SCHEMES: &[&str] = &["", "basic", "bearer", "key", "token"];

/// What the members of an object are.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Fields,
    SecretMap,
    PublicMap,
}

/// The document with [`REDACTED`] in place of what is not shown. Objects and lists keep their shape.
pub(super) fn redacted(document: &Value) -> Value {
    hide(document, "", Inside::Fields)
}

fn hide(value: &Value, field: &str, inside: Inside) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), hide(value, name, inside.of(name)));
            Value::Object(members.iter().map(member).collect::<Map<_, _>>())
        }
        Value::Array(elements) => elements.iter().map(|element| hide(element, field, inside)).collect(),
        scalar if is_public(scalar, field, inside) => scalar.clone(),
        _ => REDACTED.into(),
    }
}

/// Where the document says something that may be a secret, and each command: a document that names one would let
/// whoever has the admin token run programs.
pub(super) fn not_installable(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    find(document, "", Inside::Fields, String::new(), &mut problems);
    problems
}

fn find(value: &Value, field: &str, inside: Inside, path: String, problems: &mut Vec<Problem>) {
    match value {
        Value::Array(_) if field == "command" && inside == Inside::Fields => {
            let message = "a command is taken from the configuration's file only, not from the API";
            problems.push(Problem::new(path, message));
        }
        Value::Object(members) => {
            for (name, value) in members {
                find(value, name, inside.of(name), member_path(&path, name), problems);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                find(element, field, inside, format!("{path}[{index}]"), problems);
            }
        }
        scalar if is_public(scalar, field, inside) => {}
        _ => {
            let message = "may be a secret, and documents are kept as they are written: write ${NAME} or secret://… \
                           in its place (for a virtual key's token, sha256:<its SHA-256 in hex> does too)";
            problems.push(Problem::new(path, message));
        }
    }
}

impl Inside {
    /// What is inside the member `name` of an object of this kind.
    fn of(self, name: &str) -> Self {
        match self {
            Self::Fields if SECRET_MAPS.contains(&name) => Self::SecretMap,
            Self::Fields if PUBLIC_MAPS.contains(&name) => Self::PublicMap,
            inside => inside,
        }
    }
}

/// `path.name`, or `path["na me"]` for a name with other characters than those of fields.
pub(super) fn member_path(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    match (plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[{}]", quoted(name)),
    }
}

/// A name in quotes, short enough for a message and free of control characters.
pub(super) fn quoted(name: &str) -> String {
    const NAME_SHOWN_MAX: usize = 64;
    let cut: String = name.chars().take(NAME_SHOWN_MAX).flat_map(char::escape_debug).collect();
    let more = if name.chars().nth(NAME_SHOWN_MAX).is_some() { "…" } else { "" };
    format!("\"{cut}{more}\"")
}

fn is_public(value: &Value, field: &str, inside: Inside) -> bool {
    match (value, inside) {
        (Value::Null, _) | (_, Inside::PublicMap) => true,
        (Value::String(text), _) if text.is_empty() || is_reference(text) => true,
        (_, Inside::SecretMap) => HARMLESS.iter().any(|name| name.eq_ignore_ascii_case(field)),
        (Value::String(text), Inside::Fields) => is_public_text(text, field),
        (_, Inside::Fields) => !SECRETS.contains(&field),
    }
}

fn is_public_text(text: &str, field: &str) -> bool {
    if PUBLIC.contains(&field) || (field == "default_backends" || field == "prefix") && text.len() <= 16 {
        return true;
    }
    if ADDRESSES.contains(&field) {
        return !text.contains(['@', '?', '#']);
    }
    if VARIABLES.contains(&field) {
        return text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    }
    if CERTIFICATES.contains(&field) {
        return text.starts_with(['/', '-']) && !text.contains("PRIVATE KEY");
    }
    field == "token" && is_hash(text)
}

fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether nothing but references, and perhaps the scheme of a credential, is in the text.
fn is_reference(text: &str) -> bool {
    if text.starts_with("secret://") || text.starts_with("os.environ/") {
        return true;
    }
    let mut around = String::new();
    let mut rest = text;
    let mut any = false;
    while let Some((before, reference)) = rest.split_once("${") {
        let Some((_, after)) = reference.split_once('}') else { return false };
        around.push_str(before);
        (rest, any) = (after, true);
    }
    around.push_str(rest);
    any && SCHEMES.contains(&around.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "backends": [{
                "name": "one", "base_url": "https://user:pw@h/v1", "timeout_seconds": 5,
                "headers": {"authorization": "Bearer sk-1", "x-other": "Bearer ${KEY}", "anthropic-version": "2023-06-01"},
                "query_params": {"key": "${KEY}sk-2", "api-version": "1"}, "model_map": {"a": "b"},
                "provider_config": {"auth": {"type": "command", "command": ["get", "sk-3"]}},
            }, {
                "name": "two", "base_url": "https://h/v1",
                "provider_config": {"auth": {"type": "api_key_env", "keys": ["GOOD_NAME", "sk-4"]}},
            }],
            "virtual_keys": [
                {"id": "a", "token": "vk-1", "enabled": true}, {"id": "b", "token": "secret://env/VK"},
                {"id": "c", "token": format!("sha256:{}", "0".repeat(64))}, {"id": "d", "token": 12345},
            ],
            "router": {"default_backends": [{"backend": "one", "weight": 1.5}]},
            "somebody_elses": {"field": "sk-5", "env": {"A": 7}},
        })
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_hidden() {
        let shown = redacted(&document());
        let text = shown.to_string();
        for secret in ["sk-1", "sk-2", "sk-3", "sk-4", "sk-5", "user:pw", "vk-1", "12345"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert_eq!(shown["backends"][0]["headers"]["x-other"], "Bearer ${KEY}");
        assert_eq!(shown["backends"][0]["query_params"], json!({"key": "redacted", "api-version": "1"}));
        assert_eq!(
            (&shown["backends"][0]["timeout_seconds"], &shown["backends"][0]["model_map"]["a"]),
            (&json!(5), &json!("b"))
        );
        assert_eq!(shown["backends"][1]["provider_config"]["auth"]["keys"], json!(["GOOD_NAME", "redacted"]));
        assert_eq!(
            (&shown["virtual_keys"][1]["token"], &shown["virtual_keys"][0]["enabled"]),
            (&json!("secret://env/VK"), &json!(true))
        );
        assert_eq!(shown["router"], document()["router"]);
        assert_eq!(shown["somebody_elses"]["env"]["A"], "redacted");
    }

    #[test]
    fn of_tls_only_the_key_is_hidden() {
        let (certificate, key) = ("-----BEGIN CERTIFICATE-----\nA", "-----BEGIN PRIVATE KEY-----\nhunter2");
        let tls = |ca: &str, client_key: &str| json!({"backends": [{"tls": {"ca": ca, "client_cert": "/c.pem", "client_key": client_key, "server_name": "h"}}]});
        for (document, expected, flaws) in [
            (tls(certificate, "${KEY}"), tls(certificate, "${KEY}"), 0),
            (tls(certificate, key), tls(certificate, REDACTED), 1),
            (tls(key, "/key.pem"), tls(REDACTED, REDACTED), 2),
            (tls("hunter2", "secret://file?path=/key.pem"), tls(REDACTED, "secret://file?path=/key.pem"), 1),
        ] {
            assert_eq!(redacted(&document), expected);
            assert_eq!(not_installable(&document).len(), flaws, "{expected}");
        }
    }

    #[test]
    fn what_is_hidden_cannot_be_installed_nor_can_a_command() {
        let problems = not_installable(&document());
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        let expected = [
            "backends[0].base_url",
            "backends[0].headers.authorization",
            "backends[0].query_params.key",
            "backends[0].provider_config.auth.command",
            "backends[1].provider_config.auth.keys[1]",
            "virtual_keys[0].token",
            "virtual_keys[3].token",
            "somebody_elses.field",
            "somebody_elses.env.A",
        ];
        assert_eq!(paths, expected);
        assert!(!format!("{problems:?}").contains("sk-"));
    }

    #[test]
    fn only_a_scheme_may_stand_beside_a_reference() {
        for (text, expected) in [
            ("${A}", true),
            ("Bearer ${A}", true),
            ("${A}${B}", true),
            ("secret://file?path=/a", true),
            ("os.environ/A", true),
            ("sk-${A}", false),
            ("${A", false),
            ("Bearer", false),
            ("", false),
        ] {
            assert_eq!(is_reference(text), expected, "{text}");
        }
    }
}
