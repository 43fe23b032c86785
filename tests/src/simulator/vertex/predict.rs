//! Embeddings of Vertex: `:predict` with instances.
//!
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api> (seen 2026-11).

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::fields::Kind::{Flag, Integer, List, Message as Of, Text};
use super::super::fields::Message;
use super::super::gemini::{Named, body, json_reply};
use super::super::google_error::{GoogleError, Service};
use super::super::openai::embeddings::values;
use super::super::reply::{Bill, Meter, Reply};
use super::super::tokens;

static INSTANCE: Message = Message::new("Instance", &[("content", Text), ("task_type", Text), ("title", Text)]);
static PARAMETERS: Message = Message::new("Parameters", &[("output_dimensionality", Integer), ("auto_truncate", Flag)]);
static PREDICT: Message =
    Message::new("PredictRequest", &[("instances", List(&Of(&INSTANCE))), ("parameters", Of(&PARAMETERS))]);

const DIMENSIONS_MAX: u64 = 3072;
const INSTANCES_MAX: usize = 250;

pub(super) fn embeddings(call: &Call<'_>, model: &Named) -> Result<Reply, GoogleError> {
    let (body, _) = body(call, Service::Vertex, &PREDICT)?;
    let dimensions = match body["parameters"].get("outputDimensionality").map(Value::as_u64) {
        None if model.name.starts_with("gemini-embedding") => DIMENSIONS_MAX,
        None => 768,
        Some(Some(dimensions @ 1..=DIMENSIONS_MAX)) => dimensions,
        Some(_) => {
            return Err(GoogleError::invalid(format!("outputDimensionality must be from 1 to {DIMENSIONS_MAX}.")));
        }
    };
    let instances = body["instances"].as_array().map_or(&[][..], Vec::as_slice);
    if instances.is_empty() || instances.len() > INSTANCES_MAX {
        return Err(GoogleError::invalid(format!("There must be from 1 to {INSTANCES_MAX} instances.")));
    }
    let mut total = 0;
    let mut predictions = Vec::new();
    for (at, instance) in instances.iter().enumerate() {
        let Some(text) = instance["content"].as_str().filter(|text| !text.is_empty()) else {
            return Err(GoogleError::invalid(format!("The text content of instances[{at}] is empty.")));
        };
        let count = tokens::count(text);
        total += count;
        let vector = values(&json!(text), usize::try_from(dimensions).unwrap_or(1));
        let statistics = json!({"token_count": count, "truncated": false});
        predictions.push(json!({"embeddings": {"values": vector, "statistics": statistics}}));
    }
    let characters: usize = instances.iter().filter_map(|instance| instance["content"].as_str()).map(str::len).sum();
    let reply = json!({"predictions": predictions, "metadata": {"billableCharacterCount": characters}});
    let bill = Bill { model: model.name.clone(), prompt_tokens: total, ..Bill::default() };
    Ok(json_reply(&reply).metered(Meter::usage(0)).billed(bill))
}
