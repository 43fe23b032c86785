//! A request to Anthropic, written from the canonical form.

mod cache;
mod options;
mod thinking;
mod tools;

use serde::Serialize;

use super::models::Model;
use super::wire_request as wire;
use super::write_content;
use crate::json;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::Request;
use crate::target::{Host, Outgoing, Target};
use crate::text::Text;
use crate::url::versioned_segment;
use crate::vertex;

/// The body. Of the members that every request has, some hosts have theirs in the path.
#[derive(Debug, Default, Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<wire::Block<'a>>,
    messages: Vec<wire::Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<wire::Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<wire::ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<wire::Thinking<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<wire::OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<wire::Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

/// Writes a request.
///
/// # Errors
/// What Anthropic cannot do and what cannot be left out.
pub fn write_request(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Outgoing, Refusal> {
    let body = body(request, target, losses)?;
    Ok(Outgoing { path: path(target, request.stream), body: json::write(&body), headers: headers(request) })
}

/// The betas that the body needs: <https://platform.claude.com/docs/en/build-with-claude/files> (seen 2026-11).
pub(super) fn headers(request: &Request<'_>) -> Vec<(&'static str, String)> {
    let files = write_content::names_files(&request.turns);
    files.then(|| ("anthropic-beta", "files-api-2025-04-14".to_owned())).into_iter().collect()
}

/// Where it goes: <https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai> and
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html> (seen 2026-11).
pub fn path(target: &Target<'_>, stream: bool) -> String {
    let model = target.model;
    match target.host {
        Host::Vertex { project, location } => {
            let verb = if stream { "streamRawPredict" } else { "rawPredict" };
            format!("{}:{verb}", vertex::model(project, location, "anthropic", model))
        }
        Host::Bedrock => {
            let verb = if stream { "invoke-with-response-stream" } else { "invoke" };
            format!("/model/{}/{verb}", versioned_segment(model))
        }
        _ => "/v1/messages".to_owned(),
    }
}

fn body<'a>(request: &'a Request<'_>, target: &Target<'a>, losses: &mut Losses) -> Result<Body<'a>, Refusal> {
    let model = Model::of_name(target.model);
    let mut body =
        Body { max_tokens: Some(request.max_output.unwrap_or(target.default_max_output)), ..Body::default() };
    match target.host {
        Host::Vertex { .. } => body.anthropic_version = Some(super::rehost::VERTEX_VERSION),
        Host::Bedrock => body.anthropic_version = Some(super::rehost::BEDROCK_VERSION),
        _ => body.model = Some(target.model),
    }
    let in_path = target.host == Host::Bedrock;
    body.stream = Some(true).filter(|_| request.stream && !in_path);
    (body.system, body.messages) = write_content::conversation(request, target.host, losses)?;
    tools::write(request, &mut body, losses)?;
    options::write(request, model, &mut body, losses)?;
    prefill(model, &mut body, losses)?;
    thinking::write(request, model, target, &mut body, losses)?;
    cache::limit(&mut body, losses);
    Ok(body)
}

/// Whether the client may begin the reply: <https://platform.claude.com/docs/en/about-claude/models/migration-guide>
/// (seen 2026-11).
fn prefill(model: Model, body: &mut Body<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    let begun = body.messages.last().is_some_and(|last| last.role == "assistant");
    if begun && !model.prefill {
        losses.refuse(Feature::Prefill, "this model does not go on with a reply that the client begins")?;
        body.messages.pop();
    }
    Ok(())
}

/// The body for counting, which has no cap, no stream, and nothing else that cannot change the count.
pub(super) fn count_body(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Refusal> {
    let mut body = body(request, target, losses)?;
    body.model = Some(target.model);
    body.max_tokens = None;
    body.stream = None;
    (body.temperature, body.top_p, body.top_k) = (None, None, None);
    body.stop_sequences.clear();
    (body.metadata, body.service_tier) = (None, None);
    Ok(json::write(&body))
}
