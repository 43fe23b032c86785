//! `POST /v1/embeddings`, as numbers or base64 (what official SDKs ask for).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::{Answer, Bill, Call, Meter, Reply, tokens};

const DIMENSIONS_MAX: i64 = 3072;

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let model = call.model(&body)?;
    let input = body.get("input").filter(|input| !input.is_null()).ok_or_else(|| ApiError::missing("input"))?;
    let counts = input_tokens(input, "input")?;
    let dimensions = dimensions(&body, &model)?;
    let base64 = match body["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(ApiError::invalid_value("encoding_format", "'float' or 'base64'")),
    };
    let data: Vec<Value> = inputs(input)
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if base64 { json!(encode(&vector)) } else { vector.iter().map(number).collect() };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let total: u64 = counts.iter().sum();
    let bill = Bill { model: model.clone(), prompt_tokens: total, ..Bill::default() };
    let mut reply = json!({"object": "list", "data": data, "model": model});
    let mut meter = Meter::default();
    if !call.manner.no_usage {
        reply["usage"] = json!({"prompt_tokens": total, "total_tokens": total});
        meter = Meter::usage(0);
    }
    Ok(Reply::ok(&reply).metered(meter).billed(bill))
}

/// The provider refuses a bad number of dimensions without naming the parameter in `param`.
fn dimensions(body: &Value, model: &str) -> Result<usize, ApiError> {
    match body.get("dimensions") {
        None | Some(Value::Null) => Ok(if model.contains("large") { 3072 } else { 1536 }),
        Some(value) => match value.as_i64() {
            Some(number @ 1..=DIMENSIONS_MAX) => Ok(usize::try_from(number).unwrap_or(1)),
            _ => Err(ApiError::invalid(format!("'dimensions' must be from 1 to {DIMENSIONS_MAX}, and is {value}."))),
        },
    }
}

/// The token count of each entry of an input: a text, a list of texts, a list of tokens, or a list of such lists.
pub(super) fn input_tokens(input: &Value, param: &str) -> Result<Vec<u64>, ApiError> {
    let wrong = || ApiError::wrong_type(param, "a string, an array of strings, or tokens");
    inputs(input)
        .iter()
        .map(|entry| match entry {
            Value::String(text) => Ok(tokens::count(text)),
            Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_u64) => Ok(list.len() as u64),
            _ => Err(wrong()),
        })
        .collect::<Result<Vec<u64>, _>>()
        .and_then(|counts| if counts.is_empty() { Err(wrong()) } else { Ok(counts) })
}

fn inputs(input: &Value) -> Vec<Value> {
    match input {
        Value::Array(list) if list.first().is_some_and(Value::is_number) => vec![input.clone()],
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

/// A vector of length 1 that depends on the text alone, as numbers.
pub(in super::super) fn values(text: &Value, dimensions: usize) -> Vec<Value> {
    vector(text, dimensions).iter().map(number).collect()
}

/// A vector of length 1 that depends on the text alone.
fn vector(text: &Value, dimensions: usize) -> Vec<f32> {
    let hash = Sha256::digest(text.to_string().as_bytes());
    let mut state = hash.iter().take(8).fold(0u64, |state, byte| (state << 8) | u64::from(*byte)) | 1;
    let raw: Vec<f32> = (0..dimensions)
        .map(|_| {
            // Xorshift: any cheap generator does; the numbers only have to look like an embedding.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f32::from(u16::try_from(state >> 48).unwrap_or(0)) / 32_768.0 - 1.0
        })
        .collect();
    let length = raw.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.iter().map(|number| number / length).collect()
}

/// The number with the few digits that identify it, not those of its widening to 64 bits.
fn number(value: &f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}
