//! A client's request.

use super::wire_request as wire;
use super::{config, part_of::PartsReader, schema};
use crate::json::{self, Extra, Raw};
use crate::loss::{Losses, Refusal};
use crate::request::{Request, Role, Tool, Turn};
use crate::text::Text;

/// Reads the body of `generateContent` or `streamGenerateContent`. The model stands in the path, and whether a stream
/// is wanted too.
///
/// # Errors
/// For what is no such request, by the place of what is wrong, and for what no other dialect can carry.
pub fn read_request<'a>(
    body: &'a [u8],
    model: &'a str,
    stream: bool,
    losses: &mut Losses,
) -> Result<Request<'a>, Refusal> {
    let body: wire::Body<'a> = json::read(body)?;
    of_body(body, model, stream, losses)
}

/// The same, of a body that has been read.
pub(super) fn of_body<'a>(
    body: wire::Body<'a>,
    model: &'a str,
    stream: bool,
    losses: &mut Losses,
) -> Result<Request<'a>, Refusal> {
    let mut request = Request { model: model.into(), stream, include_usage: stream, ..Request::default() };
    leave_out(&body, losses)?;
    if body.labels.as_ref().is_some_and(|labels| !labels.is_object() && labels.get() != "null") {
        return Err(Refusal::new("labels", "must be an object of strings"));
    }
    request.metadata = body.labels.filter(Raw::is_object);
    request.store = body.store;
    request.service_tier = body.service_tier.filter(|tier| *tier != "unspecified");
    let resolution = body.generation_config.as_ref().and_then(|config| config.media_resolution.clone());
    let mut reader = PartsReader::new(resolution.as_deref());
    if let Some(instruction) = body.system_instruction {
        unknown(&instruction.extra, "systemInstruction", losses);
        request.system = reader.instruction(instruction.parts, losses)?;
    }
    for (content, index) in body.contents.into_iter().zip(0_usize..) {
        unknown(&content.extra, "contents", losses);
        let role = role_of(content.role.as_deref(), index)?;
        let parts = reader.turn(index, role, content.parts, losses)?;
        request.turns.push(Turn::new(role, parts));
    }
    request.tools = tools(body.tools, losses)?;
    if let Some(tool_config) = body.tool_config {
        config::read_tool_config(tool_config, &mut request, losses)?;
    }
    if let Some(generation) = body.generation_config {
        config::read(generation, &mut request, losses)?;
    }
    Ok(request)
}

fn role_of(role: Option<&str>, index: usize) -> Result<Role, Refusal> {
    match role {
        // Google takes a missing role for the user's, and an empty one too.
        None | Some("user" | "function" | "tool" | "") => Ok(Role::User),
        Some("model" | "assistant") => Ok(Role::Assistant),
        Some("system") => Ok(Role::System),
        Some(_) => Err(Refusal::new(format!("contents[{index}].role"), "must be `user` or `model`")),
    }
}

/// Members of the body that have no place in another dialect.
fn leave_out(body: &wire::Body<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    if body.cached_content.is_some() {
        losses.refuse_field("cachedContent", "the cached content is kept by Google")?;
    }
    if body.model_armor_config.is_some() {
        losses.refuse_field("modelArmorConfig", "only Google's Model Armor does this")?;
    }
    if body.safety_settings.is_some() {
        losses.drop_field("safetySettings", "only Google's filters can be set");
    }
    if body.session_id.is_some() {
        losses.drop_field("session_id", "only Google keeps sessions");
    }
    for name in body.extra.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name) {
        losses.drop_field(name.clone(), "unknown to this gateway");
    }
    Ok(())
}

/// Tells of members that nobody knows.
pub(super) fn unknown(extra: &Extra, path: &str, losses: &mut Losses) {
    for (name, value) in extra {
        if !value.is_null() {
            losses.drop_field(format!("{path}.{name}"), "unknown to this gateway");
        }
    }
}

fn tools<'a>(tools: Vec<wire::Tool<'a>>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, Refusal> {
    let mut all = Vec::new();
    for tool in tools {
        for (name, value) in &tool.provider {
            if !value.is_null() {
                losses.refuse_field(format!("tools.{name}"), "only Google runs this tool")?;
            }
        }
        for function in tool.function_declarations {
            all.push(declaration(function, losses));
        }
    }
    Ok(all)
}

fn declaration<'a>(function: wire::FunctionDeclaration<'a>, losses: &mut Losses) -> Tool<'a> {
    const PATH: &str = "tools.functionDeclarations";
    unknown(&function.extra, PATH, losses);
    if function.response.is_some() {
        losses.drop_field("tools.functionDeclarations.response", "only Gemini knows schemas of results");
    }
    if function.response_json_schema.is_some() {
        losses.drop_field("tools.functionDeclarations.responseJsonSchema", "only Gemini knows schemas of results");
    }
    if function.behavior.is_some() {
        losses.drop_field("tools.functionDeclarations.behavior", "only Gemini's Live API knows this");
    }
    let parameters = function.parameters_json_schema.or_else(|| function.parameters.map(schema::to_json_schema));
    Tool {
        name: function.name,
        description: function.description.filter(|text: &Text<'_>| !text.is_empty()),
        parameters,
        strict: None,
        custom: false,
        cache: None,
    }
}
