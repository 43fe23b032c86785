//! A client's own body for a backend that speaks its dialect: under another path, in another envelope, or without what
//! that backend refuses.

use ditto_llm::edit;
use ditto_llm::endpoint::{Endpoint, path_with_model};

use super::{Aim, Call, Prepared, Sending, Unprepared, context, not_an_object, target};
use crate::plan::Provider;
use crate::target::{Outgoing, ReplyContext};
use crate::translator::{ReplyForm, ReplyPlan};
use crate::url::segment;
use crate::{gemini, messages};

/// The path of the backend's own for a body that passes.
pub(super) fn own_path(call: &Call<'_>, aim: &Aim<'_>) -> Result<String, Unprepared> {
    let (path, query) = call.path.split_once('?').unwrap_or((call.path, ""));
    let mut own = match aim.provider {
        Provider::Azure { .. } => {
            let rest = path.strip_prefix("/v1").unwrap_or(path);
            format!("/openai/deployments/{}{rest}", segment(aim.model))
        }
        Provider::Vertex { .. } => {
            let method = path.rsplit_once(':').map_or("generateContent", |(_, method)| method);
            gemini::path(&target(aim), method)?
        }
        _ => path_with_model(path, aim.model).unwrap_or_else(|| path.to_owned()),
    };
    if !query.is_empty() {
        own.push('?');
        own.push_str(query);
    }
    Ok(own)
}

/// Anthropic's own clients return what other backends thought, when an earlier turn was served by one.
pub(super) fn scrub(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let Some(scrubbed) = messages::scrub_thoughts(call.body) else { return Ok(Prepared::Pass { path: None }) };
    let edited = messages::with_model(&scrubbed, aim.model, aim.cap).ok_or_else(not_an_object)?;
    let outgoing = Outgoing { path: call.path.to_owned(), body: edited, headers: Vec::new() };
    let context = ReplyContext { stream: asks_for_stream(call.body), ..context(call, None) };
    let reply = ReplyPlan { form: ReplyForm::Same(Endpoint::Messages), context, cap: aim.cap };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })))
}

pub(super) fn rehost(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let edited = edited(call)?;
    let target = target(aim);
    let stream = asks_for_stream(&edited);
    let edited = messages::scrub_thoughts(&edited).unwrap_or(edited);
    let body = messages::rehost_request(&edited, target.host, call.beta).ok_or_else(not_an_object)?;
    let outgoing = Outgoing { path: messages::path(&target, stream), body, headers: Vec::new() };
    let context = ReplyContext { stream, ..context(call, None) };
    let reply = ReplyPlan { form: ReplyForm::Rehosted, context, cap: aim.cap };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })))
}

fn asks_for_stream(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Stream {
        #[serde(default)]
        stream: Option<bool>,
    }
    serde_json::from_slice::<Stream>(body).ok().and_then(|body| body.stream).unwrap_or(false)
}

pub(super) fn unwrap(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let edited = edited(call)?;
    let envelope = gemini::unwrap_envelope(&edited)?;
    let method = match call.endpoint {
        Endpoint::StreamGenerateContent => "streamGenerateContent?alt=sse",
        _ => "generateContent",
    };
    let outgoing = Outgoing {
        path: gemini::path(&target(aim), method)?,
        body: envelope.request.get().as_bytes().to_vec(),
        headers: Vec::new(),
    };
    let reply = ReplyPlan { form: ReplyForm::Wrapped, context: context(call, None), cap: aim.cap };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })))
}

/// The client's body with what must be changed in it to count the reply.
fn edited(call: &Call<'_>) -> Result<Vec<u8>, Unprepared> {
    edit::apply(call.body, call.edits).ok_or_else(not_an_object)
}
