//! Reading backends.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api_keys::api_keys;
use super::parameters::{headers, query_params};
use super::problem::{Path, Problem};
use super::provider::translation;
use super::reader::{Object, Reader};
use super::tls::backend_tls;
use super::{Backend, TIMEOUT_SECONDS_DEFAULT};
use crate::base_url::BaseUrl;

const FIELDS: [&str; 12] = [
    "name",
    "base_url",
    "tls",
    "headers",
    "api_keys",
    "balance",
    "query_params",
    "max_in_flight",
    "timeout_seconds",
    "model_map",
    "provider",
    "provider_config",
];

/// Reads the list of backends.
pub(super) fn backends(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Vec<Backend>> {
    let mut first_of_name: BTreeMap<String, String> = BTreeMap::new();
    reader.list(value, path, |reader, value, path| {
        let backend = backend(reader, value, path)?;
        if !backend.name.is_empty() {
            if let Some(first) = first_of_name.get(&backend.name) {
                let message = format!("the name `{}` is already that of {first}: names are unique", backend.name);
                reader.problem(&path.member("name"), message);
            } else {
                first_of_name.insert(backend.name.clone(), path.to_string());
            }
        }
        Some(backend)
    })
}

/// Reads a backend that stands in no document: it may refer to nothing.
///
/// # Errors
/// What is wrong with it.
pub fn backend_alone(value: &Value) -> Result<Backend, Vec<Problem>> {
    let mut reader = Reader::new(None);
    let backend = backend(&mut reader, value, &Path::DOCUMENT).filter(|_| reader.problems.is_empty());
    backend.ok_or(reader.problems)
}

fn backend(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Backend> {
    let object = reader.object(value, path, &FIELDS)?;
    let name = object.required(reader, "name", identifier).unwrap_or_default();
    let given = if object.get("provider").is_some() {
        object.optional(reader, "base_url", base_url)
    } else {
        object.required(reader, "base_url", base_url)
    };
    let mut backend = Backend {
        name,
        base_url: given.unwrap_or_default(),
        headers: object.optional(reader, "headers", headers).unwrap_or_default(),
        tls: None,
        sigv4: None,
        refreshed: None,
        api_keys: None,
        query_params: object.optional(reader, "query_params", query_params).unwrap_or_default(),
        max_in_flight: object.optional(reader, "max_in_flight", max_in_flight),
        timeout_seconds: timeout_seconds(reader, &object),
        model_map: object.optional(reader, "model_map", model_map).unwrap_or_default(),
        provider: None,
    };
    let mut place = ("authorization", "Bearer ");
    if let Some(translation) = translation(reader, &object, &backend) {
        place = translation.key_header;
        translation.apply(reader, &object, &mut backend);
    }
    backend.tls = backend_tls(reader, &object, &backend.base_url);
    backend.api_keys = api_keys(reader, &object, place);
    if let Some(keys) = &backend.api_keys
        && backend.headers.contains_key(&keys.header)
    {
        let message = format!("the header `{}` is written down as well: remove one of them", keys.header);
        reader.problem(&object.at("api_keys"), message);
    }
    Some(backend)
}

/// A name that is put into headers, metrics and logs.
pub(super) fn identifier(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<String> {
    let name = reader.text(value, path)?;
    if name.trim() != name || name.chars().any(char::is_control) {
        reader.problem(path, "must not start or end with white space, or contain control characters");
        return None;
    }
    Some(name)
}

pub(super) fn base_url(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<String> {
    let text = reader.secret(value, path)?;
    match BaseUrl::parse(text.expose()) {
        Ok(_) => Some(text.expose().to_owned()),
        Err(error) => {
            reader.problem(path, format!("not a base URL such as https://api.openai.com/v1: {error}"));
            None
        }
    }
}

fn max_in_flight(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<u32> {
    let limit = reader.whole(value, path)?;
    if limit == 0 {
        reader.problem(path, "0 would refuse every request: leave the field out for no limit");
        return None;
    }
    Some(limit)
}

/// The total time for a request; 0 and absence mean the default.
pub(super) fn timeout_seconds(reader: &mut Reader<'_>, object: &Object<'_>) -> u32 {
    let seconds = object.optional(reader, "timeout_seconds", Reader::whole::<u32>);
    seconds.filter(|seconds| *seconds > 0).unwrap_or(TIMEOUT_SECONDS_DEFAULT)
}

fn model_map(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for (from, to) in reader.members(value, path)? {
        let path = path.member(from);
        if from.trim().is_empty() {
            reader.problem(&path, "a model's name must not be blank; `*` stands for any other model");
        }
        if let Some(to) = reader.text(to, &path) {
            map.insert(from.clone(), to);
        }
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{load_json, problems};

    fn problems_of(fields: &str) -> Vec<String> {
        problems(&format!(r#"{{"backends": [{{"name": "a", {fields}}}]}}"#))
    }

    #[test]
    fn a_backend_is_read_with_its_defaults() {
        let loaded =
            load_json(r#"{"backends": [{"name": "a", "base_url": "https://h/${KEY}", "timeout_seconds": 0}]}"#);
        let document = loaded.unwrap().document;
        let [backend] = document.backends.as_slice() else { panic!("{document:?}") };
        assert_eq!(backend.base_url, "https://h/sk-secret");
        assert_eq!((backend.timeout_seconds, backend.max_in_flight), (300, None));
        assert!(backend.headers.is_empty() && backend.query_params.is_empty() && backend.model_map.is_empty());
    }

    #[test]
    fn names_are_unique_and_say_something() {
        let text = r#"{"backends": [
            {"name": "a", "base_url": "http://h"}, {"name": "a", "base_url": "http://h"},
            {"name": " ", "base_url": "http://h"}, {"name": "b ", "base_url": "http://h"}, {"base_url": "http://h"}]}"#;
        assert_eq!(
            problems(text),
            [
                "backends[1].name: the name `a` is already that of backends[0]: names are unique",
                "backends[2].name: is blank: write something, or leave the field out",
                "backends[3].name: must not start or end with white space, or contain control characters",
                "backends[4].name: required field `name` is missing",
            ]
        );
    }

    #[test]
    fn a_base_url_is_required_and_checked_without_being_shown() {
        assert_eq!(problems_of(r#""headers": {}"#), ["backends[0].base_url: required field `base_url` is missing"]);
        let lines = problems_of(r#""base_url": "https://user:hunter2@h/v1""#);
        assert_eq!(
            lines,
            [
                "backends[0].base_url: not a base URL such as https://api.openai.com/v1: must not contain a user name or \
              password: put credentials into headers"
            ]
        );
    }

    #[test]
    fn numbers_are_whole_and_in_range() {
        for (fields, message) in [
            (r#""max_in_flight": 0"#, "max_in_flight: 0 would refuse every request: leave the field out for no limit"),
            (r#""max_in_flight": -1"#, "max_in_flight: expected a whole number, found -1: it must not be negative"),
            (
                r#""timeout_seconds": 1.5"#,
                "timeout_seconds: expected a whole number, found 1.5: it must not have a fraction or an exponent",
            ),
            (
                r#""timeout_seconds": 4294967296"#,
                "timeout_seconds: expected a whole number, found 4294967296: it is too large",
            ),
            (r#""timeout_seconds": "60""#, "timeout_seconds: expected a whole number, found a string"),
        ] {
            let lines = problems_of(&format!(r#""base_url": "http://h", {fields}"#));
            assert_eq!(lines, [format!("backends[0].{message}")]);
        }
    }

    #[test]
    fn a_model_map_maps_names_to_names() {
        assert_eq!(
            problems_of(r#""base_url": "http://h", "model_map": {"*": 1, " ": "x", "y": ""}"#),
            [
                "backends[0].model_map[\"*\"]: expected a string, found a number: put it in quotes",
                "backends[0].model_map[\" \"]: a model's name must not be blank; `*` stands for any other model",
                "backends[0].model_map.y: is blank: write something, or leave the field out",
            ]
        );
    }
}
