//! Tools and the choice among them, for a backend.

use serde::Serialize;

use crate::json::Raw;
use crate::loss::{Feature, Losses};
use crate::request::{Tool, ToolChoice};

/// A function without arguments.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum OutTool<'a> {
    Function {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameters: Option<Raw<'a>>,
        strict: bool,
    },
    Custom {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum OutChoice<'a> {
    Word(&'static str),
    Tool(ToolName<'a>),
    Allowed { r#type: &'static str, mode: &'static str, tools: Vec<ToolName<'a>> },
}

#[derive(Debug, Serialize)]
pub(super) struct ToolName<'a> {
    r#type: &'static str,
    name: &'a str,
}

pub(super) fn tools<'a>(tools: &'a [Tool<'_>], losses: &mut Losses) -> Vec<OutTool<'a>> {
    if tools.iter().any(|tool| tool.cache.is_some()) {
        losses.drop(Feature::CacheControl, "OpenAI caches by itself");
    }
    tools.iter().map(tool).collect()
}

fn tool<'a>(tool: &'a Tool<'_>) -> OutTool<'a> {
    let (name, description) = (tool.name.as_str(), tool.description.as_deref());
    if tool.custom {
        return OutTool::Custom { name, description };
    }
    let parameters = tool.parameters.as_ref().map(Raw::borrowed).or_else(|| Raw::parse(NO_PARAMETERS));
    // Left out, it would mean that the schema is made strict where that can be; no other dialect means that.
    OutTool::Function { name, description, parameters, strict: tool.strict.unwrap_or_default() }
}

pub(super) fn choice<'a>(choice: &'a ToolChoice<'_>, tools: &[Tool<'_>]) -> OutChoice<'a> {
    match choice {
        ToolChoice::Auto => OutChoice::Word("auto"),
        ToolChoice::None => OutChoice::Word("none"),
        ToolChoice::Any => OutChoice::Word("required"),
        ToolChoice::Named(name) => OutChoice::Tool(tool_name(name, tools)),
        ToolChoice::Allowed { names, required } => OutChoice::Allowed {
            r#type: "allowed_tools",
            mode: if *required { "required" } else { "auto" },
            tools: names.iter().map(|name| tool_name(name, tools)).collect(),
        },
    }
}

fn tool_name<'a>(name: &'a str, tools: &[Tool<'_>]) -> ToolName<'a> {
    let custom = tools.iter().any(|tool| tool.custom && tool.name == name);
    ToolName { r#type: if custom { "custom" } else { "function" }, name }
}
