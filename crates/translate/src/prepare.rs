//! Makes the request that a backend gets.
//!
//! Called for every attempt anew, from the client's own bytes: what one attempt was made of never depends on another.

use ditto_llm::edit::{self, Edit};
use ditto_llm::endpoint::{Endpoint, path_with_model};

use crate::client::Client;
use crate::embeddings::{self, Backend};
use crate::loss::{Feature, Loss, Losses, Refusal};
use crate::plan::{Dialect, Plan, Provider, plan};
use crate::request::Request;
use crate::target::{Host, Outgoing, ReplyContext, Target};
use crate::translator::{ReplyForm, ReplyPlan};
use crate::url::segment;
use crate::{chat, cohere, completions, converse, gemini, messages, rerank, responses};

/// What a client asks.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// By the path.
    pub endpoint: Endpoint,
    /// The normalised path and query.
    pub path: &'a str,
    /// The body as it came.
    pub body: &'a [u8],
    /// What must be changed in it to count the reply; for bodies that are not translated.
    pub edits: &'a [Edit],
    /// The header `anthropic-beta`.
    pub beta: Option<&'a str>,
    /// The model as the client names it.
    pub model: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
    /// Seconds since 1970.
    pub now_seconds: u64,
    /// The input's tokens, for counts that no backend makes.
    pub input_estimate: u64,
}

/// Where the attempt goes.
#[derive(Debug, Clone, Copy)]
pub struct Aim<'a> {
    /// The backend.
    pub provider: Provider<'a>,
    /// The model as the backend names it.
    pub model: &'a str,
    /// A passthrough backend is known to lack OpenAI's Responses: it is asked for chat completions.
    pub no_responses: bool,
    /// The backend, which is compatible with OpenAI, refuses members that OpenAI does not have.
    pub strict: bool,
    /// The operator allows losses that change a request's meaning.
    pub lossy: bool,
    /// Output tokens at most, over all choices.
    pub cap: Option<u64>,
    /// The backend can count a request's tokens; else they are estimated.
    pub counts: bool,
    /// Output tokens to ask for where the dialect needs a number and the client gives none.
    pub default_max_output: u64,
}

/// What becomes of a call.
#[derive(Debug)]
pub enum Prepared {
    /// The body passes, with the model's name and the edits in it.
    Pass {
        /// Another path and query, if the client's is not the backend's.
        path: Option<String>,
    },
    /// Another request is sent, and its reply must be translated.
    Send(Box<Sending>),
    /// It is answered here, with status 200 and this JSON.
    Answer(Vec<u8>),
}

/// A request that is sent in the client's place.
#[derive(Debug)]
pub struct Sending {
    /// What is sent.
    pub outgoing: Outgoing,
    /// The fields that were left out, for a header.
    pub dropped: Option<String>,
    /// How its reply is read and written.
    pub reply: ReplyPlan,
}

/// Why a call cannot be sent to a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprepared {
    /// The request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The backend has no such endpoint.
    #[error("the backend does not serve this endpoint")]
    Unsupported,
}

/// Whether the client's bytes are needed to prepare this call, or it passes.
pub fn needs_body(call: &Call<'_>, aim: &Aim<'_>) -> bool {
    let plan = way(call, aim);
    !matches!(plan, Plan::Pass | Plan::PassUnder | Plan::Unsupported)
}

/// Whether the client's own body goes on: nothing of it changes but the model's name and what counting needs.
pub fn passes(call: &Call<'_>, aim: &Aim<'_>) -> bool {
    matches!(way(call, aim), Plan::Pass | Plan::PassUnder)
}

/// Prepares a call. See the module's documentation.
///
/// # Errors
/// [`Unprepared`] where the backend cannot be asked this.
pub fn prepare(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    match way(call, aim) {
        Plan::Pass => Ok(Prepared::Pass { path: None }),
        Plan::PassUnder => Ok(Prepared::Pass { path: Some(own_path(call, aim)) }),
        Plan::Scrub => scrub(call, aim),
        Plan::Rehost => rehost(call, aim),
        Plan::Unwrap => unwrap(call, aim),
        Plan::Generate(client, dialect) => generate(call, aim, client, dialect),
        Plan::Count(client, dialect) => count(call, aim, client, dialect),
        Plan::Estimate if call.endpoint == Endpoint::CountTokens => {
            Ok(Prepared::Answer(messages::write_count(call.input_estimate)))
        }
        Plan::Estimate => Ok(Prepared::Answer(gemini::write_count(call.input_estimate))),
        Plan::Embed(dialect) => embed(call, aim, dialect),
        Plan::Rerank(_) => rank(call, aim),
        Plan::Unsupported => Err(Unprepared::Unsupported),
    }
}

fn way(call: &Call<'_>, aim: &Aim<'_>) -> Plan {
    match plan(call.endpoint, call.path, aim.provider, aim.model) {
        Plan::Pass if aim.no_responses && call.endpoint == Endpoint::Responses => {
            Plan::Generate(Client::Responses, Dialect::Chat)
        }
        _ if call.endpoint.only_counts() && !aim.counts => Plan::Estimate,
        plan => plan,
    }
}

fn target<'a>(aim: &Aim<'a>) -> Target<'a> {
    let host = match aim.provider.host(aim.model) {
        Host::Compatible if aim.strict => Host::Strict,
        host => host,
    };
    Target { model: aim.model, host, default_max_output: aim.default_max_output }
}

/// The path of the backend's own for a body that passes.
fn own_path(call: &Call<'_>, aim: &Aim<'_>) -> String {
    let (path, query) = call.path.split_once('?').unwrap_or((call.path, ""));
    let mut own = match aim.provider {
        Provider::Azure { .. } => {
            let rest = path.strip_prefix("/v1").unwrap_or(path);
            format!("/openai/deployments/{}{rest}", segment(aim.model))
        }
        Provider::Vertex { .. } => {
            let method = path.rsplit_once(':').map_or("generateContent", |(_, method)| method);
            gemini_path(aim, "/v1", method)
        }
        _ => path_with_model(path, aim.model).unwrap_or_else(|| path.to_owned()),
    };
    if !query.is_empty() {
        own.push('?');
        own.push_str(query);
    }
    own
}

fn context(call: &Call<'_>, request: Option<&Request<'_>>) -> ReplyContext {
    let is_gemini = call.endpoint.is_gemini();
    let streams = call.endpoint == Endpoint::StreamGenerateContent;
    ReplyContext {
        model: call.model.to_owned(),
        request_id: call.request_id.to_owned(),
        now_seconds: call.now_seconds,
        stream: request.map_or(streams, |request| request.stream),
        include_usage: request.is_some_and(|request| request.include_usage),
        json_array: is_gemini && streams && !asks_for_events(call.path),
        envelope: call.path.starts_with("/v1internal:"),
        echo: None,
        input_estimate: call.input_estimate,
        wanted: rerank::Wanted::default(),
    }
}

/// Whether a Gemini client wants its stream as events: `alt=sse`.
/// <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent> (seen 2026-11)
fn asks_for_events(path: &str) -> bool {
    path.split_once('?').is_some_and(|(_, query)| query.split('&').any(|parameter| parameter == "alt=sse"))
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

/// What a call loses on its way, and why, as far as it comes: what [`Sending::dropped`] names.
pub fn losses(call: &Call<'_>, aim: &Aim<'_>) -> Vec<Loss> {
    let Plan::Generate(client, dialect) = way(call, aim) else { return Vec::new() };
    let mut losses = Losses::new(client, aim.lossy);
    let _ = translate(call, aim, (client, dialect), &mut losses);
    losses.dropped().to_vec()
}

fn generate(call: &Call<'_>, aim: &Aim<'_>, client: Client, dialect: Dialect) -> Result<Prepared, Unprepared> {
    let mut losses = Losses::new(client, aim.lossy);
    let (outgoing, reply) = translate(call, aim, (client, dialect), &mut losses)?;
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: losses.header(), reply })))
}

fn translate(
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

/// Anthropic's own clients return what other backends thought, when an earlier turn was served by one.
fn scrub(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let Some(scrubbed) = messages::scrub_thoughts(call.body) else { return Ok(Prepared::Pass { path: None }) };
    let edited = messages::with_model(&scrubbed, aim.model, aim.cap).ok_or_else(not_an_object)?;
    let outgoing = Outgoing { path: call.path.to_owned(), body: edited, headers: Vec::new() };
    let context = ReplyContext { stream: asks_for_stream(call.body), ..context(call, None) };
    let reply = ReplyPlan { form: ReplyForm::Same(Endpoint::Messages), context, cap: aim.cap };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })))
}

fn rehost(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let edited = edited(call)?;
    let target = target(aim);
    let stream = asks_for_stream(&edited);
    let edited = messages::scrub_thoughts(&edited).unwrap_or(edited);
    let body = messages::rehost_request(&edited, target.host, call.beta).ok_or_else(not_an_object)?;
    let outgoing = Outgoing { path: rehosted_path(&target, stream), body, headers: Vec::new() };
    let context = ReplyContext { stream, ..context(call, None) };
    let reply = ReplyPlan { form: ReplyForm::Rehosted, context, cap: aim.cap };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })))
}

/// Where other hosts serve Anthropic's models.
/// <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>,
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html> (seen 2026-11)
fn rehosted_path(target: &Target<'_>, stream: bool) -> String {
    let model = segment(target.model);
    match target.host {
        Host::Vertex { project, location } => {
            let method = if stream { "streamRawPredict" } else { "rawPredict" };
            let (project, location) = (segment(project), segment(location));
            format!("/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:{method}")
        }
        _ => format!("/model/{model}/{}", if stream { "invoke-with-response-stream" } else { "invoke" }),
    }
}

fn asks_for_stream(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Stream {
        #[serde(default)]
        stream: Option<bool>,
    }
    serde_json::from_slice::<Stream>(body).ok().and_then(|body| body.stream).unwrap_or(false)
}

fn unwrap(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let edited = edited(call)?;
    let envelope = gemini::unwrap_envelope(&edited)?;
    let method = match call.endpoint {
        Endpoint::StreamGenerateContent => "streamGenerateContent?alt=sse",
        _ => "generateContent",
    };
    let outgoing = Outgoing {
        path: gemini_path(aim, "/v1beta", method),
        body: envelope.request.get().as_bytes().to_vec(),
        headers: Vec::new(),
    };
    let reply = ReplyPlan { form: ReplyForm::Wrapped, context: context(call, None), cap: aim.cap };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: None, reply })))
}

/// Where Google serves its models: the Gemini API, or Vertex AI.
fn gemini_path(aim: &Aim<'_>, version: &str, method: &str) -> String {
    match aim.provider {
        Provider::Vertex { project, location } => {
            let (project, location, model) = (segment(project), segment(location), segment(aim.model));
            format!("/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:{method}")
        }
        _ => {
            let path = path_with_model(&format!("{version}/models/m:{method}"), aim.model);
            path.unwrap_or_else(|| format!("{version}/models/{}:{method}", segment(aim.model)))
        }
    }
}

/// The client's body with what must be changed in it to count the reply.
fn edited(call: &Call<'_>) -> Result<Vec<u8>, Unprepared> {
    edit::apply(call.body, call.edits).ok_or_else(not_an_object)
}

fn not_an_object() -> Unprepared {
    Unprepared::Refused(Refusal::new("", "the body is not a JSON object"))
}

fn count(call: &Call<'_>, aim: &Aim<'_>, client: Client, dialect: Dialect) -> Result<Prepared, Unprepared> {
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

fn embed(call: &Call<'_>, aim: &Aim<'_>, dialect: Dialect) -> Result<Prepared, Unprepared> {
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

fn rank(call: &Call<'_>, aim: &Aim<'_>) -> Result<Prepared, Unprepared> {
    let mut losses = Losses::new(Client::Chat, aim.lossy);
    let (outgoing, wanted) = rerank::write_request(call.body, &target(aim), &mut losses)?;
    let context = ReplyContext { wanted, ..context(call, None) };
    let reply = ReplyPlan { form: ReplyForm::Ranked, context, cap: None };
    Ok(Prepared::Send(Box::new(Sending { outgoing, dropped: losses.header(), reply })))
}
