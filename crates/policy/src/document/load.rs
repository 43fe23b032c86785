//! From text to a document.

use serde_json::Value;

use super::backends::backends;
use super::expand::Environment;
use super::keys::virtual_keys;
use super::problem::{Path, shown};
use super::reader::Reader;
use super::redirects::redirects;
use super::router::router;
use super::servers::{a2a_agents, mcp_servers, observability};
use super::text::{Format, parse};
use super::{Backend, Document, Problem, Router, WeightedBackend, litellm};

/// A document that can be used, and what its author should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The document, with references replaced and defaults filled in.
    pub document: Document,
    /// What is ignored, has no effect, or is not enforced in this version.
    pub warnings: Vec<Problem>,
}

const FIELDS: [&str; 7] =
    ["backends", "virtual_keys", "router", "redirects", "mcp_servers", "a2a_agents", "observability"];

/// Reads a configuration document; without a format as JSON, then as YAML. A configuration of LiteLLM's proxy (it has
/// a `model_list`) is converted.
///
/// # Errors
///
/// Everything that is wrong with the document, at once: a text that is no JSON or YAML, members given twice, unknown
/// fields, wrong types, missing fields, references without a value, and names of backends that do not exist.
pub fn load(text: &str, format: Option<Format>, environment: &dyn Environment) -> Result<Loaded, Vec<Problem>> {
    load_beside(text, format, environment, &[])
}

/// The same, with backends that are kept elsewhere. Rules may name them; where the document routes nothing at all, those
/// that have a key share the requests.
///
/// # Errors
/// As [`load`]; also a backend of the document that has the name of one of these.
pub fn load_beside(
    text: &str,
    format: Option<Format>,
    environment: &dyn Environment,
    others: &[Backend],
) -> Result<Loaded, Vec<Problem>> {
    let (tree, mut problems) = parse(text, format)?;
    let context = Context { environment, others };
    let read = read(&tree, context);
    let read = if read.is_err() && litellm::is_recognised(&tree) { import(&tree, context) } else { read };
    match read {
        Ok(loaded) if problems.is_empty() => Ok(loaded),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

/// The document as it is written, references and all, which [`load`] has found to be one.
///
/// # Errors
///
/// Where the text stops being readable.
pub fn written(text: &str, format: Option<Format>) -> Result<Value, Vec<Problem>> {
    parse(text, format).map(|(tree, _)| tree)
}

/// What a document is read with.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    environment: &'c dyn Environment,
    /// Backends that are kept elsewhere.
    others: &'c [Backend],
}

/// Converts a tree that is no document of ours. When that fails too, both failures are told.
fn import(tree: &Value, context: Context<'_>) -> Result<Loaded, Vec<Problem>> {
    let imported = litellm::import(tree).and_then(|imported| imported.adopt(read(&imported.native, context)));
    imported.map_err(|problems| {
        let mut problems: Vec<Problem> = problems.into_iter().map(as_litellm).collect();
        // Read as ours, each of its sections is an unknown field; one line says as much.
        let known = FIELDS.join(", ");
        let message = format!("as a Ditto document: unknown field `model_list`; the fields known here are {known}");
        problems.push(Problem::new("model_list", message));
        problems
    })
}

fn as_litellm(problem: Problem) -> Problem {
    Problem { message: format!("as a LiteLLM configuration: {}", problem.message), ..problem }
}

/// Reads a tree in the document's own form.
fn read(tree: &Value, context: Context<'_>) -> Result<Loaded, Vec<Problem>> {
    let mut reader = Reader::new(Some(context.environment));
    let document = document(&mut reader, tree, context.others).filter(|_| reader.problems.is_empty());
    match document {
        Some(document) => Ok(Loaded { document, warnings: reader.warnings }),
        None => Err(reader.problems),
    }
}

fn document(reader: &mut Reader<'_>, tree: &Value, others: &[Backend]) -> Option<Document> {
    let object = reader.object(tree, &Path::DOCUMENT, &FIELDS)?;
    let mut backends = object.optional(reader, "backends", backends).unwrap_or_default();
    let own = backends.len();
    let taken = others.iter().find(|other| backends.iter().any(|backend| backend.name == other.name));
    if let Some(taken) = taken {
        let message = format!("`{}` is the name of a provider that was made over the API", shown(&taken.name));
        reader.problem(&object.at("backends"), format!("{message}: rename the backend, or delete the provider"));
    }
    backends.extend(others.iter().cloned());
    let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
    let virtual_keys = object
        .optional(reader, "virtual_keys", |reader, value, path| virtual_keys(reader, value, path, &names))
        .unwrap_or_default();
    let router = match object.get("router") {
        Some(_) => object.optional(reader, "router", |reader, value, path| router(reader, value, path, &names)),
        None => Some(implied_router(names.get(..own).unwrap_or_default())),
    };
    let mut router = router.unwrap_or_default();
    if router.default_backends.is_empty() && router.rules.is_empty() {
        let keyed = others.iter().filter(|other| other.api_keys.as_ref().is_some_and(|keys| !keys.keys.is_empty()));
        router.default_backends =
            keyed.map(|other| WeightedBackend { backend: other.name.clone(), weight: 1.0 }).collect();
    }
    if !names.is_empty() && router.default_backends.is_empty() && router.rules.is_empty() {
        reader.warn(
            &object.at("router"),
            "no request has a candidate: requests are answered 502 backend_not_found until a rule or a default \
             backend names one",
        );
    }
    Some(Document {
        virtual_keys,
        router,
        redirects: object.optional(reader, "redirects", redirects).unwrap_or_default(),
        mcp_servers: object.optional(reader, "mcp_servers", mcp_servers).unwrap_or_default(),
        a2a_agents: object.optional(reader, "a2a_agents", a2a_agents).unwrap_or_default(),
        observability: object.optional(reader, "observability", observability),
        backends,
    })
}

/// The router of a document that has none: a single backend takes every request.
fn implied_router(names: &[&str]) -> Router {
    let default_backends = match names {
        [only] => vec![WeightedBackend { backend: (*only).to_owned(), weight: 1.0 }],
        _ => Vec::new(),
    };
    Router { default_backends, rules: Vec::new() }
}

#[cfg(test)]
mod tests;
