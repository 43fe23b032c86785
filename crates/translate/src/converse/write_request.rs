//! A request to Converse, written from the canonical form.

use super::models::Family;
use super::wire_request::Body;
use super::{write_content, write_options, write_tools};
use crate::json;
use crate::loss::{Losses, Refusal};
use crate::request::Request;
use crate::target::{Outgoing, Target};
use crate::url::segment;

/// Writes a request.
///
/// # Errors
/// What Converse cannot do and what cannot be left out.
pub fn write_request(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Outgoing, Refusal> {
    let family = Family::of_name(target.model);
    let mut body = Body::default();
    (body.system, body.messages) = write_content::conversation(request, family, losses)?;
    body.tool_config = write_tools::config(request, family, losses)?;
    write_options::write(request, family, &mut body, losses)?;
    let method = if request.stream { "converse-stream" } else { "converse" };
    let path = format!("/model/{}/{method}", segment(target.model));
    Ok(Outgoing { path, body: json::write(&body), headers: Vec::new() })
}
