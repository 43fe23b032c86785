//! A client's request, read.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::content::Part;
use crate::json::{self, Extra, Raw, TextOr};
use crate::loss::{Losses, Refusal};
use crate::request::{Request, Role, Turn};
use crate::text::Text;

/// <https://platform.openai.com/docs/api-reference/completions/create> (seen 2026-11).
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    model: Option<Text<'a>>,
    prompt: Option<&'a RawValue>,
    suffix: Option<Text<'a>>,
    echo: Option<bool>,
    best_of: Option<u32>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    /// Not OpenAI's. Negative where servers mean "all".
    top_k: Option<i64>,
    n: Option<u32>,
    logprobs: Option<u32>,
    logit_bias: Option<Raw<'a>>,
    seed: Option<i64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    stop: Option<TextOr<'a, Text<'a>>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    user: Option<Text<'a>>,
    #[serde(flatten)]
    extra: Extra,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
    include_obfuscation: Option<bool>,
    #[serde(flatten)]
    extra: Extra,
}

/// Reads a request.
///
/// # Errors
/// What is wrong with it, by the member's path; also more than one prompt, and prompts of tokens.
pub fn read_request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Refusal> {
    let body: Body<'a> = json::read(body)?;
    let model = body.model.ok_or_else(|| Refusal::new("model", "name the model"))?;
    let prompt = body.prompt.and_then(|prompt| read_prompt(prompt.get()));
    let prompt = prompt.unwrap_or_else(|| Err(Refusal::new("prompt", "give one prompt, as a string")))?;
    if body.suffix.is_some_and(|suffix| !suffix.is_empty()) {
        losses.refuse_field("suffix", "models that chat do not write what goes before a text")?;
    }
    if body.echo == Some(true) {
        losses.refuse_field("echo", "models that chat do not repeat the prompt")?;
    }
    if body.best_of.is_some_and(|best_of| best_of > 1) {
        losses.drop_field("best_of", "the reply is the first, not the best of several");
    }
    let options = body.stream_options.unwrap_or_default();
    if options.include_obfuscation == Some(true) {
        losses.drop_field("stream_options.include_obfuscation", "events are not padded");
    }
    crate::chat::unknown("stream_options", &options.extra, losses);
    Ok(Request {
        model,
        turns: vec![Turn::new(Role::User, vec![Part::text(prompt)])],
        max_output: body.max_tokens,
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k.and_then(|rank| u64::try_from(rank).ok()),
        choices: body.n,
        logprobs: body.logprobs,
        logit_bias: body.logit_bias,
        seed: body.seed,
        frequency_penalty: body.frequency_penalty,
        presence_penalty: body.presence_penalty,
        stop: crate::chat::stop(body.stop),
        stream: body.stream == Some(true),
        include_usage: options.include_usage == Some(true),
        user: body.user,
        unknown: body.extra.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        ..Request::default()
    })
}

/// One prompt, alone or in a list; `None`: something else.
fn read_prompt(prompt: &str) -> Option<Result<Text<'_>, Refusal>> {
    if let Ok(text) = serde_json::from_str::<Text<'_>>(prompt) {
        return Some(Ok(text));
    }
    if let Ok(mut texts) = serde_json::from_str::<Vec<Text<'_>>>(prompt) {
        return match (texts.pop(), texts.is_empty()) {
            (Some(text), true) => Some(Ok(text)),
            (None, _) => None,
            (Some(_), false) => Some(Err(Refusal::new("prompt", "this model takes one prompt in a request"))),
        };
    }
    let is_list = serde_json::from_str::<Vec<&RawValue>>(prompt).is_ok_and(|list| !list.is_empty());
    is_list.then(|| Err(Refusal::new("prompt", "this model takes text, not tokens: give one string")))
}
