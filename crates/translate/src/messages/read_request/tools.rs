//! Tools and whether they must be used.

use super::super::wire_request as wire;
use super::blocks::cache;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Tool, ToolChoice};

/// The client's own tools. Those that Anthropic runs or defines no other provider has.
pub(super) fn read<'a>(tools: Option<Vec<wire::Tool<'a>>>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, Refusal> {
    let tools = tools.unwrap_or_default();
    let mut read = Vec::with_capacity(tools.len());
    for tool in tools {
        if tool.kind.as_deref().is_some_and(|kind| kind != "custom") {
            losses.refuse(Feature::ProviderTools, "Anthropic's own tools are to be had from Anthropic only")?;
            continue;
        }
        for (name, value) in &tool.extra {
            if !value.is_null() {
                losses.drop_field(format!("tools.{name}"), why_dropped(name));
            }
        }
        read.push(Tool {
            name: tool.name.unwrap_or_default(),
            description: tool.description,
            parameters: tool.input_schema,
            strict: tool.strict,
            custom: false,
            cache: cache(tool.cache_control, losses),
        });
    }
    Ok(read)
}

fn why_dropped(name: &str) -> &'static str {
    match name {
        "defer_loading" => "all tools are given at once",
        "allowed_callers" => "only the model itself calls tools",
        "eager_input_streaming" => "arguments come as the backend sends them",
        "input_examples" => "other dialects have no examples of arguments",
        _ => "unknown to other dialects",
    }
}

/// Whether a tool must be used, and whether several may be.
pub(super) fn read_choice<'a>(
    choice: Option<wire::ToolChoice<'a>>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let Some(choice) = choice else { return Ok(()) };
    for name in choice.extra.keys() {
        losses.drop_field(format!("tool_choice.{name}"), "unknown to other dialects");
    }
    request.parallel_tools = choice.disable_parallel_tool_use.map(|disabled| !disabled);
    request.tool_choice = Some(match (choice.kind.as_str(), choice.name) {
        ("auto", _) => ToolChoice::Auto,
        ("any", _) => ToolChoice::Any,
        ("none", _) => ToolChoice::None,
        ("tool", Some(name)) => ToolChoice::Named(name),
        ("tool", None) => return Err(Refusal::new("tool_choice.name", "is needed: name the tool")),
        _ => return Err(Refusal::new("tool_choice.type", "must be `auto`, `any`, `tool` or `none`")),
    });
    Ok(())
}
