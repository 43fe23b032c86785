//! Tools and tool choice of chat and responses. Chat nests a function's fields under `function`; responses does not.
//! <https://platform.openai.com/docs/guides/function-calling> (seen 2026-11).

use serde_json::Value;

use super::super::fields::{Kind, Message as Table};
use super::super::mind::{Tool, ToolChoice};
use super::error::ApiError;
use super::{check, tokens};

static NESTED: Table = Table::new("tool", &[("type", Kind::Text), ("function", Kind::Message(&FUNCTION))]);
static FUNCTION: Table = Table::new(
    "function",
    &[("name", Kind::Any), ("description", Kind::Text), ("parameters", Kind::Struct), ("strict", Kind::Flag)],
);
static FLAT: Table = Table::new(
    "tool",
    &[
        ("type", Kind::Text),
        ("name", Kind::Any),
        ("description", Kind::Text),
        ("parameters", Kind::Struct),
        ("strict", Kind::Flag),
        ("defer_loading", Kind::Flag),
        ("output_schema", Kind::Struct),
        ("allowed_callers", Kind::List(&Kind::Text)),
    ],
);
/// Tools that run at the provider, for responses only; the model leaves them alone.
const HOSTED: [&str; 14] = [
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "image_generation",
    "local_shell",
    "shell",
    "apply_patch",
    "mcp",
    "namespace",
    "tool_search",
    "programmatic_tool_calling",
];

/// Which of the two endpoints asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Chat,
    Responses,
}

/// What a request says of tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) choice: ToolChoice,
    /// At most one call is made.
    pub(super) single: bool,
    /// What the list costs.
    pub(super) tokens: u64,
}

pub(super) fn read(body: &Value, style: Style) -> Result<Tools, ApiError> {
    let mut read = Tools::default();
    if let Some(listed) = body["tools"].as_array() {
        read.tokens = tokens::count(&body["tools"].to_string());
        for (at, item) in listed.iter().enumerate() {
            read.tools.extend(tool(item, style, &format!("tools[{at}]"))?);
        }
    } else if !body["tools"].is_null() {
        return Err(ApiError::wrong_type("tools", "an array"));
    }
    let given = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    if body["tools"].is_array() && !given && style == Style::Chat {
        return Err(ApiError::invalid("'tools' is an empty array.").param("tools").code("empty_array"));
    }
    for field in ["tool_choice", "parallel_tool_calls"] {
        // The Responses API says both in its replies, so they come back.
        if !given && style == Style::Chat && !body[field].is_null() {
            let message = format!("'{field}' may only be given together with 'tools'.");
            return Err(ApiError::invalid(message).param(field));
        }
    }
    read.choice = choice(&body["tool_choice"], &read.tools, style)?;
    read.single = body["parallel_tool_calls"] == false;
    Ok(read)
}

fn tool(item: &Value, style: Style, path: &str) -> Result<Option<Tool>, ApiError> {
    let kind = item["type"].as_str().ok_or_else(|| ApiError::missing(&check::join(path, "type")))?;
    let (function, table, path) = match (kind, style) {
        ("function", Style::Chat) => (&item["function"], &NESTED, format!("{path}.function")),
        ("function", Style::Responses) => (item, &FLAT, path.to_owned()),
        ("custom", Style::Chat) => return custom(&item["custom"], &format!("{path}.custom")).map(Some),
        ("custom", Style::Responses) => return custom(item, path).map(Some),
        (hosted, Style::Responses) if HOSTED.contains(&hosted) => return Ok(None),
        _ => return Err(ApiError::invalid_value(&format!("{path}.type"), "'function' or 'custom'")),
    };
    let name = check::name(&function["name"], &format!("{path}.name"))?;
    check::object(item, table, path.strip_suffix(".function").unwrap_or(&path))?;
    if function["strict"] == true
        && let Err(problem) = check::strict_schema(&function["parameters"])
    {
        let message = format!("The schema of function '{name}' is not strict: {problem}");
        let error = ApiError::invalid(message).param(format!("{path}.parameters"));
        return Err(error.code("invalid_function_parameters"));
    }
    let description = function["description"].as_str().unwrap_or_default().to_owned();
    Ok(Some(Tool { name, description, schema: function["parameters"].clone() }))
}

/// A tool whose input is text; the model calls it with the text of its arguments.
fn custom(tool: &Value, path: &str) -> Result<Tool, ApiError> {
    let name = check::name(&tool["name"], &format!("{path}.name"))?;
    Ok(Tool { name, ..Tool::default() })
}

/// The names of custom tools among those of a request that was read.
pub(super) fn customs(body: &Value) -> Vec<String> {
    let custom = body["tools"].as_array().into_iter().flatten().filter(|tool| tool["type"] == "custom");
    let name = |tool: &Value| tool["custom"]["name"].as_str().or_else(|| tool["name"].as_str()).map(str::to_owned);
    custom.filter_map(name).collect()
}

fn choice(choice: &Value, tools: &[Tool], style: Style) -> Result<ToolChoice, ApiError> {
    let unknown = || Err(ApiError::invalid("'tool_choice' names no tool of the request.").param("tool_choice"));
    match choice {
        Value::Null => Ok(ToolChoice::Auto),
        Value::String(word) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(ApiError::invalid_value("tool_choice", "'none', 'auto' or 'required'")),
        },
        Value::Object(_) => match choice["type"].as_str() {
            Some(kind @ ("function" | "custom")) => {
                let name = if style == Style::Chat { &choice[kind]["name"] } else { &choice["name"] };
                match name.as_str() {
                    Some(name) if tools.iter().any(|tool| tool.name == name) => Ok(ToolChoice::Named(name.to_owned())),
                    _ => unknown(),
                }
            }
            Some("allowed_tools") => {
                let allowed = if style == Style::Chat { &choice["allowed_tools"] } else { choice };
                match allowed["mode"].as_str() {
                    Some("auto") => Ok(ToolChoice::Auto),
                    Some("required") => Ok(ToolChoice::Required),
                    _ => Err(ApiError::invalid_value("tool_choice.mode", "'auto' or 'required'")),
                }
            }
            Some(hosted) if style == Style::Responses && HOSTED.contains(&hosted) => Ok(ToolChoice::Auto),
            Some(_) => Err(ApiError::invalid_value("tool_choice.type", "'function', 'custom' or 'allowed_tools'")),
            None => Err(ApiError::missing("tool_choice.type")),
        },
        _ => Err(ApiError::wrong_type("tool_choice", "a string or an object")),
    }
}
