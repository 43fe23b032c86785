//! A request to a backend.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create> (seen 2026-11).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::write_input::{self, InItem};
use super::write_tools::{self, OutChoice, OutTool};
use crate::json::{self, Raw};
use crate::loss::{Feature, Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request};
use crate::target::{Host, Outgoing, Target};
use crate::text::Text;

/// The API takes no smaller cap: it answers smaller ones with `integer_below_min_value`.
const OUTPUT_MIN: u64 = 16;
/// The longest name of an end user that the API takes.
const USER_MAX: usize = 128;
/// The longest name of a cache that the API takes.
const CACHE_KEY_MAX: usize = 64;

#[derive(Debug, Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<Text<'a>>,
    input: Vec<InItem<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<OutTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<OutChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<OutReasoning>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Raw<'a>>,
    store: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    unknown: BTreeMap<&'a str, &'a Value>,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_obfuscation: bool,
}

#[derive(Debug, Serialize)]
struct OutReasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct TextConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<OutFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OutFormat<'a> {
    JsonObject,
    JsonSchema {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        schema: &'a Raw<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// Writes a request.
///
/// # Errors
/// What the API has no place for and what changes the meaning, named as the client names it.
pub fn write_request(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Outgoing, Refusal> {
    refuse_unsupported(request, losses)?;
    let is_open = target.host == Host::Compatible;
    let (frequency_penalty, presence_penalty) = penalties(request, is_open, losses);
    let reasoning = reasoning(request.reasoning.as_ref(), losses);
    let user = user(request, losses);
    let body = Body {
        model: target.model,
        instructions: write_input::instructions(&request.system, losses),
        input: write_input::input(request, target, losses)?,
        tools: write_tools::tools(&request.tools, losses),
        tool_choice: request.tool_choice.as_ref().map(|choice| write_tools::choice(choice, &request.tools)),
        parallel_tool_calls: request.parallel_tools,
        text: text(request),
        include: include(request, reasoning.is_some()),
        reasoning,
        max_output_tokens: max_output(request.max_output, losses),
        temperature: request.temperature,
        top_p: request.top_p,
        top_logprobs: request.logprobs.filter(|top| *top > 0),
        frequency_penalty,
        presence_penalty,
        service_tier: request.service_tier.as_deref(),
        safety_identifier: user.filter(|_| !is_open),
        user: user.filter(|_| is_open),
        prompt_cache_key: cache_key(request, losses),
        metadata: request.metadata.as_ref(),
        store: request.store.unwrap_or_default(),
        stream: request.stream,
        stream_options: stream_options(request, target),
        unknown: unknown(request, is_open, losses),
    };
    Ok(Outgoing { path: path(target), body: json::write(&body), headers: Vec::new() })
}

fn path(target: &Target<'_>) -> String {
    match target.host {
        // The model stands in the body, also where that of chat completions stands in the path:
        // <https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference-preview-latest> (seen 2026-11).
        Host::Azure { deployments: true } => "/openai/responses".to_owned(),
        _ => "/v1/responses".to_owned(),
    }
}

fn refuse_unsupported(request: &Request<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if !request.stop.is_empty() {
        losses.refuse(Feature::Stop, "OpenAI's Responses has no stop texts")?;
    }
    if request.choices.is_some_and(|choices| choices > 1) {
        losses.refuse(Feature::Choices, "OpenAI's Responses gives one reply")?;
    }
    if request.logit_bias.is_some() {
        losses.refuse(Feature::LogitBias, "OpenAI's Responses has no bias of tokens")?;
    }
    if request.top_k.is_some() {
        losses.drop(Feature::TopK, "OpenAI has no top_k");
    }
    if request.seed.is_some() {
        losses.drop(Feature::Seed, "OpenAI's Responses has no seed");
    }
    Ok(())
}

/// Compatible servers have penalties, and OpenAI repeats them in replies, but its reference does not take them.
fn penalties(request: &Request<'_>, is_open: bool, losses: &mut Losses) -> (Option<f64>, Option<f64>) {
    let both = (request.frequency_penalty, request.presence_penalty);
    if is_open {
        return both;
    }
    for (penalty, feature) in [(both.0, Feature::FrequencyPenalty), (both.1, Feature::PresencePenalty)] {
        if penalty.is_some() {
            losses.drop(feature, "OpenAI's Responses has no penalties");
        }
    }
    (None, None)
}

fn max_output(wanted: Option<u64>, losses: &mut Losses) -> Option<u64> {
    if wanted.is_some_and(|wanted| wanted < OUTPUT_MIN) {
        losses.drop(Feature::MaxOutput, "values below 16 are raised to 16");
    }
    wanted.map(|wanted| wanted.max(OUTPUT_MIN))
}

/// A name, unless the API finds it too long.
fn name<'a>(name: Option<&'a Text<'_>>, letters_max: usize) -> Option<&'a str> {
    name.map(Text::as_str).filter(|name| name.chars().count() <= letters_max)
}

fn user<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<&'a str> {
    let user = name(request.user.as_ref(), USER_MAX);
    if user.is_none() && request.user.is_some() {
        losses.drop(Feature::User, "OpenAI takes no names of users with more than 128 letters");
    }
    user
}

fn cache_key<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<&'a str> {
    let key = name(request.cache_key.as_ref(), CACHE_KEY_MAX);
    if key.is_none() && request.cache_key.is_some() {
        losses.drop(Feature::CacheKey, "OpenAI takes no names of caches with more than 64 letters");
    }
    key
}

fn reasoning(wanted: Option<&Reasoning>, losses: &mut Losses) -> Option<OutReasoning> {
    let wanted = wanted?;
    if wanted.effort.is_none() && wanted.budget == Some(0) {
        // Only some models take the word `none`, and models that do not think take no word at all.
        losses.drop(Feature::Reasoning, "not every model of OpenAI can be told not to think");
        return None;
    }
    let effort = wanted.effort();
    let summary = (wanted.show == Some(true) && effort != Some(Effort::None)).then_some("auto");
    let reasoning = OutReasoning { effort: effort.map(Effort::name), summary };
    Some(reasoning).filter(|reasoning| reasoning.effort.is_some() || reasoning.summary.is_some())
}

/// Thoughts return to the client encrypted, so that the next turn can bring them along: nothing is kept. Models that do
/// not think refuse to include them.
fn include(request: &Request<'_>, reasons: bool) -> Vec<&'static str> {
    let thinks = request.reasoning.is_some_and(|reasoning| !reasoning.is_off()) && (reasons || is_adaptive(request));
    let mut include = Vec::new();
    if thinks {
        include.push("reasoning.encrypted_content");
    }
    if request.logprobs.is_some() {
        include.push("message.output_text.logprobs");
    }
    include
}

fn is_adaptive(request: &Request<'_>) -> bool {
    request.reasoning.is_some_and(|reasoning| reasoning.adaptive)
}

fn text<'a>(request: &'a Request<'_>) -> Option<TextConfig<'a>> {
    let format = match request.format.as_ref() {
        None | Some(Format::Text) => None,
        Some(Format::Json) => Some(OutFormat::JsonObject),
        Some(Format::Schema { name, description, schema, strict }) => Some(OutFormat::JsonSchema {
            name: name.as_deref().unwrap_or("response"),
            description: description.as_deref(),
            schema,
            strict: *strict,
        }),
    };
    let verbosity = request.verbosity.as_deref();
    (format.is_some() || verbosity.is_some()).then_some(TextConfig { format, verbosity })
}

/// OpenAI pads each event against eavesdroppers unless it is told not to; nobody sees these but us.
fn stream_options(request: &Request<'_>, target: &Target<'_>) -> Option<StreamOptions> {
    (request.stream && target.host == Host::Own).then_some(StreamOptions { include_obfuscation: false })
}

fn unknown<'a>(request: &'a Request<'_>, is_open: bool, losses: &mut Losses) -> BTreeMap<&'a str, &'a Value> {
    if is_open {
        return request.unknown.iter().map(|(name, value)| (name.as_str(), value)).collect();
    }
    for (name, _) in &request.unknown {
        losses.drop_field(name.clone(), "unknown to OpenAI's Responses");
    }
    BTreeMap::new()
}
