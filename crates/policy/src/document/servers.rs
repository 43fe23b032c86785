//! Checking the sections whose features do not exist yet. They are kept as written; what is wrong with them is said
//! now, so that they do not stop a start when their features arrive.

use std::collections::BTreeMap;

use serde_json::Value;

use super::backends::{identifier, timeout_seconds};
use super::parameters::{check_references, headers, query_params};
use super::problem::Path;
use super::reader::{Object, Reader};
use crate::base_url::{BaseUrl, BaseUrlError};

/// Reads `mcp_servers`.
pub(super) fn mcp_servers(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Vec<Value>> {
    let fields = ["server_id", "url", "http_url", "headers", "query_params", "timeout_seconds"];
    servers(reader, value, path, &fields, "server_id", |reader, object| match object.get("http_url") {
        Some(_) => {
            object.optional(reader, "http_url", url);
            if object.get("url").is_some() {
                reader.problem(&object.at("http_url"), "is another name of `url`: remove one");
            }
        }
        None => {
            object.required(reader, "url", url);
        }
    })
}

/// Reads `a2a_agents`.
pub(super) fn a2a_agents(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Vec<Value>> {
    let fields = ["agent_id", "agent_card_params", "headers", "query_params", "timeout_seconds"];
    servers(reader, value, path, &fields, "agent_id", |reader, object| {
        object.required(reader, "agent_card_params", |reader, value, path| {
            let members = reader.members(value, path)?;
            for (name, member) in members {
                let path = path.member(name);
                match name.as_str() {
                    "url" => drop(url(reader, member, &path)),
                    _ => check_references(reader, member, &path),
                }
            }
            if !members.contains_key("url") {
                reader.problem(&path.member("url"), "required field `url` is missing");
            }
            Some(())
        });
    })
}

/// Checks a list of things that have an id, something of their own, headers, parameters and a timeout.
fn servers(
    reader: &mut Reader<'_>,
    value: &Value,
    path: &Path<'_>,
    fields: &[&str],
    id: &str,
    own: impl Fn(&mut Reader<'_>, &Object<'_>),
) -> Option<Vec<Value>> {
    let mut first_of_id: BTreeMap<String, String> = BTreeMap::new();
    let servers = reader.list(value, path, |reader, value, path| {
        let object = reader.object(value, path, fields)?;
        if let Some(name) = object.required(reader, id, identifier) {
            if let Some(first) = first_of_id.get(&name) {
                reader.problem(&object.at(id), format!("the id `{name}` is already that of {first}: ids are unique"));
            } else {
                first_of_id.insert(name, path.to_string());
            }
        }
        own(reader, &object);
        object.optional(reader, "headers", headers);
        object.optional(reader, "query_params", query_params);
        timeout_seconds(reader, &object);
        Some(value.clone())
    })?;
    if !servers.is_empty() {
        reader.warn_not_enforced(path);
    }
    Some(servers)
}

/// An http or https URL, which may have a query.
fn url(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<()> {
    let text = reader.secret(value, path)?;
    let before_query = text.expose().split('?').next().unwrap_or_default();
    match BaseUrl::parse(before_query) {
        Ok(_) => Some(()),
        Err(error) => {
            let error: BaseUrlError = error;
            reader.problem(path, format!("not an http or https URL: {error}"));
            None
        }
    }
}

/// Reads `observability`.
pub(super) fn observability(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Value> {
    let object = reader.object(value, path, &["redaction", "sampling"])?;
    object.optional(reader, "redaction", redaction);
    object.optional(reader, "sampling", sampling);
    reader.warn_not_enforced(path);
    Some(value.clone())
}

fn redaction(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<()> {
    const LISTS: [&str; 6] = [
        "redact_headers",
        "redact_key_names",
        "redact_query_params",
        "redact_json_pointers",
        "redact_regexes",
        "sanitize_query_in_keys",
    ];
    let mut fields = vec!["replacement"];
    fields.extend(LISTS);
    let object = reader.object(value, path, &fields)?;
    object.optional(reader, "replacement", Reader::string);
    for name in LISTS {
        object.optional(reader, name, Reader::strings);
    }
    Some(())
}

fn sampling(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<()> {
    let fields = ["json_logs_rate", "audit_rate", "devtools_rate"];
    let object = reader.object(value, path, &fields)?;
    for name in fields {
        object.optional(reader, name, |reader, value, path| {
            let rate = reader.number(value, path)?;
            if !(0.0..=1.0).contains(&rate) {
                reader.problem(path, format!("expected a share from 0 to 1, found {rate}"));
            }
            Some(())
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{load_json, problems, warnings};

    const DOCUMENT: &str = r#"{
        "mcp_servers": [{"server_id": "a", "url": "https://h/mcp?x=1", "headers": {"authorization": "Bearer ${KEY}"}},
                        {"server_id": "b", "http_url": "http://h"}],
        "a2a_agents": [{"agent_id": "a", "agent_card_params": {"name": "A", "url": "http://h/a", "skills": ["${KEY}"]}}],
        "observability": {"redaction": {"redact_regexes": []}, "sampling": {"audit_rate": 0.5}}}"#;

    #[test]
    fn sections_are_kept_as_written_and_not_enforced() {
        let expected = ["mcp_servers", "a2a_agents", "observability"]
            .map(|section| format!("{section}: accepted, not enforced in this version"));
        assert_eq!(warnings(DOCUMENT), expected);
        let document = load_json(DOCUMENT).unwrap().document;
        assert!(format!("{document:?}").contains("Bearer ${KEY}"));
        assert!(!format!("{document:?}").contains("sk-secret"));
        assert!(warnings(r#"{"mcp_servers": [], "a2a_agents": [], "observability": null}"#).is_empty());
    }

    #[test]
    fn what_is_wrong_in_them_is_said_now() {
        let text = r#"{
            "mcp_servers": [{"server_id": "a", "url": "ftp://h"}, {"server_id": "a", "url": "http://h", "http_url": "http://h"},
                            {"url": "http://h", "transport": "http"}],
            "a2a_agents": [{"agent_id": "a"}, {"agent_id": "b", "agent_card_params": {"x": {"y": "${NOPE}"}}}],
            "observability": {"sampling": {"audit_rate": 2, "rate": 1}, "redaction": {"redact_headers": "x"}}}"#;
        assert_eq!(
            problems(text),
            [
                "mcp_servers[0].url: not an http or https URL: must start with http:// or https://",
                "mcp_servers[1].server_id: the id `a` is already that of mcp_servers[0]: ids are unique",
                "mcp_servers[1].http_url: is another name of `url`: remove one",
                "mcp_servers[2].transport: unknown field `transport`; the fields known here are server_id, url, \
                 http_url, headers, query_params, timeout_seconds",
                "mcp_servers[2].server_id: required field `server_id` is missing",
                "a2a_agents[0].agent_card_params: required field `agent_card_params` is missing",
                "a2a_agents[1].agent_card_params.x.y: environment variable NOPE is not set: set it, or put it in the \
                 file given with --dotenv",
                "a2a_agents[1].agent_card_params.url: required field `url` is missing",
                "observability.redaction.redact_headers: expected a list, found a string",
                "observability.sampling.rate: unknown field `rate`; the fields known here are json_logs_rate, \
                 audit_rate, devtools_rate",
                "observability.sampling.audit_rate: expected a share from 0 to 1, found 2",
            ]
        );
    }
}
