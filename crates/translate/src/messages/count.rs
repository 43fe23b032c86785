//! Counting tokens: <https://platform.claude.com/docs/en/api/messages-count-tokens>,
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens> and
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html> (all seen 2026-11).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::members::Members;
use super::rehost::{VERTEX_VERSION, rehost_request};
use super::write_request::{count_body, headers, write_request};
use crate::failure::Failure;
use crate::json::{self, Raw};
use crate::loss::{Losses, Refusal};
use crate::request::Request;
use crate::target::{Host, Outgoing, Target};
use crate::url::versioned_segment;
use crate::vertex;

/// A request for the number of input tokens of this one.
///
/// # Errors
/// What Anthropic cannot do.
pub fn count_tokens_request(
    request: &Request<'_>,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Outgoing, Refusal> {
    let body = match target.host {
        Host::Bedrock => wrapped(&write_request(request, target, losses)?.body),
        _ => count_body(request, target, losses)?,
    };
    Ok(Outgoing { path: path(target), body, headers: headers(request) })
}

/// The same of an Anthropic client's own body, for hosts that count elsewhere. `None`: the body is no object, or the
/// host takes it as it is.
pub fn rehost_count_request(body: &[u8], target: &Target<'_>, beta: Option<&str>) -> Option<Outgoing> {
    let body = match target.host {
        Host::Vertex { .. } => {
            let Members(mut members) = serde_json::from_slice(body).ok()?;
            members.retain(|(name, _)| !matches!(name.as_str(), "model" | "anthropic_version"));
            members.push(("anthropic_version".into(), Raw::of(&VERTEX_VERSION)?));
            members.push(("model".into(), Raw::of(&target.model)?));
            json::write(&Members(members))
        }
        Host::Bedrock => {
            let Members(mut members) = serde_json::from_slice(body).ok()?;
            if !members.iter().any(|(name, _)| name == "max_tokens") {
                members.push(("max_tokens".into(), Raw::of(&target.default_max_output)?));
            }
            wrapped(&rehost_request(&json::write(&Members(members)), target.host, beta)?)
        }
        _ => return None,
    };
    Some(Outgoing { path: path(target), body, headers: Vec::new() })
}

fn path(target: &Target<'_>) -> String {
    match target.host {
        Host::Vertex { project, location } => {
            format!("{}:rawPredict", vertex::model(project, location, "anthropic", "count-tokens"))
        }
        Host::Bedrock => format!("/model/{}/count-tokens", versioned_segment(foundation(target.model))),
        _ => "/v1/messages/count_tokens".to_owned(),
    }
}

/// The model behind an inference profile of Amazon's, which counts under no other name:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html> (seen 2026-11).
fn foundation(model: &str) -> &str {
    model.find("anthropic.").and_then(|at| model.get(at..)).unwrap_or(model)
}

/// Whether a host says that it does not count, although it may serve. Not all of Amazon's models are counted, some are
/// known by their profile only, and who may invoke them may not have been allowed to count.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html> (seen 2026-11)
pub fn cannot_count(failure: &Failure) -> bool {
    let says = |words: &str| failure.message.contains(words);
    match failure.status {
        400 => says("support counting tokens") || says("on-demand throughput") || says("model identifier is invalid"),
        403 => says("bedrock:CountTokens"),
        _ => false,
    }
}

/// Amazon counts the body of a request that it would serve.
fn wrapped(body: &[u8]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Count {
        input: Input,
    }
    #[derive(Serialize)]
    struct Input {
        #[serde(rename = "invokeModel")]
        invoke_model: InvokeModel,
    }
    #[derive(Serialize)]
    struct InvokeModel {
        body: String,
    }
    json::write(&Count { input: Input { invoke_model: InvokeModel { body: STANDARD.encode(body) } } })
}

/// The number in a reply to it.
pub fn read_count(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Count {
        #[serde(alias = "inputTokens")]
        input_tokens: u64,
    }
    json::read_reply::<Count>(body).map(|count| count.input_tokens)
}

/// The reply with this number, for a client of this dialect.
pub fn write_count(n: u64) -> Vec<u8> {
    format!("{{\"input_tokens\":{n}}}").into_bytes()
}
