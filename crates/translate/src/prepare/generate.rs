//! A request for generated content, through the canonical form.

use ditto_llm::endpoint::Endpoint;

use super::{Aim, Call, Prepared, Sending, Unprepared, context, target};
use crate::client::Client;
use crate::loss::{Feature, Losses, Refusal};
use crate::plan::{Dialect, Provider};
use crate::request::Request;
use crate::target::Outgoing;
use crate::translator::{ReplyForm, ReplyPlan};
use crate::{chat, cohere, completions, converse, gemini, messages, responses};

pub(super) fn generate(
    call: &Call<'_>,
    aim: &Aim<'_>,
    client: Client,
    dialect: Dialect,
) -> Result<Prepared, Unprepared> {
    let mut losses = Losses::new(client, aim.lossy);
    let (outgoing, reply) = translate(call, aim, (client, dialect), &mut losses)?;
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: losses.header(), reply })))
}

pub(super) fn translate(
    call: &Call<'_>,
    aim: &Aim<'_>,
    (client, dialect): (Client, Dialect),
    losses: &mut Losses,
) -> Result<(Outgoing, ReplyPlan), Unprepared> {
    let mut request = read(call, client, losses)?;
    // What some dialects would take for an empty prompt is a mistake in all.
    if request.turns.is_empty() && (request.system.is_empty() || client == Client::Messages) {
        return Err(Refusal::new(client.field(Feature::Prefill), "holds no message: say at least something").into());
    }
    if let Some(cap) = aim.cap {
        let each = (cap / u64::from(request.choices.unwrap_or(1).max(1))).max(1);
        request.max_output = Some(request.max_output.map_or(each, |max| max.min(each)));
    }
    let dialect = prefer(aim.provider, &request, dialect);
    let target = target(aim);
    let outgoing = match dialect {
        Dialect::Chat => chat::write_request(&request, &target, losses),
        Dialect::Responses => responses::write_request(&request, &target, losses),
        Dialect::Messages => messages::write_request(&request, &target, losses),
        Dialect::Gemini => gemini::write_request(&request, &target, losses),
        Dialect::Converse => converse::write_request(&request, &target, losses),
        Dialect::Cohere => cohere::write_request(&request, &target, losses),
    }?;
    let mut context = context(call, Some(&request));
    if client == Client::Responses {
        context.echo = responses::echo(call.body);
    }
    let reply = ReplyPlan { form: ReplyForm::Generated(client, dialect), context, cap: aim.cap };
    Ok((outgoing, reply))
}

fn read<'a>(call: &Call<'a>, client: Client, losses: &mut Losses) -> Result<Request<'a>, Refusal> {
    match client {
        Client::Chat => chat::read_request(call.body, losses),
        Client::Completions => completions::read_request(call.body, losses),
        Client::Responses => responses::read_request(call.body, losses),
        Client::Messages => messages::read_request(call.body, losses),
        Client::Gemini => {
            let stream = call.endpoint == Endpoint::StreamGenerateContent;
            let body = match call.path.starts_with("/v1internal:") {
                true => gemini::unwrap_envelope(call.body)?.request.in_body().unwrap_or_default().as_bytes(),
                false => call.body,
            };
            gemini::read_request(body, call.model, stream, losses)
        }
    }
}

/// OpenAI's models think better over Responses, where their thoughts come back with the next turn; what only chat
/// completions can say goes there.
fn prefer(provider: Provider<'_>, request: &Request<'_>, dialect: Dialect) -> Dialect {
    let only_chat = !request.stop.is_empty()
        || request.choices.is_some_and(|choices| choices > 1)
        || request.seed.is_some()
        || request.logit_bias.is_some()
        || request.frequency_penalty.is_some()
        || request.presence_penalty.is_some();
    if provider == Provider::OpenAi && dialect == Dialect::Chat && !only_chat { Dialect::Responses } else { dialect }
}
