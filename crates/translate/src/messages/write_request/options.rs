//! Everything but the conversation, tools and thinking.

use super::super::models::Model;
use super::super::wire_request as wire;
use super::Body;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Format, Request};
use crate::schema;
use crate::text::Text;

pub(super) fn write<'a>(
    request: &'a Request<'_>,
    model: Model,
    body: &mut Body<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    sampling(request, model, body, losses);
    for stop in &request.stop {
        if stop.trim().is_empty() {
            losses.refuse(Feature::Stop, "Anthropic's stop texts need more than white space")?;
        } else {
            body.stop_sequences.push(stop.borrowed());
        }
    }
    body.output_config = format(request, losses)?
        .map(|format| wire::OutputConfig { format: Some(format), ..wire::OutputConfig::default() });
    body.service_tier = service_tier(request, losses);
    body.metadata = user(request, losses);
    only_elsewhere(request, losses)
}

fn sampling<'a>(request: &'a Request<'_>, model: Model, body: &mut Body<'a>, losses: &mut Losses) {
    if !model.sampling {
        let why = "newer models of Anthropic take no sampling parameters";
        // The default is all that they allow, and is what they do without.
        if request.temperature.is_some_and(|temperature| temperature != 1.0) {
            losses.drop(Feature::Temperature, why);
        }
        if request.top_p.is_some_and(|top_p| top_p != 1.0) {
            losses.drop(Feature::TopP, why);
        }
        if request.top_k.is_some() {
            losses.drop(Feature::TopK, why);
        }
        return;
    }
    body.temperature = request.temperature.map(|temperature| temperature.clamp(0.0, 1.0));
    if request.temperature.is_some_and(|temperature| temperature > 1.0) {
        losses.drop(Feature::Temperature, "values above 1 are lowered to 1");
    }
    body.top_p = request.top_p;
    body.top_k = request.top_k;
    if !model.both && body.temperature.is_some() && body.top_p.take().is_some_and(|top_p| top_p != 1.0) {
        losses.drop(Feature::TopP, "Anthropic takes temperature or top_p, not both");
    }
}

fn format<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Result<Option<wire::OutputFormat<'a>>, Refusal> {
    match &request.format {
        None | Some(Format::Text) => Ok(None),
        Some(Format::Json) => {
            losses.refuse(Feature::JsonFormat, "Anthropic has no JSON mode without a schema")?;
            Ok(None)
        }
        Some(Format::Schema { description, schema, strict, .. }) => {
            if *strict == Some(false) {
                losses.drop(Feature::Schema, "Anthropic always keeps to the schema");
            }
            if description.is_some() {
                losses.drop(Feature::Schema, "Anthropic has no place for a schema's description");
            }
            let schema: Option<Raw<'a>> =
                if schema::is_closed(schema) { Some(schema.borrowed()) } else { schema::close(schema) };
            Ok(Some(wire::OutputFormat { kind: "json_schema".into(), schema, extra: Default::default() }))
        }
    }
}

/// <https://platform.claude.com/docs/en/api/service-tiers> (seen 2026-11)
fn service_tier(request: &Request<'_>, losses: &mut Losses) -> Option<&'static str> {
    match request.service_tier.as_deref()? {
        "auto" => Some("auto"),
        "default" | "standard" | "standard_only" => Some("standard_only"),
        _ => {
            losses.drop(Feature::ServiceTier, "Anthropic has `auto` and `standard_only` only");
            None
        }
    }
}

/// Longer names are refused there: <https://platform.claude.com/docs/en/api/messages/create> (seen 2026-11).
const USER_MAX: usize = 512;

fn user<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<wire::Metadata<'a>> {
    let user = request.user.as_ref()?;
    if user.chars().count() > USER_MAX {
        losses.drop(Feature::User, "it is longer than Anthropic allows");
        return None;
    }
    Some(wire::Metadata { user_id: Some(Text::borrowed(user)), extra: Default::default() })
}

fn only_elsewhere(request: &Request<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if request.choices.is_some_and(|choices| choices > 1) {
        losses.refuse(Feature::Choices, "Anthropic gives one reply")?;
    }
    if request.logprobs.is_some() {
        losses.refuse(Feature::Logprobs, "Anthropic does not tell probabilities")?;
    }
    let drops = [
        (request.seed.is_some(), Feature::Seed, "Anthropic has no seed"),
        (request.frequency_penalty.is_some_and(not_zero), Feature::FrequencyPenalty, "Anthropic has no penalties"),
        (request.presence_penalty.is_some_and(not_zero), Feature::PresencePenalty, "Anthropic has no penalties"),
        (request.logit_bias.is_some(), Feature::LogitBias, "Anthropic has no biases"),
        (request.verbosity.is_some(), Feature::Verbosity, "Anthropic has no measure of length"),
        (request.metadata.is_some(), Feature::Metadata, "Anthropic keeps no labels"),
        (request.store == Some(true), Feature::Store, "Anthropic keeps no replies"),
        (request.cache_key.is_some(), Feature::CacheKey, "Anthropic's cache has no keys"),
    ];
    for (asked, feature, why) in drops {
        if asked {
            losses.drop(feature, why);
        }
    }
    for (name, _) in &request.unknown {
        losses.drop_field(name.clone(), "unknown to Anthropic");
    }
    Ok(())
}

fn not_zero(value: f64) -> bool {
    value != 0.0
}
