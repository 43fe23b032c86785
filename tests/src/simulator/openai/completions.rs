//! `POST /v1/completions`, the older endpoint.

use serde_json::{Value, json};

use super::super::mind;
use super::error::ApiError;
use super::{Answer, Bill, CREATED, Call, Event, Meter, Reply, count, digest, flag, tokens};

/// What the provider assumes without `max_tokens`.
const MAX_TOKENS_DEFAULT: u64 = 16;

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let stream = flag(&body, "stream")?;
    let completion = read(call, &body, stream)?;
    let bill = Bill {
        model: completion.model.clone(),
        service_tier: None,
        stream,
        prompt_tokens: completion.prompt_tokens,
        cached_tokens: 0,
    };
    Ok(if stream { completion.stream() } else { completion.plain() }.billed(bill))
}

/// A checked request and the answer to it.
struct Completion {
    id: String,
    model: String,
    prompt_tokens: u64,
    /// What is said to each prompt, as far as the limit let it.
    text: String,
    finish: &'static str,
    /// Completions that are sent.
    choices: u64,
    /// Completions that are made; the best of them are sent.
    made: u64,
    /// Whether usage is told: in a stream, if asked for.
    tells_usage: bool,
}

fn read(call: &Call<'_>, body: &Value, stream: bool) -> Result<Completion, ApiError> {
    let model = call.model(body)?;
    let prompts = prompts(body)?;
    let max_tokens = count(body, "max_tokens", 0)?.unwrap_or(MAX_TOKENS_DEFAULT);
    let n = count(body, "n", 1)?.unwrap_or(1).min(128);
    let best_of = count(body, "best_of", n)?.unwrap_or(n).min(128);
    if stream && best_of > n {
        return Err(ApiError::invalid("'best_of' cannot be streamed.").param("best_of"));
    }
    let digest = digest(&body["prompt"]);
    let text = match call.manner.tokens {
        Some(tokens) => mind::words(usize::try_from(tokens).unwrap_or(usize::MAX)),
        None => body["prompt"]
            .as_str()
            .and_then(mind::told)
            .unwrap_or_else(|| format!(" and so says {}, digest {digest}.", call.state.config.name)),
    };
    let (pieces, cut) = mind::limited(&text, call.manner.cap(Some(max_tokens)));
    let asked = !stream || body["stream_options"]["include_usage"] == true;
    Ok(Completion {
        id: call.id("cmpl-", &digest),
        model,
        prompt_tokens: prompts.iter().sum(),
        text: pieces.concat(),
        finish: if cut { "length" } else { "stop" },
        choices: prompts.len() as u64 * n,
        made: prompts.len() as u64 * best_of,
        tells_usage: asked && !call.manner.no_usage,
    })
}

impl Completion {
    fn plain(&self) -> Reply {
        let mut reply = self.envelope();
        reply["choices"] = (0..self.choices).map(|index| choice(&self.text, index, Some(self.finish))).collect();
        let each = tokens::count(&self.text);
        let mut meter = Meter { generated: each * self.made, delivered: each * self.choices, usage: None };
        if self.tells_usage {
            reply["usage"] = self.usage();
            meter.usage = Some(meter.generated);
        }
        Reply::ok(&reply).metered(meter)
    }

    fn stream(&self) -> Reply {
        let pieces = tokens::pieces(&self.text);
        let last = pieces.len().saturating_sub(1);
        let mut events: Vec<Event> = Vec::new();
        for index in 0..self.choices {
            for (at, piece) in pieces.iter().enumerate() {
                let mut event = self.envelope();
                event["choices"] = json!([choice(piece, index, (at == last).then_some(self.finish))]);
                if self.tells_usage {
                    event["usage"] = Value::Null;
                }
                events.push(Event { data: event, meter: Meter::shown(1) });
            }
        }
        if self.tells_usage {
            let mut event = self.envelope();
            event["choices"] = json!([]);
            event["usage"] = self.usage();
            let meter = Meter::usage(self.choices * pieces.len() as u64);
            events.push(Event { data: event, meter });
        }
        Reply::data_events(events)
    }

    fn usage(&self) -> Value {
        let completion_tokens = tokens::count(&self.text) * self.made;
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
        })
    }

    fn envelope(&self) -> Value {
        json!({"id": self.id, "object": "text_completion", "created": CREATED, "model": self.model})
    }
}

fn choice(text: &str, index: u64, finish: Option<&str>) -> Value {
    json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish})
}

/// The token count of each prompt: a text, a list of texts, a list of tokens, or a list of such lists.
fn prompts(body: &Value) -> Result<Vec<u64>, ApiError> {
    let prompt = body.get("prompt").filter(|prompt| !prompt.is_null()).ok_or_else(|| ApiError::missing("prompt"))?;
    super::embeddings::input_tokens(prompt, "prompt")
}
