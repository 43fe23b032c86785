//! A reply for a client.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{Embedded, Form};
use crate::json::{self, Raw};

#[derive(Serialize)]
struct OpenAi<'a> {
    object: &'static str,
    data: Vec<OpenAiOne<'a>>,
    model: &'a str,
    usage: OpenAiUsage,
}

#[derive(Serialize)]
struct OpenAiOne<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Numbers(Raw<'a>),
    Base64(String),
}

#[derive(Serialize)]
struct OpenAiUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Values<'a> {
    values: Raw<'a>,
}

#[derive(Serialize)]
struct One<'a> {
    embedding: Values<'a>,
}

#[derive(Serialize)]
struct Batch<'a> {
    embeddings: Vec<Values<'a>>,
}

/// Writes a reply; `None`: the vectors are none. `estimate` stands in for tokens that the backend does not tell, where
/// the client's dialect must have a number.
pub fn write_reply(embedded: &Embedded<'_>, form: Form, model: &str, estimate: u64) -> Option<Vec<u8>> {
    let values = |raw: &'_ Raw<'_>| Values { values: raw.clone().into_static() };
    match form {
        Form::One => Some(json::write(&One { embedding: embedded.vectors.first().map(values)? })),
        Form::Batch => Some(json::write(&Batch { embeddings: embedded.vectors.iter().map(values).collect() })),
        Form::Numbers | Form::Base64 => {
            let mut data = Vec::with_capacity(embedded.vectors.len());
            for (index, raw) in embedded.vectors.iter().enumerate() {
                let embedding = match form {
                    Form::Base64 => Vector::Base64(bytes(raw)?),
                    _ => Vector::Numbers(raw.borrowed()),
                };
                data.push(OpenAiOne { object: "embedding", index, embedding });
            }
            let tokens = embedded.tokens.unwrap_or(estimate);
            let usage = OpenAiUsage { prompt_tokens: tokens, total_tokens: tokens };
            Some(json::write(&OpenAi { object: "list", data, model, usage }))
        }
    }
}

/// Numbers of 32 bits, the least byte first, as OpenAI's SDKs read them.
fn bytes(raw: &Raw<'_>) -> Option<String> {
    let numbers: Vec<f32> = serde_json::from_str(raw.get()).ok()?;
    let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
    Some(STANDARD.encode(bytes))
}
