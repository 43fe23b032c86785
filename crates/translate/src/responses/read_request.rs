//! A client's request into the canonical form.

use super::read_input::Conversation;
use super::read_tools;
use super::wire_request as wire;
use crate::json::{self, Extra, Raw};
use crate::loss::{Feature, Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request};
use crate::text::Text;

/// Reads a request.
///
/// # Errors
/// Names the member that is wrong, or that no backend but the provider itself could serve (`previous_response_id` and
/// whatever else refers to what the provider keeps, and tools that the provider runs).
pub fn read_request<'a>(body: &'a [u8], losses: &mut Losses) -> Result<Request<'a>, Refusal> {
    let wire: wire::Request<'a> = json::read(body)?;
    refuse_state(&wire, losses)?;
    drop_foreign(&wire, losses);
    let mut request = Request { logprobs: logprobs(&wire, losses), ..Request::default() };
    request.user = user(wire.user, wire.safety_identifier, losses);
    request.stream = wire.stream.unwrap_or_default();
    // Streams of Responses always end with the usage.
    request.include_usage = true;
    request.tool_choice = read_tools::choice(wire.tool_choice.as_ref(), losses)?;
    request.tools = read_tools::tools(wire.tools.unwrap_or_default(), losses)?;
    request.reasoning = wire.reasoning.map(|reasoning| read_reasoning(reasoning, losses)).transpose()?.flatten();
    if let Some(text) = wire.text {
        request.verbosity = text.verbosity;
        drop_extra("text", &text.extra, losses);
        request.format = text.format.map(|format| read_format("text.format", format, losses)).transpose()?;
    }
    if let (None, Some(format)) = (&request.format, wire.response_format) {
        request.format = Some(read_format("response_format", format, losses)?);
    }
    let mut conversation = Conversation::new(losses);
    conversation.instructions(wire.instructions);
    match (wire.input, wire.messages) {
        (Some(input), _) => conversation.input("input", input)?,
        (None, Some(messages)) => conversation.input("messages", messages)?,
        (None, None) => return Err(Refusal::new("input", "is missing: give a string or a list of items")),
    }
    (request.system, request.turns) = conversation.finish();
    request.model = wire.model;
    request.parallel_tools = wire.parallel_tool_calls;
    request.max_output = wire.max_output_tokens;
    request.temperature = wire.temperature;
    request.top_p = wire.top_p;
    request.frequency_penalty = wire.frequency_penalty;
    request.presence_penalty = wire.presence_penalty;
    request.service_tier = wire.service_tier;
    request.metadata = wire.metadata;
    request.store = wire.store.filter(|store| !store);
    request.cache_key = wire.prompt_cache_key;
    request.unknown = wire.extra.into_iter().filter(|(name, value)| name != "n" && !value.is_null()).collect();
    Ok(request)
}

/// What refers to things that the provider keeps, or has it do more than answer.
fn refuse_state(wire: &wire::Request<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if wire.previous_response_id.is_some() {
        losses.refuse(Feature::PreviousReply, "it keeps no responses: send the whole conversation in input")?;
    }
    if wire.conversation.is_some() {
        losses.refuse_field("conversation", "it keeps no conversations: send the whole conversation in input")?;
    }
    if wire.prompt.is_some() {
        losses.refuse_field("prompt", "it keeps no prompt templates: write the prompt into instructions and input")?;
    }
    if wire.background == Some(true) {
        losses.refuse_field("background", "it keeps no responses that could be asked for later: leave it out")?;
    }
    if wire.moderation.is_some() {
        losses.refuse_field("moderation", "it moderates nothing: leave it out")?;
    }
    if wire.prompt_cache_options.as_ref().is_some_and(|options| options.prewarm == Some(true)) {
        losses.refuse_field("prompt_cache_options.prewarm", "it cannot fill a cache without answering")?;
    }
    Ok(())
}

/// What does no harm when it is left out.
fn drop_foreign(wire: &wire::Request<'_>, losses: &mut Losses) {
    if wire.store == Some(true) {
        losses.drop(Feature::Store, "the reply is not kept: it cannot be asked for later");
    }
    if wire.truncation.as_deref().is_some_and(|truncation| truncation != "disabled") {
        losses.drop_field("truncation", "the conversation is not shortened");
    }
    for (member, is_there, why) in [
        ("access_programs", wire.access_programs.is_some(), "only OpenAI has them"),
        ("background_options", wire.background_options.is_some(), "replies are not made in the background"),
        ("context_management", wire.context_management.is_some(), "the conversation is not shortened"),
        ("image", wire.image.is_some(), "pictures are taken as they are"),
        ("max_tool_calls", wire.max_tool_calls.is_some(), "it counts calls of tools that OpenAI runs itself"),
        ("prompt_cache_options", wire.prompt_cache_options.is_some(), "only OpenAI's cache has them"),
        ("prompt_cache_retention", wire.prompt_cache_retention.is_some(), "only OpenAI's cache has it"),
    ] {
        if is_there {
            losses.drop_field(member, why);
        }
    }
    if wire.input.is_some() && wire.messages.is_some() {
        losses.drop_field("messages", "input stands in its place");
    }
    if wire.extra.contains_key("n") {
        losses.drop_field("n", "Responses has one reply");
    }
    if let Some(options) = &wire.stream_options {
        if options.include_obfuscation == Some(true) {
            losses.drop_field("stream_options.include_obfuscation", "events are not padded");
        }
        if options.include_usage == Some(false) {
            losses.drop_field("stream_options.include_usage", "a stream always ends with its usage");
        }
        drop_extra("stream_options", &options.extra, losses);
    }
}

/// Probabilities are asked for by `include`, or by how many.
fn logprobs(wire: &wire::Request<'_>, losses: &mut Losses) -> Option<u32> {
    let mut wanted = wire.top_logprobs.is_some_and(|top| top > 0);
    for include in wire.include.iter().flatten() {
        match include.as_str() {
            "message.output_text.logprobs" => wanted = true,
            // Encrypted thoughts are always shown.
            "reasoning.encrypted_content" => {}
            _ => losses.drop_field("include", "there is nothing of that kind to include"),
        }
    }
    wanted.then(|| wire.top_logprobs.unwrap_or_default())
}

/// Of the two names of the end user, the newer one.
fn user<'a>(user: Option<Text<'a>>, safety: Option<Text<'a>>, losses: &mut Losses) -> Option<Text<'a>> {
    if user.is_some() && safety.is_some() && user != safety {
        losses.drop(Feature::User, "safety_identifier stands in its place");
    }
    safety.or(user)
}

fn read_reasoning(wire: wire::Reasoning<'_>, losses: &mut Losses) -> Result<Option<Reasoning>, Refusal> {
    drop_extra("reasoning", &wire.extra, losses);
    let effort = match wire.effort.as_deref() {
        None => None,
        Some(name) => Some(Effort::of_name(name).ok_or_else(|| {
            let message = format!("{name:?} is unknown: use none, minimal, low, medium, high, xhigh or max");
            Refusal::new("reasoning.effort", message)
        })?),
    };
    let (field, summary) = match (wire.summary, wire.generate_summary) {
        (None, old) => ("reasoning.generate_summary", old),
        (new, _) => ("reasoning.summary", new),
    };
    if summary.as_deref().is_some_and(|summary| summary != "auto") {
        losses.drop_field(field, "how much thoughts are summed up cannot be said, only that they are to be shown");
    }
    let reasoning = Reasoning { effort, show: summary.map(|_| true), ..Reasoning::default() };
    Ok(Some(reasoning).filter(|reasoning| *reasoning != Reasoning::default()))
}

fn read_format<'a>(at: &str, wire: wire::Format<'a>, losses: &mut Losses) -> Result<Format<'a>, Refusal> {
    drop_extra(at, &wire.extra, losses);
    match wire.kind.as_deref() {
        None | Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::Json),
        Some("json_schema") => {
            let wire = wire.json_schema.map_or(wire::Format { json_schema: None, ..wire }, |inner| *inner);
            let schema = wire.schema.filter(Raw::is_object);
            let schema = schema.ok_or_else(|| Refusal::new(format!("{at}.schema"), "must be a JSON Schema object"))?;
            Ok(Format::Schema { name: wire.name, description: wire.description, schema, strict: wire.strict })
        }
        Some(other) => {
            let message = format!("{other:?} is unknown: use text, json_object or json_schema");
            Err(Refusal::new(format!("{at}.type"), message))
        }
    }
}

/// Members inside that nobody knows.
pub(super) fn drop_extra(at: &str, extra: &Extra, losses: &mut Losses) {
    for (name, value) in extra {
        if !value.is_null() {
            losses.drop_field(format!("{at}.{name}"), "it has no counterpart elsewhere");
        }
    }
}
