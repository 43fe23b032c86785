//! Whether and how much to think, in the form that the model takes.

use super::super::models::{Model, ThinkingForm};
use super::super::wire_request as wire;
use super::Body;
use crate::json::TextOr;
use crate::loss::{Feature, Losses};
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
) {
    let Some(reasoning) = request.reasoning else { return };
    if reasoning.is_off() {
        return switch_off(model, body, losses);
    }
    if forced(body) {
        losses.drop(Feature::Reasoning, "Anthropic does not think when a tool is forced");
        return switch_off(model, body, losses);
    }
    let thinking = if model.thinking == ThinkingForm::Budget {
        budget(request, reasoning, target, body, losses)
    } else {
        effort(reasoning, model, body, losses);
        Some("adaptive".into())
    };
    let Some(kind) = thinking else { return };
    let display = reasoning.show.map(|show| if show { "summarized" } else { "omitted" }.into());
    let budget_tokens = body.thinking.take().and_then(|thinking| thinking.budget_tokens);
    body.thinking = Some(wire::Thinking { kind, budget_tokens, display, extra: Default::default() });
    without_sampling(body, losses);
}

fn forced(body: &Body<'_>) -> bool {
    body.tool_choice.as_ref().is_some_and(|choice| matches!(choice.kind.as_str(), "any" | "tool"))
}

fn switch_off(model: Model, body: &mut Body<'_>, losses: &mut Losses) {
    match model.thinking {
        // Off is what they do when nothing is said.
        ThinkingForm::Budget | ThinkingForm::Adaptive => {}
        ThinkingForm::AdaptiveByDefault => {
            body.thinking = Some(wire::Thinking { kind: "disabled".into(), ..wire::Thinking::default() });
        }
        ThinkingForm::Always => {
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

/// Sets `budget_tokens`. The budget is a part of `max_tokens`, which is never raised when the client gave it: a quarter
/// at least stays for the answer.
fn budget<'a>(
    request: &Request<'_>,
    reasoning: Reasoning,
    target: &Target<'_>,
    body: &mut Body<'a>,
    losses: &mut Losses,
) -> Option<crate::text::Text<'a>> {
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
    body.thinking = Some(wire::Thinking { budget_tokens: Some(tokens), ..wire::Thinking::default() });
    Some("enabled".into())
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
