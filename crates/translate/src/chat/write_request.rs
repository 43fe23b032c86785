//! A request as it goes to a backend.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::server::{self, Server};
use super::write_messages::{self, Message};
use super::write_sampling::{Sampling, sampling};
use super::write_tools::{self, Choice, Tool};
use crate::json::{self, Raw};
use crate::loss::{Feature, Losses, Refusal};
use crate::reasoning::Reasoning;
use crate::request::{Format, Request};
use crate::target::{Outgoing, Target};

/// OpenAI's bound for names of end users.
const USER_LETTERS_MAX: usize = 64;

#[derive(Debug, Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(flatten)]
    sampling: Sampling<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(flatten)]
    service: Service<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten, serialize_with = "members")]
    unknown: Vec<&'a (String, Value)>,
}

/// What the provider does besides.
#[derive(Debug, Default, Serialize)]
struct Service<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Raw<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'a> },
}

#[derive(Debug, Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Thinking {
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

fn members<S: Serializer>(members: &[&(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(members.len()))?;
    for (name, value) in members {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// Writes a request: <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).
///
/// # Errors
/// What the server cannot do and the operator does not allow to be left out.
pub fn write_request(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Outgoing, Refusal> {
    let server = Server::of(target);
    let openai = server.is_openai();
    let (tools, tool_choice) = write_tools::tools(request, server, losses)?;
    let (reasoning_effort, thinking) = reasoning(request.reasoning.as_ref(), server, losses);
    let parallel_tool_calls = parallel(request, !tools.is_empty(), server, losses);
    let body = Body {
        model: target.model,
        messages: write_messages::messages(request, server, losses)?,
        tools,
        tool_choice,
        parallel_tool_calls,
        max_completion_tokens: request.max_output.filter(|_| openai),
        max_tokens: request.max_output.filter(|_| !openai),
        sampling: sampling(request, server, losses)?,
        response_format: format(request.format.as_ref(), server, losses)?,
        reasoning_effort,
        thinking,
        service: service(request, server, losses),
        stream: request.stream.then_some(true),
        // GLM ends every stream with its usage, and does not know the member.
        stream_options: (request.stream && server != Server::Zhipu).then_some(StreamOptions { include_usage: true }),
        unknown: unknown(request, server, losses),
    };
    let path = server::path(target.host, target.model);
    Ok(Outgoing { path, body: json::write(&body), headers: Vec::new() })
}

fn parallel(request: &Request<'_>, has_tools: bool, server: Server, losses: &mut Losses) -> Option<bool> {
    let parallel = request.parallel_tools?;
    if server == Server::Zhipu {
        losses.drop(Feature::ParallelTools, "GLM decides itself how many tools it calls");
        return None;
    }
    if !has_tools {
        losses.drop(Feature::ParallelTools, "there are no tools to call");
        return None;
    }
    Some(parallel)
}

fn format<'a>(
    format: Option<&'a Format<'_>>,
    server: Server,
    losses: &mut Losses,
) -> Result<Option<ResponseFormat<'a>>, Refusal> {
    match format {
        None | Some(Format::Text) => Ok(None),
        Some(Format::Json) => Ok(Some(ResponseFormat::JsonObject)),
        Some(Format::Schema { .. }) if server == Server::Zhipu => {
            losses.refuse(Feature::Schema, "GLM follows no schema")?;
            Ok(Some(ResponseFormat::JsonObject))
        }
        Some(Format::Schema { name, description, schema, strict }) => {
            let (name, description) = (name.as_deref().unwrap_or("reply"), description.as_deref());
            let json_schema = JsonSchema { name, description, schema, strict: *strict };
            Ok(Some(ResponseFormat::JsonSchema { json_schema }))
        }
    }
}

fn reasoning(
    reasoning: Option<&Reasoning>,
    server: Server,
    losses: &mut Losses,
) -> (Option<&'static str>, Option<Thinking>) {
    let Some(reasoning) = reasoning else { return (None, None) };
    if server == Server::Zhipu {
        let off = reasoning.is_off();
        if !off && reasoning.effort().is_some() {
            losses.drop(Feature::Reasoning, "GLM knows thinking on and off only");
        }
        if !off && reasoning.show == Some(false) {
            losses.drop(Feature::Reasoning, "GLM always shows its thoughts");
        }
        return (None, Some(Thinking { r#type: if off { "disabled" } else { "enabled" } }));
    }
    if reasoning.effort.is_none() && reasoning.budget.is_some_and(|budget| budget > 0) {
        losses.drop(Feature::Reasoning, "chat completions has words for it: the number of tokens becomes one");
    }
    if reasoning.show.is_some() {
        losses.drop(Feature::Reasoning, "chat completions does not let choose whether thoughts are shown");
    }
    if reasoning.adaptive && reasoning.effort().is_none() {
        losses.drop(Feature::Reasoning, "models of chat completions think as much as they like unless told");
    }
    (reasoning.effort().map(|effort| effort.name()), None)
}

fn service<'a>(request: &'a Request<'_>, server: Server, losses: &mut Losses) -> Service<'a> {
    let user = request.user.as_deref();
    let mut service = Service {
        verbosity: request.verbosity.as_deref(),
        service_tier: request.service_tier.as_deref().map(service_tier),
        safety_identifier: user.filter(|_| server == Server::OpenAi),
        user: user.filter(|_| server != Server::OpenAi),
        metadata: request.metadata.as_ref(),
        store: request.store,
        prompt_cache_key: request.cache_key.as_deref(),
    };
    if server.is_openai() {
        let user = [&mut service.safety_identifier, &mut service.user];
        for name in user.into_iter().filter(|name| name.is_some_and(|name| name.chars().count() > USER_LETTERS_MAX)) {
            *name = None;
            losses.drop(Feature::User, "OpenAI takes at most 64 characters");
        }
        return service;
    }
    const WHY: &str = "OpenAI has it, and compatible servers may not";
    let lost = [
        (Feature::Verbosity, service.verbosity.take().is_some()),
        (Feature::ServiceTier, service.service_tier.take().is_some()),
        (Feature::Metadata, service.metadata.take().is_some()),
        // Not to be stored is what such servers do.
        (Feature::Store, service.store.take() == Some(true)),
        (Feature::CacheKey, service.prompt_cache_key.take().is_some()),
        (Feature::User, server == Server::Zhipu && service.user.take().is_some()),
    ];
    for (feature, _) in lost.into_iter().filter(|(_, lost)| *lost) {
        losses.drop(feature, WHY);
    }
    service
}

/// OpenAI's word for a class of service.
fn service_tier(tier: &str) -> &str {
    match tier {
        "standard" | "standard_only" => "default",
        other => other,
    }
}

/// Members that are written here, which a member of the client's own must not say again.
const WRITTEN: &[&str] = &[
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "response_format",
    "reasoning_effort",
    "thinking",
    "stream",
    "stream_options",
    "verbosity",
    "service_tier",
    "safety_identifier",
    "user",
    "metadata",
    "store",
    "prompt_cache_key",
];

fn unknown<'a>(request: &'a Request<'_>, server: Server, losses: &mut Losses) -> Vec<&'a (String, Value)> {
    // GLM has some of its own, and passes over others.
    let open = server.is_open() || server == Server::Zhipu;
    let (written, left) = request.unknown.iter().partition(|(name, _)| open && !WRITTEN.contains(&name.as_str()));
    let left: Vec<&(String, Value)> = left;
    for (name, _) in left {
        losses.drop_field(name.clone(), if open { "it is said otherwise" } else { "it is unknown to the provider" });
    }
    written
}
