//! Everything but the conversation and tools.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::models::Family;
use super::wire_request::Body;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request};
use crate::text::Text;

pub(super) fn write<'a>(
    request: &'a Request<'_>,
    family: Family,
    body: &mut Body<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    sampling(request, family, body, losses);
    if let Some(reasoning) = request.reasoning.filter(|reasoning| !reasoning.is_off()) {
        think(reasoning, request, family, body, losses);
    }
    body.output_config = format(request, losses)?;
    body.service_tier = service_tier(request, losses);
    body.request_metadata = metadata(request, losses);
    only_elsewhere(request, losses)
}

fn sampling<'a>(request: &'a Request<'_>, family: Family, body: &mut Body<'a>, losses: &mut Losses) {
    let config = &mut body.inference_config;
    config.max_tokens = request.max_output;
    config.temperature = request.temperature.map(|temperature| temperature.clamp(0.0, 1.0));
    if request.temperature.is_some_and(|temperature| temperature > 1.0) {
        losses.drop(Feature::Temperature, "values above 1 are lowered to 1");
    }
    config.top_p = request.top_p;
    config.stop_sequences = request.stop.iter().map(Text::borrowed).collect();
    let Some(top_k) = request.top_k else { return };
    let more = &mut body.additional_model_request_fields;
    match family {
        Family::Claude | Family::Mistral => more.insert("top_k".to_owned(), top_k.into()),
        Family::Nova { .. } => more.insert("inferenceConfig".to_owned(), json!({"topK": top_k})),
        Family::Cohere => more.insert("k".to_owned(), top_k.into()),
        Family::OpenAi | Family::Other => {
            losses.drop(Feature::TopK, "this model of Amazon's takes no top_k");
            None
        }
    };
}

/// Each maker has its own words for thinking:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>,
/// <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html> and
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html> (seen 2026-11).
fn think(reasoning: Reasoning, request: &Request<'_>, family: Family, body: &mut Body<'_>, losses: &mut Losses) {
    let effort = reasoning.effort().unwrap_or(Effort::Medium);
    let word = match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    };
    let more = &mut body.additional_model_request_fields;
    match family {
        Family::Claude => {
            // A part of the output, with a quarter at least for the answer; 1,024 is the least that is taken.
            let wanted = reasoning.budget().unwrap_or_else(|| Effort::Medium.budget()).max(1_024);
            let room = request.max_output.map_or(u64::MAX, |most| most.saturating_sub(most / 4));
            if room < 1_024 {
                return losses.drop(Feature::Reasoning, "the cap leaves no room for thinking");
            }
            let budget = wanted.min(room);
            if request.max_output.is_none() {
                body.inference_config.max_tokens = Some(budget.saturating_mul(2));
            }
            more.insert("thinking".to_owned(), json!({"type": "enabled", "budget_tokens": budget}));
            // Other values than the defaults are refused then.
            let config = &mut body.inference_config;
            if config.temperature.take().is_some_and(|temperature| temperature != 1.0) {
                losses.drop(Feature::Temperature, "it is not taken while the model thinks");
            }
            if config.top_p.is_some_and(|top_p| top_p < 0.95) {
                config.top_p = None;
                losses.drop(Feature::TopP, "it is not taken while the model thinks");
            }
            if more.remove("top_k").is_some() {
                losses.drop(Feature::TopK, "it is not taken while the model thinks");
            }
        }
        Family::Nova { thinks: true } => {
            more.insert("reasoningConfig".to_owned(), json!({"type": "enabled", "maxReasoningEffort": word}));
        }
        Family::OpenAi => {
            more.insert("reasoning_effort".to_owned(), word.into());
        }
        _ => losses.drop(Feature::Reasoning, "this model of Amazon's cannot be asked to think"),
    }
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputFormat.html> (seen 2026-11): the schema
/// is text there.
fn format(request: &Request<'_>, losses: &mut Losses) -> Result<Option<Value>, Refusal> {
    match &request.format {
        None | Some(Format::Text) => Ok(None),
        Some(Format::Json) => {
            losses.refuse(Feature::JsonFormat, "Converse has no JSON mode without a schema")?;
            Ok(None)
        }
        Some(Format::Schema { name, description, schema, .. }) => {
            let mut definition = json!({"schema": schema.get()});
            for (member, text) in [("name", name), ("description", description)] {
                if let (Some(text), Some(object)) = (text, definition.as_object_mut()) {
                    object.insert(member.to_owned(), text.as_str().into());
                }
            }
            Ok(Some(json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}})))
        }
    }
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html> (seen 2026-11)
fn service_tier(request: &Request<'_>, losses: &mut Losses) -> Option<Value> {
    match request.service_tier.as_deref()? {
        "auto" => None,
        tier @ ("priority" | "default" | "flex" | "reserved") => Some(json!({"type": tier})),
        _ => {
            losses.drop(Feature::ServiceTier, "Amazon has `priority`, `default`, `flex` and `reserved` only");
            None
        }
    }
}

/// Labels have few letters and at most 256 of them:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#bedrock-runtime_Converse-request-requestMetadata>
/// (seen 2026-11).
fn metadata<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<Raw<'a>> {
    let labels = request.metadata.as_ref()?;
    let read: BTreeMap<String, String> = serde_json::from_str(labels.get()).unwrap_or_default();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b" :_@$#=/+,-.".contains(&byte);
    let fits = |text: &String| text.len() <= 256 && text.bytes().all(letter);
    let all_fit = read.iter().all(|(name, value)| !name.is_empty() && fits(name) && fits(value));
    if read.is_empty() || read.len() > 16 || !all_fit {
        losses.drop(Feature::Metadata, "Amazon takes up to 16 labels of few letters");
        return None;
    }
    Some(labels.borrowed())
}

fn only_elsewhere(request: &Request<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if request.choices.is_some_and(|choices| choices > 1) {
        losses.refuse(Feature::Choices, "Converse gives one reply")?;
    }
    if request.logprobs.is_some() {
        losses.refuse(Feature::Logprobs, "Converse does not tell probabilities")?;
    }
    let penalty = |value: Option<f64>| value.is_some_and(|value| value != 0.0);
    let drops = [
        (request.seed.is_some(), Feature::Seed, "Converse has no seed"),
        (penalty(request.frequency_penalty), Feature::FrequencyPenalty, "Converse has no penalties"),
        (penalty(request.presence_penalty), Feature::PresencePenalty, "Converse has no penalties"),
        (request.logit_bias.is_some(), Feature::LogitBias, "Converse has no biases"),
        (request.verbosity.is_some(), Feature::Verbosity, "Converse has no measure of length"),
        (request.user.is_some(), Feature::User, "Converse has no names of users"),
        (request.store == Some(true), Feature::Store, "Amazon keeps no replies"),
        (request.cache_key.is_some(), Feature::CacheKey, "Amazon's cache has no keys"),
    ];
    for (_, feature, why) in drops.into_iter().filter(|(asked, ..)| *asked) {
        losses.drop(feature, why);
    }
    for (name, _) in &request.unknown {
        losses.drop_field(name.clone(), "unknown to Converse");
    }
    Ok(())
}
