//! Where a translated request goes, and what the reply's writers must know of the request.

use crate::json::Raw;
use crate::rerank::Wanted;

/// Who serves a dialect: the same words travel under other paths, with small differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// The dialect's own provider (OpenAI, Anthropic, Google AI Studio, Cohere).
    Own,
    /// A server that is compatible with the dialect, with what it may not know left out or kept simple.
    Compatible,
    /// The same, where members that the dialect's own provider does not have are refused.
    Strict,
    /// Azure's OpenAI service; `deployments`: the model stands in the path.
    Azure {
        /// Paths begin with `/openai/deployments/{model}`.
        deployments: bool,
    },
    /// Zhipu's GLM models.
    Zhipu,
    /// Google's Vertex AI.
    Vertex {
        /// The Google Cloud project.
        project: &'a str,
        /// The region, or `global`.
        location: &'a str,
    },
    /// Amazon Bedrock.
    Bedrock,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The model as the backend names it.
    pub model: &'a str,
    /// Who serves it.
    pub host: Host<'a>,
    /// The most output tokens to ask for where the backend's dialect needs a number and the client gives none.
    pub default_max_output: u64,
}

/// A request as it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The path and query, from the API's root: `/v1/messages`, `/v1beta/models/m:generateContent`.
    pub path: String,
    /// The body, JSON.
    pub body: Vec<u8>,
    /// Headers that the dialect needs besides credentials, in place of the client's.
    pub headers: Vec<(&'static str, String)>,
}

/// What the writers of replies must know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplyContext {
    /// The model as the client named it; stands in for the backend's where that names none.
    pub model: String,
    /// The id of the request, for replies whose backend gives no id.
    pub request_id: String,
    /// Seconds since 1970, for replies whose backend does not say when.
    pub now_seconds: u64,
    /// The client wants a stream.
    pub stream: bool,
    /// The client wants the usage at the end of the stream.
    pub include_usage: bool,
    /// Gemini: the stream is one JSON array instead of events.
    pub json_array: bool,
    /// Gemini: everything is wrapped in `{"response": …}`.
    pub envelope: bool,
    /// Responses: members of the request that its replies repeat, as one object.
    pub echo: Option<Raw<'static>>,
    /// The input's tokens, for replies that must tell them where the backend does not.
    pub input_estimate: u64,
    /// Ranking: what the client wants back beside the ranks.
    pub wanted: Wanted,
}
