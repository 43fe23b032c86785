//! Everything but tools and turns.

use super::super::wire_request as wire;
use crate::json::Extra;
use crate::loss::{Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::{Format, Request};

/// Members that have a place in the canonical form.
pub(super) fn read<'a>(
    wire: &wire::Request<'a>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    request.temperature = wire.temperature;
    request.top_p = wire.top_p;
    request.top_k = wire.top_k;
    request.stop = wire.stop_sequences.clone().unwrap_or_default();
    // `standard_only` is what OpenAI calls `default`; `auto` both have.
    request.service_tier = wire.service_tier.clone().map(|tier| match tier.as_str() {
        "standard_only" => "default".into(),
        _ => tier,
    });
    if let Some(metadata) = &wire.metadata {
        request.user = metadata.user_id.clone();
        drop_extra("metadata", &metadata.extra, losses);
    }
    request.reasoning = read_reasoning(wire, losses)?;
    request.format = read_format(wire, losses)?;
    Ok(())
}

fn drop_extra(path: &str, extra: &Extra, losses: &mut Losses) {
    for name in extra.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name) {
        losses.drop_field(format!("{path}.{name}"), "unknown to other dialects");
    }
}

fn read_reasoning(wire: &wire::Request<'_>, losses: &mut Losses) -> Result<Option<Reasoning>, Refusal> {
    let effort = wire.output_config.as_ref().and_then(|config| config.effort.as_ref());
    let effort = match effort {
        None => None,
        Some(word) => Some(Effort::of_name(word).ok_or_else(|| {
            Refusal::new("output_config.effort", "must be `low`, `medium`, `high`, `xhigh` or `max`")
        })?),
    };
    let Some(thinking) = &wire.thinking else {
        return Ok(effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }));
    };
    drop_extra("thinking", &thinking.extra, losses);
    let show = Some(thinking.display.as_deref() != Some("omitted"));
    Ok(Some(match thinking.kind.as_str() {
        "enabled" => Reasoning { effort, budget: thinking.budget_tokens, adaptive: false, show },
        "adaptive" => Reasoning { effort, budget: None, adaptive: true, show },
        // Notes between calls of tools are the least that some models can think.
        "disabled" | "between_tools" => {
            if effort.is_some() {
                losses.drop_field("output_config.effort", "other dialects know effort in thinking only");
            }
            Reasoning { budget: Some(0), ..Reasoning::default() }
        }
        _ => return Err(Refusal::new("thinking.type", "must be `enabled`, `adaptive`, `between_tools` or `disabled`")),
    }))
}

fn read_format<'a>(wire: &wire::Request<'a>, losses: &mut Losses) -> Result<Option<Format<'a>>, Refusal> {
    let config = wire.output_config.as_ref();
    for (name, value) in config.iter().flat_map(|config| &config.extra) {
        if !value.is_null() {
            let why = if name == "task_budget" { "only Claude counts down" } else { "unknown to other dialects" };
            losses.drop_field(format!("output_config.{name}"), why);
        }
    }
    let Some(format) = config.and_then(|config| config.format.as_ref()).or(wire.output_format.as_ref()) else {
        return Ok(None);
    };
    drop_extra("output_config.format", &format.extra, losses);
    match (format.kind.as_str(), &format.schema) {
        ("json_schema", Some(schema)) => {
            let strict = crate::schema::is_closed(schema).then_some(true);
            Ok(Some(Format::Schema { name: None, description: None, schema: schema.clone(), strict }))
        }
        ("json_schema", None) => Err(Refusal::new("output_config.format.schema", "is needed: give a JSON schema")),
        _ => Err(Refusal::new("output_config.format.type", "must be `json_schema`")),
    }
}

/// Members that only Anthropic has, and those that nobody knows.
pub(super) fn read_extra(extra: Extra, request: &mut Request<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    for (name, value) in extra {
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        match name.as_str() {
            _ if value.is_null() => {}
            "mcp_servers" if is_empty => {}
            "mcp_servers" => losses.refuse_field(name, "only Anthropic calls MCP servers itself")?,
            "inference_geo" => losses.refuse_field(name, "only Anthropic lets a request choose where it is served")?,
            "compaction" => losses.refuse_field(name, "only Anthropic summarises a conversation itself")?,
            "thread" if value.get("type").is_some_and(|kind| kind == "create") => {
                losses.drop_field(name, "only Anthropic keeps a conversation")
            }
            "thread" => losses.refuse_field(name, "only Anthropic keeps a conversation")?,
            "billing_policy" | "workspace_id" => losses.drop_field(name, "it is about an account at Anthropic"),
            "container" => losses.drop_field(name, "only Anthropic's own tools run in it"),
            "context_management" => losses.drop_field(name, "only Anthropic shortens a conversation itself"),
            "speed" => losses.drop_field(name, "only Anthropic has it"),
            "diagnostics" => losses.drop_field(name, "only Anthropic has it"),
            "fallbacks" => losses.drop_field(name, "the gateway's own routes say what comes next"),
            "fallback_credit_token" => losses.drop_field(name, "only Anthropic gives credit for it"),
            "user_profile_id" => losses.drop_field(name, "only Anthropic knows its profiles"),
            "betas" | "anthropic_beta" => losses.drop_field(name, "only Anthropic has these features"),
            "anthropic_version" => {}
            _ => request.unknown.push((name, value)),
        }
    }
    Ok(())
}
