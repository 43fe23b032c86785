//! How Gemini is to generate its reply.

use super::model::{Model, Thinks};
use super::wire_config::{FunctionCallingConfig, GenerationConfig, ThinkingConfig, ToolConfig};
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request, ToolChoice};
use crate::text::Text;

/// Limits of <https://ai.google.dev/api/generate-content#generationconfig> (seen 2026-11).
const STOP_MAX: usize = 5;
const CHOICES_MAX: u32 = 8;
const LOGPROBS_MAX: u32 = 20;

pub(super) fn write<'r>(
    request: &'r Request<'_>,
    model: Model,
    losses: &mut Losses,
) -> Result<Option<GenerationConfig<'r>>, Refusal> {
    let mut config = GenerationConfig {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        max_output_tokens: request.max_output.map(|tokens| tokens.min(i32::MAX.unsigned_abs().into())),
        presence_penalty: request.presence_penalty,
        frequency_penalty: request.frequency_penalty,
        ..GenerationConfig::default()
    };
    config.seed = request.seed.map(|seed| seed_of(seed, losses));
    numbers(request, &mut config, losses)?;
    format(request, model, &mut config, losses)?;
    if request.logit_bias.is_some() {
        losses.drop(Feature::LogitBias, "Gemini has no such setting");
    }
    config.thinking_config = request.reasoning.and_then(|reasoning| thinking(reasoning, model, losses));
    Ok(Some(config).filter(|config| json_is_more_than_empty(config)))
}

fn json_is_more_than_empty(config: &GenerationConfig<'_>) -> bool {
    crate::json::write(config).len() > 2
}

/// A seed of 32 bits.
fn seed_of(seed: i64, losses: &mut Losses) -> i64 {
    if i32::try_from(seed).is_ok() {
        return seed;
    }
    losses.drop(Feature::Seed, "Gemini's seeds have 32 bits: the others are cut off");
    seed & i64::from(i32::MAX)
}

fn numbers<'r>(
    request: &'r Request<'_>,
    config: &mut GenerationConfig<'r>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    if request.stop.len() > STOP_MAX {
        losses.refuse(Feature::Stop, "Gemini takes five at most")?;
    }
    config.stop_sequences = request.stop.iter().take(STOP_MAX).map(Text::borrowed).collect();
    match request.choices {
        Some(choices) if choices > CHOICES_MAX => {
            losses.refuse(Feature::Choices, "Gemini gives eight at most")?;
            config.candidate_count = Some(CHOICES_MAX);
        }
        choices => config.candidate_count = choices,
    }
    if let Some(wanted) = request.logprobs {
        if wanted > LOGPROBS_MAX {
            losses.drop(Feature::Logprobs, "Gemini gives twenty at most for each token");
        }
        config.response_logprobs = Some(true);
        config.logprobs = Some(wanted.min(LOGPROBS_MAX)).filter(|wanted| *wanted > 0);
    }
    Ok(())
}

/// <https://ai.google.dev/gemini-api/docs/structured-output> (seen 2026-11).
fn format<'r>(
    request: &'r Request<'_>,
    model: Model,
    config: &mut GenerationConfig<'r>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let schema = match &request.format {
        None => return Ok(()),
        Some(Format::Text) => {
            config.response_mime_type = Some("text/plain".into());
            return Ok(());
        }
        Some(Format::Json) => None,
        Some(Format::Schema { name, description, schema, strict: _ }) => {
            if name.is_some() || description.is_some() {
                losses.drop(Feature::Schema, "Gemini's schemas have no name or description beside them");
            }
            Some(schema)
        }
    };
    if !request.tools.is_empty() && !model.takes_functions_with_format() {
        let feature = if schema.is_some() { Feature::Schema } else { Feature::JsonFormat };
        losses.refuse(feature, "Gemini 2 has no such form of a reply together with tools")?;
        return Ok(());
    }
    config.response_mime_type = Some("application/json".into());
    config.response_json_schema = schema.map(Raw::borrowed);
    Ok(())
}

fn thinking(reasoning: Reasoning, model: Model, losses: &mut Losses) -> Option<ThinkingConfig<'static>> {
    let mut config = ThinkingConfig { include_thoughts: reasoning.show, ..ThinkingConfig::default() };
    match model.thinks() {
        Thinks::Never => {
            if !reasoning.is_off() {
                losses.drop(Feature::Reasoning, "this model does not think");
            }
            return None;
        }
        Thinks::Budget { least, most, can_be_off } => {
            let budget = reasoning.budget();
            config.thinking_budget = match budget {
                Some(0) if can_be_off => Some(0),
                Some(wanted) => {
                    let given = wanted.clamp(least, most);
                    // Words have no exact numbers.
                    if given != wanted && (reasoning.budget.is_some() || wanted == 0) {
                        losses.drop(Feature::Reasoning, "this model's limits for thinking are others");
                    }
                    i64::try_from(given).ok()
                }
                None if reasoning.adaptive => Some(-1),
                None => None,
            };
        }
        Thinks::Level { minimal, medium } => {
            config.thinking_level = reasoning.effort().map(|effort| level(effort, minimal, medium, losses).into());
        }
    }
    let says = config.include_thoughts.is_some() || config.thinking_budget.is_some() || config.thinking_level.is_some();
    says.then_some(config)
}

/// The nearest level that the model has.
fn level(effort: Effort, minimal: bool, medium: bool, losses: &mut Losses) -> &'static str {
    match effort {
        Effort::None => {
            losses.drop(Feature::Reasoning, "this model cannot do without thinking");
            if minimal { "MINIMAL" } else { "LOW" }
        }
        Effort::Minimal if minimal => "MINIMAL",
        Effort::Minimal => {
            losses.drop(Feature::Reasoning, "this model's least is low");
            "LOW"
        }
        Effort::Low => "LOW",
        Effort::Medium if medium => "MEDIUM",
        Effort::Medium => {
            losses.drop(Feature::Reasoning, "this model has only low and high");
            "HIGH"
        }
        Effort::High => "HIGH",
        Effort::XHigh | Effort::Max => {
            losses.drop(Feature::Reasoning, "this model's most is high");
            "HIGH"
        }
    }
}

/// <https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes> (seen 2026-11): `VALIDATED` is
/// `AUTO` with arguments that follow their schemas.
pub(super) fn tool_config<'r>(request: &'r Request<'_>, losses: &mut Losses) -> Option<ToolConfig<'r>> {
    if request.parallel_tools == Some(false) {
        losses.drop(Feature::ParallelTools, "Gemini may call several tools at once");
    }
    if request.tools.is_empty() {
        if matches!(&request.tool_choice, Some(choice) if !matches!(choice, ToolChoice::Auto | ToolChoice::None)) {
            losses.drop(Feature::ToolChoice, "there are no tools");
        }
        return None;
    }
    let strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    let (mode, names): (_, &'r [Text<'_>]) = match &request.tool_choice {
        None if !strict => return None,
        None | Some(ToolChoice::Auto) if strict => ("VALIDATED", &[]),
        None | Some(ToolChoice::Auto) => ("AUTO", &[]),
        Some(ToolChoice::None) => ("NONE", &[]),
        Some(ToolChoice::Any) => ("ANY", &[]),
        Some(ToolChoice::Named(name)) => ("ANY", std::slice::from_ref(name)),
        Some(ToolChoice::Allowed { names, required: true }) => ("ANY", names),
        Some(ToolChoice::Allowed { names, required: false }) => ("VALIDATED", names),
    };
    let names = names.iter().map(Text::borrowed).collect();
    let config = FunctionCallingConfig { mode: Some(mode.into()), allowed_function_names: names, ..Default::default() };
    Some(ToolConfig { function_calling_config: Some(config), ..ToolConfig::default() })
}
