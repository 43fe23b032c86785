//! Whether and how much to think, in the form that the model takes.

use super::super::models::{Model, Off, ThinkingForm};
use super::super::wire_request as wire;
use super::Body;
use crate::json::{Extra, TextOr};
use crate::loss::{Feature, Losses, Refusal};
use crate::reasoning::{Effort, Reasoning};
use crate::request::Request;
use crate::target::Target;

/// The least that a budget can be: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>
/// (seen 2026-11).
const BUDGET_MIN: u64 = 1_024;

pub(super) fn write<'a>(
    request: &'a Request<'_>,
    model: Model,
    target: &Target<'_>,
    body: &mut Body<'a>,
    losses: &mut Losses,
) -> Result<(), Refusal> {
    let wanted = request.reasoning.filter(|reasoning| !reasoning.is_off());
    let forced = body.tool_choice.as_ref().is_some_and(|choice| matches!(choice.kind.as_str(), "any" | "tool"));
    if forced && !model.forced_tools {
        losses.refuse(Feature::ToolChoice, "this model cannot be forced to use a tool")?;
        body.tool_choice = None;
    } else if forced || begins_reply(&body.messages) {
        if wanted.is_some() {
            let why = "Anthropic does not think when a tool is forced, or when it goes on with a reply";
            losses.drop(Feature::Reasoning, why);
        }
        // The newest think unless they are told not to.
        switch_off(model, body, losses);
        return Ok(());
    }
    match (request.reasoning, wanted) {
        (_, Some(reasoning)) => switch_on(request, reasoning, model, target, body, losses),
        (Some(_), None) => switch_off(model, body, losses),
        (None, None) => {}
    }
    Ok(())
}

fn begins_reply(messages: &[wire::Message<'_>]) -> bool {
    messages.last().is_some_and(|last| last.role == "assistant")
}

fn switch_on<'a>(
    request: &'a Request<'_>,
    reasoning: Reasoning,
    model: Model,
    target: &Target<'_>,
    body: &mut Body<'a>,
    losses: &mut Losses,
) {
    let budget_tokens = match model.thinking {
        ThinkingForm::Adaptive => {
            effort(reasoning, model, body, losses);
            None
        }
        ThinkingForm::Budget => match budget(request, reasoning, target, body, losses) {
            None => return,
            tokens => tokens,
        },
    };
    let kind = if budget_tokens.is_some() { "enabled" } else { "adaptive" };
    let display = reasoning.show.map(|show| if show { "summarized" } else { "omitted" }.into());
    body.thinking = Some(wire::Thinking { kind: kind.into(), budget_tokens, display, extra: Extra::new() });
    without_sampling(body, losses);
}

fn switch_off(model: Model, body: &mut Body<'_>, losses: &mut Losses) {
    match model.off {
        Off::Unsaid => {}
        Off::Type(kind) => body.thinking = Some(wire::Thinking { kind: kind.into(), ..wire::Thinking::default() }),
        Off::Never => {
            losses.drop(Feature::Reasoning, "this model always thinks; it is told to think little");
            body.output_config.get_or_insert_default().effort = Some("low".into());
        }
    }
}

fn effort(reasoning: Reasoning, model: Model, body: &mut Body<'_>, losses: &mut Losses) {
    let Some(effort) = reasoning.effort() else { return };
    if reasoning.effort.is_none() {
        losses.drop(Feature::Reasoning, "this model takes a word for how much to think, not a number of tokens");
    }
    if effort == Effort::XHigh && !model.xhigh {
        losses.drop(Feature::Reasoning, "this model's effort between `high` and `max` is `high`");
    }
    body.output_config.get_or_insert_default().effort = Some(model.effort(effort).into());
}

/// Tokens to think. The budget is a part of `max_tokens`, which is never raised when the client gave it: a quarter
/// at least stays for the answer.
fn budget(
    request: &Request<'_>,
    reasoning: Reasoning,
    target: &Target<'_>,
    body: &mut Body<'_>,
    losses: &mut Losses,
) -> Option<u64> {
    if !may_think(&body.messages) {
        losses.drop(Feature::Reasoning, "this model thinks on only if its thoughts before a call of a tool come back");
        return None;
    }
    let wanted = reasoning.budget().unwrap_or_else(|| Effort::Medium.budget()).max(BUDGET_MIN);
    let tokens = match request.max_output {
        None => {
            body.max_tokens = Some(wanted.saturating_add(target.default_max_output));
            wanted
        }
        Some(most) => wanted.min(most.saturating_sub(most / 4)),
    };
    if tokens < BUDGET_MIN {
        losses.drop(Feature::Reasoning, "the cap leaves no room for the least that this model thinks, 1,024 tokens");
        return None;
    }
    if tokens < wanted {
        losses.drop(Feature::Reasoning, "the budget is lowered, so that the cap has room for an answer");
    }
    Some(tokens)
}

/// In a loop of tools, the last turn of the model must begin with its thoughts.
fn may_think(messages: &[wire::Message<'_>]) -> bool {
    let last = messages.iter().rev().find(|message| message.role == "assistant");
    let Some(TextOr::List(blocks)) = last.map(|message| &message.content) else { return true };
    let thought = blocks.first().is_some_and(|block| block.kind.ends_with("thinking"));
    thought || !blocks.iter().any(|block| block.kind == "tool_use")
}

/// Thinking allows no other temperature than 1, a `top_p` of 0.95 at least, and no `top_k`.
fn without_sampling(body: &mut Body<'_>, losses: &mut Losses) {
    let why = "Anthropic does not take it while the model thinks";
    if body.temperature.take().is_some_and(|temperature| temperature != 1.0) {
        losses.drop(Feature::Temperature, why);
    }
    if body.top_p.is_some_and(|top_p| top_p < 0.95) {
        body.top_p = None;
        losses.drop(Feature::TopP, why);
    }
    if body.top_k.take().is_some() {
        losses.drop(Feature::TopK, why);
    }
}
