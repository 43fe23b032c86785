//! Thinking, and what it allows besides.
//! <https://platform.claude.com/docs/en/build-with-claude/extended-thinking> (seen 2026-11).

use super::super::mind::{Part, Role, ToolChoice};
use super::error::ApiError;
use super::generation::Generation;
use super::node::Node;
use super::turns::Turn;

const BUDGET_MIN: i64 = 1024;

/// How the request wants the model to think.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Thinking {
    /// Whether it thinks at all.
    pub(super) on: bool,
    /// Whether it has a budget, as older models need.
    pub(super) budgeted: bool,
    /// Whether thoughts are left out of the reply, their signatures are not.
    pub(super) omitted: bool,
}

pub(super) fn read(root: &Node<'_>, generation: Generation) -> Result<Thinking, ApiError> {
    let Some(node) = root.at("thinking") else { return Ok(Thinking::default()) };
    let kind = node.kind()?;
    let tagged = node.clone().tagged(kind);
    match kind {
        "disabled" => {
            tagged.fields(&["type"])?;
            return Ok(Thinking::default());
        }
        // Thinks only after results of tools; which blocks that makes is up to the model.
        "between_tools" => {
            tagged.fields(&["type"])?;
            return Ok(Thinking::default());
        }
        "adaptive" if !generation.thinks_adaptively() => {
            return Err(ApiError::invalid("adaptive thinking is not supported on this model"));
        }
        "adaptive" => tagged.fields(&["type", "display"])?,
        "enabled" if !generation.takes_budgets() => {
            let message = "\"thinking.type.enabled\" is not supported for this model: use \"thinking.type.adaptive\"";
            return Err(ApiError::invalid(message));
        }
        "enabled" => {
            tagged.fields(&["type", "budget_tokens", "display"])?;
            budget(root, &tagged)?;
        }
        _ => return Err(node.no_such_kind(kind)),
    }
    let display = tagged.given("display").map(|node| node.word(&["summarized", "omitted"])).transpose()?;
    Ok(Thinking { on: true, budgeted: kind == "enabled", omitted: display == Some("omitted") })
}

fn budget(root: &Node<'_>, thinking: &Node<'_>) -> Result<(), ApiError> {
    let budget = thinking.need("budget_tokens")?.integer(BUDGET_MIN)?;
    // Counting tokens needs no limit.
    match root.at("max_tokens").and_then(|limit| limit.value.as_u64()) {
        Some(limit) if limit <= budget => {
            Err(ApiError::invalid("`max_tokens` must be greater than `thinking.budget_tokens`."))
        }
        _ => Ok(()),
    }
}

impl Thinking {
    /// Refuses what does not go together with thinking.
    pub(super) fn check(self, root: &Node<'_>, choice: &ToolChoice, turns: &[Turn]) -> Result<(), ApiError> {
        if !self.on {
            return Ok(());
        }
        let number = |name: &str| root.at(name).and_then(|node| node.value.as_f64());
        if number("temperature").is_some_and(|temperature| temperature != 1.0) {
            return Err(ApiError::invalid("`temperature` may only be set to 1 when thinking is enabled."));
        }
        if number("top_p").is_some_and(|top_p| top_p < 0.95) {
            return Err(ApiError::invalid("`top_p` must be at least 0.95 when thinking is enabled."));
        }
        if root.at("top_k").is_some() {
            return Err(ApiError::invalid("`top_k` must be unset when thinking is enabled."));
        }
        if matches!(choice, ToolChoice::Required | ToolChoice::Named(_)) {
            return Err(ApiError::invalid("Thinking may not be enabled when tool_choice forces tool use."));
        }
        match turns.last() {
            Some(last) if last.message.role == Role::Assistant => {
                Err(ApiError::invalid("The final message may not be the assistant's when thinking is enabled."))
            }
            _ if self.budgeted => self.check_loop(turns),
            _ => Ok(()),
        }
    }

    /// In a loop of tools the assistant's message keeps the thought that it began with.
    fn check_loop(self, turns: &[Turn]) -> Result<(), ApiError> {
        let [.., called, results] = turns else { return Ok(()) };
        if results.message.results().next().is_none() {
            return Ok(());
        }
        let found = match called.message.parts.first() {
            Some(Part::Thought { .. }) | None => return Ok(()),
            Some(Part::Call(_)) => "tool_use",
            Some(_) => "text",
        };
        let path = format!("messages.{}.content.0.type", called.at);
        let message = format!(
            "Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final \
             `assistant` message must start with a thinking block."
        );
        Err(ApiError::at(&path, message))
    }
}
