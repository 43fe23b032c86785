//! Messages that come in another provider's envelope: on Bedrock and Vertex, the path names the model.

use http::StatusCode;
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::mind::Said;
use super::super::reply::Reply;
use super::message::Exchange;
use super::version::Version;
use super::{request, write};

/// A body without what its provider adds to it.
#[derive(Debug)]
pub(in super::super) struct Envelope<'a> {
    pub(in super::super) body: Value,
    pub(in super::super) model: &'a str,
    /// What `anthropic-beta` would say.
    pub(in super::super) betas: &'a str,
}

/// Checks the message and lets the model answer; whether the model is served was asked before.
pub(in super::super) fn enveloped(call: &Call<'_>, envelope: Envelope<'_>) -> Result<Exchange, (StatusCode, String)> {
    let Envelope { mut body, model, betas } = envelope;
    body["model"] = json!(model);
    let request = request::read(Version::Of2023, &body, betas).map_err(|error| error.into_parts())?;
    let said = call.think(&request.heard, "toolu_01");
    let id = call.id("msg_01", &request.heard.digest);
    Ok(Exchange { id, request, said, tells_usage: !call.manner.no_usage })
}

/// The tokens of a message that is only counted.
pub(in super::super) fn counted(body: &Value, betas: &str) -> Result<u64, (StatusCode, String)> {
    let request = request::read_count(Version::Of2023, body, betas).map_err(|error| error.into_parts())?;
    Ok(request.heard.tokens())
}

/// The answer, whole or as a stream, as the request has it.
pub(in super::super) fn written(exchange: &Exchange) -> Reply {
    write(exchange)
}

impl Exchange {
    /// What the model said.
    pub(in super::super) fn said(&self) -> &Said {
        &self.said
    }
}
