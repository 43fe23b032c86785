//! Requests for something else than generated content: counts of tokens, embeddings, ranks.

use super::{Aim, Call, Prepared, Sending, Unprepared, context, not_an_object, target};
use crate::client::Client;
use crate::embeddings::{self, Backend};
use crate::loss::Losses;
use crate::plan::Dialect;
use crate::target::{Host, ReplyContext};
use crate::translator::{ReplyForm, ReplyPlan};
use crate::{gemini, messages, rerank};

pub(super) fn count(call: &Call<'_>, aim: &Aim<'_>, client: Client, dialect: Dialect) -> Result<Prepared, Unprepared> {
    if client == Client::Messages && dialect == Dialect::Messages {
        let outgoing = messages::rehost_count_request(call.body, &target(aim), call.beta).ok_or_else(not_an_object)?;
        let reply = ReplyPlan { form: ReplyForm::Counted(client, dialect), context: context(call, None), cap: None };
        return Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })));
    }
    // What is lost for counting is lost for its request too, which tells it.
    let mut losses = Losses::new(client, true);
    let request = match client {
        Client::Messages => messages::read_request(call.body, &mut losses)?,
        _ => gemini::read_count_request(call.body, call.model)?,
    };
    let target = target(aim);
    let outgoing = match dialect {
        Dialect::Gemini => gemini::count_tokens_request(&request, &target, &mut losses)?,
        _ => messages::count_tokens_request(&request, &target, &mut losses)?,
    };
    let reply = ReplyPlan { form: ReplyForm::Counted(client, dialect), context: context(call, None), cap: None };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: losses.header(), reply })))
}

pub(super) fn embed(call: &Call<'_>, aim: &Aim<'_>, dialect: Dialect) -> Result<Prepared, Unprepared> {
    let target = target(aim);
    let backend = match (dialect, target.host) {
        (Dialect::Gemini, Host::Vertex { .. }) => Backend::Vertex,
        (Dialect::Gemini, _) => Backend::Gemini,
        (Dialect::Cohere, _) => Backend::Cohere,
        _ => Backend::OpenAi,
    };
    let is_gemini = call.endpoint.is_gemini();
    let mut losses = Losses::new(if is_gemini { Client::Gemini } else { Client::Chat }, aim.lossy);
    let path = call.path.split('?').next().unwrap_or_default();
    let asked = match is_gemini {
        true => embeddings::read_gemini(call.body, path.ends_with(":batchEmbedContents"), &mut losses),
        false => embeddings::read_openai(call.body, &mut losses),
    }?;
    let outgoing = embeddings::write_request(&asked, backend, &target, &mut losses)?;
    let reply = ReplyPlan { form: ReplyForm::Embedded(asked.form, backend), context: context(call, None), cap: None };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: losses.header(), reply })))
}

pub(super) fn rank(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let mut losses = Losses::new(Client::Chat, aim.lossy);
    let (outgoing, wanted) = rerank::write_request(call.body, &target(aim), &mut losses)?;
    let context = ReplyContext { wanted, ..context(call, None) };
    let reply = ReplyPlan { form: ReplyForm::Ranked, context, cap: None };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: losses.header(), reply })))
}
