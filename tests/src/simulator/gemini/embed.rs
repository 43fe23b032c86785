//! `embedContent` and `batchEmbedContents`.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::google_error::{GoogleError, Service};
use super::super::openai::embeddings::values;
use super::super::reply::{Bill, Meter, Reply};
use super::generate::json_reply;
use super::{Answer, Named, body, check, fields, listen};

const DIMENSIONS_MAX: u64 = 3072;

pub(super) fn one(call: &Call<'_>, model: &Named) -> Answer {
    let (body, _) = body(call, Service::Studio, &fields::EMBED)?;
    let (embedding, tokens) = embed(&body, "EmbedContentRequest")?;
    let reply = json!({"embedding": embedding, "usageMetadata": usage(tokens)});
    Ok(finish(reply, model, tokens, call))
}

pub(super) fn batch(call: &Call<'_>, model: &Named) -> Answer {
    let (body, _) = body(call, Service::Studio, &fields::BATCH)?;
    let requests = check::list(&body["requests"]);
    if requests.is_empty() {
        let rule = "at least one request is required";
        return Err(GoogleError::rule("BatchEmbedContentsRequest.requests", rule));
    }
    let mut embeddings = Vec::new();
    let mut total = 0;
    for (at, request) in requests.iter().enumerate() {
        let path = format!("BatchEmbedContentsRequest.requests[{at}]");
        let named = request["model"].as_str().unwrap_or_default();
        if named.strip_prefix("models/") != Some(&model.name) {
            let rule = "the model must be that of the batch, as models/{model}";
            return Err(GoogleError::rule(&format!("{path}.model"), rule));
        }
        let (embedding, tokens) = embed(request, &path)?;
        total += tokens;
        embeddings.push(embedding);
    }
    let reply = json!({"embeddings": embeddings, "usageMetadata": usage(total)});
    Ok(finish(reply, model, total, call))
}

fn embed(request: &Value, path: &str) -> Result<(Value, u64), GoogleError> {
    let Some(content) = request.get("content") else {
        return Err(GoogleError::rule(&format!("{path}.content"), "content is not specified"));
    };
    check::content(content, &format!("{path}.content"))?;
    let dimensions = match request.get("outputDimensionality").map(|dimensions| dimensions.as_u64()) {
        None => DIMENSIONS_MAX,
        Some(Some(dimensions @ 1..=DIMENSIONS_MAX)) => dimensions,
        Some(_) => {
            let rule = format!("must be from 1 to {DIMENSIONS_MAX}");
            return Err(GoogleError::rule(&format!("{path}.output_dimensionality"), &rule));
        }
    };
    let text = listen::message(content).text();
    let vector = values(&json!(text), usize::try_from(dimensions).unwrap_or(1));
    Ok((json!({"values": vector}), super::super::tokens::count(&text)))
}

fn usage(tokens: u64) -> Value {
    json!({"promptTokenCount": tokens, "totalTokenCount": tokens})
}

fn finish(mut reply: Value, model: &Named, tokens: u64, call: &Call<'_>) -> Reply {
    let mut meter = Meter::usage(0);
    if call.manner.no_usage {
        reply.as_object_mut().map(|reply| reply.remove("usageMetadata"));
        meter = Meter::default();
    }
    let bill = Bill { model: model.name.clone(), prompt_tokens: tokens, ..Bill::default() };
    json_reply(&reply).metered(meter).billed(bill)
}
