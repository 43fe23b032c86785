//! Gemini's paths, which name the model and what is done with it: `/v1beta/models/{model}:{method}`.

use std::borrow::Cow;
use std::fmt::Write;

use super::Endpoint;
use crate::scan::MODEL_BYTES_MAX;

/// Gemini CLI's paths: the model is in the body.
const INTERNAL: &str = "/v1internal:";
/// The collection of most models. Names are the same with it and without.
const MODELS: &str = "models/";
/// Another collection, which is part of a name.
const TUNED_MODELS: &str = "tunedModels/";

/// A path of this API that names a model, in its parts. All are slices of the path.
struct Parts<'p> {
    /// `/v1` or `/v1beta`, with the slash after it.
    version: &'p str,
    /// The model with its collection, escaped as it came.
    resource: &'p str,
    /// From the colon before the method on, query included.
    rest: &'p str,
    endpoint: Endpoint,
}

impl<'p> Parts<'p> {
    /// `None` when it is no such path, or another method.
    fn of(path_and_query: &'p str) -> Option<Self> {
        let rest = path_and_query.strip_prefix("/v1")?;
        let rest = rest.strip_prefix("beta").unwrap_or(rest).strip_prefix('/')?;
        if !rest.starts_with(MODELS) && !rest.starts_with(TUNED_MODELS) {
            return None;
        }
        let path = rest.split('?').next().unwrap_or(rest);
        // A name may have colons too.
        let colon = path.rfind(':')?;
        let endpoint = method(path.get(colon.saturating_add(1)..)?)?;
        let version = path_and_query.get(..path_and_query.len().saturating_sub(rest.len()))?;
        Some(Self { version, resource: rest.get(..colon)?, rest: rest.get(colon..)?, endpoint })
    }
}

fn method(name: &str) -> Option<Endpoint> {
    Some(match name {
        "generateContent" => Endpoint::GenerateContent,
        "streamGenerateContent" => Endpoint::StreamGenerateContent,
        "countTokens" => Endpoint::GeminiCountTokens,
        "embedContent" | "batchEmbedContents" => Endpoint::GeminiEmbed,
        _ => return None,
    })
}

/// The endpoint of a path that is none of the other dialects'.
pub(super) fn endpoint(path: &str) -> Endpoint {
    match path.strip_prefix(INTERNAL) {
        Some(name) => method(name).filter(|endpoint| *endpoint != Endpoint::GeminiEmbed).unwrap_or_default(),
        None => Parts::of(path).map(|parts| parts.endpoint).unwrap_or_default(),
    }
}

/// The model that the path of a Gemini request names (with or without a query), unescaped.
///
/// `models/` is not part of the name, every other collection is: `tunedModels/mine`. `None` when the path names no
/// model (other endpoints, and `/v1internal`, where the body does), and when the name is not acceptable: empty, longer
/// than [`MODEL_BYTES_MAX`], with broken escapes, control characters, or segments that are empty, `.` or `..`. A path
/// of one of Gemini's endpoints outside `/v1internal` for which there is `None` must be refused.
pub fn model_of_path(path_and_query: &str) -> Option<Cow<'_, str>> {
    let parts = Parts::of(path_and_query)?;
    // With its slash escaped, the collection can be there once more.
    let name = match decode(bare(parts.resource))? {
        Cow::Borrowed(name) => Cow::Borrowed(bare(name)),
        Cow::Owned(name) => Cow::Owned(bare(&name).to_owned()),
    };
    is_acceptable(&name).then_some(name)
}

/// The path with another model in it, escaped where needed; method and query stay.
///
/// `None` when the path names no model, or when `model` is not acceptable as [`model_of_path`] says.
pub fn path_with_model(path_and_query: &str, model: &str) -> Option<String> {
    let parts = Parts::of(path_and_query)?;
    let name = bare(model);
    if !is_acceptable(name) {
        return None;
    }
    let collection = if name.starts_with(TUNED_MODELS) { "" } else { MODELS };
    let mut path = String::with_capacity(path_and_query.len().saturating_add(name.len()));
    path.push_str(parts.version);
    path.push_str(collection);
    for byte in name.bytes() {
        // What may stand in a segment, without the colon, which ends the name for many servers.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b'/') {
            path.push(char::from(byte));
        } else {
            // Writing to memory does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path.push_str(parts.rest);
    Some(path)
}

fn bare(name: &str) -> &str {
    name.strip_prefix(MODELS).unwrap_or(name)
}

fn is_acceptable(name: &str) -> bool {
    let in_bounds = name.len() <= MODEL_BYTES_MAX && !name.contains(char::is_control);
    in_bounds && !name.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

/// Undoes percent-encoding. `None` when an escape is broken, or what it stands for is no text.
fn decode(written: &str) -> Option<Cow<'_, str>> {
    if !written.contains('%') {
        return Some(Cow::Borrowed(written));
    }
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
