//! How the next token is found, as it goes to a backend.

use serde::Serialize;

use super::server::Server;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::Request;

/// OpenAI's bound: <https://platform.openai.com/docs/api-reference/chat/create#chat-create-stop> (seen 2026-11).
const STOPS_MAX: usize = 4;

/// How the next token is found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sampling<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logit_bias: Option<&'a Raw<'a>>,
}

/// Writes what the server knows of it.
pub(super) fn sampling<'a>(
    request: &'a Request<'_>,
    server: Server,
    losses: &mut Losses,
) -> Result<Sampling<'a>, Refusal> {
    let stop: Vec<&str> = request.stop.iter().map(|text| text.as_str()).collect();
    let stop = stops(stop, server, losses)?;
    let mut sampling = Sampling {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        seed: request.seed,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        stop,
        n: request.choices,
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|&others| others > 0),
        logit_bias: request.logit_bias.as_ref(),
    };
    if !server.is_open() && sampling.top_k.take().is_some() {
        losses.drop(Feature::TopK, "it is no member of chat completions");
    }
    if server == Server::Zhipu {
        zhipu_sampling(&mut sampling, losses)?;
    }
    Ok(sampling)
}

/// GLM knows less: <https://docs.z.ai/api-reference/llm/chat-completion> (seen 2026-11).
fn zhipu_sampling(sampling: &mut Sampling<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if sampling.temperature.is_some_and(|temperature| temperature > 1.0) {
        sampling.temperature = Some(1.0);
        losses.drop(Feature::Temperature, "GLM's scale ends at 1: values above are lowered to it");
    }
    if sampling.seed.take().is_some() {
        losses.drop(Feature::Seed, "GLM has no seed");
    }
    if sampling.frequency_penalty.take().is_some() {
        losses.drop(Feature::FrequencyPenalty, "GLM has no penalties");
    }
    if sampling.presence_penalty.take().is_some() {
        losses.drop(Feature::PresencePenalty, "GLM has no penalties");
    }
    if sampling.n.take().is_some_and(|choices| choices > 1) {
        losses.refuse(Feature::Choices, "GLM gives one reply")?;
    }
    sampling.top_logprobs = None;
    if sampling.logprobs.take().is_some() {
        losses.drop(Feature::Logprobs, "GLM tells no probabilities");
    }
    if sampling.logit_bias.take().is_some() {
        losses.drop(Feature::LogitBias, "GLM has no bias");
    }
    Ok(())
}

fn stops<'a>(mut stop: Vec<&'a str>, server: Server, losses: &mut Losses) -> Result<Vec<&'a str>, Refusal> {
    let (max, why) = match server {
        Server::OpenAi | Server::Azure => (STOPS_MAX, "OpenAI takes at most 4 stop texts"),
        Server::Zhipu => (1, "GLM takes one stop text"),
        Server::Compatible { .. } => return Ok(stop),
    };
    if stop.len() > max {
        losses.refuse(Feature::Stop, why)?;
        stop.truncate(max);
    }
    Ok(stop)
}
