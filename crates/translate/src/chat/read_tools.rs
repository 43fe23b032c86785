//! Declarations of tools, and the choice among them, read.

use super::read_content::cache;
use super::read_request::unknown;
use super::wire_request as wire;
use crate::json::TextOr;
use crate::loss::{Losses, Refusal};
use crate::request::{Tool, ToolChoice};
use crate::text::Text;

/// Reads `tools` and its former name `functions`.
pub(super) fn tools<'a>(
    tools: Option<Vec<wire::Tool<'a>>>,
    functions: Option<Vec<wire::Function<'a>>>,
    losses: &mut Losses,
) -> Result<Vec<Tool<'a>>, Refusal> {
    let mut read = Vec::new();
    for (tool, at) in tools.into_iter().flatten().zip(0_usize..) {
        if let Some(tool) = read_tool(tool, at, losses)? {
            read.push(tool);
        }
    }
    for (function, at) in functions.into_iter().flatten().zip(0_usize..) {
        unknown("functions", &function.extra, losses);
        read.push(read_function(function, None, || format!("functions[{at}]"))?);
    }
    Ok(read)
}

fn read_tool<'a>(tool: wire::Tool<'a>, at: usize, losses: &mut Losses) -> Result<Option<Tool<'a>>, Refusal> {
    match (tool.kind.as_deref(), tool.function, tool.custom) {
        (Some("function") | None, Some(function), _) => {
            unknown("tools", &tool.extra, losses);
            unknown("tools.function", &function.extra, losses);
            read_function(function, tool.cache_control, || format!("tools[{at}].function")).map(Some)
        }
        (Some("custom"), _, Some(custom)) => {
            unknown("tools", &tool.extra, losses);
            unknown("tools.custom", &custom.extra, losses);
            if custom.format.is_some_and(|format| format.kind.is_some_and(|kind| kind != "text")) {
                losses.refuse_field("tools.custom.format", "grammars go to chat completions only")?;
            }
            let name = named(custom.name, || format!("tools[{at}].custom"))?;
            let cache = tool.cache_control.map(cache);
            Ok(Some(Tool {
                name,
                description: custom.description,
                parameters: None,
                strict: None,
                custom: true,
                cache,
            }))
        }
        (Some(kind @ ("function" | "custom")), ..) => {
            Err(Refusal::new(format!("tools[{at}].{kind}"), "say what the tool is"))
        }
        (None, ..) => Err(Refusal::new(format!("tools[{at}].type"), "say 'function' or 'custom'")),
        (Some(kind), ..) => {
            losses.refuse_field(format!("tools.{kind}"), "the provider runs such a tool itself")?;
            Ok(None)
        }
    }
}

fn read_function<'a>(
    function: wire::Function<'a>,
    mark: Option<wire::CacheControl<'a>>,
    path: impl Fn() -> String,
) -> Result<Tool<'a>, Refusal> {
    Ok(Tool {
        name: named(function.name, path)?,
        description: function.description,
        parameters: function.parameters,
        strict: function.strict,
        custom: false,
        cache: mark.or(function.cache_control).map(cache),
    })
}

fn named<'a>(name: Option<Text<'a>>, path: impl Fn() -> String) -> Result<Text<'a>, Refusal> {
    name.ok_or_else(|| Refusal::new(format!("{}.name", path()), "name the tool"))
}

/// Reads `tool_choice` and its former name `function_call`.
pub(super) fn choice<'a>(
    choice: Option<TextOr<'a, wire::ToolChoice<'a>>>,
    function_call: Option<TextOr<'a, wire::Named<'a>>>,
) -> Result<Option<ToolChoice<'a>>, Refusal> {
    match (choice, function_call) {
        (Some(TextOr::Text(word)), _) => read_word("tool_choice", &word).map(Some),
        (Some(TextOr::List(objects)), _) => {
            let read = objects.into_iter().next().and_then(read_object);
            let why = "give a word, a function's name, or allowed_tools";
            read.map(Some).ok_or_else(|| Refusal::new("tool_choice", why))
        }
        (None, Some(TextOr::Text(word))) => read_word("function_call", &word).map(Some),
        (None, Some(TextOr::List(objects))) => {
            let name = objects.into_iter().next().and_then(|object| object.name);
            named(name, || "function_call".to_owned()).map(|name| Some(ToolChoice::Named(name)))
        }
        (None, None) => Ok(None),
    }
}

fn read_word(field: &str, word: &str) -> Result<ToolChoice<'static>, Refusal> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        // vLLM and Mistral say "any" too.
        "required" | "any" => Ok(ToolChoice::Any),
        _ => Err(Refusal::new(field, format!("'{word}' is none of auto, none, required"))),
    }
}

fn read_object(object: wire::ToolChoice<'_>) -> Option<ToolChoice<'_>> {
    if let Some(allowed) = object.allowed_tools {
        let names = allowed.tools.into_iter().flatten().filter_map(name_of).collect();
        let required = allowed.mode.is_some_and(|mode| mode == "required");
        return Some(ToolChoice::Allowed { names, required });
    }
    name_of(object).map(ToolChoice::Named)
}

fn name_of(object: wire::ToolChoice<'_>) -> Option<Text<'_>> {
    object.function.or(object.custom).and_then(|tool| tool.name)
}
