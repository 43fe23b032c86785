//! A request to AI Studio or Vertex AI.

use super::model::Model;
use super::wire_request::{Body, Content, FunctionDeclaration, Part as WirePart, Tool as WireTool};
use super::{generation, path, turns};
use crate::content::Part;
use crate::json::{self, Raw};
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Tool};
use crate::target::{Host, Outgoing, Target};
use crate::text::Text;

/// Writes a request for `generateContent` or, if a stream is wanted, `streamGenerateContent` with events.
///
/// # Errors
/// For what Gemini cannot do, by the client's name for it.
pub fn write_request(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Outgoing, Refusal> {
    let method = if request.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let path = path::of(target, method)?;
    let model = Model::of(target.model);
    let mut body = prompt(request, target, losses)?;
    body.generation_config = generation::write(request, model, losses)?;
    rest(request, target, &mut body, losses);
    Ok(Outgoing { path, body: json::write(&body), headers: Vec::new() })
}

/// What counts as input: the conversation, instructions and tools.
pub(super) fn prompt<'r>(
    request: &'r Request<'_>,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Body<'r>, Refusal> {
    let mut body = Body { contents: turns::write(request, target, losses)?, ..Body::default() };
    let system = instruction(&request.system, losses);
    if body.contents.is_empty() {
        let Some(mut system) = system else {
            return Err(Refusal::new("", "there is nothing to answer: send a turn with something in it"));
        };
        losses.drop(Feature::System, "Gemini needs a turn: instructions alone are sent as the user's");
        system.role = Some("user".into());
        body.contents.push(system);
    } else {
        body.system_instruction = system;
    }
    body.tools = tools(&request.tools, losses)?;
    body.tool_config = generation::tool_config(request, losses);
    Ok(body)
}

fn instruction<'r>(system: &'r [Part<'_>], losses: &mut Losses) -> Option<Content<'r>> {
    let mut parts = Vec::new();
    for part in system {
        let Part::Text(text) = part else { continue };
        if text.cache.is_some() {
            losses.drop(Feature::CacheControl, "Gemini caches by itself");
        }
        if !text.text.is_empty() {
            parts.push(WirePart { text: Some(text.text.borrowed()), ..WirePart::default() });
        }
    }
    if parts.is_empty() { None } else { Some(Content { parts, ..Content::default() }) }
}

/// Functions with their JSON Schema as it is: both hosts have taken that since 2025,
/// <https://ai.google.dev/api/caching#FunctionDeclaration> and
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/FunctionDeclaration> (seen 2026-11).
fn tools<'r>(tools: &'r [Tool<'_>], losses: &mut Losses) -> Result<Vec<WireTool<'r>>, Refusal> {
    let mut functions = Vec::with_capacity(tools.len());
    for tool in tools {
        if tool.custom {
            losses.refuse(Feature::CustomTools, "Gemini's functions take JSON only")?;
            continue;
        }
        if tool.cache.is_some() {
            losses.drop(Feature::CacheControl, "Gemini caches by itself");
        }
        functions.push(FunctionDeclaration {
            name: tool.name.borrowed(),
            description: tool.description.as_ref().map(Text::borrowed),
            parameters_json_schema: tool.parameters.as_ref().map(Raw::borrowed),
            ..FunctionDeclaration::default()
        });
    }
    if functions.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![WireTool { function_declarations: functions, ..WireTool::default() }])
}

/// What stands beside the conversation.
fn rest<'r>(request: &'r Request<'_>, target: &Target<'_>, body: &mut Body<'r>, losses: &mut Losses) {
    let is_vertex = matches!(target.host, Host::Vertex { .. });
    if let Some(metadata) = &request.metadata {
        match labels(metadata) {
            Some(labels) if is_vertex => body.labels = Some(labels),
            Some(_) => losses.drop(Feature::Metadata, "Google AI Studio has no labels"),
            None => losses.drop(Feature::Metadata, "Google's labels are short words in small letters"),
        }
    }
    match request.store {
        Some(store) if !is_vertex => body.store = Some(store),
        Some(_) => losses.drop(Feature::Store, "Vertex AI has no such switch"),
        None => {}
    }
    match request.service_tier.as_deref() {
        None => {}
        Some("auto") => losses.drop(Feature::ServiceTier, "Gemini's own choice is standard"),
        Some("default" | "standard" | "standard_only") => body.service_tier = Some("standard".into()),
        Some(tier @ ("flex" | "priority")) => body.service_tier = Some(tier.to_owned().into()),
        Some(_) => losses.drop(Feature::ServiceTier, "Gemini has only standard, flex and priority"),
    }
    if request.user.is_some() {
        losses.drop(Feature::User, "Gemini has no name for the end user");
    }
    if request.cache_key.is_some() {
        losses.drop(Feature::CacheKey, "Gemini caches by itself");
    }
    if request.verbosity.is_some() {
        losses.drop(Feature::Verbosity, "Gemini has no such setting");
    }
    for (name, _) in &request.unknown {
        losses.drop_field(name.clone(), "unknown to Gemini");
    }
}

/// Labels as Google Cloud allows them:
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/add-labels-to-api-calls> (seen 2026-11).
fn labels<'r>(metadata: &'r Raw<'_>) -> Option<Raw<'r>> {
    let map: std::collections::BTreeMap<String, String> = serde_json::from_str(metadata.get()).ok()?;
    let is_word = |word: &str| {
        let is_letter = |letter: char| letter.is_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
        word.chars().count() <= 63 && word.chars().all(is_letter)
    };
    let begins = |name: &str| name.starts_with(|letter: char| letter.is_lowercase());
    let fit = map.len() <= 64 && map.iter().all(|(name, value)| begins(name) && is_word(name) && is_word(value));
    fit.then(|| metadata.borrowed())
}
