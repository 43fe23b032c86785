//! `POST /v2/embed`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::openai::embeddings::values;
use super::super::reply::{Bill, Meter, Reply};
use super::super::tokens;
use super::check::list;
use super::error::ApiError;
use super::{Answer, body, fields, model};

const INPUTS_MAX: usize = 96;
const DIMENSIONS: [u64; 4] = [256, 512, 1024, 1536];

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let (body, _) = body(call, &fields::EMBED, "embed")?;
    let model = model(call, &body)?;
    let given: Vec<&str> = ["texts", "images", "inputs"].into_iter().filter(|name| body.get(name).is_some()).collect();
    let [name] = given[..] else {
        return Err(ApiError::invalid("exactly one of texts, images or inputs must be given."));
    };
    let inputs = list(&body[name]);
    if inputs.is_empty() || inputs.len() > INPUTS_MAX {
        return Err(ApiError::invalid(format!("total number of {name} must be from 1 to {INPUTS_MAX}.")));
    }
    let dimension = match body.get("output_dimension").map(Value::as_u64) {
        None => 1536,
        Some(Some(dimension)) if DIMENSIONS.contains(&dimension) => dimension,
        Some(_) => return Err(ApiError::invalid("output_dimension must be one of 256, 512, 1024, 1536.")),
    };
    let types = match list(&body["embedding_types"]) {
        [] => vec!["float"],
        types => types.iter().filter_map(Value::as_str).collect(),
    };
    let vectors: Vec<Vec<f64>> = inputs.iter().map(|input| vector(input, dimension)).collect();
    let embeddings: Map<String, Value> =
        types.into_iter().map(|kind| (kind.to_owned(), vectors.iter().map(|v| written(kind, v)).collect())).collect();
    let total: u64 = inputs.iter().map(count).sum();
    let mut reply = json!({
        "id": super::id(call),
        "response_type": "embeddings_by_type",
        "embeddings": embeddings,
        "texts": if name == "texts" { json!(inputs) } else { json!([]) },
        "meta": {"api_version": {"version": "2"}},
    });
    let mut meter = Meter::default();
    if !call.manner.no_usage {
        reply["meta"]["billed_units"] = json!({"input_tokens": total});
        meter = Meter::usage(0);
    }
    let bill = Bill { model, prompt_tokens: total, ..Bill::default() };
    Ok(Reply::compact_ok(&reply).metered(meter).billed(bill))
}

fn vector(input: &Value, dimension: u64) -> Vec<f64> {
    let numbers = values(input, usize::try_from(dimension).unwrap_or(1));
    numbers.iter().map(|number| number.as_f64().unwrap_or_default()).collect()
}

/// The tokens of a text, or of what stands for one.
fn count(input: &Value) -> u64 {
    match input {
        Value::String(text) if !text.starts_with("data:") => tokens::count(text),
        Value::String(_) => tokens::ATTACHMENT_TOKENS,
        _ => tokens::count_content(&input["content"]),
    }
}

/// A vector as the type of embedding writes it.
fn written(kind: &str, vector: &[f64]) -> Value {
    let bits = || {
        let byte = |eight: &[f64]| eight.iter().fold(0u8, |byte, number| (byte << 1) | u8::from(*number > 0.0));
        vector.chunks(8).map(byte).collect::<Vec<u8>>()
    };
    match kind {
        "int8" => {
            vector.iter().map(|number| Value::from((number * 127.0).round().clamp(-128.0, 127.0) as i64)).collect()
        }
        "uint8" => {
            vector.iter().map(|number| Value::from((number * 127.0 + 128.0).round().clamp(0.0, 255.0) as i64)).collect()
        }
        "binary" => bits().into_iter().map(|byte| Value::from(i64::from(byte) - 128)).collect(),
        "ubinary" => bits().into_iter().map(Value::from).collect(),
        "base64" => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        }
        _ => json!(vector),
    }
}
