//! Counting tokens: <https://platform.claude.com/docs/en/api/messages-count-tokens> (seen 2026-11).

use serde::Deserialize;

use super::write_request::{count_body, headers};
use crate::json;
use crate::loss::{Losses, Refusal};
use crate::request::Request;
use crate::target::{Host, Outgoing, Target};

/// A request for the number of input tokens of this one.
///
/// # Errors
/// What Anthropic cannot do; a host that does not count.
pub fn count_tokens_request(
    request: &Request<'_>,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Outgoing, Refusal> {
    if matches!(target.host, Host::Vertex { .. } | Host::Bedrock) {
        return Err(Refusal::new("", "the backend that serves this model does not count tokens"));
    }
    let body = count_body(request, target, losses)?;
    Ok(Outgoing { path: "/v1/messages/count_tokens".to_owned(), body, headers: headers(request) })
}

/// The number in a reply to it.
pub fn read_count(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Count {
        input_tokens: u64,
    }
    json::read_reply::<Count>(body).map(|count| count.input_tokens)
}

/// The reply with this number, for a client of this dialect.
pub fn write_count(n: u64) -> Vec<u8> {
    format!("{{\"input_tokens\":{n}}}").into_bytes()
}
