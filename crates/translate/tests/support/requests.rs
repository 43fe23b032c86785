//! Requests of every client to every backend.

use ditto_llm::endpoint::Endpoint;
use ditto_translate::client::Client;
use ditto_translate::fields::Field;
use ditto_translate::loss::Loss;
use ditto_translate::plan::Provider;
use ditto_translate::prepare::{self, Aim, Call, Prepared, Unprepared};
use ditto_translate::translator::{ReplyForm, ReplyPlan};
use ditto_translate::{chat, completions, gemini, messages, responses};

/// A backend that generates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backend {
    /// What the tables call it.
    pub(crate) name: &'static str,
    /// How it is configured.
    pub(crate) provider: Provider<'static>,
    /// A model of its.
    pub(crate) model: &'static str,
}

const fn backend(name: &'static str, provider: Provider<'static>, model: &'static str) -> Backend {
    Backend { name, provider, model }
}

const VERTEX: Provider<'static> = Provider::Vertex { project: "p", location: "global" };

/// Every kind of backend.
pub(crate) const BACKENDS: &[Backend] = &[
    backend("OpenAI-compatible", Provider::Chat, "qwen3-32b"),
    backend("OpenAI", Provider::OpenAi, "gpt-5.2"),
    backend("Azure", Provider::Azure { deployments: true }, "gpt-4o"),
    backend("Zhipu", Provider::Zhipu, "glm-4.6"),
    backend("Responses", Provider::Responses, "gpt-5.2"),
    backend("Anthropic", Provider::Anthropic, "claude-sonnet-4-5"),
    backend("Vertex (Claude)", VERTEX, "claude-sonnet-4-5@20250929"),
    backend("Bedrock (Claude)", Provider::Bedrock, "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    backend("Bedrock (Converse)", Provider::Bedrock, "amazon.nova-pro-v1:0"),
    backend("Cohere", Provider::Cohere, "command-a-03-2025"),
    backend("Gemini", Provider::Gemini, "gemini-2.5-pro"),
    backend("Vertex (Gemini)", VERTEX, "gemini-2.5-pro"),
];

/// A client's call with this body.
pub(crate) fn call(client: Client, stream: bool, body: &[u8]) -> Call<'_> {
    let (endpoint, path) = match client {
        Client::Chat => (Endpoint::ChatCompletions, "/v1/chat/completions"),
        Client::Completions => (Endpoint::Completions, "/v1/completions"),
        Client::Responses => (Endpoint::Responses, "/v1/responses"),
        Client::Messages => (Endpoint::Messages, "/v1/messages"),
        Client::Gemini if stream => (Endpoint::StreamGenerateContent, "/v1beta/models/m:streamGenerateContent?alt=sse"),
        Client::Gemini => (Endpoint::GenerateContent, "/v1beta/models/m:generateContent"),
    };
    Call {
        endpoint,
        path,
        body,
        edits: &[],
        beta: None,
        model: "m",
        request_id: "00000000-0000-4000-8000-000000000001",
        now_seconds: 1_790_000_000,
        input_estimate: 7,
    }
}

/// An attempt at this backend.
pub(crate) fn aim(backend: &Backend, lossy: bool) -> Aim<'static> {
    Aim {
        provider: backend.provider,
        model: backend.model,
        no_responses: backend.provider == Provider::Chat,
        strict: false,
        lossy,
        cap: None,
        counts: true,
        default_max_output: 4_096,
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It passes: the backend speaks the client's dialect.
    Passes,
    /// It is sent in other words.
    Sent(Box<Sent>),
    /// It is refused, for this reason.
    Refused(String),
}

/// A request in a backend's words.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Path and body.
    pub(crate) text: String,
    /// What was left out.
    pub(crate) lost: Vec<Loss>,
    /// How the reply is read and written.
    pub(crate) plan: ReplyPlan,
}

/// Sends a request.
pub(crate) fn send(client: Client, backend: &Backend, stream: bool, lossy: bool, body: &str) -> Outcome {
    let (call, aim) = (call(client, stream, body.as_bytes()), aim(backend, lossy));
    match prepare::prepare(&call, &aim) {
        Ok(Prepared::Send(sending)) if matches!(sending.reply.form, ReplyForm::Generated(..)) => {
            let body = String::from_utf8(sending.outgoing.body).unwrap();
            let text = format!("{}\n{body}", sending.outgoing.path);
            let lost = prepare::losses(&call, &aim);
            Outcome::Sent(Box::new(Sent { text, lost, plan: sending.reply }))
        }
        Ok(_) => Outcome::Passes,
        Err(Unprepared::Refused(refusal)) => Outcome::Refused(refusal.to_string()),
        Err(Unprepared::Unsupported) => panic!("{client:?} and {} do not meet", backend.name),
    }
}

/// A minimal request of a client's, and samples of every member.
pub(crate) fn fields(client: Client) -> (&'static str, &'static [Field]) {
    match client {
        Client::Chat => (chat::fields::BASE, chat::fields::FIELDS),
        Client::Completions => (completions::fields::BASE, completions::fields::FIELDS),
        Client::Responses => (responses::fields::BASE, responses::fields::FIELDS),
        Client::Messages => (messages::fields::BASE, messages::fields::FIELDS),
        Client::Gemini => (gemini::fields::BASE, gemini::fields::FIELDS),
    }
}
