//! A backend's reply.

use serde::Deserialize;

use super::Backend;
use crate::json::{self, Raw};

/// The vectors, and what they cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded<'a> {
    /// Lists of numbers, in the order of the texts.
    pub vectors: Vec<Raw<'a>>,
    /// Input tokens, where the backend tells them.
    pub tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OpenAi<'a> {
    #[serde(borrow)]
    data: Vec<OpenAiOne<'a>>,
    #[serde(default)]
    usage: Option<OpenAiUsage>,
}

#[derive(Deserialize)]
struct OpenAiOne<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    embedding: Raw<'a>,
}

#[derive(Deserialize)]
struct OpenAiUsage {
    prompt_tokens: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gemini<'a> {
    #[serde(borrow)]
    embeddings: Vec<Values<'a>>,
    #[serde(default)]
    usage_metadata: Option<GeminiUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiUsage {
    #[serde(default)]
    prompt_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: Raw<'a>,
    #[serde(default)]
    statistics: Option<Statistics>,
}

/// Its numbers are written with a decimal point.
#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    token_count: f64,
}

#[derive(Deserialize)]
struct Vertex<'a> {
    #[serde(borrow)]
    predictions: Vec<Prediction<'a>>,
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Values<'a>,
}

#[derive(Deserialize)]
struct Cohere<'a> {
    #[serde(borrow)]
    embeddings: CohereTypes<'a>,
    #[serde(default)]
    meta: Option<CohereMeta>,
}

#[derive(Deserialize)]
struct CohereTypes<'a> {
    #[serde(borrow)]
    float: Vec<Raw<'a>>,
}

#[derive(Deserialize)]
struct CohereMeta {
    #[serde(default)]
    billed_units: Option<CohereUnits>,
}

#[derive(Deserialize)]
struct CohereUnits {
    #[serde(default)]
    input_tokens: Option<f64>,
}

/// Reads a reply; `None`: it is none.
pub fn read_reply<'a>(body: &'a [u8], backend: Backend) -> Option<Embedded<'a>> {
    match backend {
        Backend::OpenAi => {
            let mut reply: OpenAi<'a> = json::read_reply(body)?;
            reply.data.sort_by_key(|one| one.index);
            let vectors = reply.data.into_iter().map(|one| one.embedding).collect();
            Some(Embedded { vectors, tokens: reply.usage.map(|usage| usage.prompt_tokens) })
        }
        Backend::Gemini => {
            let reply: Gemini<'a> = json::read_reply(body)?;
            let vectors = reply.embeddings.into_iter().map(|one| one.values).collect();
            Some(Embedded { vectors, tokens: reply.usage_metadata.and_then(|usage| usage.prompt_token_count) })
        }
        Backend::Vertex => {
            let reply: Vertex<'a> = json::read_reply(body)?;
            let counts = reply.predictions.iter().map(|one| one.embeddings.statistics.as_ref());
            // A cast of a float goes to the nearest number there is.
            let tokens = counts.map(|count| count.map(|count| count.token_count)).sum::<Option<f64>>();
            let vectors = reply.predictions.into_iter().map(|one| one.embeddings.values).collect();
            Some(Embedded { vectors, tokens: tokens.map(|tokens| tokens as u64) })
        }
        Backend::Cohere => {
            let reply: Cohere<'a> = json::read_reply(body)?;
            let tokens = reply.meta.and_then(|meta| meta.billed_units).and_then(|units| units.input_tokens);
            Some(Embedded { vectors: reply.embeddings.float, tokens: tokens.map(|tokens| tokens as u64) })
        }
    }
}
