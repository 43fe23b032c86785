//! Declarations of tools, and whether they must be used.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::models::Family;
use super::wire_request as wire;
use super::write_content::mark;
use crate::content::Part;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Tool, ToolChoice};
use crate::text::Text;

/// The tools. Converse wants them declared whenever a conversation has calls, also where the client declares none.
pub(super) fn config<'a>(
    request: &'a Request<'_>,
    family: Family,
    losses: &mut Losses,
) -> Result<Option<wire::ToolConfig<'a>>, Refusal> {
    let called = called(request);
    if request.tool_choice == Some(ToolChoice::None) && !request.tools.is_empty() {
        if called.is_empty() {
            // Without tools the model calls none.
            return Ok(None);
        }
        losses.refuse(Feature::ToolChoice, "Converse cannot keep a model from calling tools")?;
    }
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        if tool.custom {
            losses.refuse(Feature::CustomTools, "Converse's tools take JSON")?;
        } else if allowed(request, tool) {
            tools.extend(spec(tool).map(wire::Tool::ToolSpec));
            tools.extend(mark(tool.cache.as_ref(), cached(family), losses).map(wire::Tool::CachePoint));
        }
    }
    if request.parallel_tools == Some(false) && !tools.is_empty() {
        losses.drop(Feature::ParallelTools, "Converse lets a model call several tools at once");
    }
    if tools.is_empty() && !called.is_empty() {
        losses.drop_field("tools", "Converse wants the tools of former calls declared, which is done for them");
        tools.extend(called.into_iter().filter_map(declared).map(wire::Tool::ToolSpec));
        return Ok(Some(wire::ToolConfig { tools, tool_choice: None }));
    }
    let tool_choice = choice(request, !tools.is_empty(), losses);
    Ok(if tools.is_empty() { None } else { Some(wire::ToolConfig { tools, tool_choice }) })
}

/// Nova caches no declarations.
fn cached(family: Family) -> Family {
    if family == Family::Claude { family } else { Family::Other }
}

/// The names of tools that were called.
fn called<'a>(request: &'a Request<'_>) -> BTreeSet<&'a str> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let calls = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    calls.collect()
}

/// Where only some tools may be used, only those are declared.
fn allowed(request: &Request<'_>, tool: &Tool<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => names.contains(&tool.name),
        _ => true,
    }
}

const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

fn declared(name: &str) -> Option<wire::ToolSpec<'_>> {
    let input_schema = wire::InputSchema { json: Raw::parse(NO_PARAMETERS)? };
    Some(wire::ToolSpec { name: name.into(), description: None, input_schema, strict: None })
}

fn spec<'a>(tool: &'a Tool<'_>) -> Option<wire::ToolSpec<'a>> {
    let json = tool.parameters.as_ref().map_or_else(|| Raw::parse(NO_PARAMETERS), parameters)?;
    Some(wire::ToolSpec {
        name: tool.name.borrowed(),
        // Empty ones are refused.
        description: tool.description.as_ref().filter(|text| !text.is_empty()).map(Text::borrowed),
        input_schema: wire::InputSchema { json },
        strict: tool.strict.filter(|strict| *strict),
    })
}

/// Converse wants `type: object` at the top.
fn parameters<'a>(schema: &'a Raw<'_>) -> Option<Raw<'a>> {
    #[derive(Deserialize)]
    struct Top {
        #[serde(rename = "type", default)]
        kind: Option<IgnoredAny>,
    }
    match serde_json::from_str::<Top>(schema.get()) {
        Ok(Top { kind: None }) => {
            let mut value = schema.value();
            value.as_object_mut()?.insert("type".to_owned(), "object".into());
            Raw::of(&value)
        }
        Ok(_) if schema.is_object() => Some(schema.borrowed()),
        _ => Raw::parse(NO_PARAMETERS),
    }
}

fn choice<'a>(request: &'a Request<'_>, has_tools: bool, losses: &mut Losses) -> Option<wire::ToolChoice<'a>> {
    let choice = match request.tool_choice.as_ref()? {
        ToolChoice::None => return None,
        ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => wire::ToolChoice::Auto {},
        ToolChoice::Any | ToolChoice::Allowed { required: true, .. } => wire::ToolChoice::Any {},
        ToolChoice::Named(name) => wire::ToolChoice::Tool { name: name.borrowed() },
    };
    if !has_tools {
        losses.drop(Feature::ToolChoice, "there are no tools");
        return None;
    }
    Some(choice)
}
