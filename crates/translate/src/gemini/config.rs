//! How a client wants its reply generated.

use super::read_request::unknown;
use super::schema;
use super::wire_config::{FunctionCallingConfig, GenerationConfig, ThinkingConfig, ToolConfig};
use crate::loss::{Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request, ToolChoice};

/// Members whose loss is harmless: they say how, not what.
const HARMLESS: [&str; 6] = [
    "audioTimestamp",
    "routingConfig",
    "modelSelectionConfig",
    "enableEnhancedCivicAnswers",
    "imageConfig",
    "audioTranscriptionConfig",
];
/// Members that change what the reply is.
const FOREIGN: [&str; 4] = ["speechConfig", "enableAffectiveDialog", "responseFormat", "translationConfig"];

pub(super) fn read<'a>(
    config: GenerationConfig<'a>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    leave_out(&config, losses)?;
    request.temperature = config.temperature;
    request.top_p = config.top_p;
    request.top_k = config.top_k;
    request.choices = config.candidate_count;
    request.max_output = config.max_output_tokens;
    request.stop = config.stop_sequences;
    request.presence_penalty = config.presence_penalty;
    request.frequency_penalty = config.frequency_penalty;
    request.seed = config.seed;
    if config.response_logprobs == Some(true) {
        request.logprobs = Some(config.logprobs.unwrap_or_default());
    } else if config.logprobs.is_some() {
        losses.drop_field("generationConfig.logprobs", "it says nothing without responseLogprobs");
    }
    let schema = config.response_json_schema.or_else(|| config.response_schema.map(schema::to_json_schema));
    let schema = schema.filter(|schema| schema.get() != "null");
    match (config.response_mime_type.as_deref(), schema) {
        (_, Some(schema)) => {
            // Gemini follows a schema always; others only one that is closed.
            let followed = crate::schema::followed(&schema);
            let strict = followed.is_some().then_some(true);
            let schema = followed.unwrap_or(schema);
            request.format = Some(Format::Schema { name: None, description: None, schema, strict });
        }
        (Some("application/json"), None) => request.format = Some(Format::Json),
        (None | Some("" | "text/plain"), None) => {}
        _ => losses.refuse_field("generationConfig.responseMimeType", "only Gemini writes this")?,
    }
    request.reasoning = config.thinking_config.map(|config| thinking(config, losses)).transpose()?;
    Ok(())
}

fn leave_out(config: &GenerationConfig<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if config.response_modalities.iter().any(|modality| !modality.eq_ignore_ascii_case("TEXT")) {
        losses.refuse_field("generationConfig.responseModalities", "only text can be generated")?;
    }
    for (name, value) in &config.extra {
        if value.is_null() {
            continue;
        }
        let name = camel(name);
        let path = format!("generationConfig.{name}");
        if FOREIGN.contains(&name.as_str()) {
            losses.refuse_field(path, "only Gemini has it")?;
        } else if HARMLESS.contains(&name.as_str()) {
            losses.drop_field(path, "only Gemini has it");
        } else {
            losses.drop_field(path, "unknown to this gateway");
        }
    }
    Ok(())
}

/// A member's name in camel case.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut raise = false;
    for letter in name.chars() {
        match letter {
            '_' if !camel.is_empty() => raise = true,
            letter if raise => {
                camel.extend(letter.to_uppercase());
                raise = false;
            }
            letter => camel.push(letter),
        }
    }
    camel
}

/// <https://ai.google.dev/gemini-api/docs/thinking> (seen 2026-11).
fn thinking(config: ThinkingConfig<'_>, losses: &mut Losses) -> Result<Reasoning, Refusal> {
    const LEVEL: &str = "generationConfig.thinkingConfig.thinkingLevel";
    unknown(&config.extra, "generationConfig.thinkingConfig", losses);
    let effort = match config.thinking_level.as_deref() {
        None | Some("THINKING_LEVEL_UNSPECIFIED" | "") => None,
        Some(level) => match Effort::of_name(level) {
            Some(effort) => Some(effort),
            None => return Err(Refusal::new(LEVEL, "must be MINIMAL, LOW, MEDIUM or HIGH")),
        },
    };
    Ok(Reasoning {
        effort,
        budget: config.thinking_budget.and_then(|budget| u64::try_from(budget).ok()),
        adaptive: config.thinking_budget.is_some_and(|budget| budget < 0),
        show: config.include_thoughts,
    })
}

/// <https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes> (seen 2026-11).
pub(super) fn read_tool_config<'a>(
    config: ToolConfig<'a>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    unknown(&config.extra, "toolConfig", losses);
    if config.retrieval_config.is_some() {
        losses.drop_field("toolConfig.retrievalConfig", "only Google's own tools use it");
    }
    let Some(FunctionCallingConfig { mode, allowed_function_names: mut names, extra }) = config.function_calling_config
    else {
        return Ok(());
    };
    unknown(&extra, "toolConfig.functionCallingConfig", losses);
    let mode = mode.as_deref().unwrap_or("AUTO").to_ascii_uppercase();
    if mode == "VALIDATED" {
        request.tools.iter_mut().for_each(|tool| tool.strict = Some(true));
    }
    request.tool_choice = Some(match mode.as_str() {
        "NONE" => ToolChoice::None,
        "ANY" if names.len() == 1 => names.pop().map_or(ToolChoice::Any, ToolChoice::Named),
        "ANY" if names.is_empty() => ToolChoice::Any,
        "ANY" => ToolChoice::Allowed { names, required: true },
        "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" if names.is_empty() => ToolChoice::Auto,
        "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" => ToolChoice::Allowed { names, required: false },
        _ => {
            let place = "toolConfig.functionCallingConfig.mode";
            return Err(Refusal::new(place, "must be AUTO, ANY, NONE or VALIDATED"));
        }
    });
    Ok(())
}
