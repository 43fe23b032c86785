//! Declarations of tools, and whether they must be used.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::wire_request as wire;
use super::super::write_content::mark;
use super::Body;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Tool, ToolChoice};

pub(super) fn write<'a>(request: &'a Request<'_>, body: &mut Body<'a>, losses: &mut Losses) -> Result<(), Refusal> {
    for tool in &request.tools {
        if tool.custom {
            losses.refuse(Feature::CustomTools, "Anthropic's tools take JSON")?;
        } else if allowed(request, tool) {
            body.tools.push(write_tool(tool, losses));
        }
    }
    body.tool_choice = choice(request, losses);
    Ok(())
}

/// Where only some tools may be used, only those are declared.
fn allowed(request: &Request<'_>, tool: &Tool<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => names.contains(&tool.name),
        _ => true,
    }
}

fn write_tool<'a>(tool: &'a Tool<'_>, losses: &mut Losses) -> wire::Tool<'a> {
    wire::Tool {
        name: Some(tool.name.borrowed()),
        description: tool.description.as_ref().map(|text| text.borrowed()),
        input_schema: tool.parameters.as_ref().map_or_else(|| Raw::parse(NO_PARAMETERS), parameters),
        strict: tool.strict.filter(|strict| *strict),
        cache_control: mark(tool.cache.as_ref(), losses),
        ..wire::Tool::default()
    }
}

const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// Anthropic wants `type: object` at the top.
fn parameters<'a>(schema: &'a Raw<'_>) -> Option<Raw<'a>> {
    #[derive(Deserialize)]
    struct Top {
        #[serde(rename = "type", default)]
        kind: Option<IgnoredAny>,
    }
    if !schema.is_object() {
        return Raw::parse(NO_PARAMETERS);
    }
    match serde_json::from_str::<Top>(schema.get()) {
        Ok(Top { kind: None }) => {
            let mut value = schema.value();
            value.as_object_mut()?.insert("type".to_owned(), "object".into());
            Raw::of(&value)
        }
        _ => Some(schema.borrowed()),
    }
}

fn choice<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<wire::ToolChoice<'a>> {
    let one_at_a_time = request.parallel_tools == Some(false);
    let (kind, name) = match &request.tool_choice {
        None if one_at_a_time => ("auto", None),
        None => return None,
        Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::None) => ("none", None),
        Some(ToolChoice::Any) => ("any", None),
        Some(ToolChoice::Named(name)) => ("tool", Some(name.borrowed())),
        Some(ToolChoice::Allowed { required, .. }) => (if *required { "any" } else { "auto" }, None),
    };
    if request.tools.is_empty() {
        losses.drop(Feature::ToolChoice, "there are no tools");
        return None;
    }
    let disable_parallel_tool_use = request.parallel_tools.filter(|_| kind != "none").map(|parallel| !parallel);
    Some(wire::ToolChoice { kind: kind.into(), name, disable_parallel_tool_use, extra: Default::default() })
}
