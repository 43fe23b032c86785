//! A client's request, read.

use super::read_messages::Conversation;
use super::read_tools;
use super::wire_request::{Body, Reasoning, ResponseFormat, StreamOptions, Thinking};
use crate::json::{self, Extra, Raw, TextOr};
use crate::loss::{Losses, Refusal};
use crate::reasoning::{self, Effort};
use crate::request::{Format, Request};
use crate::text::Text;

/// Why a member is left out that only OpenAI has.
const ONLY_OPENAI: &str = "it is OpenAI's own, and goes to chat completions only";

/// Reads a request: <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).
///
/// # Errors
/// What is wrong with it, by the member's path.
pub fn read_request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Refusal> {
    let mut body: Body<'a> = json::read(body)?;
    let model = body.model.take().ok_or_else(|| Refusal::new("model", "name the model"))?;
    let messages = body.messages.take().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Refusal::new("messages", "give at least one message"))?;
    let (system, turns) = Conversation::read(messages, losses)?;
    let tools = read_tools::tools(body.tools.take(), body.functions.take(), losses)?;
    let tool_choice = read_tools::choice(body.tool_choice.take(), body.function_call.take())?;
    lose(&body, losses)?;
    let (stream, include_usage) = stream(&body, losses);
    Ok(Request {
        model,
        system,
        turns,
        tools,
        tool_choice,
        parallel_tools: body.parallel_tool_calls,
        max_output: body.max_completion_tokens.or(body.max_tokens),
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k.and_then(|rank| u64::try_from(rank).ok()),
        seed: body.seed,
        frequency_penalty: body.frequency_penalty,
        presence_penalty: body.presence_penalty,
        stop: stop(body.stop),
        choices: body.n,
        logprobs: logprobs(body.logprobs, body.top_logprobs, losses),
        logit_bias: body.logit_bias,
        format: body.response_format.map(|format| read_format(format, losses)).transpose()?,
        reasoning: read_reasoning(body.reasoning_effort, body.reasoning, body.thinking, losses)?,
        verbosity: body.verbosity,
        stream,
        include_usage,
        service_tier: body.service_tier,
        user: body.safety_identifier.or(body.user),
        metadata: body.metadata,
        store: body.store,
        cache_key: body.prompt_cache_key,
        unknown: known_values(body.extra).collect(),
    })
}

/// Tells the unknown members inside of a member.
pub(crate) fn unknown(path: &str, extra: &Extra, losses: &mut Losses) {
    for (name, value) in extra {
        if !value.is_null() {
            losses.drop_field(format!("{path}.{name}"), "it is no member of chat completions");
        }
    }
}

fn known_values(extra: Extra) -> impl Iterator<Item = (String, serde_json::Value)> {
    extra.into_iter().filter(|(_, value)| !value.is_null())
}

/// Members that have no place in the canonical form.
fn lose(body: &Body<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if body.safety_identifier.is_some() && body.user.is_some() {
        losses.drop_field("user", "safety_identifier takes its place");
    }
    if body.max_completion_tokens.is_some() && body.max_tokens.is_some() {
        losses.drop_field("max_tokens", "max_completion_tokens takes its place");
    }
    let only_openai = [
        ("prompt_cache_retention", &body.prompt_cache_retention),
        ("prompt_cache_options", &body.prompt_cache_options),
        ("prediction", &body.prediction),
    ];
    for (name, _) in only_openai.into_iter().filter(|(_, value)| value.is_some()) {
        losses.drop_field(name, ONLY_OPENAI);
    }
    if body.moderation.is_some() {
        losses.refuse_field("moderation", ONLY_OPENAI)?;
    }
    if body.web_search_options.is_some() {
        losses.refuse_field("web_search_options", "the search is the provider's own")?;
    }
    if body.modalities.iter().flatten().any(|modality| modality != "text") {
        losses.refuse_field("modalities", "replies are text")?;
    }
    if body.audio.is_some() {
        losses.drop_field("audio", "replies are text");
    }
    Ok(())
}

fn stream(body: &Body<'_>, losses: &mut Losses) -> (bool, bool) {
    let StreamOptions { include_usage, include_obfuscation, extra } = match &body.stream_options {
        Some(options) => options,
        None => &StreamOptions::default(),
    };
    if *include_obfuscation == Some(true) {
        losses.drop_field("stream_options.include_obfuscation", "events are not padded");
    }
    unknown("stream_options", extra, losses);
    (body.stream == Some(true), *include_usage == Some(true))
}

/// One text, or several, that end the reply.
pub(crate) fn stop<'a>(stop: Option<TextOr<'a, Text<'a>>>) -> Vec<Text<'a>> {
    match stop {
        Some(TextOr::Text(text)) => vec![text],
        Some(TextOr::List(texts)) => texts,
        None => Vec::new(),
    }
}

fn logprobs(wanted: Option<bool>, others: Option<u32>, losses: &mut Losses) -> Option<u32> {
    if wanted == Some(true) {
        return Some(others.unwrap_or(0));
    }
    if others.is_some() {
        losses.drop_field("top_logprobs", "it needs logprobs");
    }
    None
}

fn read_format<'a>(format: ResponseFormat<'a>, losses: &mut Losses) -> Result<Format<'a>, Refusal> {
    unknown("response_format", &format.extra, losses);
    match format.kind.as_deref() {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::Json),
        Some("json_schema") => {
            let schema = format.json_schema.ok_or_else(|| {
                Refusal::new("response_format.json_schema", "give the schema, or choose another type")
            })?;
            unknown("response_format.json_schema", &schema.extra, losses);
            Ok(Format::Schema {
                name: schema.name,
                description: schema.description,
                // A schema may be left out, and then anything follows it.
                schema: schema.schema.or_else(|| Raw::parse("{}")).ok_or_else(|| bad_format(&format.kind))?,
                strict: schema.strict,
            })
        }
        _ => Err(bad_format(&format.kind)),
    }
}

fn bad_format(kind: &Option<Text<'_>>) -> Refusal {
    let kind = kind.as_deref().unwrap_or_default();
    Refusal::new("response_format.type", format!("'{kind}' is none of text, json_object, json_schema"))
}

/// OpenAI's word goes before what other servers added.
fn read_reasoning(
    effort: Option<Text<'_>>,
    router: Option<Reasoning<'_>>,
    thinking: Option<Thinking<'_>>,
    losses: &mut Losses,
) -> Result<Option<reasoning::Reasoning>, Refusal> {
    let mut read = reasoning::Reasoning::default();
    if let Some(thinking) = thinking {
        unknown("thinking", &thinking.extra, losses);
        read.budget = thinking.budget_tokens;
        match thinking.kind.as_deref() {
            Some("disabled") => read.effort = Some(Effort::None),
            Some("adaptive") => read.adaptive = true,
            // GLM and DeepSeek say "enabled" without saying how much.
            _ => read.adaptive = read.budget.is_none(),
        }
    }
    if let Some(router) = router {
        unknown("reasoning", &router.extra, losses);
        read.budget = router.max_tokens.or(read.budget);
        read.show = router.exclude.map(|exclude| !exclude);
        if let Some(word) = router.effort {
            read.effort = Some(read_effort("reasoning.effort", &word)?);
        } else if router.enabled == Some(false) {
            read.effort = Some(Effort::None);
        }
        read.adaptive |= router.enabled == Some(true) && read.effort.is_none() && read.budget.is_none();
    }
    if let Some(word) = effort {
        read.effort = Some(read_effort("reasoning_effort", &word)?);
    }
    Ok(Some(read).filter(|read| *read != reasoning::Reasoning::default()))
}

fn read_effort(field: &str, word: &str) -> Result<Effort, Refusal> {
    let why = || format!("'{word}' is none of none, minimal, low, medium, high, xhigh, max");
    Effort::of_name(word).ok_or_else(|| Refusal::new(field, why()))
}
