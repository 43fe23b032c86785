//! A request to Cohere, written from the canonical form.

use super::wire_request::Body;
use super::{write_messages, write_options};
use crate::json;
use crate::loss::{Losses, Refusal};
use crate::request::Request;
use crate::target::{Outgoing, Target};

/// Writes a request.
///
/// # Errors
/// What Cohere cannot do and what cannot be left out.
pub fn write_request(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Outgoing, Refusal> {
    let mut body = Body { model: target.model, stream: request.stream, ..Body::default() };
    body.messages = write_messages::messages(request, losses)?;
    write_options::tools(request, &mut body, losses)?;
    write_options::write(request, &mut body, losses)?;
    Ok(Outgoing { path: "/v2/chat".to_owned(), body: json::write(&body), headers: Vec::new() })
}
