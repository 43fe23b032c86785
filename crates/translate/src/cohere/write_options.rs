//! Everything but the conversation.

use serde_json::json;

use super::wire_request::{Body, Declared, Format as WireFormat, Tool as WireTool};
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Format, Request, ToolChoice};
use crate::text::Text;

const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;
/// <https://docs.cohere.com/reference/chat#request.body.stop_sequences> (seen 2026-11)
const STOPS_MAX: usize = 5;

/// Tools, and whether they must be used: <https://docs.cohere.com/docs/tool-use-overview> (seen 2026-11).
pub(super) fn tools<'a>(request: &'a Request<'_>, body: &mut Body<'a>, losses: &mut Losses) -> Result<(), Refusal> {
    for tool in &request.tools {
        let is_allowed = match &request.tool_choice {
            Some(ToolChoice::Allowed { names, .. }) => names.contains(&tool.name),
            Some(ToolChoice::Named(name)) => *name == tool.name,
            _ => true,
        };
        if tool.custom {
            losses.refuse(Feature::CustomTools, "Cohere's tools take JSON")?;
        } else if is_allowed {
            let parameters = tool.parameters.as_ref().filter(|schema| schema.is_object()).map(Raw::borrowed);
            let function = Declared {
                name: tool.name.borrowed(),
                description: tool.description.as_ref().map(Text::borrowed),
                parameters: match parameters.or_else(|| Raw::parse(NO_PARAMETERS)) {
                    Some(parameters) => parameters,
                    None => continue,
                },
            };
            body.tools.push(WireTool { kind: "function", function });
        }
        if tool.cache.is_some() {
            losses.drop(Feature::CacheControl, "Cohere has no marks of what to cache");
        }
    }
    body.tool_choice = match &request.tool_choice {
        None | Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => None,
        Some(ToolChoice::None) => Some("NONE"),
        // Of the tools only the one that is named is declared.
        Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. }) => Some("REQUIRED"),
    };
    if body.tools.is_empty() && body.tool_choice.take().is_some() {
        losses.drop(Feature::ToolChoice, "there are no tools");
    }
    if request.parallel_tools == Some(false) && !body.tools.is_empty() {
        losses.drop(Feature::ParallelTools, "Cohere's models may call several tools at once");
    }
    let strict = request.tools.iter().filter(|tool| tool.strict == Some(true)).count();
    if strict > 0 && strict == body.tools.len() {
        body.strict_tools = Some(true);
    } else if strict > 0 {
        losses.drop(Feature::StrictTools, "Cohere follows the schemas of all tools exactly, or of none");
    }
    Ok(())
}

pub(super) fn write<'a>(request: &'a Request<'_>, body: &mut Body<'a>, losses: &mut Losses) -> Result<(), Refusal> {
    sampling(request, body, losses);
    body.stop_sequences = request.stop.iter().map(Text::borrowed).collect();
    if body.stop_sequences.len() > STOPS_MAX {
        losses.refuse(Feature::Stop, "Cohere takes 5 stop texts at most")?;
        body.stop_sequences.truncate(STOPS_MAX);
    }
    body.response_format = format(request, body, losses)?;
    body.thinking = request.reasoning.map(|reasoning| match reasoning.is_off() {
        true => json!({"type": "disabled"}),
        false => match reasoning.budget {
            Some(budget) => json!({"type": "enabled", "token_budget": budget}),
            None => json!({"type": "enabled"}),
        },
    });
    if request.reasoning.is_some_and(|reasoning| reasoning.show == Some(false)) {
        losses.drop(Feature::Reasoning, "Cohere always shows its thoughts");
    }
    if request.reasoning.is_some_and(|reasoning| reasoning.effort.is_some() && !reasoning.is_off()) {
        losses.drop(Feature::Reasoning, "Cohere thinks or does not; how much is said in tokens only");
    }
    only_elsewhere(request, losses)
}

/// Cohere's ranges are narrower: <https://docs.cohere.com/reference/chat#request.body.temperature> (seen 2026-11).
fn sampling<'a>(request: &'a Request<'_>, body: &mut Body<'a>, losses: &mut Losses) {
    body.max_tokens = request.max_output;
    body.seed = request.seed;
    let mut within = |value: Option<f64>, least: f64, most: f64, feature, why| {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            losses.drop(feature, why);
        }
        value.map(|value| value.clamp(least, most))
    };
    let why = "values above 1 are lowered to 1";
    body.temperature = within(request.temperature, 0.0, 1.0, Feature::Temperature, why);
    // What is taken for granted is left out: 1 is beyond the range.
    let top_p = request.top_p.filter(|top_p| *top_p != 1.0);
    body.p = within(top_p, 0.01, 0.99, Feature::TopP, "values beyond 0.01 to 0.99 are moved there");
    let why = "values beyond 0 to 1 are moved there";
    body.frequency_penalty = within(request.frequency_penalty, 0.0, 1.0, Feature::FrequencyPenalty, why);
    body.presence_penalty = within(request.presence_penalty, 0.0, 1.0, Feature::PresencePenalty, why);
    body.k = request.top_k.map(|top_k| top_k.min(500));
    if request.top_k.is_some_and(|top_k| top_k > 500) {
        losses.drop(Feature::TopK, "values above 500 are lowered to 500");
    }
}

fn format<'a>(
    request: &'a Request<'_>,
    body: &Body<'_>,
    losses: &mut Losses,
) -> Result<Option<WireFormat<'a>>, Refusal> {
    let (schema, feature) = match &request.format {
        None | Some(Format::Text) => return Ok(None),
        Some(Format::Json) => (None, Feature::JsonFormat),
        Some(Format::Schema { schema, description, .. }) => {
            if description.is_some() {
                losses.drop(Feature::Schema, "Cohere has no place for a schema's description");
            }
            (Some(schema.borrowed()), Feature::Schema)
        }
    };
    if !body.tools.is_empty() {
        losses.refuse(feature, "Cohere writes JSON only without tools")?;
        return Ok(None);
    }
    Ok(Some(WireFormat { kind: "json_object", json_schema: schema }))
}

fn only_elsewhere(request: &Request<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if request.choices.is_some_and(|choices| choices > 1) {
        losses.refuse(Feature::Choices, "Cohere gives one reply")?;
    }
    if request.logprobs.is_some() {
        losses.refuse(Feature::Logprobs, "Cohere tells probabilities in a form of its own")?;
    }
    let drops = [
        (request.logit_bias.is_some(), Feature::LogitBias, "Cohere has no biases"),
        (request.verbosity.is_some(), Feature::Verbosity, "Cohere has no measure of length"),
        (request.service_tier.is_some(), Feature::ServiceTier, "Cohere has no such classes of service"),
        (request.user.is_some(), Feature::User, "Cohere has no names of users"),
        (request.metadata.is_some(), Feature::Metadata, "Cohere keeps no labels"),
        (request.store == Some(true), Feature::Store, "Cohere keeps no replies"),
        (request.cache_key.is_some(), Feature::CacheKey, "Cohere's cache has no keys"),
    ];
    for (_, feature, why) in drops.into_iter().filter(|(asked, ..)| *asked) {
        losses.drop(feature, why);
    }
    for (name, _) in &request.unknown {
        losses.drop_field(name.clone(), "unknown to Cohere");
    }
    Ok(())
}
