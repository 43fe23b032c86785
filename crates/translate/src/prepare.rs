//! Makes the request that a backend gets.
//!
//! Called for every attempt anew, from the client's own bytes: what one attempt was made of never depends on another.

mod generate;
mod others;
mod own;

use ditto_llm::edit::Edit;
use ditto_llm::endpoint::Endpoint;

use crate::client::Client;
use crate::loss::{Loss, Losses, Refusal};
use crate::plan::{Dialect, Plan, Provider, plan};
use crate::request::Request;
use crate::target::{Host, Outgoing, ReplyContext, Target};
use crate::translator::ReplyPlan;
use crate::{gemini, messages, rerank};

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
        Plan::PassUnder => Ok(Prepared::Pass { path: Some(own::own_path(call, aim)?) }),
        Plan::Scrub => own::scrub(call, aim),
        Plan::Rehost => own::rehost(call, aim),
        Plan::Unwrap => own::unwrap(call, aim),
        Plan::Generate(client, dialect) => generate::generate(call, aim, client, dialect),
        Plan::Count(client, dialect) => others::count(call, aim, client, dialect),
        Plan::Estimate if call.endpoint == Endpoint::CountTokens => {
            Ok(Prepared::Answer(messages::write_count(call.input_estimate)))
        }
        Plan::Estimate => Ok(Prepared::Answer(gemini::write_count(call.input_estimate))),
        Plan::Embed(dialect) => others::embed(call, aim, dialect),
        Plan::Rerank(_) => others::rank(call, aim),
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

/// What a call loses on its way, and why, as far as it comes: what [`Sending::dropped`] names.
pub fn losses(call: &Call<'_>, aim: &Aim<'_>) -> Vec<Loss> {
    let Plan::Generate(client, dialect) = way(call, aim) else { return Vec::new() };
    let mut losses = Losses::new(client, aim.lossy);
    let _ = generate::translate(call, aim, (client, dialect), &mut losses);
    losses.dropped().to_vec()
}

fn not_an_object() -> Unprepared {
    Unprepared::Refused(Refusal::new("", "the body is not a JSON object"))
}
