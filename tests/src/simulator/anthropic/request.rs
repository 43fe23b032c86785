//! Reads and checks a request for a message.
//! <https://platform.claude.com/docs/en/api/messages/create> (seen 2026-11).

use serde_json::Value;

use super::super::mind::{Format, Heard, Message, Role, Thinking as Shown};
use super::super::openai::digest;
use super::content::Reader;
use super::error::ApiError;
use super::generation::Generation;
use super::node::Node;
use super::thinking::{self, Thinking};
use super::tools;
use super::turns::{self, Turn};
use super::version::Version;

const FIELDS: [&str; 18] = [
    "model",
    "max_tokens",
    "messages",
    "cache_control",
    "container",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "tool_choice",
    "tools",
    "user_profile_id",
    "diagnostics",
    "speed",
];
const SAMPLING_FIELDS: [&str; 3] = ["temperature", "top_k", "top_p"];
/// Fields of counting: those that could not change the count are refused.
const COUNT_FIELDS: [&str; 10] = [
    "model",
    "messages",
    "cache_control",
    "output_config",
    "system",
    "thinking",
    "tool_choice",
    "tools",
    "user_profile_id",
    "speed",
];
/// Fields that a beta brings, with what its name begins with.
/// <https://platform.claude.com/docs/en/api/beta-headers> (seen 2026-11).
const BETA_FIELDS: [(&str, &str); 6] = [
    ("context_management", "context-management-"),
    ("context_management", "compact-"),
    ("mcp_servers", "mcp-client-"),
    ("output_format", "structured-outputs-"),
    ("fallbacks", "server-side-fallback-"),
    ("fallback_credit_token", "fallback-credit-"),
];

/// A request that the provider would serve.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) heard: Heard,
    pub(super) stream: bool,
    pub(super) thinking: Thinking,
    /// What is written to the cache lives for an hour.
    pub(super) hour_long: bool,
    /// The provider may edit the context, and tells what it did.
    pub(super) manages_context: bool,
}

/// Reads the body of `POST /v1/messages`; `betas` is what `anthropic-beta` says.
pub(super) fn read(version: Version, body: &Value, betas: &str) -> Result<Request, ApiError> {
    let root = Node::root(body);
    let sampling_fields: &[&str] = if version.has_sampling() { &SAMPLING_FIELDS } else { &[] };
    known_fields(&root, &[&FIELDS, sampling_fields].concat(), betas)?;
    // Nothing may be asked for: that fills the cache.
    let max_tokens = root.need("max_tokens")?.integer(0)?;
    let mut request = read_prompt(version, &root)?;
    request.heard.max_tokens = Some(max_tokens);
    request.heard.stop = stop_sequences(&root)?;
    request.stream = root.at("stream").map(|node| node.flag()).transpose()?.unwrap_or(false);
    sampling(&root, Generation::of(&request.heard.model))?;
    if let Some(tier) = root.at("service_tier") {
        tier.word(&["auto", "standard_only"])?;
    }
    if let Some(metadata) = root.at("metadata") {
        metadata.fields(&["user_id"])?;
        metadata.given("user_id").map(|node| node.text()).transpose()?;
    }
    Ok(request)
}

/// Reads the body of `POST /v1/messages/count_tokens`.
pub(super) fn read_count(version: Version, body: &Value, betas: &str) -> Result<Request, ApiError> {
    let root = Node::root(body);
    known_fields(&root, &COUNT_FIELDS, betas)?;
    read_prompt(version, &root)
}

fn known_fields(root: &Node<'_>, fields: &[&str], betas: &str) -> Result<(), ApiError> {
    let has = |prefix: &str| betas.split(',').any(|beta| beta.trim().starts_with(prefix));
    let from_betas = BETA_FIELDS.iter().filter(|(_, prefix)| has(prefix)).map(|(field, _)| *field);
    let known: Vec<&str> = fields.iter().copied().chain(from_betas).collect();
    root.fields(&known)
}

/// What a message and a count have in common.
fn read_prompt(version: Version, root: &Node<'_>) -> Result<Request, ApiError> {
    let model = root.need("model")?.filled()?.to_owned();
    let generation = Generation::of(&model);
    let mut reader = Reader::new(version);
    // The prompt has tools first, then the system prompt, then messages; breakpoints are looked at in that order.
    let tools = tools::read(root, &mut reader)?;
    let mut system = root.at("system").map(|node| reader.texts(&node)).transpose()?.unwrap_or_default();
    let messages = root.need("messages")?;
    let (mut turns, inline) = read_messages(&messages, &mut reader)?;
    system.extend(inline);
    reader.breakpoints.read(root)?;
    reader.breakpoints.check()?;
    turns::check(&mut turns)?;
    prefill(&turns, generation)?;
    let thinking = thinking::read(root, generation)?;
    thinking.check(root, &tools.choice, &turns)?;
    let format = format(root)?;
    let heard = Heard {
        model,
        digest: digest(messages.value),
        count: messages.list()?.len(),
        system,
        messages: turns.into_iter().map(|turn| turn.message).collect(),
        tools: tools.tools,
        choice: tools.choice,
        single_call: tools.single,
        format,
        thinking: if thinking.on { Shown::Shown } else { Shown::Hidden },
        ..Heard::default()
    };
    Ok(Request {
        heard,
        stream: false,
        thinking,
        hour_long: reader.breakpoints.is_hour_long(),
        manages_context: root.given("context_management").is_some(),
    })
}

/// The turns, and what messages of the system said between them.
fn read_messages(messages: &Node<'_>, reader: &mut Reader) -> Result<(Vec<Turn>, Vec<String>), ApiError> {
    let mut turns = Vec::new();
    let mut system = Vec::new();
    for (at, node) in messages.list()?.into_iter().enumerate() {
        node.fields(&["role", "content"])?;
        let role = node.need("role")?.word(&["user", "assistant", "system"])?;
        let content = node.need("content")?;
        if role == "system" {
            if at == 0 {
                return Err(ApiError::invalid("messages: use the top-level `system` parameter for a system prompt"));
            }
            system.extend(reader.texts(&content)?);
            continue;
        }
        let parts = reader.content(&content, role == "assistant")?;
        let empty = parts.is_empty() || content.value.as_str() == Some("");
        let last = at + 1 == messages.value.as_array().map_or(0, Vec::len);
        if empty && !(role == "assistant" && last) {
            let message = "all messages must have non-empty content except for the optional final assistant message";
            return Err(node.error(message));
        }
        let role = if role == "user" { Role::User } else { Role::Assistant };
        turns.push(Turn { at, message: Message { role, parts } });
    }
    Ok((turns::join(turns), system))
}

fn prefill(turns: &[Turn], generation: Generation) -> Result<(), ApiError> {
    let Some(last) = turns.last().filter(|turn| turn.message.role == Role::Assistant) else { return Ok(()) };
    if !generation.takes_prefill() {
        let message = "This model does not support assistant message prefill: end with a user message.";
        return Err(ApiError::invalid(message));
    }
    if last.message.text().ends_with(char::is_whitespace) {
        return Err(ApiError::at("messages", "final assistant content cannot end with trailing whitespace"));
    }
    Ok(())
}

fn stop_sequences(root: &Node<'_>) -> Result<Vec<String>, ApiError> {
    let Some(node) = root.at("stop_sequences") else { return Ok(Vec::new()) };
    let sequence = |node: Node<'_>| {
        let text = node.text()?;
        if text.trim().is_empty() {
            return Err(ApiError::at("stop_sequences", "each stop sequence must contain non-whitespace"));
        }
        Ok(text.to_owned())
    };
    node.list()?.into_iter().map(sequence).collect()
}

fn sampling(root: &Node<'_>, generation: Generation) -> Result<(), ApiError> {
    let temperature = root.at("temperature").map(|node| node.share()).transpose()?;
    let top_p = root.at("top_p").map(|node| node.share()).transpose()?;
    let top_k = root.at("top_k").map(|node| node.integer(0)).transpose()?;
    let changed = [
        ("temperature", temperature.is_some_and(|value| value != 1.0)),
        ("top_p", top_p.is_some_and(|value| value != 1.0)),
        ("top_k", top_k.is_some()),
    ];
    if let Some((name, _)) = changed.iter().find(|(_, changed)| *changed && !generation.takes_sampling()) {
        return Err(ApiError::invalid(format!("`{name}` is deprecated for this model.")));
    }
    if temperature.is_some() && top_p.is_some() && !generation.takes_both_samplings() {
        let message = "`temperature` and `top_p` cannot both be specified for this model. Please use only one.";
        return Err(ApiError::invalid(message));
    }
    Ok(())
}

/// The schema of the text. <https://platform.claude.com/docs/en/build-with-claude/structured-outputs> (seen 2026-11).
fn format(root: &Node<'_>) -> Result<Format, ApiError> {
    let config = root.at("output_config");
    if let Some(config) = &config {
        config.fields(&["effort", "format", "task_budget"])?;
        if let Some(effort) = config.given("effort") {
            effort.word(&["low", "medium", "high", "xhigh", "max"])?;
        }
    }
    let older = root.given("output_format");
    let Some(format) = config.and_then(|config| config.given("format")).or(older) else { return Ok(Format::Text) };
    let kind = format.kind()?;
    if kind != "json_schema" {
        return Err(format.no_such_kind(kind));
    }
    format.fields(&["type", "schema"])?;
    let schema = format.need("schema")?;
    schema.object()?;
    closed_objects(&schema)?;
    Ok(Format::Schema(schema.value.clone()))
}

/// Objects of an output schema must say that they have no other fields.
fn closed_objects(schema: &Node<'_>) -> Result<(), ApiError> {
    if schema.value["type"] == "object" && schema.value["additionalProperties"] != false {
        let message = "For 'object' type, 'additionalProperties' must be explicitly set to false";
        return Err(ApiError::at("output_config.format.schema", message));
    }
    let properties = schema.at("properties");
    let names = properties.iter().flat_map(|node| node.value.as_object().into_iter().flatten());
    for (name, _) in names {
        if let Some(inner) = properties.as_ref().and_then(|node| node.at(name)) {
            closed_objects(&inner)?;
        }
    }
    schema.at("items").map_or(Ok(()), |items| closed_objects(&items))
}
