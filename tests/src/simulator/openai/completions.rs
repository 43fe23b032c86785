//! `POST /v1/completions`, the older endpoint.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, CREATED, Call, Reply, conversation, count, digest, flag};

/// What the provider assumes without `max_tokens`.
const MAX_TOKENS_DEFAULT: u64 = 16;

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let model = call.model(&body)?;
    let prompts = prompts(&body)?;
    let max_tokens = count(&body, "max_tokens", 0)?.unwrap_or(MAX_TOKENS_DEFAULT);
    let n = count(&body, "n", 1)?.unwrap_or(1).min(128);
    let stream = flag(&body, "stream")?;
    let include_usage = stream && body["stream_options"]["include_usage"] == true;

    let digest = digest(&body["prompt"]);
    let text = format!(" and so says {}, digest {digest}.", call.state.config.name);
    let (pieces, cut) = conversation::limited(&text, Some(max_tokens));
    let finish = if cut { "length" } else { "stop" };
    let choices = prompts.len() as u64 * n;

    let prompt_tokens: u64 = prompts.iter().sum();
    let completion_tokens = pieces.len() as u64 * choices;
    let usage = json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    });
    let envelope = json!({
        "id": call.id("cmpl-", &digest),
        "object": "text_completion",
        "created": CREATED,
        "model": model,
    });

    if !stream {
        let mut reply = envelope;
        let text = pieces.concat();
        reply["choices"] = (0..choices).map(|index| choice(&text, index, Some(finish))).collect();
        reply["usage"] = usage;
        return Ok(Reply::ok(&reply));
    }
    let mut events = Vec::new();
    for index in 0..choices {
        let last = pieces.len().saturating_sub(1);
        for (at, piece) in pieces.iter().enumerate() {
            let mut event = envelope.clone();
            event["choices"] = json!([choice(piece, index, (at == last).then_some(finish))]);
            if include_usage {
                event["usage"] = Value::Null;
            }
            events.push(event);
        }
    }
    if include_usage {
        let mut event = envelope;
        event["choices"] = json!([]);
        event["usage"] = usage;
        events.push(event);
    }
    Ok(Reply::data_events(events))
}

fn choice(text: &str, index: u64, finish: Option<&str>) -> Value {
    json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish})
}

/// The token count of each prompt: a text, a list of texts, a list of tokens, or a list of such lists.
fn prompts(body: &Value) -> Result<Vec<u64>, ApiError> {
    let prompt = body.get("prompt").filter(|prompt| !prompt.is_null()).ok_or_else(|| ApiError::missing("prompt"))?;
    super::embeddings::input_tokens(prompt, "prompt")
}
