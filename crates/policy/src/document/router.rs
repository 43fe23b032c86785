//! Reading the router, and checking what names a backend.

use serde_json::Value;

use super::guardrails::{guardrails, warn_guardrails};
use super::nearest::nearest;
use super::problem::{Path, shown};
use super::reader::{Object, Reader};
use super::{Router, Rule, VirtualKey, WeightedBackend};

/// Reads the router. `names` are the backends there are.
pub(super) fn router(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>, names: &[&str]) -> Option<Router> {
    let object = reader.object(value, path, &["default_backends", "default_backend", "rules"])?;
    let mut default_backends = object
        .optional(reader, "default_backends", |reader, value, path| candidates(reader, value, path, names))
        .unwrap_or_default();
    if let Some(single) = single(reader, &object, "default_backend", names) {
        let list = object.get("default_backends").and_then(Value::as_array);
        if list.is_some_and(|list| !list.is_empty()) {
            reader.problem(
                &object.at("default_backend"),
                "cannot stand beside a non-empty default_backends: move it into the list",
            );
        } else {
            default_backends.push(single);
        }
    }
    let rules = object.optional(reader, "rules", |reader, value, path| {
        reader.list(value, path, |reader, value, path| rule(reader, value, path, names))
    });
    Some(Router { default_backends, rules: rules.unwrap_or_default() })
}

fn rule(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>, names: &[&str]) -> Option<Rule> {
    let object = reader.object(value, path, &["model_prefix", "exact", "backend", "backends", "guardrails"])?;
    let model_prefix = object.required(reader, "model_prefix", Reader::text).unwrap_or_default();
    let exact = object.optional(reader, "exact", Reader::boolean).unwrap_or_default();
    let problems = reader.problems.len();
    let mut backends = object
        .optional(reader, "backends", |reader, value, path| candidates(reader, value, path, names))
        .unwrap_or_default();
    if let Some(single) = single(reader, &object, "backend", names) {
        if backends.is_empty() {
            backends.push(single);
        } else {
            reader.warn(&object.at("backend"), "ignored: `backends` is not empty");
        }
    }
    if backends.is_empty() && reader.problems.len() == problems {
        reader.problem(path, "has no usable backend: name one in `backend` or `backends`");
    }
    if let Some(guardrails) = object.optional(reader, "guardrails", guardrails) {
        warn_guardrails(reader, &guardrails, &object.at("guardrails"));
    }
    let model_prefix = match model_prefix.strip_suffix('*') {
        Some(prefix) if !exact => prefix.to_owned(),
        Some(_) => {
            reader.warn(&object.at("model_prefix"), "the `*` is taken literally because the rule is exact");
            model_prefix
        }
        None => model_prefix,
    };
    Some(Rule { model_prefix, exact, backends, guardrails: object.get("guardrails").cloned() })
}

/// A list of candidates, without those that can never be picked.
fn candidates(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>, names: &[&str]) -> Option<Vec<WeightedBackend>> {
    reader.list(value, path, |reader, value, path| {
        let object = reader.object(value, path, &["backend", "weight"])?;
        let backend = object.required(reader, "backend", Reader::string);
        let weight = match object.get("weight") {
            Some(_) => object.optional(reader, "weight", Reader::number)?,
            None => 1.0,
        };
        let backend = backend?;
        if backend.trim().is_empty() {
            reader.warn(path, "ignored: the backend's name is blank");
            return None;
        }
        if !(weight.is_finite() && weight > 0.0) {
            reader.warn(path, format!("ignored: the weight {weight} is not positive"));
            return None;
        }
        check_name(reader, &backend, &object.at("backend"), names);
        Some(WeightedBackend { backend, weight })
    })
}

/// A single backend by name; blank counts as absent.
fn single<'v>(reader: &mut Reader<'_>, object: &Object<'v>, name: &'v str, names: &[&str]) -> Option<WeightedBackend> {
    let backend = object.optional(reader, name, Reader::string).filter(|backend| !backend.trim().is_empty())?;
    check_name(reader, &backend, &object.at(name), names);
    Some(WeightedBackend { backend, weight: 1.0 })
}

/// Makes sure that the backend which a key is pinned to exists.
pub(super) fn check_route(reader: &mut Reader<'_>, key: &VirtualKey, path: &Path<'_>, names: &[&str]) {
    if let Some(route) = &key.route {
        check_name(reader, route, &path.member("route"), names);
    }
}

fn check_name(reader: &mut Reader<'_>, name: &str, path: &Path<'_>, names: &[&str]) {
    if names.contains(&name) {
        return;
    }
    let meant = match nearest(name, names.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if names.is_empty() => "the document has no backends".to_owned(),
        None => "add it to `backends`, or name one of them".to_owned(),
    };
    reader.problem(path, format!("there is no backend `{}`; {meant}", shown(name)));
}

#[cfg(test)]
mod tests;
