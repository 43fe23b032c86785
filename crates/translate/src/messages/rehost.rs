//! An Anthropic client's own body for hosts that put some of its members elsewhere.

use super::members::Members;
use crate::json;
use crate::target::Host;

/// <https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai> (seen 2026-11)
pub(super) const VERTEX_VERSION: &str = "vertex-2023-10-16";
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>
/// (seen 2026-11)
pub(super) const BEDROCK_VERSION: &str = "bedrock-2023-05-31";

/// The body for this host: every member as it was written, without those that the host has in its path, and with the
/// version in it. `beta` is the client's `anthropic-beta` header, which Amazon wants in the body. `None`: the body is
/// no object, or the host takes it as it is.
pub fn rehost_request(body: &[u8], host: Host<'_>, beta: Option<&str>) -> Option<Vec<u8>> {
    let version = match host {
        Host::Vertex { .. } => VERTEX_VERSION,
        Host::Bedrock => BEDROCK_VERSION,
        _ => return None,
    };
    let Members(members) = serde_json::from_slice(body).ok()?;
    let mut out = Vec::with_capacity(body.len().saturating_add(128));
    out.extend_from_slice(b"{\"anthropic_version\":\"");
    out.extend_from_slice(version.as_bytes());
    out.push(b'"');
    let betas: Vec<&str> = beta.unwrap_or_default().split(',').map(str::trim).filter(|beta| !beta.is_empty()).collect();
    let in_body = host == Host::Bedrock && !betas.is_empty();
    if in_body {
        out.extend_from_slice(b",\"anthropic_beta\":");
        json::append(&mut out, &betas);
    }
    for (name, value) in members {
        let elsewhere = match name.as_str() {
            "model" | "anthropic_version" => true,
            "stream" => host == Host::Bedrock,
            "anthropic_beta" => in_body,
            _ => false,
        };
        if !elsewhere {
            out.push(b',');
            json::append(&mut out, &name);
            out.push(b':');
            out.extend_from_slice(value.get().as_bytes());
        }
    }
    out.push(b'}');
    Some(out)
}
