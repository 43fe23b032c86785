//! Tools and tool choice of a request.
//! <https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools> (seen 2026-11).

use std::collections::BTreeSet;

use super::super::mind::{Tool, ToolChoice};
use super::content::Reader;
use super::error::ApiError;
use super::node::Node;

const TOOL_FIELDS: [&str; 10] = [
    "type",
    "name",
    "description",
    "input_schema",
    "cache_control",
    "strict",
    "defer_loading",
    "eager_input_streaming",
    "input_examples",
    "allowed_callers",
];
/// What the types of the provider's own tools begin with; their versions follow.
const SERVER_TOOLS: [&str; 12] = [
    "bash_",
    "text_editor_",
    "computer_",
    "memory_",
    "web_search_",
    "web_fetch_",
    "code_execution_",
    "tool_search_tool_",
    "mcp_toolset",
    "advisor_",
    "agent_toolset_",
    "custom_toolset_",
];
const SERVER_BLOCKS: [&str; 12] = [
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "advisor_tool_result",
    "container_upload",
    "mcp_tool_use",
    "mcp_tool_result",
    "compaction",
];

/// What the request says of tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) choice: ToolChoice,
    /// At most one call is made.
    pub(super) single: bool,
}

pub(super) fn read(root: &Node<'_>, reader: &mut Reader) -> Result<Tools, ApiError> {
    let mut tools = Vec::new();
    let mut names = BTreeSet::new();
    for node in root.at("tools").map(|node| node.list()).transpose()?.unwrap_or_default() {
        let tool = tool(&node, reader)?;
        if !names.insert(tool.name.clone()) {
            return Err(ApiError::at("tools", "Tool names must be unique."));
        }
        tools.push(tool);
    }
    let (choice, single) = match root.at("tool_choice") {
        None => (ToolChoice::Auto, false),
        Some(node) if tools.is_empty() => {
            let _ = choice(&node)?;
            return Err(ApiError::at("tool_choice", "may only be specified while providing tools."));
        }
        Some(node) => choice(&node)?,
    };
    match &choice {
        ToolChoice::Named(name) if !names.contains(name) => {
            Err(ApiError::invalid(format!("Tool '{name}' not found in provided tools")))
        }
        _ => Ok(Tools { tools, choice, single }),
    }
}

fn tool(node: &Node<'_>, reader: &mut Reader) -> Result<Tool, ApiError> {
    node.object()?;
    let kind = node.given("type").map(|kind| kind.text()).transpose()?.unwrap_or("custom");
    let ours = kind == "custom";
    if !ours && !SERVER_TOOLS.iter().any(|prefix| kind.starts_with(prefix)) {
        return Err(node.no_such_kind(kind));
    }
    let tagged = node.clone().tagged(kind);
    let name = tagged.need("name")?;
    check_name(&name)?;
    reader.breakpoints.read(&tagged)?;
    if !ours {
        return Ok(Tool { name: name.text()?.to_owned(), ..Tool::default() });
    }
    tagged.fields(&TOOL_FIELDS)?;
    let schema = tagged.need("input_schema")?;
    schema.object()?;
    let object = schema.need("type")?;
    if object.value != "object" {
        return Err(object.error("Input should be 'object'"));
    }
    let description = tagged.at("description").map(|node| node.text()).transpose()?.unwrap_or_default();
    Ok(Tool { name: name.text()?.to_owned(), description: description.to_owned(), schema: schema.value.clone() })
}

fn choice(node: &Node<'_>) -> Result<(ToolChoice, bool), ApiError> {
    let kind = node.kind()?;
    let tagged = node.clone().tagged(kind);
    let choice = match kind {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(tagged.need("name")?.text()?.to_owned()),
        _ => return Err(node.no_such_kind(kind)),
    };
    match kind {
        "tool" => tagged.fields(&["type", "name", "disable_parallel_tool_use"])?,
        "none" => tagged.fields(&["type"])?,
        _ => tagged.fields(&["type", "disable_parallel_tool_use"])?,
    }
    let single = tagged.at("disable_parallel_tool_use").map(|node| node.flag()).transpose()?.unwrap_or(false);
    Ok((choice, single))
}

/// Names have letters, digits, `_` and `-` only.
pub(super) fn check_name(name: &Node<'_>) -> Result<(), ApiError> {
    let text = name.text()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match text.len() {
        1..=128 if text.bytes().all(fits) => Ok(()),
        _ => Err(name.error("String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")),
    }
}

/// So do ids of calls, and they may be longer.
pub(super) fn check_id(id: &Node<'_>) -> Result<(), ApiError> {
    let text = id.text()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.is_empty() && text.bytes().all(fits) {
        return Ok(());
    }
    Err(id.error("String should match pattern '^[a-zA-Z0-9_-]+$'"))
}

pub(super) fn is_server_block(kind: &str) -> bool {
    SERVER_BLOCKS.contains(&kind)
}
