//! `countTokens`, both ways: <https://ai.google.dev/api/tokens> and
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens> (seen 2026-11).

use serde::{Deserialize, Serialize};

use super::wire_request::Body;
use super::{path, read_request, write_request};
use crate::client::Client;
use crate::json;
use crate::loss::{Losses, Refusal};
use crate::request::Request;
use crate::target::{Host, Outgoing, Target};

/// AI Studio counts a whole request only inside of this; Vertex AI has its members directly.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CountBody<'a> {
    #[serde(borrow, default, alias = "generate_content_request", skip_serializing_if = "Option::is_none")]
    generate_content_request: Option<Body<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Count {
    total_tokens: Option<u64>,
}

/// Writes a request to count the input of this one.
///
/// # Errors
/// As for the request itself.
pub fn count_tokens_request(
    request: &Request<'_>,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Outgoing, Refusal> {
    let path = path::of(target, "countTokens")?;
    let mut body = write_request::prompt(request, target, losses)?;
    // How functions may be called is no input, and not taken here.
    body.tool_config = None;
    let body = if matches!(target.host, Host::Vertex { .. }) {
        json::write(&body)
    } else {
        let resource =
            if target.model.contains('/') { target.model.into() } else { format!("models/{}", target.model) };
        body.model = Some(resource.into());
        json::write(&CountBody { generate_content_request: Some(body) })
    };
    Ok(Outgoing { path, body, headers: Vec::new() })
}

/// The number that a backend counted.
pub fn read_count(body: &[u8]) -> Option<u64> {
    json::read_reply::<Count>(body)?.total_tokens
}

/// The number, for a client.
pub fn write_count(tokens: u64) -> Vec<u8> {
    format!("{{\"totalTokens\":{tokens}}}").into_bytes()
}

/// Reads a client's request to count. What other dialects cannot express does not count.
///
/// # Errors
/// For what is no such request, by the place of what is wrong.
pub fn read_count_request<'a>(body: &'a [u8], model: &'a str) -> Result<Request<'a>, Refusal> {
    let mut losses = Losses::new(Client::Gemini, true);
    let wrapped: CountBody<'a> = json::read(body)?;
    match wrapped.generate_content_request {
        Some(body) => read_request::of_body(body, model, false, &mut losses),
        None => read_request::read_request(body, model, false, &mut losses),
    }
}
