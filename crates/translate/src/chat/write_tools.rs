//! Declarations of tools, and the choice among them, as they go to a backend.

use serde::Serialize;

use super::server::Server;
use crate::content::Cache;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{self, Request, ToolChoice};

#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    #[serde(flatten)]
    declared: Declared<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Declared<'a> {
    Function { function: Function<'a> },
    Custom { custom: Custom<'a> },
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Raw<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Custom<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

/// Anthropic's mark, for servers that pass it on.
#[derive(Debug, Serialize)]
pub(super) struct CacheControl<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Word(&'static str),
    Named(Named<'a>),
    Allowed { r#type: &'static str, allowed_tools: AllowedTools<'a> },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Named<'a> {
    Function { function: Name<'a> },
    Custom { custom: Name<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct Name<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct AllowedTools<'a> {
    mode: &'static str,
    tools: Vec<Named<'a>>,
}

/// A mark of what to cache, where it reaches somebody who knows it:
/// <https://openrouter.ai/docs/features/prompt-caching> (seen 2026-11).
pub(super) fn mark<'a>(cache: Option<&'a Cache<'_>>, server: Server, losses: &mut Losses) -> Option<CacheControl<'a>> {
    let cache = cache?;
    if matches!(server, Server::Compatible { marks: true, .. }) {
        return Some(CacheControl { r#type: "ephemeral", ttl: cache.ttl.as_deref() });
    }
    losses.drop(Feature::CacheControl, "of chat completions, only routers to Claude take marks");
    None
}

static REQUIRED: ToolChoice<'static> = ToolChoice::Any;
static FREE: ToolChoice<'static> = ToolChoice::Auto;

/// Tools, and the choice among them.
pub(super) fn tools<'a>(
    request: &'a Request<'_>,
    server: Server,
    losses: &mut Losses,
) -> Result<(Vec<Tool<'a>>, Option<Choice<'a>>), Refusal> {
    let mut offered: Vec<&request::Tool<'_>> = request.tools.iter().collect();
    let mut choice = request.tool_choice.as_ref();
    if let Some(ToolChoice::Allowed { names, required: must }) = choice
        && !server.is_openai()
    {
        // To allow only some is to offer only those.
        offered.retain(|tool| names.contains(&tool.name));
        choice = Some(if *must { &REQUIRED } else { &FREE });
    }
    if server == Server::Zhipu {
        choice = zhipu_choice(choice, &mut offered, losses)?;
    }
    let mut tools = Vec::with_capacity(offered.len());
    for tool in offered {
        tools.extend(write_tool(tool, server, losses)?);
    }
    if tools.is_empty() {
        if matches!(choice, Some(ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Allowed { .. })) {
            losses.refuse(Feature::ToolChoice, "there are no tools to call")?;
        }
        return Ok((tools, None));
    }
    Ok((tools, choice.map(|choice| write_choice(choice, request))))
}

/// GLM takes `auto` only: <https://docs.z.ai/api-reference/llm/chat-completion> (seen 2026-11).
fn zhipu_choice<'a>(
    choice: Option<&'a ToolChoice<'a>>,
    offered: &mut Vec<&request::Tool<'_>>,
    losses: &mut Losses,
) -> Result<Option<&'a ToolChoice<'a>>, Refusal> {
    match choice {
        None | Some(ToolChoice::Auto) => Ok(choice),
        Some(ToolChoice::None) => {
            offered.clear();
            losses.drop(Feature::ToolChoice, "GLM cannot be told to call no tool: the tools are left out");
            Ok(None)
        }
        Some(_) => {
            losses.refuse(Feature::ToolChoice, "GLM cannot be made to call a tool")?;
            Ok(None)
        }
    }
}

fn write_tool<'a>(
    tool: &'a request::Tool<'_>,
    server: Server,
    losses: &mut Losses,
) -> Result<Option<Tool<'a>>, Refusal> {
    let (name, description) = (tool.name.as_str(), tool.description.as_deref());
    let cache_control = mark(tool.cache.as_ref(), server, losses);
    if tool.custom {
        if !server.is_openai() {
            losses.refuse(Feature::CustomTools, "only OpenAI has tools that take free text")?;
            return Ok(None);
        }
        return Ok(Some(Tool { declared: Declared::Custom { custom: Custom { name, description } }, cache_control }));
    }
    let mut strict = tool.strict;
    if server == Server::Zhipu && strict.take() == Some(true) {
        losses.drop(Feature::StrictTools, "GLM does not promise to follow schemas");
    }
    // OpenAI lets it out where there is nothing to say; others may miss it.
    let nothing = || Raw::parse(r#"{"type":"object","properties":{}}"#).filter(|_| !server.is_openai());
    let parameters = tool.parameters.as_ref().map(Raw::borrowed).or_else(nothing);
    let function = Function { name, description, parameters, strict };
    Ok(Some(Tool { declared: Declared::Function { function }, cache_control }))
}

fn write_choice<'a>(choice: &'a ToolChoice<'_>, request: &Request<'_>) -> Choice<'a> {
    match choice {
        ToolChoice::Auto => Choice::Word("auto"),
        ToolChoice::None => Choice::Word("none"),
        ToolChoice::Any => Choice::Word("required"),
        ToolChoice::Named(name) => Choice::Named(named(name, request)),
        ToolChoice::Allowed { names, required } => Choice::Allowed {
            r#type: "allowed_tools",
            allowed_tools: AllowedTools {
                mode: if *required { "required" } else { "auto" },
                tools: names.iter().map(|name| named(name, request)).collect(),
            },
        },
    }
}

fn named<'a>(name: &'a str, request: &Request<'_>) -> Named<'a> {
    if request.tools.iter().any(|tool| tool.custom && tool.name == *name) {
        Named::Custom { custom: Name { name } }
    } else {
        Named::Function { function: Name { name } }
    }
}
