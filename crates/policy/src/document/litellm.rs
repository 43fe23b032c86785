//! Converting a configuration of LiteLLM's proxy (`proxy_config.yaml`) into a document.
//!
//! The result is a tree in our own form, which is then read like any other; what is found wrong with it is told in
//! terms of the LiteLLM file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Loaded;
use super::problem::{Path, Problem, shown};
use super::reader::Reader;

mod provider;

const API_BASE_DEFAULT: &str = "https://api.openai.com/v1";
const API_KEY_DEFAULT: &str = "${OPENAI_API_KEY}";

/// Providers whose own API is the one at [`API_BASE_DEFAULT`], or that always come with an `api_base`.
const OPENAI_PROVIDERS: [&str; 3] = ["openai", "custom_openai", "text-completion-openai"];

/// A converted configuration.
#[derive(Debug)]
pub(super) struct Imported {
    /// A document in our own form.
    pub(super) native: Value,
    warnings: Vec<Problem>,
    /// The label of each entry of the native `mcp_servers`.
    mcp_labels: Vec<String>,
}

/// Whether the tree is a configuration of LiteLLM. One that also has sections of ours is a mistake, not an import:
/// they would be lost.
pub(super) fn is_recognised(tree: &Value) -> bool {
    let ours = ["backends", "virtual_keys", "router"];
    tree.get("model_list").is_some() && !ours.iter().any(|section| tree.get(section).is_some())
}

/// Converts a configuration.
///
/// # Errors
///
/// Everything in it that has no meaning here although it looks as if it should.
pub(super) fn import(tree: &Value) -> Result<Imported, Vec<Problem>> {
    let mut reader = Reader::new(None);
    let imported = convert(&mut reader, tree).filter(|_| reader.problems.is_empty());
    imported.map(|imported| Imported { warnings: reader.warnings, ..imported }).ok_or(reader.problems)
}

fn convert(reader: &mut Reader<'_>, tree: &Value) -> Option<Imported> {
    let root = Path::DOCUMENT;
    let sections = reader.members(tree, &root)?;
    for name in sections.keys() {
        if !["model_list", "general_settings", "mcp_servers"].contains(&name.as_str()) {
            reader.warn(&root.member(name), "not imported");
        }
    }
    let path = root.member("model_list");
    let list = sections.get("model_list")?;
    let models = reader.list(list, &path, model)?;
    if list.as_array().is_some_and(Vec::is_empty) {
        reader.problem(&path, "is empty: at least one model is needed");
    }
    let master_key = optional(sections, "general_settings")
        .and_then(|value| master_key(reader, value, &root.member("general_settings")));
    let mut virtual_keys = Vec::new();
    if let Some(token) = master_key {
        virtual_keys.push(json!({"id": "litellm_master_key", "token": token}));
    }
    let (mcp_labels, mcp_servers) = optional(sections, "mcp_servers")
        .map(|value| mcp_servers(reader, value, &root.member("mcp_servers")))
        .unwrap_or_default();
    let router = router(&models);
    let backends: Vec<Value> = models.into_iter().map(|model| model.backend).collect();
    let native = json!({
        "backends": backends, "virtual_keys": virtual_keys, "router": router, "mcp_servers": mcp_servers,
    });
    Some(Imported { native, warnings: Vec::new(), mcp_labels })
}

/// One entry of `model_list`.
struct Model {
    /// The name that clients use.
    name: String,
    backend_name: String,
    backend: Value,
}

fn model(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Model> {
    let entry = reader.members(value, path)?;
    let name = required(reader, entry, "model_name", path, Reader::text);
    if name.as_deref().is_some_and(|name| name.strip_suffix('*').unwrap_or(name).contains('*')) {
        reader.problem(&path.member("model_name"), "only a single `*` at the end is supported");
    }
    let params_path = path.member("litellm_params");
    let params = required(reader, entry, "litellm_params", path, |reader, value, path| {
        reader.members(value, path)?;
        Some(value)
    })?
    .as_object()?;
    let mut param = |name| parameter(reader, params, name, &params_path);
    let upstream_model = param("model");
    let api_key = param("api_key");
    let api_version = param("api_version");
    let base_url = param("api_base").or_else(|| param("base_url"));
    let timeout = ["timeout", "stream_timeout"].iter().find_map(|name| Some((*name, optional(params, name)?)));
    let timeout = timeout.and_then(|(name, value)| timeout_seconds(reader, value, &params_path.member(name)));
    if optional(params, "model").is_none() {
        reader.problem(&params_path.member("model"), "required field `model` is missing");
    }
    let (prefix, stripped) = match &upstream_model {
        Some(model) => model.split_once('/').unwrap_or(("openai", model)),
        None => ("openai", ""),
    };
    let provider = provider::of_prefix(prefix, base_url.is_some());
    warn_ignored(reader, params, provider.is_some(), &params_path);

    let (name, stripped) = (name?, upstream_model.as_ref().map(|_| stripped)?);
    if provider.is_none() && base_url.is_none() && !OPENAI_PROVIDERS.contains(&prefix) {
        let message = format!(
            "requests and the api_key go to {API_BASE_DEFAULT} because there is no api_base: give the one of `{}`",
            shown(prefix)
        );
        reader.warn(&params_path, message);
    }
    let Path::Element(_, index) = path else { return None };
    let backend_name = format!("litellm_{index}_{}", slug(&name));
    let mut backend = match provider {
        Some(provider) => {
            let given = (base_url.as_deref(), api_key.as_deref());
            provider::backend(reader, &provider, params, &params_path, given)
        }
        None => json!({
            "base_url": base_url.unwrap_or_else(|| API_BASE_DEFAULT.to_owned()),
            "headers": {"authorization": format!("Bearer {}", api_key.as_deref().unwrap_or(API_KEY_DEFAULT))},
        }),
    };
    set(&mut backend, "name", json!(backend_name));
    if let Some(version) = api_version {
        set(&mut backend, "query_params", json!({"api-version": version}));
    }
    if let Some(seconds) = timeout {
        set(&mut backend, "timeout_seconds", json!(seconds));
    }
    if stripped != name && !stripped.contains('*') && !name.contains('*') {
        set(&mut backend, "model_map", Value::Object(Map::from_iter([(name.clone(), json!(stripped))])));
    }
    Some(Model { name, backend_name, backend })
}

fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(field.to_owned(), value);
    }
}

/// A member that is there and not null.
fn optional<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn required<'v, 'e, T>(
    reader: &mut Reader<'e>,
    members: &'v Map<String, Value>,
    name: &str,
    path: &Path<'_>,
    read: impl FnOnce(&mut Reader<'e>, &'v Value, &Path<'_>) -> Option<T>,
) -> Option<T> {
    match optional(members, name) {
        Some(value) => read(reader, value, &path.member(name)),
        None => {
            reader.problem(&path.member(name), format!("required field `{name}` is missing"));
            None
        }
    }
}

/// A string parameter with its references in our form; blank counts as absent.
fn parameter(reader: &mut Reader<'_>, params: &Map<String, Value>, name: &str, path: &Path<'_>) -> Option<String> {
    let text = reader.string(optional(params, name)?, &path.member(name))?;
    let text = text.trim();
    (!text.is_empty()).then(|| reference(text))
}

/// `os.environ/NAME` and `os.environ["NAME"]` as `${NAME}`.
fn reference(text: &str) -> String {
    let Some(rest) = text.strip_prefix("os.environ") else { return text.to_owned() };
    let indexed = rest
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|quoted| ['"', '\''].iter().find_map(|quote| quoted.strip_prefix(*quote)?.strip_suffix(*quote)));
    match rest.strip_prefix('/').or(indexed) {
        Some(name) => format!("${{{}}}", name.trim()),
        None => text.to_owned(),
    }
}

/// Seconds, rounded up.
fn timeout_seconds(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<u64> {
    let seconds = reader.number(value, path)?.ceil();
    if !(0.0..=f64::from(u32::MAX)).contains(&seconds) {
        reader.problem(path, "expected a number of seconds from 0 to 4294967295");
        return None;
    }
    Some(seconds as u64)
}

/// Says which parameters have no effect here.
fn warn_ignored(reader: &mut Reader<'_>, params: &Map<String, Value>, translated: bool, path: &Path<'_>) {
    const IMPORTED: [&str; 7] =
        ["model", "api_key", "api_base", "base_url", "api_version", "timeout", "stream_timeout"];
    let imported = |name: &str| IMPORTED.contains(&name) || translated && provider::PARAMETERS.contains(&name);
    let ignored: Vec<String> = params.keys().filter(|name| !imported(name)).map(|name| shown(name)).collect();
    if !ignored.is_empty() {
        reader.warn(path, format!("not imported: {}", ignored.join(", ")));
    }
}

/// Lower-case letters and digits, everything else as single underscores.
fn slug(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() { "any".to_owned() } else { words.join("_") }
}

/// Entries with one model name share its requests equally; `*` takes what no other name does.
fn router(models: &[Model]) -> Value {
    let mut groups: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for model in models {
        groups.entry(&model.name).or_default().push(json!({"backend": model.backend_name, "weight": 1.0}));
    }
    let first = groups.values().next().and_then(|backends| backends.first()).cloned();
    let default_backends = groups.remove("*").unwrap_or_else(|| first.into_iter().collect());
    let mut groups: Vec<_> = groups.into_iter().collect();
    // Exact names by name, then prefixes, the longer first: the first match wins.
    groups.sort_by_key(|(name, _)| if name.contains('*') { (1, usize::MAX - name.len()) } else { (0, 0) });
    let rules: Vec<Value> = groups
        .into_iter()
        .map(|(name, backends)| json!({"model_prefix": name, "exact": !name.contains('*'), "backends": backends}))
        .collect();
    json!({"default_backends": default_backends, "rules": rules})
}

fn master_key(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<String> {
    let settings = reader.members(value, path)?;
    for name in settings.keys().filter(|name| *name != "master_key") {
        reader.warn(&path.member(name), "not imported");
    }
    parameter(reader, settings, "master_key", path)
}

/// The map from label to server as our list, and the labels in its order.
fn mcp_servers(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> (Vec<String>, Vec<Value>) {
    let (mut labels, mut servers) = (Vec::new(), Vec::new());
    for (label, server) in reader.members(value, path).into_iter().flatten() {
        let path = path.member(label);
        let Some(server) = reader.members(server, &path) else { continue };
        match parameter(reader, server, "url", &path) {
            Some(url) => {
                labels.push(label.clone());
                servers.push(json!({"server_id": label, "url": url}));
            }
            None => reader.warn(&path, "not imported: it has no url"),
        }
    }
    (labels, servers)
}

impl Imported {
    /// Tells what came of reading [`Imported::native`] in terms of the LiteLLM file.
    pub(super) fn adopt(&self, read: Result<Loaded, Vec<Problem>>) -> Result<Loaded, Vec<Problem>> {
        let translate =
            |problem: Problem| Problem { path: self.original_path(&problem.path), message: problem.message };
        match read {
            Ok(Loaded { document, warnings }) => {
                let warnings = self.warnings.iter().cloned().chain(warnings.into_iter().map(translate)).collect();
                Ok(Loaded { document, warnings })
            }
            Err(problems) => Err(problems.into_iter().map(translate).collect()),
        }
    }

    /// Where what stands at a path of the native document came from.
    fn original_path(&self, path: &str) -> String {
        if path.starts_with("virtual_keys[0]") {
            return "general_settings.master_key".to_owned();
        }
        let parts = |section: &str| path.strip_prefix(section)?.strip_prefix('[')?.split_once(']');
        if let Some((index, field)) = parts("backends") {
            let field = match field {
                ".base_url" => "litellm_params.api_base",
                _ if field.starts_with(".headers.") => "litellm_params.api_key",
                ".provider_config.project" => "litellm_params.vertex_project",
                ".provider_config.location" => "litellm_params.vertex_location",
                ".provider_config.region" => "litellm_params.aws_region_name",
                ".provider_config.auth.file" => "litellm_params.vertex_credentials",
                ".query_params.api-version" => "litellm_params.api_version",
                ".timeout_seconds" => "litellm_params.timeout",
                _ => "litellm_params",
            };
            return format!("model_list[{index}].{field}");
        }
        if let Some((index, field)) = parts("mcp_servers") {
            let label = index.parse().ok().and_then(|index: usize| self.mcp_labels.get(index));
            if let Some(label) = label {
                return format!("{}{field}", Path::DOCUMENT.member("mcp_servers").member(label));
            }
        }
        path.to_owned()
    }
}

#[cfg(test)]
mod tests;
