//! Tools and the choice among them.

use super::read_request::drop_extra;
use super::wire_request as wire;
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Tool, ToolChoice};
use crate::text::Text;

/// The tools that the client itself runs.
pub(super) fn tools<'a>(wire: Vec<wire::Tool<'a>>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, Refusal> {
    let mut tools = Vec::with_capacity(wire.len());
    for (place, mut tool) in wire.into_iter().enumerate() {
        let kind = tool.kind.take();
        let custom = match kind.as_deref() {
            None | Some("function") => false,
            Some("custom") => true,
            Some("namespace") => {
                losses.refuse_field("tools.namespace", "tools have no namespaces: list them one by one")?;
                continue;
            }
            Some(_) => {
                losses
                    .refuse(Feature::ProviderTools, "tools that OpenAI runs itself, such as web search, are unknown")?;
                continue;
            }
        };
        drop_extra("tools", &tool.extra, losses);
        let tool = tool.function.take().map_or(tool, |inner| *inner);
        let name = tool.name.ok_or_else(|| Refusal::new(format!("tools[{place}].name"), "is missing"))?;
        if tool.format.as_ref().is_some_and(is_grammar) {
            losses.refuse_field("tools.format", "tools that take free text take any text, not that of a grammar")?;
        }
        let parameters = tool.parameters.filter(|_| !custom);
        let (description, strict) = (tool.description, tool.strict);
        tools.push(Tool { name, description, parameters, strict, custom, cache: None });
    }
    Ok(tools)
}

/// `{"type": "text"}` is what custom tools take anyway.
fn is_grammar(format: &Raw<'_>) -> bool {
    serde_json::from_str::<wire::Choice<'_>>(format.get()).map_or(true, |format| format.kind != "text")
}

/// Whether a tool must be used, and which.
pub(super) fn choice<'a>(wire: Option<&Raw<'a>>, losses: &mut Losses) -> Result<Option<ToolChoice<'a>>, Refusal> {
    let Some(raw) = wire else { return Ok(None) };
    let unknown = || Refusal::new("tool_choice", "is unknown: use auto, none, required, or an object that names tools");
    if let Ok(word) = serde_json::from_str::<String>(raw.get()) {
        return match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Any)),
            _ => Err(unknown()),
        };
    }
    let mut wire: wire::Choice<'_> = serde_json::from_str(raw.get()).map_err(|_| unknown())?;
    if let Some(inner) = wire.allowed_tools.take() {
        (wire.mode, wire.tools) = (inner.mode, inner.tools);
    }
    match wire.kind.as_str() {
        "function" | "custom" => Ok(Some(ToolChoice::Named(name(wire).ok_or_else(unknown)?))),
        "allowed_tools" => {
            let required = wire.mode.as_deref() == Some("required");
            let mut names = Vec::new();
            for tool in wire.tools.unwrap_or_default() {
                if !matches!(tool.kind.as_str(), "function" | "custom") {
                    losses.refuse(Feature::ProviderTools, "tools that OpenAI runs itself are unknown")?;
                    continue;
                }
                names.push(name(tool).ok_or_else(unknown)?);
            }
            Ok(Some(ToolChoice::Allowed { names, required }))
        }
        "" => Err(unknown()),
        _ => {
            losses.refuse(Feature::ToolChoice, "tools that OpenAI runs itself are unknown")?;
            Ok(None)
        }
    }
}

fn name(choice: wire::Choice<'_>) -> Option<Text<'static>> {
    choice.name.or_else(|| choice.function?.name).map(Text::into_static)
}
